"""The ClickHouse side, over its HTTP protocol: Arrow in, Arrow out, every read bounded."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, LiteralString, NoReturn

import pyarrow as pa
from aiohttp import ClientError
from clickhouse_connect import get_async_client
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import DatabaseError, Error, OperationalError

from clapas.domain.errors import DiskFull, EngineUnavailable, InternalError, TooMany
from clapas.engines import ClickHouseAddress

READ_SECONDS = 30
WRITE_SECONDS = 600
FAILURES = (Error, ClientError, OSError, TimeoutError)
FRAMED = re.compile(r"DB::Exception: (?:default: )?(.*?)(?: \(for url [^)]*\))?$", re.DOTALL)
ADDRESS = re.compile(r" \(for url [^)]*\)")
TOO_HEAVY = ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED", "TOO_MANY_ROWS", "TOO_MANY_BYTES")


class ClickHouse:
    """Two clients on the same data: one writes, one may only read."""

    def __init__(self, writer: AsyncClient, reader: AsyncClient) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    @asynccontextmanager
    async def open(
        cls, writer: ClickHouseAddress, reader: ClickHouseAddress
    ) -> "AsyncIterator[ClickHouse]":
        """Clients on both addresses. Raises EngineUnavailable when nobody answers."""
        writing = await _client(writer, WRITE_SECONDS)
        try:
            reading = await _client(reader, READ_SECONDS)
            try:
                yield cls(writing, reading)
            finally:
                await reading.close()
        finally:
            await writing.close()

    async def insert(self, table: str, rows: pa.Table) -> None:
        """Insert a table of columns; durable on return."""
        if not rows.num_rows:
            return
        try:
            await self._writer.insert_arrow(table, rows)
        except FAILURES as error:
            _translate(error)

    async def run(self, statement: LiteralString, values: Mapping[str, Any] | None = None) -> None:
        """Execute a statement that gives no rows."""
        try:
            await self._writer.command(statement, parameters=dict(values or {}))
        except FAILURES as error:
            _translate(error)

    async def read(self, query: LiteralString, values: Mapping[str, Any] | None = None) -> pa.Table:
        """The columns of a query, as the reader."""
        return await _query(self._reader, query, values=values)

    async def read_own(
        self, query: LiteralString, values: Mapping[str, Any] | None = None
    ) -> pa.Table:
        """The columns of a query of our own upkeep, as the writer, with its longer time."""
        return await _query(self._writer, query, values=values)


async def _client(address: ClickHouseAddress, seconds: int) -> AsyncClient:
    try:
        return await get_async_client(
            host=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            database=address.database,
            secure=address.secure,
            compress=False,
            connect_timeout=10,
            send_receive_timeout=seconds + 5,
            autogenerate_session_id=False,
            form_encode_query_params=True,
            connector_limit=16,
            client_name="clapas",
            settings={
                "do_not_merge_across_partitions_select_final": 1,
                "max_execution_time": seconds,
            },
        )
    except FAILURES as error:
        raise EngineUnavailable(engine="clickhouse") from error


async def _query(
    client: AsyncClient, query: LiteralString, *, values: Mapping[str, Any] | None
) -> pa.Table:
    try:
        return await client.query_arrow(query, parameters=dict(values or {}), use_strings=True)
    except FAILURES as error:
        _translate(error)


def said(text: str) -> str:
    """What ClickHouse says of a query, in its own words: without what its client says around them, nor any address."""
    found = FRAMED.search(text)
    return (found[1] if found else ADDRESS.sub("", text))[:500]


def _translate(error: Exception) -> NoReturn:
    text = str(error)
    if "NOT_ENOUGH_SPACE" in text or "No space left" in text:
        raise DiskFull(engine="clickhouse") from error
    if any(name in text for name in TOO_HEAVY):
        raise TooMany("this query reads too much", engine="clickhouse") from error
    if isinstance(error, DatabaseError) and not isinstance(error, OperationalError):
        raise InternalError(f"ClickHouse refuses: {said(text)}") from error
    raise EngineUnavailable(engine="clickhouse") from error

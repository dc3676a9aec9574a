"""The PostgreSQL side: one pool, statements in autocommit, transactions where they are said.

Batches travel as one JSON parameter that ``json_to_recordset`` unfolds: one statement, one round
trip, no work per row in Python.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import msgspec
import orjson
import psycopg
from psycopg import AsyncConnection, sql
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from clapas.domain.errors import DiskFull, EngineUnavailable, InvalidInput, TooMany

Row = tuple[Any, ...]


def read_json(text: str | bytes) -> Any:
    """JSON as the database gives it; numbers beyond 64 bits, which the quick reader refuses, too."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


set_json_loads(read_json)
STATEMENT_TIMEOUT_MS = 60_000
ROWS_A_TURN = 5000
"""Rows turned into values before the event loop gets its turn."""
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def batch(rows: Sequence[object]) -> str:
    """Rows as the JSON text that a batch statement takes.

    NaN and infinities become null; NUL characters, which PostgreSQL cannot hold, are left out, so
    that one hostile message never fails the batch it travels in.
    """
    text = msgspec.json.encode(rows).decode()
    return NUL.sub(r"\1", text) if "\\u0000" in text else text


class Postgres:
    """A pool of connections, opened by :meth:`open`."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Row]], dsn: str) -> None:
        self.pool = pool
        self.dsn = dsn

    @classmethod
    @asynccontextmanager
    async def open(
        cls, dsn: str, *, size: int = 8, plan_once: bool = False
    ) -> "AsyncIterator[Postgres]":
        """A pool on that address; ``plan_once``: statements are planned once, not at each execution.

        Raises EngineUnavailable when nobody answers.
        """
        pool = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=size,
            open=False,
            timeout=15,
            configure=_configure,
            kwargs={
                "autocommit": True,
                "application_name": "clapas",
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c jit=off"
                + (" -c plan_cache_mode=force_generic_plan" if plan_once else ""),
            },
        )
        try:
            await pool.open(wait=True, timeout=15)
        except PoolTimeout as error:
            await pool.close()
            raise EngineUnavailable(engine="postgresql") from error
        try:
            yield cls(pool, dsn)
        finally:
            await pool.close()

    async def rows(self, query: LiteralString, **values: Any) -> list[Row]:
        """The rows of one statement."""
        async with self._connection() as connection:
            cursor = await connection.execute(query, values)
            found: list[Row] = []
            while part := await cursor.fetchmany(ROWS_A_TURN):
                found += part
                if len(part) == ROWS_A_TURN:
                    await asyncio.sleep(0)
            return found

    async def row(self, query: LiteralString, **values: Any) -> Row | None:
        """The first row of one statement."""
        async with self._connection() as connection:
            cursor = await connection.execute(query, values)
            return await cursor.fetchone()

    async def run(self, query: LiteralString, **values: Any) -> int:
        """Execute one statement; gives how many rows it touched."""
        async with self._connection() as connection:
            cursor = await connection.execute(query, values)
            return cursor.rowcount

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[Row]]:
        """One transaction: committed at the end, rolled back on any error."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Row]]:
        try:
            async with self.pool.connection() as connection:
                yield connection
        except psycopg.DataError as error:
            raise InvalidInput("the database cannot hold this value") from error
        except (PoolTimeout, psycopg.OperationalError) as error:
            if isinstance(error, psycopg.errors.DiskFull):
                raise DiskFull(engine="postgresql") from error
            if isinstance(error, psycopg.errors.QueryCanceled):
                raise TooMany("this query takes too long", engine="postgresql") from error
            await self.pool.check()
            raise EngineUnavailable(engine="postgresql") from error


async def _configure(connection: AsyncConnection[Row]) -> None:
    """JSON columns are read by msgspec: half the time of a wide read of present values."""
    set_json_loads(msgspec.json.decode, connection)


async def listen(
    dsn: str,
    channel: LiteralString,
    *,
    told: Callable[[str | None], None],
    lost: Callable[[], None],
) -> None:
    """Pass on notifications of a channel, until cancelled; ``told(None)`` after each connection.

    ``lost()`` says that nobody listens any more: whoever trusted the notices forgets what it knew.
    """
    wait = 0.2
    statement = sql.SQL("LISTEN {}").format(sql.Identifier(channel))
    while True:
        try:
            async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute(statement)
                wait = 0.2
                told(None)
                async for notice in connection.notifies():
                    told(notice.payload)
        except psycopg.OperationalError:
            lost()
            await asyncio.sleep(wait)
            wait = min(wait * 2, 10)

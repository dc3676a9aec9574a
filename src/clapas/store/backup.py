"""Copies of both engines: one folder of Arrow files for ClickHouse, COPY files for PostgreSQL.

PostgreSQL is read first, in one snapshot; ClickHouse after it holds at least the history of that
moment, and what is newer is only ever more: outcomes and observations are idempotent by key, so a
replay of the logs from the snapshot's positions changes nothing that is already there.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import LiteralString

import msgspec
import pyarrow as pa
from psycopg import sql

from clapas.store.clickhouse import ClickHouse
from clapas.store.errors import NotEmpty
from clapas.store.postgres import Postgres
from clapas.store.sql import queries

SQL = queries("backup")
PIECES: dict[str, LiteralString] = {
    "raw": "intDiv(sequence, 500000)",
    "outcome": "intDiv(sequence, 4000000)",
    "observation": "modulo(series, 16)",
    "observation_text": "modulo(series, 16)",
    "rollup_hour": "modulo(series, 16)",
}
"""How the partitions of large tables are cut, so that a copy needs little memory."""

BLOCK = 1 << 20
"""Bytes read at a time."""


class Manifest(msgspec.Struct, frozen=True):
    """What a copy holds: rows by table of each engine, values of sequences."""

    postgres: dict[str, int]
    clickhouse: dict[str, int]
    sequences: dict[str, int]


class Backup:
    """Dump and restore."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def dump(self, directory: Path) -> Manifest:
        """Write a consistent copy into an empty directory; gives what it holds."""
        (directory / "postgres").mkdir(parents=True)
        (directory / "clickhouse").mkdir()
        rows, sequences = await self._dump_postgres(directory / "postgres")
        manifest = Manifest(rows, await self._dump_clickhouse(directory / "clickhouse"), sequences)
        (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        return manifest

    async def _dump_postgres(self, directory: Path) -> tuple[dict[str, int], dict[str, int]]:
        counts: dict[str, int] = {}
        async with self._postgres.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await connection.execute("SET LOCAL statement_timeout = 0")
            cursor = await connection.execute(SQL["tables"])
            for (name,) in await cursor.fetchall():
                statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)")
                with (directory / f"{name}.copy").open("wb") as file:
                    async with connection.cursor().copy(
                        statement.format(sql.Identifier(name))
                    ) as copy:
                        async for block in copy:
                            file.write(block)
                count = await connection.execute(
                    sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
                )
                counts[name] = (await count.fetchone() or (0,))[0]
            cursor = await connection.execute(SQL["sequences"])
            return counts, {row[0]: row[1] for row in await cursor.fetchall()}

    async def _dump_clickhouse(self, directory: Path) -> dict[str, int]:
        counts: dict[str, int] = {}
        tables = await self._clickhouse.read_own(SQL["clickhouse_tables"])
        for name in tables.column("name").to_pylist():
            counts[name] = 0
            pieces = await self._clickhouse.read_own(_over(SQL["clickhouse_pieces"], name))
            for number, piece in enumerate(pieces.to_pylist()):
                rows = await self._clickhouse.read_own(_over(SQL["clickhouse_dump"], name), piece)
                counts[name] += rows.num_rows
                file = directory / f"{name}.{number:06}.arrow"
                await asyncio.to_thread(_write, file, rows)
        return counts

    async def restore(self, directory: Path) -> Manifest:
        """Load a copy into migrated databases that hold nothing yet. Raises NotEmpty."""
        manifest = msgspec.json.decode((directory / "manifest.json").read_bytes(), type=Manifest)
        await self._restore_postgres(directory / "postgres", manifest)
        for file in sorted((directory / "clickhouse").glob("*.arrow")):
            with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as reader:
                for number in range(reader.num_record_batches):
                    rows = pa.Table.from_batches([reader.get_batch(number)])
                    await self._clickhouse.insert(file.name.split(".")[0], rows)
        return manifest

    async def _restore_postgres(self, directory: Path, manifest: Manifest) -> None:
        async with self._postgres.transaction() as connection:
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SET LOCAL session_replication_role = replica")
            for name in manifest.postgres:
                table = sql.Identifier(name)
                cursor = await connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table))
                if await cursor.fetchone():
                    raise NotEmpty(table=name)
                statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(table)
                async with connection.cursor().copy(statement) as copy:
                    async for block in _blocks(directory / f"{name}.copy"):
                        await copy.write(block)
            for name, value in manifest.sequences.items():
                await connection.execute(SQL["set_sequence"], (name, value))


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _write(file: Path, rows: pa.Table) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (
        pa.OSFile(str(file), "wb") as sink,
        pa.ipc.new_file(sink, rows.schema, options=options) as writer,
    ):
        writer.write_table(rows)


def _over(query: LiteralString, table: str) -> LiteralString:
    """The query over one of our own tables, whose name ClickHouse's catalogue gave."""
    piece = PIECES.get(table, "0")
    return query.replace("/*table*/", f"`{table}`").replace("/*piece*/", piece)

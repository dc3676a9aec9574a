"""Copies of both engines: one folder of Arrow files for ClickHouse, COPY files for PostgreSQL.

A copy ends at a place in each log (``cut``), told before anything is read. PostgreSQL is read in one
snapshot, ClickHouse after it: rows of messages beyond the cut, and of series that the snapshot does not
know, are left out; the hours they touched are noted, so that a restore rolls them up again. ClickHouse's
rows are final and sorted, so that the same content always gives the same file.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import pyarrow as pa
from psycopg import AsyncConnection, sql

from clapas.domain.keys import LOG_API
from clapas.store.clickhouse import ClickHouse
from clapas.store.dirty import WHOLE, Dirty
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
ROWS = 500_000
"""Rows of one record batch."""
LAST_SERIES = 2**32 - 1

Taken = Callable[[Path], Awaitable[object]]


class Manifest(msgspec.Struct, frozen=True):
    """What a copy holds: rows by table of each engine, values of sequences.

    ``cut`` is where it ends in each log, by its number; ``hours`` (their starts, ms) are rolled up again.
    """

    postgres: dict[str, int]
    clickhouse: dict[str, int]
    sequences: dict[str, int]
    cut: dict[int, int] = {}
    hours: tuple[int, ...] = ()
    columns: dict[str, list[str]] = {}
    """Of PostgreSQL's tables, in their files' order: columns that came later take their defaults."""


class _Snapshot(msgspec.Struct, frozen=True):
    """What PostgreSQL says at the moment of the copy."""

    rows: dict[str, int]
    columns: dict[str, list[str]]
    sequences: dict[str, int]
    cut: dict[int, int]
    series: int

    def values(self) -> dict[str, Any]:
        """The parameters of ClickHouse's queries; without any cut a log that does not exist."""
        cut = self.cut or {65_535: 0}
        return {"logs": list(cut), "lasts": list(cut.values()), "last_series": self.series}


async def _keep(_: Path) -> None:
    """The file stays where it was written."""


class Backup:
    """Dump and restore."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def dump(
        self, directory: Path, *, cut: Mapping[int, int] | None = None, taken: Taken = _keep
    ) -> Manifest:
        """Write a consistent copy into an empty directory; gives what it holds.

        ``taken`` gets each file when it is complete, and may take it away.
        """
        (directory / "postgres").mkdir(parents=True)
        (directory / "clickhouse").mkdir()
        seen = await self._dump_postgres(directory / "postgres", dict(cut or {}), taken=taken)
        rows = await self._dump_clickhouse(directory / "clickhouse", seen, taken=taken)
        beyond = await self._clickhouse.read_own(SQL["clickhouse_beyond"], seen.values())
        hours = tuple(beyond.column("hour").to_pylist())
        manifest = Manifest(seen.rows, rows, seen.sequences, seen.cut, hours, seen.columns)
        (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        await taken(directory / "manifest.json")
        return manifest

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[tuple[AsyncConnection[Any], dict[str, int]]]:
        """One moment of PostgreSQL, taken when no write through an API is half done."""
        async with AsyncExitStack() as stack:
            async with self._postgres.transaction() as gate:
                await gate.execute(SQL["quiet"])
                connection = await stack.enter_async_context(self._postgres.transaction())
                await connection.execute(SQL["snapshot"])
                for setting in ("quick_off", "order_kept"):
                    await connection.execute(SQL[setting])
                cursor = await connection.execute(SQL["sequences"])
                sequences = {row[0]: row[1] for row in await cursor.fetchall()}
            yield connection, sequences

    async def _dump_postgres(
        self, directory: Path, cut: dict[int, int], *, taken: Taken
    ) -> _Snapshot:
        counts: dict[str, int] = {}
        columns: dict[str, list[str]] = {}
        async with self._snapshot() as (connection, sequences):
            cursor = await connection.execute(SQL["of_api"], {"name": LOG_API})
            cut |= {row[0]: sequences.get("api_write", 0) for row in await cursor.fetchall()}
            cursor = await connection.execute(SQL["last_series"])
            series = (await cursor.fetchone() or (0,))[0]
            cursor = await connection.execute(SQL["tables"])
            for (name,) in await cursor.fetchall():
                file = directory / f"{name}.copy"
                kept = await connection.execute(SQL["columns"], {"name": name})
                columns[name] = [row[0] for row in await kept.fetchall()]
                await _copy_out(connection, name, columns=columns[name], file=file)
                count = await connection.execute(
                    sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
                )
                counts[name] = (await count.fetchone() or (0,))[0]
                await taken(file)
        return _Snapshot(counts, columns, sequences, cut, series)

    async def _dump_clickhouse(
        self, directory: Path, seen: _Snapshot, *, taken: Taken
    ) -> dict[str, int]:
        counts: dict[str, int] = {}
        tables = await self._clickhouse.read_own(SQL["clickhouse_tables"])
        for table in tables.to_pylist():
            name = table["name"]
            counts[name] = 0
            pieces = await self._clickhouse.read_own(_over(SQL["clickhouse_pieces"], table))
            for piece in pieces.to_pylist():
                query = _over(SQL["clickhouse_dump"], table)
                rows = await self._clickhouse.read_own(query, {**seen.values(), **piece})
                if rows.num_rows:
                    counts[name] += rows.num_rows
                    file = directory / f"{name}.{piece['part']}.{piece['piece']}.arrow"
                    await asyncio.to_thread(_write, file, rows)
                    await taken(file)
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

    async def settle(self, manifest: Manifest) -> None:
        """Have the hours rolled up again that messages beyond the copy's end had touched."""
        await Dirty(self._postgres).mark("h", [(hour, WHOLE) for hour in manifest.hours])

    async def _restore_postgres(self, directory: Path, manifest: Manifest) -> None:
        async with self._postgres.transaction() as connection:
            await connection.execute(SQL["quick_off"])
            await connection.execute(SQL["no_triggers"])
            for name in manifest.postgres:
                table = sql.Identifier(name)
                cursor = await connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table))
                if await cursor.fetchone():
                    raise NotEmpty(table=name)
                names = sql.SQL(", ").join(map(sql.Identifier, manifest.columns[name]))
                statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(table, names)
                async with connection.cursor().copy(statement) as copy:
                    async for block in _blocks(directory / f"{name}.copy"):
                        await copy.write(block)
            for name, value in manifest.sequences.items():
                await connection.execute(SQL["set_sequence"], (name, value))


async def _copy_out(
    connection: AsyncConnection[Any], name: str, *, columns: Sequence[str], file: Path
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)")
    with file.open("wb") as written:
        async with connection.cursor().copy(statement.format(names, sql.Identifier(name))) as copy:
            async for block in copy:
                written.write(block)


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _write(file: Path, rows: pa.Table) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    whole = rows.combine_chunks()
    with (
        pa.OSFile(str(file), "wb") as sink,
        pa.ipc.new_file(sink, whole.schema, options=options) as writer,
    ):
        writer.write_table(whole, max_chunksize=ROWS)


def _over(query: LiteralString, table: Mapping[str, Any]) -> LiteralString:
    """The query over one of our own tables, whose description ClickHouse's catalogue gave."""
    parts = {
        "table": f"`{table['name']}`",
        "piece": PIECES.get(table["name"], "0"),
        "final": "FINAL" if table["replacing"] else "",
        "order": table["sorting_key"] or "tuple()",
        "kept": _kept(set(table["columns"])),
    }
    return re.sub(r"/\*(\w+)\*/", lambda found: parts[found[1]], query)


def _kept(columns: set[str]) -> str:
    """What of a table belongs to the copy."""
    conditions = []
    if {"log", "sequence"} <= columns:
        conditions.append(SQL["kept_messages"])
    if "series" in columns:
        conditions.append(SQL["kept_series"])
    return " AND ".join(["1", *conditions])

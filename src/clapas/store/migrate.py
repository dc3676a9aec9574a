"""Migrations of both engines: discovered by room, checksummed, applied once, one runner at a time.

``migrations/<room>/{postgres,clickhouse}/NNNN_name.sql``; the store's own come first, then the rooms
by name. A migration of PostgreSQL is one transaction; one of ClickHouse, which has none, holds
statements that may be repeated, and is noted when all of them are done.
"""

import re
from collections.abc import Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal, LiteralString

import msgspec
from psycopg import AsyncConnection

from clapas.engines import EngineAddresses
from clapas.store.clickhouse import ClickHouse
from clapas.store.errors import DatabaseNewer, MigrationChanged
from clapas.store.postgres import Postgres
from clapas.store.sql import queries

Engine = Literal["postgres", "clickhouse"]
ENGINES: tuple[Engine, Engine] = ("postgres", "clickhouse")
FILE = re.compile(r"^(\d{4})_(\w+)\.sql$")
SQL = queries("migrate")


class Migration(msgspec.Struct, frozen=True, order=True):
    """One file: its place in the order and its text."""

    room: str
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return sha256(self.text.encode()).hexdigest()


def discover(engine: Engine) -> list[Migration]:
    """The migrations of one engine in the order of their application."""
    rooms = sorted(
        (each for each in _folder().iterdir() if each.is_dir()),
        key=lambda each: (each.name != "store", each.name),
    )
    return [migration for room in rooms for migration in _of_room(room, engine)]


def _folder() -> Traversable:
    return files("clapas.store") / "migrations"


def _of_room(room: Traversable, engine: Engine) -> Iterator[Migration]:
    folder = room / engine
    found = sorted(folder.iterdir(), key=lambda each: each.name) if folder.is_dir() else []
    for file in found:
        match = FILE.match(file.name)
        if match:
            yield Migration(room.name, int(match[1]), match[2], file.read_text("utf-8"))


async def migrate(addresses: EngineAddresses, *, upto: dict[Engine, int] | None = None) -> int:
    """Bring both databases to this version; gives how many migrations were applied.

    ``upto`` keeps only so many of each engine (the tests of every earlier version use it).
    Raises MigrationChanged, DatabaseNewer, EngineUnavailable.
    """
    async with (
        Postgres.open(addresses.postgres.dsn, size=2) as postgres,
        ClickHouse.open(addresses.clickhouse, addresses.clickhouse_reader) as clickhouse,
        _alone(postgres) as connection,
    ):
        done = await _migrate_postgres(connection, _wanted("postgres", upto))
        return done + await _migrate_clickhouse(clickhouse, _wanted("clickhouse", upto))


def _wanted(engine: Engine, upto: dict[Engine, int] | None) -> list[Migration]:
    found = discover(engine)
    return found if upto is None else found[: upto[engine]]


@asynccontextmanager
async def _alone(postgres: Postgres) -> Any:
    """One runner at a time on this database."""
    async with postgres.pool.connection() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute(SQL["lock"])
        try:
            yield connection
        finally:
            await connection.execute(SQL["unlock"])
            await connection.execute("RESET statement_timeout")


async def _migrate_postgres(
    connection: AsyncConnection[tuple[Any, ...]], wanted: list[Migration]
) -> int:
    await connection.execute(SQL["table"])
    cursor = await connection.execute(SQL["applied"])
    pending = _pending({(r[0], r[1]): r[2] for r in await cursor.fetchall()}, wanted)
    for each in pending:
        async with connection.transaction():
            await connection.execute(each.text)
            await connection.execute(
                SQL["note"], (each.room, each.number, each.name, each.checksum)
            )
    return len(pending)


async def _migrate_clickhouse(clickhouse: ClickHouse, wanted: list[Migration]) -> int:
    await clickhouse.run(SQL["clickhouse_table"])
    table = await clickhouse.read_own(SQL["clickhouse_applied"])
    applied = {(row["room"], row["number"]): row["checksum"] for row in table.to_pylist()}
    pending = _pending(applied, wanted)
    for each in pending:
        for statement in statements(each.text):
            await clickhouse.run(statement)
        note = {"room": each.room, "number": each.number, "name": each.name}
        await clickhouse.run(SQL["clickhouse_note"], {**note, "checksum": each.checksum})
    return len(pending)


def _pending(applied: dict[tuple[str, int], str], wanted: list[Migration]) -> list[Migration]:
    known = {(each.room, each.number): each.checksum for each in wanted}
    for place, checksum in applied.items():
        name = f"{place[0]}/{place[1]:04}"
        if place not in known:
            raise DatabaseNewer(migration=name)
        if known[place] != checksum:
            raise MigrationChanged(migration=name)
    return [each for each in wanted if (each.room, each.number) not in applied]


def statements(text: str) -> list[LiteralString]:
    """The statements of a ClickHouse migration: each ends with a semicolon at a line's end."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    parts = re.split(r";\s*(?:\n|$)", "\n".join(lines))
    return [part.strip() for part in parts if part.strip()]

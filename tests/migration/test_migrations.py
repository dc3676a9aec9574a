"""From every earlier version to this one, and what must be refused."""

import asyncio
from typing import Literal

import pytest

from clapas.engines import EngineAddresses
from clapas.store import Store, migrate
from clapas.store.errors import DatabaseNewer, MigrationChanged
from clapas.store.migrate import discover

COLUMNS = """SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY 1"""
TABLES = """SELECT concat(table, '.', name, ' ', type, ' ', compression_codec) AS c FROM system.columns
WHERE database = currentDatabase() ORDER BY c"""


async def shape(addresses: EngineAddresses) -> tuple[list[str], list[str]]:
    async with Store.open(addresses) as store:
        rows = await store.postgres.rows(COLUMNS)
        table = await store.clickhouse.read_own(TABLES)
        return [row[0] for row in rows], table.column("c").to_pylist()


VERSIONS = [
    *((count, len(discover("clickhouse"))) for count in range(len(discover("postgres")))),
    *((len(discover("postgres")), count) for count in range(len(discover("clickhouse")))),
]


@pytest.mark.parametrize(("postgres", "clickhouse"), VERSIONS)
async def test_every_earlier_version_becomes_this_one(
    fresh_database: EngineAddresses, postgres: int, clickhouse: int
) -> None:
    every = len(discover("postgres")) + len(discover("clickhouse"))
    early = await migrate(fresh_database, upto={"postgres": postgres, "clickhouse": clickhouse})
    assert early == postgres + clickhouse
    assert await migrate(fresh_database) == every - early
    assert await migrate(fresh_database) == 0
    columns, tables = await shape(fresh_database)
    assert "message_seen.digest bytea" in columns
    assert any(each.startswith("observation.series UInt32") for each in tables)


async def test_two_runners_at_once_apply_each_migration_once(
    fresh_database: EngineAddresses,
) -> None:
    counts = await asyncio.gather(migrate(fresh_database), migrate(fresh_database))
    assert sorted(counts) == [0, len(discover("postgres")) + len(discover("clickhouse"))]


async def test_an_edited_migration_is_refused(fresh_database: EngineAddresses) -> None:
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        await store.postgres.run("UPDATE clapas_migration SET checksum = 'x' WHERE number = 1")
    with pytest.raises(MigrationChanged):
        await migrate(fresh_database)


async def test_a_newer_database_is_refused(fresh_database: EngineAddresses) -> None:
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        await store.postgres.run(
            "INSERT INTO clapas_migration VALUES ('store', 9999, 'later', 'x')"
        )
    with pytest.raises(DatabaseNewer):
        await migrate(fresh_database)


@pytest.mark.parametrize("engine", ["postgres", "clickhouse"])
def test_no_two_migrations_of_a_room_share_a_number(
    engine: Literal["postgres", "clickhouse"],
) -> None:
    found = [(each.room, each.number) for each in discover(engine)]
    assert len(found) == len(set(found)), "give the later one the next number"

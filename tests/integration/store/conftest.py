"""A migrated store on fresh databases."""

import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from clapas.engines import EngineAddresses, PostgresAddress
from clapas.store import Store, migrate
from clapas.store.clickhouse import ClickHouse
from clapas.store.postgres import Postgres


@pytest.fixture
async def store(fresh_database: EngineAddresses) -> AsyncIterator[Store]:
    """An open store whose databases hold nothing but their tables."""
    await migrate(fresh_database)
    async with Store.open(fresh_database) as opened:
        yield opened


@pytest.fixture
async def second_database(engines: EngineAddresses) -> AsyncIterator[EngineAddresses]:
    """Another pair of empty databases, to restore into."""
    name = f"second_{uuid.uuid4().hex[:12]}"
    dsn = engines.postgres.dsn.rpartition("/")[0] + f"/{name}"
    async with (
        Postgres.open(engines.postgres.dsn, size=1) as postgres,
        ClickHouse.open(engines.clickhouse, engines.clickhouse_reader) as clickhouse,
    ):
        await postgres.run(f"CREATE DATABASE {name}")
        await clickhouse.run(f"CREATE DATABASE {name} ENGINE = Atomic")
        yield msgspec.structs.replace(
            engines,
            postgres=PostgresAddress(dsn),
            clickhouse=msgspec.structs.replace(engines.clickhouse, database=name),
            clickhouse_reader=msgspec.structs.replace(engines.clickhouse_reader, database=name),
        )
        await postgres.run(f"DROP DATABASE {name} WITH (FORCE)")
        await clickhouse.run(f"DROP DATABASE {name} SYNC")

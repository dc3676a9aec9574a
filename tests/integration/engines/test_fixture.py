"""The fixtures themselves: three engines answer, and each test has its own databases."""

import clickhouse_connect
import psycopg

from clapas.engines import EngineAddresses
from clapas.engines.nats import probe


async def test_each_test_gets_its_own_empty_databases(fresh_database: EngineAddresses) -> None:
    address = fresh_database.clickhouse
    async with await psycopg.AsyncConnection.connect(fresh_database.postgres.dsn) as connection:
        row = await (await connection.execute("SELECT current_database()")).fetchone()
    async with await clickhouse_connect.get_async_client(
        host=address.host,
        port=address.port,
        username=address.user,
        password=address.password,
        database=address.database,
    ) as client:
        name = await client.command("SELECT currentDatabase()")
        tables = await client.command(
            "SELECT count() FROM system.tables WHERE database = currentDatabase()"
        )
    assert row == (name,)
    assert tables == 0
    assert (await probe(fresh_database.nats)).startswith("NATS 2.")

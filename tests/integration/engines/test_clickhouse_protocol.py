"""The embedded ClickHouse behind its HTTP protocol: the stock clients work, readers are bounded, leaving cancels."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from clapas.engines import ClickHouseAddress, EngineAddresses


def arguments(address: ClickHouseAddress) -> dict[str, Any]:
    return {
        "host": address.host,
        "port": address.port,
        "username": address.user,
        "password": address.password,
        "database": address.database,
    }


@pytest.fixture
def client(fresh_database: EngineAddresses) -> Iterator[Any]:
    made = clickhouse_connect.get_client(**arguments(fresh_database.clickhouse))
    made.command("CREATE TABLE points (id UInt32, name String) ENGINE = MergeTree ORDER BY id")
    yield made
    made.close()


@pytest.fixture
async def reader(fresh_database: EngineAddresses) -> AsyncIterator[Any]:
    made = await clickhouse_connect.get_async_client(**arguments(fresh_database.clickhouse_reader))
    yield made
    await made.close()


def test_the_stock_client_inserts_and_reads(client: Any) -> None:
    client.insert("points", [[1, "one"], [2, "d'été"]], column_names=["id", "name"])
    summary = client.insert_arrow(
        "points", pa.table({"id": pa.array([3], pa.uint32()), "name": ["x"]})
    ).summary
    assert summary["written_rows"] == "1"
    assert client.query("SELECT * FROM points ORDER BY id").result_rows == [
        (1, "one"),
        (2, "d'été"),
        (3, "x"),
    ]
    asked = "SELECT id FROM points WHERE name = {name:String} AND id IN {ids:Array(UInt32)}"
    assert client.query(asked, parameters={"name": "d'été", "ids": [1, 2]}).result_rows == [(2,)]
    assert client.query(
        "SELECT getSetting('max_threads')", settings={"max_threads": 3}
    ).first_row == (3,)
    assert client.command("SELECT count() FROM points") == 3


@pytest.mark.parametrize(
    ("columns", "settings", "code"),
    [
        ("id UInt32", "min_free_disk_bytes_to_perform_insert = 1e18", 243),
        ("id UInt32, CONSTRAINT small CHECK id < 3", "index_granularity = 8192", 469),
    ],
)
def test_rows_that_could_not_be_kept_are_never_called_written(
    client: Any, columns: str, settings: str, code: int
) -> None:
    client.command(
        f"CREATE TABLE narrow ({columns}) ENGINE = MergeTree ORDER BY id SETTINGS {settings}"
    )
    rows = pa.table({"id": pa.array([1, 2, 3], pa.uint32())})
    with pytest.raises(DatabaseError) as caught:
        client.insert_arrow("narrow", rows)
    assert caught.value.code == code
    assert client.command("SELECT count() FROM narrow") == 0


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_compressed_inserts(fresh_database: EngineAddresses, compress: str | bool) -> None:
    with clickhouse_connect.get_client(
        **arguments(fresh_database.clickhouse), compress=compress
    ) as packed:
        packed.command("CREATE TABLE packed (id UInt32) ENGINE = MergeTree ORDER BY id")
        # Several blocks, each a frame of its own.
        packed.insert("packed", [list(range(1_500_000))], column_names=["id"], column_oriented=True)
        assert packed.command("SELECT count(), sum(id) FROM packed") == [
            "1500000",
            "1124999250000",
        ]


@pytest.mark.parametrize(
    ("content", "headers", "status", "words"),
    [
        (b"never packed", {"Content-Encoding": "zstd"}, 400, "cannot be unpacked"),
        (b"SELECT 1", {"Content-Encoding": "br"}, 400, "Unknown content encoding"),
        (b"SELECT '\xff'", {}, 400, "not UTF-8"),
        (b"no boundary", {"Content-Type": "multipart/form-data; boundary=a"}, 400, "The form"),
        (b" ", {}, 400, "Empty query"),
        (b"SELECT 1", {"Authorization": "Basic \xe9"}, 403, "Authentication failed"),
    ],
)
def test_bodies_that_cannot_be_read_are_refused_in_words(
    fresh_database: EngineAddresses,
    content: bytes,
    headers: dict[str, str],
    status: int,
    words: str,
) -> None:
    address = fresh_database.clickhouse
    answer = httpx.post(
        f"http://{address.host}:{address.port}/?database={address.database}",
        content=content,
        headers=httpx.Headers(headers, encoding="latin-1"),
        auth=None if "Authorization" in headers else (address.user, address.password),
    )
    assert answer.status_code == status
    assert words in answer.text


def test_a_statement_typed_behind_curl_is_answered(fresh_database: EngineAddresses) -> None:
    address = fresh_database.clickhouse
    answer = httpx.post(
        f"http://{address.host}:{address.port}/",
        content="SELECT 1 + 1",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=(address.user, address.password),
    )
    assert (answer.status_code, answer.text) == (200, "2\n")


def test_results_stream_in_blocks(client: Any) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as stream:
        sizes = [len(block) for block in stream]
    assert sum(sizes) == 300_000
    assert len(sizes) > 1
    with client.query_arrow_stream(
        "SELECT number, toString(number) AS text FROM numbers(300000)"
    ) as stream:
        assert sum(batch.num_rows for batch in stream) == 300_000
    low = client.query_arrow(
        "SELECT toLowCardinality(toString(number % 3)) AS a FROM numbers(200000)"
    )
    assert sorted(low.column("a").unique().to_pylist()) == ["0", "1", "2"]


def test_an_empty_result_keeps_its_columns(client: Any) -> None:
    assert (
        client.query(
            "SELECT * FROM points WHERE id > {low:UInt32}", parameters={"low": 9}
        ).result_rows
        == []
    )
    assert client.query_arrow("SELECT * FROM points").column_names == ["id", "name"]


def test_errors_carry_clickhouse_codes(client: Any) -> None:
    for statement, code in (("SELECT nothing", 47), ("SELECT * FROM absent", 60), ("SELEC 1", 62)):
        with pytest.raises(DatabaseError) as caught:
            client.command(statement)
        assert caught.value.code == code


def test_an_error_in_the_middle_of_a_stream_is_an_error(client: Any) -> None:
    late = "SELECT number, throwIf(number = 2900000, 'too far') FROM numbers(3000000) SETTINGS max_threads = 1"
    with pytest.raises(Exception, match="too far"):
        assert client.query(late).result_rows == []


async def test_a_large_statement_arrives_as_a_form(fresh_database: EngineAddresses) -> None:
    address = fresh_database.clickhouse
    async with await clickhouse_connect.get_async_client(
        **arguments(address), form_encode_query_params=True
    ) as form:
        names = [f"name-{number}" for number in range(2000)]
        found = await form.query(
            "SELECT length({names:Array(String)})", parameters={"names": names}
        )
        assert found.first_row == (2000,)


async def test_a_wrong_password_is_refused(fresh_database: EngineAddresses) -> None:
    address = fresh_database.clickhouse
    async with httpx.AsyncClient(base_url=f"http://{address.host}:{address.port}") as anyone:
        for auth in (
            ("default", ""),
            (address.user, "x"),
            (fresh_database.clickhouse_reader.user, address.password),
        ):
            answer = await anyone.post("/", content="SELECT 1", auth=auth)
            assert answer.status_code == 403
            assert answer.headers["x-clickhouse-exception-code"] == "516"


async def test_a_reader_reads(reader: Any, client: Any) -> None:
    client.insert("points", [[7, "seven"]], column_names=["id", "name"])
    assert (
        await reader.query("SELECT name FROM points", settings={"max_threads": 1})
    ).first_row == ("seven",)
    assert (await reader.query("WITH 3 AS x SELECT sum(number) + x FROM numbers(4)")).first_row == (
        9,
    )
    assert "format('{}', 1)" in str(
        (await reader.query("SELECT 'format(''{}'', 1)', ';'")).first_row[0]
    )


REFUSED = (
    "INSERT INTO points VALUES (1, 'a')",
    "DROP TABLE points",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
    "SELECT * FROM \"file\" ( '/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/hostname')",
    "SELECT FILE/**/('/etc/hostname')",
    "DESCRIBE TABLE file('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:9/bucket/key')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM Python('os')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT 1; DROP TABLE points",
    "SELECT 1 -- '\n; DROP TABLE points",
    "SELECT ‘; DROP TABLE points",
    "KILL QUERY WHERE 1",
    "SYSTEM DROP MARK CACHE",
    "SET max_execution_time = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "CREATE TEMPORARY TABLE t (a UInt8)",
    "EXPLAIN SELECT * FROM mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
)


async def test_a_reader_cannot_write_nor_reach_out(reader: Any, client: Any) -> None:
    for statement in REFUSED:
        with pytest.raises(DatabaseError) as caught:
            await reader.raw_query(statement)
        assert caught.value.code in {164, 452}, statement
    assert client.command("SELECT count() FROM points") == 0


async def test_a_reader_cannot_write_a_file(reader: Any, tmp_path: Path) -> None:
    target = tmp_path / "stolen"
    with pytest.raises(DatabaseError):
        await reader.raw_query(f"SELECT 1 INTO OUTFILE '{target}'")
    assert not target.exists()


async def test_a_reader_is_bounded_in_time_and_memory(reader: Any) -> None:
    with pytest.raises(DatabaseError) as caught:
        await reader.query(
            "SELECT sleepEachRow(0.1) FROM numbers(1000)",
            settings={"max_execution_time": 1, "max_block_size": 5},
        )
    assert caught.value.code == 159
    with pytest.raises(DatabaseError) as caught:
        await reader.query("SELECT groupArray(number) FROM numbers(1000000000)")
    assert caught.value.code == 241
    assert (
        await reader.query(
            "SELECT getSetting('max_execution_time')", settings={"max_execution_time": 9999}
        )
    ).first_row == (30,)


async def test_a_client_that_leaves_cancels_its_query(reader: Any, client: Any) -> None:
    mark = uuid.uuid4().hex
    endless = f"SELECT count('{mark}') FROM (SELECT number % 7 AS k FROM numbers(1000000000000) GROUP BY k)"
    running = asyncio.create_task(reader.query(endless))
    count = f"SELECT count() FROM system.processes WHERE position(query, '{mark}') > 0 AND position(query, 'processes') = 0"
    while await asyncio.to_thread(client.command, count) == 0:
        await asyncio.sleep(0.05)
    running.cancel()
    async with asyncio.timeout(20):
        while await asyncio.to_thread(client.command, count) != 0:
            await asyncio.sleep(0.05)


async def test_point_queries_do_not_queue_behind_heavy_ones(reader: Any, client: Any) -> None:
    heavy = "SELECT count() FROM (SELECT number % 7 AS k FROM numbers(1000000000000) GROUP BY k)"
    running = [
        asyncio.create_task(reader.query(heavy, settings={"max_threads": 1})) for _ in range(3)
    ]
    await asyncio.sleep(0.2)
    async with asyncio.timeout(20):
        for number in range(10):
            assert (await reader.query(f"SELECT {number}")).first_row == (number,)
    assert not any(task.done() for task in running)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_half_an_insert_is_no_insert(fresh_database: EngineAddresses, client: Any) -> None:
    address = fresh_database.clickhouse
    head = (
        f"POST /?query=INSERT%20INTO%20points%20FORMAT%20TSV&database={address.database}&user={address.user}"
        f"&password={address.password} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    )
    _read, write = await asyncio.open_connection(address.host, address.port)
    write.write(head.encode() + b"1\tone\n2\ttwo\n")
    await write.drain()
    await asyncio.sleep(0.3)
    write.close()
    await write.wait_closed()
    await asyncio.sleep(0.3)
    assert await asyncio.to_thread(client.command, "SELECT count() FROM points") == 0


async def test_inserts_are_forced_to_disk(reader: Any) -> None:
    asked = "SELECT value FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', 'fsync_part_directory')"
    assert (await reader.query(asked)).result_rows == [("1",), ("1",)]

"""An engine that goes away is said to be away, and is used again when it is back."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from clapas.domain.access import RowFilter
from clapas.domain.device import Device, SeriesKey
from clapas.domain.errors import DiskFull, EngineUnavailable
from clapas.domain.message import Observation, Outcome
from clapas.engines import EngineAddresses
from clapas.engines.ports import free_port
from clapas.store import RawRow, Store

ALL = RowFilter(everything=True)
T0 = 1_767_225_600_000
ROOM = "ALTER TABLE {table} MODIFY SETTING min_free_disk_bytes_to_perform_insert = {bytes}"
CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""


async def test_cut_connections_are_replaced_and_the_cache_listens_again(store: Store) -> None:
    await store.registry.save_devices([Device(id=uuid4(), key="d1", name="before")])
    await asyncio.gather(*(store.registry.devices(ALL) for _ in range(6)))
    await store.registry.resolve(["d1"])
    await store.postgres.rows(CUT)
    answered = False
    async with asyncio.timeout(20):
        while not answered:
            try:
                await store.registry.save_devices([Device(id=uuid4(), key="d1", name="after")])
                answered = True
            except EngineUnavailable:
                answered = False
        while True:
            try:
                known = await store.registry.resolve(["d1"])
            except EngineUnavailable:
                continue
            if known["d1"].device.name == "after":
                return
            await asyncio.sleep(0.05)


async def test_nobody_at_the_address_is_an_unavailable_engine(engines: EngineAddresses) -> None:
    nobody = msgspec.structs.replace(engines.clickhouse, port=free_port())
    with pytest.raises(EngineUnavailable):
        async with Store.open(msgspec.structs.replace(engines, clickhouse=nobody)):
            pass


async def test_the_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)readonly|read-only|refuse|only SELECT"):
        await store.clickhouse.read("INSERT INTO outcome SELECT * FROM outcome")


async def test_a_disk_without_room_is_the_operator_s_and_the_batch_is_whole_afterwards(
    store: Store,
) -> None:
    log = await store.messages.log_id("uplink", "full")
    key = SeriesKey("urn:ngsi-ld:Room:1", "temperature", "temperature")
    series = (await store.series.ensure([key]))[key].id
    raw = [RawRow(log=log, sequence=1, source="http", received=T0, payload=b"{}", device="a1")]
    values = [Observation(series, T0, 20.0, T0, log, 1)]
    ends = [Outcome(log, 1, "http", "a1", "stored", observations=1, received=T0)]
    for table in ("raw", "observation"):
        await store.clickhouse.run(ROOM.format(table=table, bytes=10**18))
    with pytest.raises(DiskFull):
        await store.history.write(raw, values, outcomes=ends)
    for table in ("raw", "observation"):
        await store.clickhouse.run(ROOM.format(table=table, bytes=0))
    assert await store.ledger.outcomes_upto(log, 1) == 0
    await store.history.write(raw, values, outcomes=ends)
    assert await store.ledger.outcomes_upto(log, 1) == 1

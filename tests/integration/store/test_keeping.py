"""What is deleted is proven, what is copied can be restored."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from clapas.domain.access import RowFilter
from clapas.domain.device import Binding, Device, Entity, SeriesKey
from clapas.domain.message import Observation, Outcome
from clapas.domain.window import Window, milliseconds
from clapas.engines import EngineAddresses
from clapas.store import RawRow, Settings, StateRow, Store, migrate
from clapas.store.errors import NotEmpty, RawExpired

ALL = RowFilter(everything=True)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), NOW)
KEY = SeriesKey("urn:ngsi-ld:Room:1", "temperature", "temperature")


async def fill(store: Store) -> int:
    """One message a day for 60 days, with a device, a binding, an entity."""
    series = (await store.series.ensure([KEY]))[KEY].id
    await store.entities.upsert([Entity(id=KEY.entity, type="Room", name="Salle")])
    await store.registry.save_devices([Device(id=uuid4(), key="d1")])
    await store.registry.bind(
        "d1", [Binding(channel="t", entity=KEY.entity, attribute="temperature")]
    )
    times = [milliseconds(NOW) - day * 86_400_000 for day in range(60)]
    raw = [
        RawRow(log=1, sequence=s, source="http", device="d1", received=t, payload=b"\xff{}")
        for s, t in enumerate(times, 1)
    ]
    values = [Observation(series, t, float(s), t, 1, s) for s, t in enumerate(times, 1)]
    ends = [
        Outcome(1, s, "http", "d1", "stored", observations=1, received=t)
        for s, t in enumerate(times, 1)
    ]
    await store.history.write(raw, values, outcomes=ends)
    await store.state.upsert([StateRow(series, KEY.entity, KEY.attribute, 1.0, times[0], times[0])])
    return series


async def test_old_raw_messages_go_with_a_proof_and_cannot_be_replayed(
    fresh_database: EngineAddresses,
) -> None:
    await migrate(fresh_database)
    async with Store.open(fresh_database, settings=Settings(raw_days=30)) as store:
        series = await fill(store)
        (proof,) = await store.retention.apply(now=NOW)
        assert (proof.kept, proof.rows, proof.before) == (
            "raw",
            29,
            datetime(2026, 1, 30, tzinfo=UTC),
        )
        assert await store.retention.apply(now=NOW) == []
        assert [each.rows for each in await store.retention.proofs()] == [29]
        with pytest.raises(RawExpired):
            async for _ in store.raw.read(WINDOW):
                pass
        kept = Window(datetime(2026, 2, 1, tzinfo=UTC), NOW)
        assert sum([len(rows) async for rows in store.raw.read(kept)]) == 28
        assert await store.ledger.outcomes_upto(1, 100) == 60
        (read,) = await store.history.read(ALL, [series], window=WINDOW, step="raw")
        assert len(read.values) == 59


async def test_values_past_their_time_leave_their_days(fresh_database: EngineAddresses) -> None:
    await migrate(fresh_database)
    async with Store.open(fresh_database, settings=Settings(observation_days=10)) as store:
        series = await fill(store)
        await store.rollups.refresh(force=True)
        (proof,) = await store.retention.apply(now=NOW)
        assert proof.kept == "observation"
        (read,) = await store.history.read(ALL, [series], window=WINDOW, step="raw")
        assert len(read.values) == 10
        await store.rollups.refresh(force=True)
        days = await store.history.daily(ALL, "temperature", window=WINDOW)
        assert len(days) == 59


async def test_a_copy_is_restored_into_empty_databases(
    engines: EngineAddresses,
    fresh_database: EngineAddresses,
    second_database: EngineAddresses,
    tmp_path: Path,
) -> None:
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        series = await fill(store)
        await store.rollups.refresh(force=True)
        manifest = await store.backup.dump(tmp_path / "copy")
        before = await picture(store, series)
        assert manifest.clickhouse["raw"] == 60
    await migrate(second_database)
    async with Store.open(second_database) as store:
        assert await store.backup.restore(tmp_path / "copy") == manifest
        assert await picture(store, series) == before
        other = SeriesKey("urn:ngsi-ld:Room:2", "temperature", "temperature")
        assert (await store.series.ensure([other]))[other].id > series
        with pytest.raises(NotEmpty):
            await store.backup.restore(tmp_path / "copy")


async def test_a_copy_of_an_older_version_gets_the_defaults_of_what_came_later(
    fresh_database: EngineAddresses, second_database: EngineAddresses, tmp_path: Path
) -> None:
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        await fill(store)
        await store.backup.dump(tmp_path / "copy")
    await migrate(second_database)
    async with Store.open(second_database) as store:
        await store.postgres.run("ALTER TABLE entity ADD COLUMN later text NOT NULL DEFAULT 'x'")
        await store.backup.restore(tmp_path / "copy")
        assert await store.postgres.rows("SELECT name, later FROM entity") == [("Salle", "x")]


async def test_a_copy_ends_at_its_place_in_the_log(
    fresh_database: EngineAddresses, second_database: EngineAddresses, tmp_path: Path
) -> None:
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        series = await fill(store)
        await store.rollups.refresh(force=True)
        assert await store.rollups.pending() == 0
        manifest = await store.backup.dump(tmp_path / "copy", cut={1: 40})
    assert len(manifest.hours) == 20
    await migrate(second_database)
    async with Store.open(second_database) as store:
        await store.backup.restore(tmp_path / "copy")
        await store.backup.settle(manifest)
        assert await store.ledger.outcomes_upto(1, 100) == 40
        (read,) = await store.history.read(ALL, [series], window=WINDOW, step="raw")
        assert sorted(read.values) == [float(number) for number in range(2, 41)]
        assert await store.rollups.pending() == 20


async def picture(store: Store, series: int) -> list[object]:
    """What a restored store must say again."""
    return [
        await store.history.read(ALL, [series], window=WINDOW, step="raw"),
        await store.history.daily(ALL, "temperature", window=WINDOW),
        await store.ledger.counts(1),
        (await store.entities.page(ALL)).items,
        (await store.registry.devices(ALL)).items,
        await store.registry.bindings_of(KEY.entity),
        await store.raw.by_sequence(1, 60),
    ]

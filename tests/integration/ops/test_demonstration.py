"""The demonstration starts again: what is missing comes back, what people changed stays."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from clapas.domain.access import RowFilter
from clapas.domain.device import Model
from clapas.engines import EngineAddresses
from clapas.ops.demonstration import calculate, mark, marker, save_territory
from clapas.ops.simulate.fleet import Fleet, make_fleet
from clapas.ops.simulate.register import register
from clapas.ops.territory import from_epci
from clapas.store import Store, migrate
from clapas.store.fleet import DeviceQuery

ALL = RowFilter(everything=True)
NOW = datetime(2026, 5, 12, 10, tzinfo=UTC)


@pytest.fixture
def fleet() -> Fleet:
    return make_fleet(from_epci("243400017"), size=30, now=NOW)


def changed(fleet: Fleet) -> Fleet:
    """The same fleet as a later version describes it: every model is expected every five minutes."""
    models = {each.id: msgspec.structs.replace(each, interval_s=300) for each in fleet.models}

    class Later(Fleet, frozen=True):
        @property
        def models(self) -> tuple[Model, ...]:
            return tuple(models.values())

    return Later(territory=fleet.territory, devices=fleet.devices, gateways=fleet.gateways)


async def test_what_people_changed_survives_a_restart(
    fresh_database: EngineAddresses, fleet: Fleet
) -> None:
    await migrate(fresh_database)
    first, *others = fleet.models
    async with Store.open(fresh_database) as store:
        await save_territory(store, from_epci("243400017"))
        written = await register(store, fleet, created=NOW, written={})
    async with Store.open(fresh_database) as store:
        keys = await store.fleet.keys(ALL, DeviceQuery())
        edited = await change(store, fleet, keys)
    async with Store.open(fresh_database) as store:
        written = await register(store, changed(fleet), created=NOW, written=written)
    async with Store.open(fresh_database) as store:
        kept = {each.id: each for each in await store.models.all()}
        assert kept[first.id] == edited
        assert {kept[each.id].interval_s for each in others} == {300}, "a new version's definition"
        assert await store.fleet.keys(ALL, DeviceQuery()) == keys, "what was removed is back"
        device = (await store.fleet.one(keys[0], ALL)).row.device
        assert (device.lifecycle, device.tags["secteur"]) == ("retired", "nord")
        (binding,) = (await store.registry.resolve([keys[0]]))[keys[0]].bindings
        assert binding.scale == 0.5
        assert (await store.registry.resolve([keys[1]]))[keys[1]].bindings
        assert await register(store, changed(fleet), created=NOW, written=written) == written


async def change(store: Store, fleet: Fleet, keys: list[str]) -> Model:
    """An agent edits a model, retires, tags and binds a device, and another one is lost; gives the model."""
    edited = msgspec.structs.replace(fleet.models[0], label="Le mien", interval_s=42)
    await store.models.save([edited])
    await store.fleet.move([keys[0]], "retired", actor="ana")
    await store.fleet.set_tags([keys[0]], {"secteur": "nord"})
    first = (await store.registry.resolve([keys[0]]))[keys[0]].bindings[0]
    await store.registry.bind(keys[0], [msgspec.structs.replace(first, scale=0.5)])
    await store.postgres.run("DELETE FROM device WHERE key = %(key)s", key=keys[1])
    return edited


def test_the_marker_remembers_what_was_written(tmp_path: Path) -> None:
    mark(tmp_path, size=30, models={"water": "a1"})
    mark(tmp_path, size=30)
    kept = marker(tmp_path)
    assert kept is not None
    assert (kept.size, kept.models) == (30, {"water": "a1"})


async def test_leaks_are_looked_for_as_soon_as_the_past_is_said(
    fresh_database: EngineAddresses,
) -> None:
    """The first page of the water shows them, and not a quarter of an hour later."""
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        caught_up = asyncio.Event()
        waiting = asyncio.create_task(calculate(store, caught_up, settle_s=0))
        await asyncio.sleep(0)
        assert (await store.jobs.page(kind="water.night", own=True)).items == []
        caught_up.set()
        await waiting
        (job,) = (await store.jobs.page(kind="water.night", own=True)).items
    assert (job.state, job.actor, job.attempts) == ("queued", "system", 0)

"""A dataset that follows a saved group: whatever changes, every exit says what single decisions say."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Literal
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clapas.charter import Charter
from clapas.charter.following import RANKS, follow
from clapas.domain.access import ANONYMOUS, Principal, Resource, RowFilter
from clapas.domain.dataset import DatasetRecord
from clapas.domain.device import Binding, Device, Entity, SeriesKey
from clapas.engines import EngineAddresses
from clapas.store import Store, migrate
from clapas.store.fleet import DeviceQuery, Group

Level = Literal["ouvert", "interne", "restreint"]
EVERYTHING = RowFilter(everything=True)
READER = Principal(kind="user", id="1", roles=frozenset({"reader"}))
OWNER = Principal(kind="user", id="2", roles=frozenset({"reader"}), service="culture")
ROOM = "urn:ngsi-ld:Room:{}"
FED = {ROOM.format(1): ("probe-1",), ROOM.format(2): ("probe-2", "probe-3"), ROOM.format(3): ("probe-3",)}  # fmt: skip
OWN = {ROOM.format(3): "fonds"}
"""Room 3 belongs to a restricted dataset by itself."""
DEVICES = ("probe-1", "probe-2", "probe-3")
TAGS = ("crypt", "tower")
NAMES = ("crypts", "towers")


def record(name: str, level: Level, *, group: str = "", version: int = 1) -> DatasetRecord:
    is_open = level == "ouvert"
    return DatasetRecord(
        id=name,
        title=name,
        owner="culture",
        steward="intendante",
        controller="ville",
        classification=level,
        licence="LO-2.0" if is_open else "",
        exception="" if is_open else "security",
        review=None if is_open else date(2099, 1, 1),
        group=group,
        version=version,
    )


class World(msgspec.Struct, frozen=True):
    """The tags of each device, and what each of two records says: how closed, which group."""

    tags: tuple[frozenset[str], ...]
    records: tuple[tuple[Level, str], ...]

    def of_device(self, key: str) -> str:
        """The dataset of a device, as the rules of the page say it."""
        tags = self.tags[DEVICES.index(key)]
        found = [
            (-RANKS[level], name)
            for name, (level, group) in zip(NAMES, self.records, strict=True)
            if group in tags
        ]
        return min(found)[1] if found else ""

    def of_thing(self, thing: str) -> str:
        """The most closed dataset of those who measure it; its own counts when one of them is in no group."""
        ranks = {"": 1, "fonds": 2} | {
            name: RANKS[level] for name, (level, _) in zip(NAMES, self.records, strict=True)
        }
        found = []
        for key in FED[thing]:
            held = self.of_device(key)
            name = held or OWN.get(thing, "")
            found.append((-ranks[name], not held, name))
        return min(found)[2]


class Installation:
    """A store with three rooms and their probes."""

    def __init__(self, store: Store, series: dict[int, str]) -> None:
        self.store = store
        self.series = series
        self.charter = Charter.standard()
        self.version = 0

    async def become(self, world: World) -> None:
        """Change tags and records to those of a world, and follow."""
        for key, tags in zip(DEVICES, world.tags, strict=True):
            gone = [each for each in TAGS if each not in tags]
            await self.store.fleet.set_tags([key], dict.fromkeys(tags, "x"), without=gone)
        self.version += 1
        records = [
            record(name, level, group=group, version=self.version)
            for name, (level, group) in zip(NAMES, world.records, strict=True)
        ]
        for each in records:
            await self.store.charter.add_record(each, author="dpo")
        self.charter.adopt(records=[record("fonds", "restreint"), *records])
        await follow(self.store)


@pytest.fixture
async def installation(fresh_database: EngineAddresses) -> AsyncIterator[Installation]:
    """Three rooms, their probes, a saved group for each tag."""
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        await store.registry.save_devices([Device(id=uuid4(), key=key) for key in DEVICES])
        rooms = [Entity(id=each, type="Room", dataset=OWN.get(each, "")) for each in FED]
        await store.entities.upsert(rooms)
        for key in DEVICES:
            fed = [each for each, by in FED.items() if key in by]
            await store.registry.bind(
                key,
                [Binding(channel=each, entity=each, attribute=key, quantity="co2") for each in fed],
            )
        keys = [SeriesKey(thing, key, "co2") for thing, by in FED.items() for key in by]
        keys += [SeriesKey(f"urn:ngsi-ld:Device:{key}", "battery", "") for key in DEVICES]
        made = await store.series.ensure(keys)
        for tag in TAGS:
            await store.fleet.save_group(Group(name=tag, label="", query=DeviceQuery(tag=tag)))
        await store.charter.add_record(record("fonds", "restreint"), author="dpo")
        yield Installation(store, {each.id: each.key.entity for each in made.values()})


WORLDS = st.builds(
    World,
    st.tuples(*[st.frozensets(st.sampled_from(TAGS)) for _ in DEVICES]),
    st.tuples(
        *[
            st.tuples(
                st.sampled_from(["ouvert", "interne", "restreint"]),
                st.sampled_from(["", *TAGS]),
            )
            for _ in NAMES
        ]
    ),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=WORLDS)
async def test_whatever_enters_or_leaves_each_exit_says_what_single_decisions_say(
    installation: Installation, world: World
) -> None:
    await installation.become(world)
    store, charter = installation.store, installation.charter
    datasets = {thing: world.of_thing(thing) for thing in FED} | {
        f"urn:ngsi-ld:Device:{key}": world.of_device(key) for key in DEVICES
    }
    for who in (READER, OWNER, ANONYMOUS):
        allowed = {
            name
            for name, dataset in datasets.items()
            if charter.decide(who, "read", resource=Resource(kind="entity", dataset=dataset)).allow
        }
        rows = charter.row_filter(who, "read", kind="entity")
        listed = await store.entities.page(rows, limit=100)
        assert {each.entity.id for each in listed.items} == allowed
        assert sum(each.count for each in await store.entities.types(rows)) == len(allowed)
        series = charter.row_filter(who, "read", kind="series")
        wanted = {number for number, name in installation.series.items() if name in allowed}
        assert set(await store.series.by_id(series, installation.series)) == wanted
        assert await store.series.visible_everywhere(series) == wanted
        devices = await store.fleet.keys(
            charter.row_filter(who, "read", kind="device"), DeviceQuery()
        )
        assert set(devices) == {
            key
            for key in DEVICES
            if charter.decide(
                who, "read", resource=Resource(kind="device", dataset=world.of_device(key))
            ).allow
        }


async def test_what_leaves_goes_back_to_where_it_was_told_to_be_meanwhile(
    installation: Installation,
) -> None:
    store, room = installation.store, ROOM.format(3)
    nobody = frozenset[str]()
    held = World((nobody, nobody, frozenset({"crypt"})), (("restreint", "crypt"), ("interne", "")))
    await installation.become(held)
    assert (await store.entities.get(EVERYTHING, room)).entity.dataset == "crypts"
    await store.entities.upsert([Entity(id=room, type="Room", dataset="towers")])
    await store.fleet.set_dataset(["probe-3"], "fonds")
    assert (await store.entities.get(EVERYTHING, room)).entity.dataset == "crypts"
    await store.registry.bind("probe-3", [])
    await follow(store)
    assert (await store.entities.get(EVERYTHING, room)).entity.dataset == "crypts"
    await installation.become(World((nobody, nobody, nobody), held.records))
    own = await store.entities.get(EVERYTHING, "urn:ngsi-ld:Device:probe-3")
    assert own.entity.dataset == "fonds"
    assert (await store.entities.get(EVERYTHING, room)).entity.dataset == "crypts", (
        "what nothing measures any more is not opened by its device's departure"
    )
    await installation.become(World(held.tags, (("restreint", ""), ("interne", ""))))
    assert (await store.entities.get(EVERYTHING, room)).entity.dataset == "towers"


async def test_a_group_that_is_gone_lets_nobody_out(installation: Installation) -> None:
    store = installation.store
    tagged = frozenset({"crypt"})
    await installation.become(
        World((tagged, tagged, tagged), (("restreint", "crypt"), ("interne", "")))
    )
    await store.fleet.remove_group("crypt")
    await follow(store)
    members = await store.dataset_groups.members("crypts")
    assert (members.devices, members.things) == (3, 3)

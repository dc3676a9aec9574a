"""Entities, devices, maps and the territory, as pages ask for them."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clapas.domain.access import RowFilter, RowRule
from clapas.domain.device import Device, Entity, SeriesKey
from clapas.domain.errors import InvalidInput, NotFound
from clapas.store import Commune, Place, Seen, StateRow, Store
from clapas.store.filters import sees

ALL = RowFilter(everything=True)
T0 = 1_767_225_600_000


def square(code: str, name: str, west: float) -> Commune:
    ring = [[west, 43.0], [west + 1, 43.0], [west + 1, 44.0], [west, 44.0], [west, 43.0]]
    return Commune(code=code, name=name, contour={"type": "Polygon", "coordinates": [ring]})


async def territory(store: Store) -> None:
    place = Place(name="Essai", siren="243400017", timezone="Europe/Paris")
    await store.territory.save(place, [square("34001", "Ouest", 3.0), square("34002", "Est", 4.0)])


async def test_a_territory_is_created_and_places_find_their_commune(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.territory.get()
    await territory(store)
    place = await store.territory.get()
    assert (place.name, place.bbox) == ("Essai", (3.0, 43.0, 5.0, 44.0))
    found = await store.territory.commune_at([(4.5, 43.5), (9.0, 9.0), (3.5, 43.5)])
    assert found == ["34002", "", "34001"]
    assert [each.name for each in await store.territory.communes()] == ["Est", "Ouest"]


async def test_an_entity_keeps_what_a_newcomer_leaves_empty(store: Store) -> None:
    await territory(store)
    whole = Entity(
        id="urn:ngsi-ld:OffStreetParking:p1",
        type="OffStreetParking",
        name="Comédie",
        longitude=3.5,
        latitude=43.5,
        geometry={"type": "Point", "coordinates": [3.5, 43.5]},
        relations={"refZone": "urn:z"},
    )
    await store.entities.upsert([whole])
    await store.entities.upsert([Entity(id=whole.id, type=whole.type)])
    row = await store.entities.get(ALL, whole.id)
    assert row.entity.commune == "34001"
    assert row.entity.name == "Comédie"
    assert row.entity.geometry == whole.geometry
    assert row.entity.relations == {"refZone": "urn:z"}
    with pytest.raises(NotFound):
        await store.entities.get(RowFilter(), whole.id)


async def test_entities_are_paged_searched_and_boxed(store: Store) -> None:
    rooms = [
        Entity(
            id=f"urn:ngsi-ld:Room:{i:02}",
            type="Room",
            name=f"Salle d’été {i}",
            longitude=3 + i / 10,
            latitude=43.0,
        )
        for i in range(7)
    ]
    await store.entities.upsert([*rooms, Entity(id="urn:ngsi-ld:Bin:1", type="Bin")])
    first = await store.entities.page(ALL, type="Room", limit=4)
    rest = await store.entities.page(ALL, type="Room", limit=4, after=first.next)
    assert [row.entity.id for row in first.items + rest.items] == [room.id for room in rooms]
    assert rest.next is None
    found = await store.entities.page(ALL, q="ETE 3")
    assert [row.entity.name for row in found.items] == ["Salle d’été 3"]
    assert (await store.entities.page(ALL, q="100%")).items == []
    boxed = await store.entities.page(ALL, bbox=(3.15, 42.0, 3.35, 44.0))
    assert [row.entity.id for row in boxed.items] == [rooms[2].id, rooms[3].id]
    assert [(t.type, t.count) for t in await store.entities.types(ALL)] == [("Bin", 1), ("Room", 7)]
    with pytest.raises(InvalidInput):
        await store.entities.page(ALL, after="not a cursor")


async def test_the_headline_is_the_most_telling_value(store: Store) -> None:
    room = Entity(id="urn:ngsi-ld:Room:1", type="Room", longitude=3.0, latitude=43.0)
    await store.entities.upsert([room])
    battery = SeriesKey(room.id, "batteryLevel", "battery_level")
    heat = SeriesKey(room.id, "temperature", "temperature")
    b = (await store.series.ensure([battery]))[battery].id
    t = (await store.series.ensure([heat]))[heat].id
    await store.state.upsert(
        [
            StateRow(b, room.id, "batteryLevel", 0.9, T0, T0),
            StateRow(t, room.id, "temperature", 21.5, T0, T0),
        ]
    )
    row = await store.entities.get(ALL, room.id)
    assert row.headline is not None
    assert (row.headline.attribute, row.headline.value) == ("temperature", 21.5)
    assert row.updated == datetime(2026, 1, 1, tzinfo=UTC)
    columns = await store.entities.map(ALL)
    assert (columns.ids, columns.values) == ([room.id], [21.5])
    again = await store.entities.map(ALL)
    assert again.etag == columns.etag
    nothing = await store.entities.map(RowFilter())
    assert nothing.ids == []


async def test_the_map_is_followed_by_what_came_since(store: Store) -> None:
    keys = []
    for number in range(2):
        room = Entity(id=f"urn:ngsi-ld:Room:{number}", type="Room", longitude=3.0, latitude=43.0)
        await store.entities.upsert([room])
        keys.append(SeriesKey(room.id, "temperature", "temperature"))
    made = await store.series.ensure(keys)
    rows = [
        StateRow(made[key].id, key.entity, "temperature", 20.0 + place, T0, T0 + place * 60_000)
        for place, key in enumerate(keys)
    ]
    await store.state.upsert(rows)
    assert (await store.entities.map(ALL, since=T0)).values == [20.0, 21.0]
    assert (await store.entities.map(ALL, since=T0 + 1)).values == [21.0]
    assert (await store.entities.map(ALL, since=T0 + 60_001)).ids == []


async def test_an_entity_that_comes_after_its_series_has_its_headline(store: Store) -> None:
    key = SeriesKey("urn:ngsi-ld:Room:9", "co2", "co2")
    number = (await store.series.ensure([key]))[key].id
    await store.state.upsert([StateRow(number, key.entity, "co2", 400.0, T0, T0)])
    await store.entities.upsert([Entity(id=key.entity, type="Room")])
    row = await store.entities.get(ALL, key.entity)
    assert row.headline is not None
    assert row.headline.value == 400.0


async def test_a_row_filter_equals_individual_decisions_in_both_engines(store: Store) -> None:
    datasets, communes = ["", "open", "secret"], ["", "34001", "34002"]
    entities = [
        Entity(id=f"urn:ngsi-ld:Room:{d}{c}", type="Room", dataset=datasets[d], commune=communes[c])
        for d in range(3)
        for c in range(3)
    ]
    await store.entities.upsert(entities)
    keys = {each.id: SeriesKey(each.id, "co2", "co2") for each in entities}
    series = await store.series.ensure(keys.values())
    by_number = {series[keys[each.id]].id: each for each in entities}
    filters = [
        RowFilter(),
        ALL,
        RowFilter(datasets=frozenset({"open"})),
        RowFilter(datasets=frozenset({"", "secret"}), communes=frozenset({"34001"})),
        RowFilter(datasets=frozenset({"open", "secret"}), communes=frozenset({"34001", "34002"})),
        RowFilter(datasets=frozenset({"absent'; DROP TABLE entity --"})),
        RowFilter(communes=frozenset({"34001"})),
    ]
    for rows in filters:
        wanted = {
            number
            for number, each in by_number.items()
            if sees(rows, dataset=each.dataset, commune=each.commune)
        }
        assert set(await store.series.by_id(rows, by_number)) == wanted
        assert await store.series.visible_everywhere(rows) == wanted
        page = await store.entities.page(rows)
        assert {row.entity.id for row in page.items} == {by_number[n].id for n in wanted}


async def test_a_dataset_that_changes_hides_its_series_at_once(store: Store) -> None:
    rows = RowFilter(datasets=frozenset({"open"}))
    room = Entity(id="urn:ngsi-ld:Room:1", type="Room", dataset="open")
    key = SeriesKey(room.id, "co2", "co2")
    await store.entities.upsert([room])
    number = (await store.series.ensure([key]))[key].id
    assert await store.series.visible_everywhere(rows) == {number}
    await store.entities.upsert([Entity(id=room.id, type="Room", dataset="secret")])
    assert await store.series.visible_everywhere(rows) == set()
    assert await store.series.by_id(rows, [number]) == {}


async def test_devices_are_paged_and_their_freshness_counted(store: Store) -> None:
    now = datetime(2026, 1, 11, tzinfo=UTC)
    fleet = [Device(id=uuid4(), key=f"d{i}", source="http", name=f"Capteur {i}") for i in range(5)]
    await store.registry.save_devices(fleet)
    day = 86_400_000
    start = int(now.timestamp() * 1000)
    await store.registry.touch(
        {"d0": Seen(start - 60_000), "d1": Seen(start - 3 * day), "d2": Seen(start - 9 * day)}
    )
    page = await store.registry.devices(ALL, limit=2)
    last = await store.registry.devices(ALL, limit=3, after=page.next)
    assert [row.device.key for row in page.items + last.items] == [f"d{i}" for i in range(5)]
    assert last.next is None
    found = await store.registry.devices(ALL, q="CAPTEUR 3")
    assert [row.device.key for row in found.items] == ["d3"]
    fresh = await store.registry.freshness(ALL, now=now)
    assert fresh == {"devices": 5, "seen_1h": 1, "late": 1, "silent": 1, "never": 2}
    assert (await store.registry.devices(RowFilter())).items == []
    with pytest.raises(NotFound):
        await store.registry.device("absent")


async def test_the_demonstration_is_taken_away(store: Store) -> None:
    fake = Entity(id="urn:ngsi-ld:Room:demo", type="Room", simulated=True, dataset="open")
    real = Entity(id="urn:ngsi-ld:Room:real", type="Room", dataset="open")
    await store.entities.upsert([fake, real])
    keys = [SeriesKey(each.id, "co2", "co2") for each in (fake, real)]
    series = await store.series.ensure(keys)
    await store.registry.save_devices([Device(id=uuid4(), key="sim")], simulated=True)
    assert await store.entities.remove_simulated() == {"entities": 1, "devices": 1}
    page = await store.entities.page(ALL)
    assert [row.entity.id for row in page.items] == [real.id]
    open_rows = RowFilter(datasets=frozenset({"open"}))
    assert await store.series.visible_everywhere(open_rows) == {series[keys[1]].id}


Places = tuple[Store, dict[int, Entity]]


@pytest.fixture
async def places(store: Store) -> Places:
    """One series in every dataset of every commune; one thing came back from a copy without its pair."""
    entities = [
        Entity(
            id=f"urn:ngsi-ld:Room:{d}{c}",
            type="Room",
            dataset=NAMES[d],
            commune=NAMES[c],
            longitude=3.0,
            latitude=43.0,
        )
        for d in range(len(NAMES))
        for c in range(len(NAMES))
    ]
    await store.entities.upsert(entities)
    async with store.postgres.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE entity SET pair = NULL WHERE id = 'urn:ngsi-ld:Room:12'")
    keys = {SeriesKey(each.id, "co2", "co2"): each for each in entities}
    series = await store.series.ensure(keys)
    return store, {series[key].id: each for key, each in keys.items()}


NAMES = ["", "open", "secret", "'quoted'", "a b", "é\\"]
RULE = st.builds(
    RowRule,
    datasets=st.frozensets(st.sampled_from(NAMES), max_size=3),
    communes=st.frozensets(st.sampled_from(NAMES), max_size=3),
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.builds(
        RowFilter,
        everything=st.booleans(),
        datasets=st.frozensets(st.sampled_from(NAMES)),
        communes=st.frozensets(st.sampled_from(NAMES)),
        also=st.lists(RULE, max_size=3).map(tuple),
        others=st.none() | RULE,
    )
)
async def test_any_row_filter_equals_individual_decisions(places: Places, rows: RowFilter) -> None:
    store, by_number = places
    wanted = {
        number
        for number, each in by_number.items()
        if sees(rows, dataset=each.dataset, commune=each.commune)
    }
    assert set(await store.series.by_id(rows, by_number)) == wanted
    assert await store.series.visible_everywhere(rows) == wanted
    ids = {by_number[number].id for number in wanted}
    assert set((await store.entities.map(rows)).ids) == ids
    assert sum(each.count for each in await store.entities.types(rows)) == len(ids)


async def test_the_map_follows_a_thing_whose_dataset_or_commune_changes(store: Store) -> None:
    seen = RowFilter(datasets=frozenset({"open"}), communes=frozenset({"34001"}))
    room = Entity(
        id="urn:ngsi-ld:Room:1", type="Room", dataset="open", longitude=3.0, latitude=43.0
    )
    for commune, dataset, shown in (
        ("34001", "", [room.id]),
        ("34002", "", []),
        ("34001", "secret", []),
        ("34001", "open", [room.id]),
    ):
        moved = msgspec.structs.replace(room, commune=commune, dataset=dataset or room.dataset)
        await store.entities.upsert([moved])
        assert (await store.entities.map(seen)).ids == shown

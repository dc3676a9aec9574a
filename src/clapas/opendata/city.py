"""The paths of the city's own API: NGSI v2 entities of each feed, and their archives, from the same data.

``/bikestation?limit=1000``, ``/offstreetparking``, ``/ecocounter``, ``/parkingspaces``, and
``/<feed>_timeseries/<id>/attrs/<attribute>?fromDate&toDate``. Sources: FIWARE-NGSI v2 (2018-09-15), "JSON
Entity Representation"; FIWARE QuantumLeap, history of one attribute.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from clapas.charter import Exit, Reading
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.window import asked_window, instant
from clapas.store import Store
from clapas.store.values import EntityRow, Latest

LONGEST = timedelta(days=800)
USUAL = timedelta(days=1)
MOST = 1000
MOST_VALUES = 100_000


class Feed(msgspec.Struct, frozen=True):
    """A feed: the type of its things here, and the beginning of their ids there."""

    type: str
    prefix: str


FEEDS = {
    "bikestation": Feed("BikeHireDockingStation", "urn:ngsi-ld:station:"),
    "offstreetparking": Feed("OffStreetParking", "urn:ngsi-ld:parking:"),
    "ecocounter": Feed("TrafficFlowObserved", "urn:ngsi-ld:EcoCounter:"),
    "parkingspaces": Feed("ParkingSpot", "urn:ngsi-ld:ParkingSpot:"),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What NGSI v2 lets one ask of a list."""

    ids: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    limit: int = 20
    offset: int = 0
    plain: bool = False
    count: bool = False


def read_asked(params: Mapping[str, str]) -> Asked:
    """The parameters of a list. Raises InvalidInput."""
    options = set(params.get("options", "").split(","))
    return Asked(
        ids=_words(params, "id"),
        attributes=_words(params, "attrs"),
        limit=min(_number(params, "limit", default=20), MOST),
        offset=_number(params, "offset", default=0),
        plain="keyValues" in options,
        count="count" in options,
    )


def _words(params: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(each for each in params.get(name, "").split(",") if each)


def _number(params: Mapping[str, str], name: str, *, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not text.isdigit() or len(text) > 9:
        raise InvalidInput("a whole number, not negative", field=name)
    return int(text)


def local(name: str) -> str:
    """The last part of an id, which both sides share."""
    return name.rpartition(":")[2]


async def feed(
    store: Store, way_out: Exit, *, name: str, asked: Asked
) -> tuple[list[dict[str, Any]], int]:
    """A page of a feed's things, and how many there are."""
    kind = FEEDS[name]
    rows = way_out.rows("entity")
    things: list[EntityRow] = []
    after: str | None = None
    while True:
        page = await store.entities.page(rows, type=kind.type, after=after, limit=MOST)
        things += page.items
        after = page.next
        if after is None:
            break
    wanted = {local(each) for each in asked.ids}
    chosen = [each for each in things if not wanted or local(each.entity.id) in wanted]
    shown = chosen[asked.offset : asked.offset + asked.limit]
    values = await _values(store, way_out, ids=[each.entity.id for each in shown])
    made = [_entity(name, each, values=values[each.entity.id], asked=asked) for each in shown]
    return made, len(chosen)


async def _values(store: Store, way_out: Exit, *, ids: list[str]) -> dict[str, list[Latest]]:
    found = await store.state.latest(way_out.single_rows("series"), entities=ids)
    known = await store.series.by_id(way_out.rows("series"), [each.series for each in found])
    by_entity: dict[str, list[Latest]] = defaultdict(list)
    for each in found:
        series = known.get(each.series)
        if series is not None and way_out.shows(series.dataset, each.attribute):
            by_entity[each.entity].append(each)
    return by_entity


def _entity(name: str, row: EntityRow, *, values: list[Latest], asked: Asked) -> dict[str, Any]:
    entity, kind = row.entity, FEEDS[name]
    members: dict[str, Any] = {}
    for each in values:
        at = _time(each.measured)
        type_ = "Number" if isinstance(each.value, int | float) else "Text"
        members[each.attribute] = _attribute(type_, _number_of(each.value), at=at)
    if entity.name:
        members["name"] = _attribute("Text", entity.name)
    if entity.longitude is not None and entity.latitude is not None:
        point = {"type": "Point", "coordinates": [entity.longitude, entity.latitude]}
        members["location"] = _attribute("geo:json", point)
    if asked.attributes:
        members = {key: value for key, value in members.items() if key in asked.attributes}
    if asked.plain:
        members = {key: value["value"] for key, value in members.items()}
    return {
        "id": kind.prefix + local(entity.id),
        "type": kind.type,
        **dict(sorted(members.items())),
    }


def _number_of(value: Any) -> Any:
    """A whole number as the city writes it: 9, not 9.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _attribute(type_: str, value: Any, *, at: str = "") -> dict[str, Any]:
    metadata = {"timestamp": {"type": "DateTime", "value": at}} if at else {}
    return {"type": type_, "value": value, "metadata": metadata}


def _time(milliseconds: int) -> str:
    return instant(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def archive(
    store: Store,
    way_out: Exit,
    *,
    name: str,
    thing: str,
    attribute: str,
    params: Mapping[str, str],
) -> dict[str, Any]:
    """One attribute of a thing over time: ``index`` of times, ``values``. Raises NotFound, InvalidInput."""
    kind = FEEDS[name]
    rows = way_out.rows("series")
    entity = f"urn:ngsi-ld:{kind.type}:{local(thing)}"
    held = [
        each
        for each in await store.series.of_entity(rows, entity)
        if each.key.attribute == attribute
    ]
    if not held:
        raise NotFound(entity=thing[:160], attribute=attribute[:80])
    window = asked_window(
        params.get("fromDate", ""), params.get("toDate", ""), usual=USUAL, longest=LONGEST,
        zone=await store.territory.zone(), fields=("fromDate", "toDate"),
    )  # fmt: skip
    reading = Reading(window=window, step="raw", max_points=MOST_VALUES)
    found = await way_out.history(store, held[:1], asked=reading)
    times = found[0].times if found else []
    return {
        "attrName": attribute,
        "entityId": thing,
        "entityType": kind.type,
        "index": [_time(each) for each in times],
        "values": [_number_of(each) for each in found[0].values] if found else [],
    }

"""The things of the city: lists, one thing with its attributes, the map."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from clapas.charter import Exit
from clapas.domain.device import Entity
from clapas.domain.errors import InvalidInput
from clapas.domain.quantities import quantity
from clapas.domain.window import instant
from clapas.fleet.pages import shown_first
from clapas.store.map import Clusters
from clapas.store.rules_alarms import Alarms, Worst
from clapas.store.values import EntityRow, Latest, MapColumns
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, exit_of, rows_of, services_of

Bbox = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""

LATE = timedelta(hours=3)
SILENT = timedelta(hours=24)
ON_THE_WAY_MS = 30_000
"""A message received at a time is in the present state this much later, even under load."""
Query = Annotated[str, QueryParameter(max_length=200)]


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """The most telling present value of an entity."""

    attribute: str
    quantity: str
    value: Any
    unit: str
    measured: datetime
    quality: int


class AlarmMark(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong on an entity: its worst active alarm, and how many there are."""

    severity: str
    count: int


class EntityOut(msgspec.Struct, frozen=True, kw_only=True):
    """An entity as lists show it."""

    id: str
    type: str
    name: str
    longitude: float | None
    latitude: float | None
    commune: str
    simulated: bool
    updated: datetime | None
    state: str
    headline: Headline | None
    alarm: AlarmMark | None = None


class AttributeOut(msgspec.Struct, frozen=True, kw_only=True):
    """One present value; ``shown_scale`` and ``shown_unit`` say how people read it."""

    attribute: str
    quantity: str
    series: int
    value: Any
    unit: str
    measured: datetime
    received: datetime
    quality: int
    label_fr: str
    label_en: str
    device: str
    shown_scale: float
    shown_unit: str
    decimals: int


class DeviceLink(msgspec.Struct, frozen=True, kw_only=True):
    """Which device's channel feeds which attribute, between two dates."""

    device: str
    channel: str
    attribute: str
    start: datetime | None
    end: datetime | None


class EntitySheet(EntityOut, frozen=True, kw_only=True):
    """An entity with its present values, its relations and its devices."""

    attributes: list[AttributeOut]
    relations: dict[str, str]
    devices: list[DeviceLink]
    geometry: dict[str, Any] | None


class MapOut(msgspec.Struct, frozen=True, kw_only=True):
    """All points of the map, column by column."""

    ids: list[str]
    types: list[str]
    longitudes: list[float]
    latitudes: list[float]
    states: list[str]
    values: list[float | None]
    etag: str
    asked: int


def age_state(updated: datetime | None, now: datetime) -> str:
    """ok, late (> 3 h) or silent (> 24 h, or never)."""
    if updated is None or now - updated > SILENT:
        return "silent"
    return "late" if now - updated > LATE else "ok"


def _headline(latest: Latest | None) -> Headline | None:
    if latest is None:
        return None
    return Headline(
        attribute=latest.attribute,
        quantity=latest.quantity,
        value=latest.value,
        unit=quantity(latest.quantity).unit,
        measured=instant(latest.measured),
        quality=latest.quality,
    )


async def _alarms(request: Call, entities: Collection[str] | None = None) -> dict[str, Worst]:
    """The worst active alarm of each entity, as far as the caller may see alarms."""
    alarms = Alarms(services_of(request).store.postgres)
    return await alarms.active_on(rows_of(request, "alarm"), entities)


def _fields(row: EntityRow, way: Exit, *, worst: Worst | None) -> dict[str, Any]:
    entity: Entity = row.entity
    shown = (
        row.headline if row.headline and way.shows(entity.dataset, row.headline.attribute) else None
    )
    return {
        "id": entity.id,
        "type": entity.type,
        "name": entity.name,
        "longitude": entity.longitude,
        "latitude": entity.latitude,
        "commune": entity.commune,
        "simulated": entity.simulated,
        "updated": row.updated,
        "state": "alarm" if worst else age_state(row.updated, datetime.now(UTC)),
        "alarm": AlarmMark(severity=worst.severity, count=worst.count) if worst else None,
        "headline": _headline(shown),
    }


def _attribute(latest: Latest, devices: dict[str, str]) -> AttributeOut:
    kind = quantity(latest.quantity)
    known = kind.key != "number"
    return AttributeOut(
        attribute=latest.attribute,
        quantity=latest.quantity,
        series=latest.series,
        value=latest.value,
        unit=kind.unit,
        measured=instant(latest.measured),
        received=instant(latest.received),
        quality=latest.quality,
        label_fr=kind.fr if known else latest.attribute,
        label_en=kind.en if known else latest.attribute,
        device=devices.get(latest.attribute, ""),
        shown_scale=kind.shown_scale,
        shown_unit=kind.shown_unit or kind.unit,
        decimals=kind.decimals,
    )


def _in_order(found: Iterable[AttributeOut], first: Sequence[str]) -> list[AttributeOut]:
    """What the models show first, then the others by name."""
    ranks = {name: rank for rank, name in enumerate(first)}
    return sorted(found, key=lambda each: (ranks.get(each.attribute, len(first)), each.attribute))


def read_bbox(text: str) -> Bbox | None:
    """``west,south,east,north`` in degrees, None when empty. Raises InvalidInput."""
    if not text:
        return None
    try:
        west, south, east, north = (float(each) for each in text.split(","))
    except ValueError as error:
        raise InvalidInput("four numbers", field="bbox", accepted="w,s,e,n") from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput("west, south, east, north in degrees", field="bbox")
    return west, south, east, north


@get("/api/v1/entities", tags=["entities"], opt=asks("read", "entity"), summary="Entities")
async def entities(
    request: Call,
    type_: Annotated[str, QueryParameter(name="type", max_length=100)] = "",
    q: Query = "",
    commune: Query = "",
    bbox: Query = "",
    state_: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[EntityOut]]:
    """Entities by id; ``q`` looks into id, name, service and tags. ``state`` filters the page's items."""
    page = await services_of(request).store.entities.page(
        rows_of(request, "entity"),
        type=type_,
        q=q,
        commune=commune,
        bbox=read_bbox(bbox),
        after=after,
        limit=page_size(limit),
    )
    way = exit_of(request)
    alarms = await _alarms(request, [row.entity.id for row in page.items])
    found = [EntityOut(**_fields(row, way, worst=alarms.get(row.entity.id))) for row in page.items]
    kept = [each for each in found if not state_ or each.state == state_]
    return listing(request, kept, after=page.next)


@get("/api/v1/entities/map", tags=["entities"], opt=asks("read", "entity"), summary="The map")
async def points(
    request: Call,
    type_: Annotated[str, QueryParameter(name="type", max_length=100)] = "",
    bbox: Query = "",
    since: Annotated[int, QueryParameter(ge=0)] = 0,
) -> MapOut:
    """All located entities, at most 100,000, column by column.

    With ``since`` (ms since 1970 UTC), only those whose present value was received then or later:
    what a page that shows the map already needs to follow it. ``asked`` is the ``since`` of the next.
    """
    now = int(datetime.now(UTC).timestamp() * 1000)
    columns: MapColumns = await services_of(request).store.entities.map(
        rows_of(request, "entity"),
        type=type_,
        bbox=read_bbox(bbox),
        since=since,
        withheld=exit_of(request).not_whole(),
    )
    late, silent = LATE.total_seconds() * 1000, SILENT.total_seconds() * 1000
    alarms = await _alarms(request)
    etag = blake2b(f"{columns.etag} {sorted(alarms)}".encode(), digest_size=12).hexdigest()
    return MapOut(
        ids=columns.ids,
        types=columns.types,
        longitudes=columns.longitudes,
        latitudes=columns.latitudes,
        states=[
            "alarm"
            if id_ in alarms
            else "silent"
            if measured is None or now - measured > silent
            else "late"
            if now - measured > late
            else "ok"
            for id_, measured in zip(columns.ids, columns.measured, strict=True)
        ],
        values=columns.values,
        etag=etag,
        asked=now - ON_THE_WAY_MS,
    )


@get(
    "/api/v1/entities/clusters",
    tags=["entities"],
    opt=asks("read", "entity"),
    summary="The map, gathered",
)
async def clusters(
    request: Call,
    zoom: FromQuery[float],
    type_: Annotated[str, QueryParameter(name="type", max_length=100)] = "",
    commune: Query = "",
    state_: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
    bbox: Query = "",
) -> Clusters:
    """What stands in the box (the whole territory without one), gathered by cells of 64 pixels at that zoom."""
    if not 0 <= zoom <= 24:
        raise InvalidInput("a zoom is 0 to 24", field="zoom")
    return await services_of(request).store.map.clusters(
        rows_of(request, "entity"),
        zoom=zoom,
        bbox=read_bbox(bbox),
        type=type_,
        commune=commune,
        state=state_,
        late=LATE,
        silent=SILENT,
    )


@get(
    "/api/v1/entities/{id:str}", tags=["entities"], opt=asks("read", "entity"), summary="An entity"
)
async def entity(request: Call, id: FromPath[str]) -> EntitySheet:  # noqa: A002
    """One entity with its present values, its relations and its devices."""
    services, rows = services_of(request), rows_of(request, "entity")
    row = await services.store.entities.get(rows, id)
    latest = await services.store.state.latest(rows, entities=[id])
    bindings = await services.store.registry.bindings_of(id)
    way = exit_of(request)
    series = await services.store.series.by_id(rows, [each.series for each in latest])
    shown = [
        each
        for each in latest
        if each.series in series and way.shows(series[each.series].dataset, each.attribute)
    ]
    first = await shown_first(services.store, id, bindings=bindings)
    now = datetime.now(UTC)
    feeding = {
        binding.attribute: device
        for device, binding in bindings
        if binding.end is None or binding.end > now
    }
    return EntitySheet(
        **_fields(row, way, worst=(await _alarms(request, [id])).get(id)),
        attributes=_in_order((_attribute(each, feeding) for each in shown), first),
        relations=row.entity.relations,
        devices=[
            DeviceLink(
                device=device,
                channel=binding.channel,
                attribute=binding.attribute,
                start=binding.start,
                end=binding.end,
            )
            for device, binding in bindings
        ],
        geometry=row.entity.geometry,
    )


HANDLERS = (entities, points, clusters, entity)

"""Alarms as they are told to the public: CAP messages, the Atom feed, what is prepared for FR-Alert."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import get
from litestar.params import FromPath
from shapely.geometry import MultiPolygon, Polygon, shape

from clapas.charter.exits import WATCHED
from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.notify.cap import Bulletin, atom, cap
from clapas.notify.sentences import told as words
from clapas.rules.files import rule_of
from clapas.rules.model import Fence
from clapas.store import Commune, Place, Store
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import Alarm, AlarmEvent
from clapas.web.guard import asks
from clapas.web.services import Call, Services, services_of

EVERYTHING = RowFilter(everything=True)
RAISES = ("raised", "raised_again", "repeated", "reopened")
MOST_CORNERS = 100
SIDES = 24
DEGREE_KM = 111.32
RADIUS_KM = 0.5
"""Of the zone that is prepared around a place, when its rule has no zone of its own."""
Corners = tuple[tuple[float, float], ...]


async def bulletin(services: Services, found: Alarm) -> Bulletin:
    """An alarm as it is told to the public: an alert, an update of it, or its cancellation."""
    store = services.store
    place = await _place(store)
    communes = {each.code: each for each in await store.territory.communes()}
    raises = [
        each for each in await Alarms(store.postgres).timeline(found.id) if each.kind in RAISES
    ]
    told = found.count + sum(each.kind == "reopened" for each in raises)
    kind = "Cancel" if not found.active else "Update" if told > 1 else "Alert"
    return Bulletin(
        identifier=_name(place, found, number=str(told) if found.active else f"over{told}"),
        sender=f"siren-{place.siren}" if place.siren else "clapas",
        sender_name=place.name,
        sent=_sent(found, raises),
        onset=found.first,
        event=found.title or found.rule,
        description=words(found, "fr"),
        severity=found.severity,
        area=communes[found.commune].name if found.commune in communes else place.name,
        status="Exercise" if services.simulated else "Actual",
        kind=kind,
        previous=None if kind == "Alert" else _previous(place, found, told=raises, number=told),
        polygon=await _polygon(store, found, communes=communes),
    )


def _public(services: Services) -> RowFilter:
    """The alarms that a rule may tell everybody: of datasets on record that are neither restricted nor personal."""
    told = (each.id for each in services.charter.records if each.classification not in WATCHED)
    return RowFilter(datasets=frozenset(told))


def _name(place: Place, found: Alarm, *, number: str) -> str:
    """No two messages of a sender bear the same (CAP 1.2, clause 3.2.1)."""
    return f"clapas-{place.siren or 'local'}-{found.id}-{number}"


def _sent(found: Alarm, told: Sequence[AlarmEvent]) -> int:
    """When what is told now began to be so."""
    if not found.active and found.cleared is not None:
        return found.cleared
    return told[-1].at if told else found.raised


def _previous(
    place: Place, found: Alarm, *, told: Sequence[AlarmEvent], number: int
) -> tuple[str, int]:
    """The message before this one: its number is that of the occurrence that it told."""
    number = number - 1 if found.active else number
    before = told[-2] if found.active and len(told) > 1 else told[-1] if told else None
    return _name(place, found, number=str(number)), before.at if before else found.raised


async def _place(store: Store) -> Place:
    """The territory, or a platform that has none yet."""
    try:
        return await store.territory.get()
    except NotFound:
        return Place(name="Clapas", siren="", timezone="Europe/Paris")


async def _polygon(store: Store, found: Alarm, *, communes: Mapping[str, Commune]) -> Corners:
    """The rule's own zone, else a circle around the place, else the outline of its commune."""
    own = await _fence(store, found.rule)
    if own:
        return own
    try:
        entity = (await store.entities.get(EVERYTHING, found.entity)).entity
    except NotFound:
        entity = None
    if entity is not None and entity.longitude is not None and entity.latitude is not None:
        return around(entity.longitude, entity.latitude, radius_km=RADIUS_KM)
    commune = communes.get(found.commune)
    return outline(commune.contour) if commune is not None and commune.contour else ()


async def _fence(store: Store, rule: str) -> Corners:
    try:
        when = rule_of(await RulesStore(store.postgres, store.clickhouse).get(rule)).when
    except NotFound:
        return ()
    return when.polygon if isinstance(when, Fence) and when.inside else ()


def around(longitude: float, latitude: float, *, radius_km: float) -> Corners:
    """A circle as a polygon of ``SIDES`` corners, at the scale of a town."""
    high = radius_km / DEGREE_KM
    wide = high / math.cos(math.radians(latitude))
    turns = [2 * math.pi * side / SIDES for side in range(SIDES)]
    return tuple((longitude + wide * math.cos(t), latitude + high * math.sin(t)) for t in turns)


def outline(contour: Mapping[str, Any]) -> Corners:
    """The outer ring of a contour's largest part, with at most ``MOST_CORNERS`` corners."""
    area = shape(contour)
    largest = (
        max(area.geoms, key=lambda each: each.area) if isinstance(area, MultiPolygon) else area
    )
    if not isinstance(largest, Polygon):
        return ()
    tolerance, ring = 0.0001, largest.exterior
    while len(ring.coords) > MOST_CORNERS:
        simple = largest.simplify(tolerance)
        ring = simple.exterior if isinstance(simple, Polygon) else ring
        tolerance *= 2
    return tuple((x, y) for x, y, *_ in ring.coords[:-1])


@get(
    "/api/v1/alarms/{id:int}/cap.xml",
    tags=["alarms"],
    opt=asks("read", "entrance", counted=True),
    media_type="application/cap+xml",
    summary="A public alarm as a CAP 1.2 message",
)
async def cap_message(request: Call, id: FromPath[int]) -> bytes:  # noqa: A002
    """Only alarms of rules that are told to the public, of data that is neither restricted nor personal."""
    services = services_of(request)
    found = await Alarms(services.store.postgres).get(_public(services), id)
    if not found.public:
        raise NotFound(alarm=id)
    return cap(await bulletin(services, found))


@get(
    "/api/v1/alarms/feed.atom",
    tags=["alarms"],
    opt=asks("read", "entrance", counted=True),
    media_type="application/atom+xml",
    summary="Public alarms as an Atom feed",
)
async def feed(request: Call) -> bytes:
    """The last hundred alarms of rules that are told to the public."""
    services = services_of(request)
    page = await Alarms(services.store.postgres).page(_public(services), public=True, limit=100)
    told = [await bulletin(services, each) for each in page.items]
    return atom(
        told,
        title=(await _place(services.store)).name,
        address=f"{request.base_url}api/v1/alarms/feed.atom",
        updated=max((each.sent for each in told), default=0),
    )


HANDLERS = (cap_message, feed)

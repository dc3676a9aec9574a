"""``/gbfs/2.3/…`` and ``/gbfs/3.0/…``: the shared bikes for trip planners, as far as the charter opens them."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from litestar import Request, get
from litestar.params import FromPath

from clapas.domain.errors import NotFound
from clapas.domain.window import instant
from clapas.store.values import EntityRow, Latest
from clapas.usecases.bikes.gbfs import FILES, VERSIONS, Station, System, document
from clapas.usecases.routes import READ, rooms_of, seen_by

TYPE = "BikeHireDockingStation"
MOST = 1000
LANGUAGE = "fr"


@get("/gbfs/{version:str}/{file:str}", opt=READ)
async def feed(
    request: Request[Any, Any, Any], version: FromPath[str], file: FromPath[str]
) -> dict[str, Any]:
    """One file of the feed (``gbfs.json`` names the others)."""
    name = file.removesuffix(".json")
    if version not in VERSIONS or name not in FILES or not file.endswith(".json"):
        raise NotFound(file=f"{version}/{file}"[:80])
    rooms, seen = rooms_of(request), seen_by(request)
    stations: list[EntityRow] = []
    after: str | None = None
    while True:
        page = await rooms.store.entities.page(seen.entities, type=TYPE, after=after, limit=MOST)
        stations += page.items
        after = page.next
        if after is None:
            break
    latest = await rooms.store.state.latest(
        seen.series, entities=[row.entity.id for row in stations]
    )
    host = request.url.hostname or "localhost"
    system = System(
        id="clapas-bikes",
        name="Vélos en libre-service",
        language=LANGUAGE,
        timezone=(await rooms.store.territory.zone()).key,
        email=f"contact@{host}",
        base=f"{str(request.base_url).rstrip('/')}/gbfs",
    )
    return document(
        version, name, system=system, stations=stations_of(stations, latest), now=datetime.now(UTC)
    )


def stations_of(rows: list[EntityRow], latest: list[Latest]) -> list[Station]:
    """Stations with a place and a number of bikes; a station that never reported is left out."""
    known: dict[str, dict[str, Latest]] = defaultdict(dict)
    for each in latest:
        if isinstance(each.value, int | float):
            known[each.entity][each.quantity] = each
    found = (_station(row, known[row.entity.id]) for row in rows if row.entity.id in known)
    return [each for each in found if each is not None]


def _station(row: EntityRow, values: dict[str, Latest]) -> Station | None:
    entity, bikes = row.entity, values.get("bikes_available")
    if bikes is None or entity.longitude is None or entity.latitude is None:
        return None
    count, capacity = _whole(bikes) or 0, _whole(values.get("total_places"))
    docks = _whole(values.get("docks_available"))
    if docks is None and capacity is not None:
        docks = max(0, capacity - count)
    return Station(
        id=entity.id.rpartition(":")[2],
        name=entity.name or entity.id.rpartition(":")[2],
        longitude=entity.longitude,
        latitude=entity.latitude,
        capacity=capacity,
        bikes=count,
        docks=docks,
        reported=instant(bikes.measured),
    )


def _whole(latest: Latest | None) -> int | None:
    """A count; free beyond the capacity at the source stays as it is, below zero is zero."""
    return (
        None
        if latest is None or not isinstance(latest.value, float | int)
        else max(0, round(latest.value))
    )


HANDLERS = (feed,)

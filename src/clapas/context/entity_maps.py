"""Entity maps: the fixed list of candidates of a query, and the sources that hold each (clauses 5.2.39, 5.5.14, 5.14)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.http import Request
from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.federation.reads import Located
from clapas.context.lasting import keep, one
from clapas.context.model import time_text
from clapas.context.search import Query, Selector
from clapas.context.temporal import DURATION

PATH = "/ngsi-ld/v1/entityMaps/"
HEADER = "NGSILD-EntityMap"
FLAGS = frozenset({"", "true", "false"})
LIFETIME = timedelta(minutes=10)
LONGEST = timedelta(days=36_500)
"""What no lifetime exceeds: the operator's own bound is much shorter."""
HERE = "@none"


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The map that a query is restricted to."""

    body: Mapping[str, Any]

    @property
    def ids(self) -> list[str]:
        """The candidates."""
        return list(self.body["entityMap"])

    def selectors(self, asked: Query) -> tuple[Selector, ...]:
        """The query's selectors, among the candidates only."""
        found: list[Selector] = []
        for each in asked.selectors or (Selector(),):
            ids = [name for name in self.ids if not each.ids or name in each.ids]
            found.append(msgspec.structs.replace(each, ids=tuple(ids) or ("urn:ngsi-ld:none",)))
        return tuple(found)

    def request(self, request: Request, name: str = "") -> Request:
        """The request kept to the sources that the map names, for one entity or for all."""
        held = self.body["entityMap"]
        named = held.get(name, []) if name else [each for ids in held.values() for each in ids]
        linked = self.body.get("linkedMaps", {})
        sources = {each: linked.get(each, "") for each in named if each != HERE}
        return msgspec.structs.replace(request, sources=sources)

    async def used(
        self, broker: Broker, request: Request, *, where: Located, whole: bool
    ) -> tuple[str, str]:
        """The header of an answer that kept to the map.

        The maps that sources used are noted (5.7.1.4); when all were asked for (``whole``), candidates
        that do not fit any more leave (5.5.9.3).
        """
        held, linked = self.body["entityMap"], self.body.get("linkedMaps", {})
        kept = {key: value for key, value in held.items() if not whole or key in where.sources}
        if len(kept) < len(held) or not where.maps.items() <= linked.items():
            body = {**self.body, "entityMap": kept, "linkedMaps": {**linked, **where.maps}}
            await keep(broker, "map", tenant=request.tenant, body=body)
        return HEADER, PATH + self.body["id"]


async def chosen_map(broker: Broker, request: Request) -> Chosen | None:
    """The map that the request names, None without one or when it is gone. Raises BadRequestData."""
    name = named(request)
    if not name:
        return None
    try:
        return Chosen(
            body=await one(broker, "map", tenant=request.tenant, name=name.rpartition("/")[2])
        )
    except ResourceNotFound:
        return None


def named(request: Request) -> str:
    """The map that the request names, '' without."""
    given = request.params.get("entityMap", "")
    return request.headers.get(HEADER.lower(), "") if given in FLAGS else given


def wished(request: Request) -> bool:
    """Whether a map is to be made when there is none (5.7.1.4, 5.7.2.4)."""
    return bool(named(request)) or request.params.get("entityMap") == "true"


def bounded(broker: Broker, wanted: datetime | None) -> datetime:
    """The expiry that is given: what was wanted, within the operator's longest."""
    now = datetime.now(UTC)
    longest = timedelta(hours=broker.settings.map_hours)
    return min(wanted, now + longest) if wanted is not None else now + LIFETIME


def lifetime(request: Request) -> datetime | None:
    """The expiry that ``entityMapLifetime`` asks for. Raises BadRequestData."""
    text = request.params.get("entityMapLifetime")
    return datetime.now(UTC) + min(duration(text), LONGEST) if text is not None else None


async def make(broker: Broker, request: Request, *, where: Located) -> dict[str, Any]:
    """A new map, kept."""
    body = {
        "id": f"urn:ngsi-ld:EntityMap:{uuid4()}",
        "type": "EntityMap",
        "expiresAt": time_text(bounded(broker, lifetime(request))),
        "entityMap": where.sources,
        "linkedMaps": where.maps,
    }
    await keep(broker, "map", tenant=request.tenant, body=body)
    return body


async def map_made(broker: Broker, request: Request, *, where: Located) -> tuple[str, str]:
    """The header of an answer for which a map was made (6.4.3.2)."""
    return HEADER, PATH + (await make(broker, request, where=where))["id"]


async def note_sources(broker: Broker, request: Request, *, named: str, where: Located) -> None:
    """Sources whose answers came later are noted in a map that is in use."""
    body = await one(broker, "map", tenant=request.tenant, name=named.rpartition("/")[2])
    held = {key: list(value) for key, value in body["entityMap"].items()}
    for name, sources in where.sources.items():
        known = held.setdefault(name, [])
        known += [each for each in sources if each not in known]
    linked = {**body.get("linkedMaps", {}), **where.maps}
    await keep(
        broker, "map", tenant=request.tenant, body={**body, "entityMap": held, "linkedMaps": linked}
    )


def duration(text: str) -> timedelta:
    """An ISO 8601 duration, years and months as so many days. Raises BadRequestData."""
    match = DURATION.match(text)
    if match is None:
        raise BadRequestData(f"{text!r} is not an ISO 8601 duration")
    years, months, weeks, days, hours, minutes, seconds = (float(p or 0) for p in match.groups())
    try:
        return timedelta(
            days=365 * years + 30 * months + 7 * weeks + days,
            hours=hours,
            minutes=minutes,
            seconds=seconds,
        )
    except OverflowError as error:
        raise BadRequestData(f"{text!r} is too long") from error

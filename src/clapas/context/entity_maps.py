"""Entity maps: the fixed list of candidates of a query, and the sources that hold each (clauses 5.2.39, 5.5.14, 5.14)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.http import Answer, Request
from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.federation.reads import located
from clapas.context.lasting import keep, one
from clapas.context.search import Query, Selector
from clapas.context.temporal import DURATION

PATH = "/ngsi-ld/v1/entityMaps/"
HEADER = "NGSILD-EntityMap"
FLAGS = frozenset({"", "true", "false"})
LIFETIME = timedelta(minutes=10)
LONGEST = timedelta(hours=24)


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

    async def used(
        self, broker: Broker, request: Request, *, asked: Query, answer: Answer
    ) -> Answer:
        """The answer; candidates that do not fit any more leave the map (5.5.9.3)."""
        held = await located(broker, request, asked=asked)
        gone = [name for name in self.ids if name not in held]
        named = bool(request.words("id"))
        if gone and not named:
            kept = {key: value for key, value in self.body["entityMap"].items() if key in held}
            await keep(broker, "map", tenant=request.tenant, body={**self.body, "entityMap": kept})
        answer.headers = [*answer.headers, (HEADER, PATH + self.body["id"])]
        return answer


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


async def with_map_of_one(broker: Broker, request: Request, *, name: str, answer: Answer) -> Answer:
    """The answer of a retrieval, with the map it used or made (5.7.1.4)."""
    if not wished(request):
        return answer
    chosen = await chosen_map(broker, request)
    body = chosen.body if chosen is not None else None
    if body is None:
        asked = Query(selectors=(Selector(ids=(name,)),))
        body = await make(broker, request, sources=await located(broker, request, asked=asked))
    answer.headers = [*answer.headers, (HEADER, PATH + body["id"])]
    return answer


def bounded(wanted: datetime | None) -> str:
    """The expiry that is given: what was wanted, within a day."""
    now = datetime.now(UTC)
    at = min(wanted, now + LONGEST) if wanted is not None else now + LIFETIME
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lifetime(request: Request) -> datetime | None:
    """The expiry that ``entityMapLifetime`` asks for. Raises BadRequestData."""
    text = request.params.get("entityMapLifetime")
    return datetime.now(UTC) + min(duration(text), LONGEST) if text is not None else None


async def make(
    broker: Broker, request: Request, *, sources: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """A new map, kept."""
    body = {
        "id": f"urn:ngsi-ld:EntityMap:{uuid4()}",
        "type": "EntityMap",
        "expiresAt": bounded(lifetime(request)),
        "entityMap": {key: list(held) for key, held in sources.items()},
        "linkedMaps": {},
    }
    await keep(broker, "map", tenant=request.tenant, body=body)
    return body


async def with_map(broker: Broker, request: Request, *, asked: Query, answer: Answer) -> Answer:
    """The answer of a query that asks for a map (6.4.3.2)."""
    body = await make(broker, request, sources=await located(broker, request, asked=asked))
    answer.status = 201
    answer.headers = [*answer.headers, (HEADER, PATH + body["id"])]
    return answer


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

"""Live events over server-sent events: observations that the caller may see, the ledger, sources, repairs."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from clapas.charter import Exit, collection
from clapas.domain.access import ANONYMOUS, Principal
from clapas.domain.device import Series
from clapas.domain.errors import ClapasError, InvalidInput
from clapas.domain.identifiers import entity_type
from clapas.domain.message import ObservationBatch
from clapas.domain.window import instant
from clapas.pipeline.ledger import read_ledger
from clapas.web.api.home import sources_of
from clapas.web.authentication import recognise
from clapas.web.guard import asks
from clapas.web.live import HEARTBEAT, Event, Listener
from clapas.web.services import Call, Services, services_of

TOPICS = frozenset({"observations", "ledger", "sources", "repairs"})
BEAT_S = 15.0
LEDGER_S = 5.0
MOST_SERIES = 200_000


@dataclass(slots=True)
class Reader:
    """One open stream: what it wants, what it may see, as found so far."""

    services: Services
    principal: Principal
    topics: frozenset[str]
    entities: frozenset[str]
    types: frozenset[str]
    known: dict[int, Series | None] = field(default_factory=dict)

    async def observations(self, batch: ObservationBatch) -> AsyncIterator[Event]:
        """The observations of a batch that are wanted and may be seen."""
        if "observations" not in self.topics:
            return
        await self._learn({each.series for each in batch.observations} - self.known.keys())
        for each in batch.observations:
            series = self.known.get(each.series)
            if series is not None and not each.deleted:
                data = {
                    "entity": series.key.entity,
                    "attribute": series.key.attribute,
                    "series": each.series,
                    "value": each.value,
                    "measured": instant(each.measured),
                    "quality": each.quality,
                }
                yield Event("observation", data)

    async def _learn(self, numbers: set[int]) -> None:
        """One question to the store for the series not met before; others are refused from then on."""
        if not numbers:
            return
        if len(self.known) > MOST_SERIES:
            self.known.clear()
        way = Exit(charter=self.services.charter, principal=self.principal, action="subscribe")
        rows = way.rows("series")
        found = await self.services.store.series.by_id(rows, numbers)
        for number in numbers:
            series = found.get(number)
            given = series and way.shows(series.dataset, series.key.attribute)
            self.known[number] = series if series and given and self._wanted(series) else None

    def _allowed(self, action: str, kind: str) -> bool:
        return self.services.charter.decide(self.principal, action, resource=collection(kind)).allow

    def _wanted(self, series: Series) -> bool:
        entity = series.key.entity
        if self.entities and entity not in self.entities:
            return False
        return not self.types or entity_type(entity) in self.types

    async def totals(self) -> AsyncIterator[Event]:
        """The ledger's totals, the sources and the repairs, when wanted; an engine that is down skips a turn."""
        try:
            if "ledger" in self.topics:
                ledger = await read_ledger(self.services.store, self.services.bus)
                yield Event("ledger", ledger)
            if "sources" in self.topics:
                for source in await sources_of(self.services):
                    yield Event("source", source)
            if "repairs" in self.topics and self._allowed("read", "repair"):
                way = Exit(charter=self.services.charter, principal=self.principal, action="read")
                counts = await self.services.store.health.repair_counts(way.rows("device"))
                yield Event("repairs", counts)
        except ClapasError as error:
            yield Event("problem", {"code": error.code})


@dataclass(slots=True)
class Clock:
    """When the things that come by themselves were last done (seconds, monotonic)."""

    told: float
    reviewed: float
    sent: float


async def stream(request: Call, reader: Reader, *, listener: Listener) -> AsyncIterator[bytes]:
    """The events of one reader until it leaves, falls behind, or loses its rights."""
    now = time.monotonic()
    clock = Clock(told=now, reviewed=now, sent=now)
    yield b"retry: 3000\n\n" + await _joined(reader.totals())
    while True:
        batch = await listener.next(1.0)
        ended = await _ending(request, reader, listener=listener, clock=clock)
        if ended is not None:
            yield ended.encode()
            return
        now = time.monotonic()
        parts = await _joined(reader.observations(batch)) if batch is not None else b""
        if now - clock.told > LEDGER_S:
            clock.told = now
            parts += await _joined(reader.totals())
        if not parts and now - clock.sent > BEAT_S:
            parts = HEARTBEAT
        if parts:
            clock.sent = now
            yield parts


async def _joined(events: AsyncIterator[Event]) -> bytes:
    return b"".join([event.encode() async for event in events])


async def _ending(
    request: Call, reader: Reader, *, listener: Listener, clock: Clock
) -> Event | None:
    """The last event, when this stream must end."""
    if listener.behind:
        return Event("dropped", {"reason": "slow_reader"})
    now = time.monotonic()
    if now - clock.reviewed > reader.services.settings.live_review_s:
        clock.reviewed = now
        if not await still_allowed(request, reader):
            return Event("ended", {"reason": "rights"})
    return None


async def still_allowed(request: Call, reader: Reader) -> bool:
    """Ask again who calls and what they may: a session revoked or a new article ends the stream."""
    try:
        principal, _ = await recognise(request)
    except ClapasError:
        principal = ANONYMOUS
    reader.principal = principal
    reader.known.clear()
    charter = reader.services.charter
    return charter.decide(principal, "subscribe", resource=collection("live")).allow


@get("/api/v1/live", tags=["live"], opt=asks("subscribe", "live"), summary="Live events")
async def live(
    request: Call,
    entity: Annotated[list[str] | None, QueryParameter(max_items=200)] = None,
    type_: Annotated[list[str] | None, QueryParameter(name="type", max_items=50)] = None,
    topics: FromQuery[str] = "observations",
) -> Stream:
    """``text/event-stream`` of events observation, ledger, source, repairs; a comment each 15 s."""
    wanted = frozenset(each for each in topics.split(",") if each)
    if not wanted or not wanted <= TOPICS:
        raise InvalidInput("unknown topic", field="topics", accepted=sorted(TOPICS))
    services = services_of(request)
    reader = Reader(
        services=services,
        principal=request.user,
        topics=wanted,
        entities=frozenset(entity or ()),
        types=frozenset(type_ or ()),
    )

    async def events() -> AsyncIterator[bytes]:
        with services.live.listen() as listener:
            async for part in stream(request, reader, listener=listener):
                yield part
                await asyncio.sleep(0)

    return Stream(
        events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


HANDLERS = (live,)

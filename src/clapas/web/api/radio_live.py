"""Frames as they come, over server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from clapas.charter import collection
from clapas.domain.access import ANONYMOUS
from clapas.domain.errors import ClapasError
from clapas.web.authentication import recognise
from clapas.web.guard import asks
from clapas.web.live import HEARTBEAT, Event
from clapas.web.radio import ask, permitted
from clapas.web.services import Call, services_of

LIVE_S = 1.0
BEAT_S = 15.0
MOST = 500


@get("/api/v1/radio/live", tags=["radio"], opt=asks("subscribe", "live"), summary="Live frames")
async def live(
    request: Call,
    device: Annotated[str, QueryParameter(max_length=128)] = "",
    gateway: Annotated[str, QueryParameter(max_length=32)] = "",
) -> Stream:
    """``text/event-stream`` of events ``frames`` (a list, oldest first), once a second at most."""
    started: dict[str, Any] = await ask(services_of(request), "follow", limit=1)
    return Stream(
        _events(request, (device or gateway).lower(), after=started["last"]),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(request: Call, about: str, *, after: int) -> AsyncIterator[bytes]:
    """The frames after a number, until the reader leaves, loses its rights, or the server stops."""
    services = services_of(request)
    sent = reviewed = time.monotonic()
    yield b"retry: 3000\n\n"
    with services.live.listen():
        while True:
            await asyncio.sleep(LIVE_S)
            now = time.monotonic()
            if now - reviewed > services.settings.live_review_s:
                reviewed = now
                if not await _still_allowed(request):
                    yield Event("ended", {"reason": "rights"}).encode()
                    return
            try:
                said = await ask(services, "follow", device=about, after=after, limit=MOST)
            except ClapasError as wrong:
                yield Event("problem", {"code": wrong.code}).encode()
                return
            after = said["last"]
            shown = await permitted(request, said["frames"])
            if shown or now - sent > BEAT_S:
                sent = now
                yield Event("frames", shown).encode() if shown else HEARTBEAT


async def _still_allowed(request: Call) -> bool:
    try:
        principal, _ = await recognise(request)
    except ClapasError:
        principal = ANONYMOUS
    charter = services_of(request).charter
    return charter.decide(principal, "subscribe", resource=collection("live")).allow


HANDLERS = (live,)

"""The audit trail, read by whoever the charter lets; every reading is itself an event."""

import msgspec
from litestar import Response, get
from litestar.params import FromQuery

from clapas.charter import event_of
from clapas.charter.audit import AuditEvent, verify
from clapas.domain.access import Resource
from clapas.domain.errors import InvalidInput
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.notices import outbox_of
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


class EventOut(msgspec.Struct, frozen=True, kw_only=True):
    """An event, with its number, its hash, and the name of the account that acted ('' for all others)."""

    seq: int
    hash: str
    event: AuditEvent
    name: str


class VerdictOut(msgspec.Struct, frozen=True, kw_only=True):
    """Does the chain hold? How many events, the head, the first broken number."""

    ok: bool
    events: int
    head: str
    broken_at: int | None


async def _told(request: Call, scope: dict[str, object]) -> None:
    trail = services_of(request).audit
    if trail is not None:
        thing = Resource(kind="audit")
        await trail.keep(event_of(request.user, "read", resource=thing, allowed=True, scope=scope))


@get("/api/v1/audit", tags=["audit"], opt=asks("read", "audit"), summary="The audit trail")
async def events(
    request: Call,
    who: FromQuery[str] = "",
    what: FromQuery[str] = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[EventOut]]:
    """Events, newest first."""
    size = page_size(limit)
    if after and not (after.isascii() and after.isdigit() and len(after) < 18):
        raise InvalidInput("not a cursor", field="after")
    await _told(request, {"who": who[:80], "what": what[:40], "limit": size})
    rows = await services_of(request).store.audit.latest(
        before=int(after or 0), who=who, what=what, limit=size
    )
    told = [msgspec.json.decode(row.event, type=AuditEvent) for row in rows]
    names = await outbox_of(request).names({each.who for each in told if each.kind == "user"})
    found = [
        EventOut(seq=row.seq, hash=row.hash.hex(), event=event, name=names.get(event.who, ""))
        for row, event in zip(rows, told, strict=True)
    ]
    return listing(request, found, after=str(rows[-1].seq) if len(rows) == size else None)


@get("/api/v1/audit/verify", tags=["audit"], opt=asks("read", "audit"), summary="Verify")
async def verdict(request: Call) -> VerdictOut:
    """Walk the whole chain."""
    await _told(request, {"verify": True})
    found = await verify(services_of(request).store.audit)
    return VerdictOut(
        ok=found.broken_at is None,
        events=found.events,
        head=found.head,
        broken_at=found.broken_at,
    )


HANDLERS = (events, verdict)

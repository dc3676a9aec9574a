"""Messages that could not be kept: shown with their reason, and sent through the main path again."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar import Response, get, post
from litestar.params import FromQuery, JSONBody

from clapas.domain.errors import InvalidInput
from clapas.domain.message import RawMessage
from clapas.domain.window import instant
from clapas.store.values import Reject
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, Services, services_of

MOST = 1000


class RejectOut(msgspec.Struct, frozen=True, kw_only=True):
    """A reject; the previews show the first bytes of its body."""

    id: int
    log: int
    sequence: int
    source: str
    device: str
    reason: str
    detail: str
    received: datetime
    preview_hex: str
    preview_text: str


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """Which rejects to send again: those numbers, or the first thousand of a source and a reason."""

    ids: list[int] = []
    source: str = ""
    reason: str = ""


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages were sent again; those whose raw message is gone are ``missing``."""

    job: str | None = None
    retried: int
    missing: int


def reject_out(row: Reject) -> RejectOut:
    """A reject as the page shows it."""
    text = row.preview.decode("utf-8", errors="replace")
    return RejectOut(
        id=row.id,
        log=row.log,
        sequence=row.sequence,
        source=row.source,
        device=row.device,
        reason=row.reason,
        detail=row.detail,
        received=instant(row.received),
        preview_hex=row.preview.hex(),
        preview_text="".join(each if each.isprintable() else "·" for each in text),
    )


@get("/api/v1/rejects", tags=["home"], opt=asks("read", "reject"), summary="Rejects")
async def rejects(
    request: Call,
    source: FromQuery[str] = "",
    reason: FromQuery[str] = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[RejectOut]]:
    """Rejects that wait, newest first."""
    page = await services_of(request).store.rejects.page(
        source=source, reason=reason, after=after, limit=page_size(limit)
    )
    return listing(request, [reject_out(each) for each in page.items], after=page.next)


@post(
    "/api/v1/rejects/retry",
    status_code=200,
    tags=["home"],
    opt=asks("write", "reject"),
    summary="Send rejects through the main path again",
)
async def retry(request: Call, data: JSONBody[Retry]) -> Retried:
    """Log the raw messages once more: new sequences, so that the ledger still adds up."""
    services = services_of(request)
    if len(data.ids) > MOST:
        raise InvalidInput("at most 1000 rejects at a time", field="ids", accepted=MOST)
    if data.ids:
        found = await services.store.rejects.by_id(data.ids)
    elif data.source or data.reason:
        page = await services.store.rejects.page(source=data.source, reason=data.reason, limit=MOST)
        found = page.items
    else:
        raise InvalidInput("say which rejects", field="ids")
    retried = await send_again(services, found)
    return Retried(retried=retried, missing=len(found) - retried)


async def send_again(services: Services, rejects: Sequence[Reject]) -> int:
    """Log the raw messages of rejects once more; gives how many were still kept."""
    if not rejects:
        return 0
    raws = await services.store.raw.by_sequences([(each.log, each.sequence) for each in rejects])
    messages = [
        RawMessage(
            source=raw.source,
            topic=raw.topic,
            received=raw.received,
            payload=raw.payload,
            idempotency=raw.idempotency,
            sender=raw.sender,
        )
        for raw in raws
    ]
    if messages:
        await services.bus.publish_uplinks(messages)
    kept = {(raw.log, raw.sequence) for raw in raws}
    await services.store.rejects.retried(
        [each.id for each in rejects if (each.log, each.sequence) in kept]
    )
    return len(raws)


HANDLERS = (rejects, retry)

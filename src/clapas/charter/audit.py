"""The audit trail: who did what to what, by which article; never a value, never a secret.

Each event is hashed with the hash of the one before it (SHA-256), so that an event changed, removed
or slipped in breaks the chain. Events wait at most a moment in memory; what must not be lost (a
change of rights, a reading of personal data) is awaited.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any

import msgspec

from clapas.domain.access import Principal, Resource
from clapas.domain.errors import ClapasError, InvalidInput
from clapas.store.audit import NOTHING_BEFORE, AuditRow, AuditStore, NewRow

log = logging.getLogger(__name__)

MOST_WAITING = 50_000
A_BATCH = 2000
HASH = re.compile(r"[0-9a-fA-F]{64}")
ENCODER = msgspec.json.Encoder(order="deterministic")


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. ``scope`` holds sizes and periods, never values."""

    at: datetime
    who: str
    kind: str
    service: str = ""
    address: str = ""
    action: str
    what: str
    id: str = ""
    dataset: str = ""
    allowed: bool
    articles: tuple[str, ...] = ()
    policy: str = ""
    purpose: str = ""
    scope: dict[str, Any] = {}


def event_of(
    principal: Principal,
    action: str,
    *,
    resource: Resource,
    allowed: bool,
    articles: Sequence[str] = (),
    **more: Any,
) -> AuditEvent:
    """The event of a decision, now."""
    return AuditEvent(
        at=datetime.now(UTC),
        who=principal.id,
        kind=principal.kind,
        service=principal.service,
        action=action,
        what=resource.kind,
        id=resource.id,
        dataset=resource.dataset,
        allowed=allowed,
        articles=tuple(articles),
        **more,
    )


def chained(events: Sequence[AuditEvent], seq: int, *, before: bytes) -> list[NewRow]:
    """Events as rows that follow the event ``seq`` whose hash is ``before``."""
    rows = []
    for event in events:
        seq += 1
        text = ENCODER.encode(event)
        before = link(seq, text, before=before)
        rows.append(
            NewRow(
                seq=seq,
                t=event.at,
                who=event.who,
                what=event.what,
                event=text.decode(),
                hash=before.hex(),
            )
        )
    return rows


def link(seq: int, text: bytes, *, before: bytes) -> bytes:
    """The hash of an event that follows ``before``."""
    return sha256(before + seq.to_bytes(8) + text).digest()


class Kept(msgspec.Struct, frozen=True):
    """The hash (hexadecimal) of an event as somebody noted it elsewhere; written ``number:hash``."""

    seq: int
    hash: str

    @classmethod
    def read(cls, text: str) -> "Kept":
        """Raises InvalidInput."""
        number, _, digest = text.strip().partition(":")
        if not number.isdecimal() or not HASH.fullmatch(digest):
            raise InvalidInput("what was kept is written number:hash", value=text[:80])
        return cls(int(number), digest.lower())


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found: how many events, the chain's head, the first broken number.

    ``rewritten``: the event that was kept elsewhere is gone, or is not the same any more.
    """

    events: int
    head: str
    broken_at: int | None = None
    rewritten: bool = False


def verify_rows(rows: Sequence[AuditRow], seq: int, *, before: bytes) -> tuple[bytes, int | None]:
    """The last hash, and the number of the first event that does not follow."""
    for row in rows:
        seq += 1
        if row.seq != seq or link(seq, row.event, before=before) != row.hash:
            return before, seq
        before = row.hash
    return before, None


async def verify(store: AuditStore, kept: Kept | None = None) -> Verdict:
    """Walk the whole trail, and find in it the event that was kept elsewhere."""
    seq, before, found = 0, NOTHING_BEFORE, kept is None
    while rows := await store.after(seq):
        before, broken = verify_rows(rows, seq, before=before)
        if broken is not None:
            return Verdict(events=broken - 1, head=before.hex(), broken_at=broken)
        if kept is not None and seq < kept.seq <= seq + len(rows):
            found = compare_digest(rows[kept.seq - seq - 1].hash.hex(), kept.hash)
        seq += len(rows)
    return Verdict(events=seq, head=before.hex(), rewritten=not found)


class AuditTrail:
    """Appends events in batches. :meth:`run` writes what waits, until cancelled."""

    def __init__(self, store: AuditStore) -> None:
        self.store = store
        self._waiting: deque[AuditEvent] = deque()
        self._writing = asyncio.Lock()
        self.lost = 0

    def note(self, event: AuditEvent) -> None:
        """Keep an event soon. Beyond the bound it is counted as lost, and that is written too."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(event)

    async def keep(self, event: AuditEvent) -> None:
        """Keep an event, and those before it, now. Raises EngineUnavailable."""
        self.note(event)
        await self.flush()

    async def flush(self) -> None:
        """Write everything that waits."""
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(A_BATCH, len(self._waiting)))]
                if self.lost:
                    batch.append(_gap(self.lost))
                try:
                    await self.store.append(
                        lambda seq, before, b=batch: chained(b, seq, before=before)  # type: ignore[misc]
                    )
                except BaseException:
                    self._waiting.extendleft(reversed(batch))
                    raise
                self.lost = 0

    async def run(self, every: float = 0.5) -> None:
        """Write what waits again and again; what is left is written at the end."""
        try:
            while True:
                await asyncio.sleep(every)
                try:
                    await self.flush()
                except ClapasError as error:
                    log.warning("the audit trail waits: %s", error)
        finally:
            try:
                await asyncio.shield(asyncio.wait_for(self.flush(), 5))
            except (ClapasError, TimeoutError) as error:
                log.error("%d audit events were not written: %s", len(self._waiting), error)


def _gap(lost: int) -> AuditEvent:
    return AuditEvent(
        at=datetime.now(UTC),
        who="system",
        kind="system",
        action="write",
        what="audit",
        allowed=False,
        scope={"lost": lost},
    )

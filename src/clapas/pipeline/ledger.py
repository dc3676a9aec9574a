"""The ledger: received = stored + duplicate + rejected + in flight, per log, counted from rows.

*Received* is the log's own last sequence; outcomes are rows keyed by (log, sequence); what has no
outcome must still wait in the log. A message that is neither is lost, and shown. Nothing here is a
counter that a restart could forget.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from clapas.bus import Bus, LogState
from clapas.store import LogCount, LogName, Store


class LogLedger(msgspec.Struct, frozen=True, kw_only=True):
    """One log's account. ``open`` is False for a former incarnation, which receives nothing more."""

    log: int
    name: str
    open: bool
    last: int
    received: int
    stored: int
    duplicate: int
    rejected: int
    in_flight: int
    lost: int
    balanced: bool


class SourceLedger(msgspec.Struct, frozen=True, kw_only=True):
    """One connector's account, with the reasons of its rejects."""

    source: str
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: dict[str, int] = {}


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The whole account; ``balanced`` when every log's is."""

    received: int
    stored: int
    duplicate: int
    rejected: int
    in_flight: int
    lost: int
    balanced: bool
    logs: tuple[LogLedger, ...]
    by_source: tuple[SourceLedger, ...]
    checked_at: datetime


async def read_ledger(store: Store, bus: Bus) -> Ledger:
    """Count now. The log is read before the rows, so that a message on its way is never 'lost'."""
    states = {(state.name, state.incarnation): state for state in await bus.log_states()}
    logs, counts = [], []
    for name in await store.messages.logs():
        state = states.get((name.name, name.incarnation))
        of_log = await store.ledger.counts(name.id, state.last if state else None)
        logs.append(_account(name, state, counts=of_log))
        counts.extend(of_log)
    return Ledger(
        received=sum(each.received for each in logs),
        stored=sum(each.stored for each in logs),
        duplicate=sum(each.duplicate for each in logs),
        rejected=sum(each.rejected for each in logs),
        in_flight=sum(each.in_flight for each in logs),
        lost=sum(each.lost for each in logs),
        balanced=all(each.balanced for each in logs),
        logs=tuple(logs),
        by_source=_by_source(counts),
        checked_at=datetime.now(UTC),
    )


def _account(name: LogName, state: LogState | None, *, counts: Sequence[LogCount]) -> LogLedger:
    results = Counter[str]()
    for each in counts:
        results[each.result] += each.messages
    outcomes = sum(results.values())
    received = state.last if state else outcomes
    waiting = state.waiting if state else 0
    in_flight = max(0, received - outcomes)
    lost = max(0, in_flight - waiting)
    return LogLedger(
        log=name.id,
        name=name.name,
        open=state is not None,
        last=received,
        received=received,
        stored=results["stored"],
        duplicate=results["duplicate"],
        rejected=results["rejected"],
        in_flight=in_flight,
        lost=lost,
        balanced=lost == 0 and outcomes <= received,
    )


def _by_source(counts: Sequence[LogCount]) -> tuple[SourceLedger, ...]:
    results: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for each in counts:
        results.setdefault(each.source, Counter())[each.result] += each.messages
        if each.result == "rejected":
            reasons.setdefault(each.source, Counter())[each.reason] += each.messages
    return tuple(
        SourceLedger(
            source=source,
            stored=of_source["stored"],
            duplicate=of_source["duplicate"],
            rejected=of_source["rejected"],
            reasons=dict(reasons.get(source, {})),
        )
        for source, of_source in sorted(results.items())
    )

"""The life of an alarm: a state machine without clock or database.

                 raise                    acknowledge
    (nothing) ─────────► active, new ─────────────────► active, acknowledged
                          │  ▲                              │  ▲
                    clear │  │ raise                  clear │  │ raise
                          ▼  │          acknowledge         ▼  │
                        cleared, new ─────────────────► closed

An alarm that is raised while it is active only counts one more occurrence; one that is raised again
before it is closed is the same alarm. A verdict (confirmed or false) closes what is not active, and
may be given later to a closed one. Raising twice for the same reading changes nothing. What a person
closed can be reopened: it is again what it was before, or cleared when what was wrong ended since.
"""

from typing import Any, Literal

import msgspec

from clapas.rules.errors import NotInThatState, OpenAnew, ReasonWanted
from clapas.rules.model import Severity
from clapas.store.rules_values import Aftermath, Alarm, AlarmEvent

FLAPS = 4
"""Occurrences of one alarm within ``FLAP_MS`` that make it flap: it is kept, and told once."""
FLAP_MS = 3_600_000
UNDO_MS = 600_000
"""For so long who closed an alarm takes it back without a word; afterwards a reason is wanted."""
REOPEN_MS = 30 * 86_400_000
"""What has been closed for longer stays closed."""
Action = Literal["acknowledge", "assign", "comment", "verdict", "severity", "close", "reopen"]


class Raise(msgspec.Struct, frozen=True, kw_only=True):
    """A rule says that something is wrong: since ``measured`` (ms), told at ``at`` (ms)."""

    rule: str
    entity: str
    measured: int
    at: int
    severity: Severity
    title: str = ""
    trade: str = ""
    commune: str = ""
    series: int | None = None
    value: float | None = None
    message: dict[str, str] = {}
    parents: tuple[str, ...] = ()
    masked: str = ""
    public: bool = False
    because: dict[str, Any] = {}
    name: str = ""


class Clear(msgspec.Struct, frozen=True, kw_only=True):
    """What was wrong is over since ``measured``; ``reason`` says why when it is not the rule's own.

    An ``ordered`` one ends only what was measured before it: its sender keeps no order of its own.
    """

    rule: str
    entity: str
    measured: int
    at: int
    value: float | None = None
    reason: str = ""
    ordered: bool = False


Signal = Raise | Clear


class Step(msgspec.Struct, frozen=True):
    """What a signal or a person made of an alarm; ``tell`` is 'raised', 'cleared' or '' for nobody."""

    alarm: Alarm
    events: tuple[AlarmEvent, ...]
    tell: str = ""


def state_of(alarm: Alarm) -> Literal["new", "acknowledged", "cleared", "closed"]:
    """Where an alarm is in its life, in one word."""
    if alarm.closed is not None:
        return "closed"
    if not alarm.active:
        return "cleared"
    return "new" if alarm.acknowledged is None else "acknowledged"


def follow(alarm: Alarm | None, signal: Signal) -> Step | None:
    """The next state of the open alarm (None: there is none) after a signal; None: nothing changes."""
    if isinstance(signal, Clear):
        return _clear(alarm, signal)
    if alarm is None or alarm.closed is not None:
        return _first(signal)
    return _again(alarm, signal)


def _first(signal: Raise) -> Step:
    alarm = Alarm(
        rule=signal.rule,
        entity=signal.entity,
        severity=signal.severity,
        title=signal.title,
        trade=signal.trade,
        commune=signal.commune,
        first=signal.measured,
        last=signal.measured,
        raised=signal.at,
        series=signal.series,
        measured=signal.measured,
        value=signal.value,
        message=signal.message,
        parents=signal.parents,
        masked=signal.masked,
        public=signal.public,
        because=signal.because,
        name=signal.name,
    )
    return Step(alarm, (_event(alarm, signal.at, kind="raised", **_seen(signal)),), "raised")


def _again(alarm: Alarm, signal: Raise) -> Step | None:
    if signal.measured <= alarm.last and alarm.active:
        return None
    severity = min(alarm.severity, signal.severity, key=_rank)
    changed = msgspec.structs.replace(
        alarm,
        active=True,
        cleared=None,
        last=max(alarm.last, signal.measured),
        measured=signal.measured,
        value=signal.value,
        series=signal.series,
        severity=severity,
        count=alarm.count + 1,
        raised=alarm.raised if alarm.active else signal.at,
        flapping=_flaps(alarm, signal),
        masked=signal.masked,
        message=signal.message or alarm.message,
        because=signal.because or alarm.because,
    )
    kind = "repeated" if alarm.active else "raised_again"
    told = "" if alarm.active or changed.flapping else "raised"
    if not alarm.active and not changed.flapping:
        changed = msgspec.structs.replace(changed, acknowledged=None, acknowledged_by="")
    return Step(changed, (_event(alarm, signal.at, kind=kind, **_seen(signal)),), told)


def _flaps(alarm: Alarm, signal: Raise) -> bool:
    quick = alarm.cleared is not None and signal.at - alarm.cleared < FLAP_MS
    return alarm.flapping and quick if alarm.count + 1 < FLAPS else quick


def _clear(alarm: Alarm | None, signal: Clear) -> Step | None:
    if alarm is None or alarm.closed is not None or not alarm.active:
        return None
    if signal.ordered and signal.measured < alarm.last:
        return None
    closed = signal.at if alarm.acknowledged is not None else None
    changed = msgspec.structs.replace(alarm, active=False, cleared=signal.at, closed=closed)
    values: dict[str, Any] = {
        "measured": signal.measured,
        "value": signal.value,
        "reason": signal.reason,
    }
    events = [_event(alarm, signal.at, kind="cleared", **values)]
    if closed is not None:
        events.append(_event(alarm, signal.at, kind="closed"))
    return Step(changed, tuple(events), "" if alarm.flapping else "cleared")


def act(alarm: Alarm, action: Action, *, who: str, at: int, value: str = "") -> Step:
    """What a person did. Raises NotInThatState."""
    changed = alarm
    match action:
        case "acknowledge":
            return _acknowledge(alarm, who=who, at=at)
        case "verdict":
            return _verdict(alarm, value, who=who, at=at)
        case "close":
            return _close(alarm, who=who, at=at)
        case "assign":
            changed = msgspec.structs.replace(alarm, assignee=value)
        case "severity":
            changed = msgspec.structs.replace(alarm, severity=value)
        case "comment":
            pass
    return Step(changed, (_event(alarm, at, kind=action, who=who, value=value),))


def _acknowledge(alarm: Alarm, *, who: str, at: int) -> Step:
    if alarm.acknowledged is not None or alarm.closed is not None:
        raise NotInThatState("somebody acknowledged it already", alarm=alarm.id)
    closed = None if alarm.active else at
    changed = msgspec.structs.replace(
        alarm, acknowledged=at, acknowledged_by=who, assignee=alarm.assignee or who, closed=closed
    )
    events = [_event(alarm, at, kind="acknowledged", who=who)]
    if closed is not None:
        events.append(_event(alarm, at, kind="closed", who=who))
    return Step(changed, tuple(events))


def _verdict(alarm: Alarm, verdict: str, *, who: str, at: int) -> Step:
    if verdict not in ("confirmed", "false"):
        raise NotInThatState("a verdict is 'confirmed' or 'false'", alarm=alarm.id)
    closes = not alarm.active and alarm.closed is None
    changed = msgspec.structs.replace(
        alarm,
        verdict=verdict,
        acknowledged=alarm.acknowledged or at,
        acknowledged_by=alarm.acknowledged_by or who,
        closed=at if closes else alarm.closed,
    )
    return Step(changed, (_event(alarm, at, kind=verdict, who=who),))


def _close(alarm: Alarm, *, who: str, at: int) -> Step:
    """By hand: what can never clear by itself (a device taken away) can be closed while active."""
    if alarm.closed is not None:
        raise NotInThatState("it is closed already", alarm=alarm.id)
    changed = msgspec.structs.replace(
        alarm,
        active=False,
        cleared=alarm.cleared or at,
        acknowledged=alarm.acknowledged or at,
        acknowledged_by=alarm.acknowledged_by or who,
        closed=at,
    )
    return Step(changed, (_event(alarm, at, kind="closed", who=who),))


def reopen(alarm: Alarm, since: Aftermath | None, *, who: str, at: int, reason: str = "") -> Step:
    """Take a closing back. Raises NotInThatState, OpenAnew, ReasonWanted."""
    if alarm.closed is None or since is None:
        raise NotInThatState("it is open", alarm=alarm.id)
    if not since.who:
        raise NotInThatState("it ended by itself", alarm=alarm.id)
    if at - alarm.closed > REOPEN_MS:
        raise NotInThatState("it has been closed for too long", alarm=alarm.id)
    if since.anew:
        raise OpenAnew(alarm=alarm.id)
    if not reason.strip() and (who != since.who or at - alarm.closed > UNDO_MS):
        raise ReasonWanted(field="value", alarm=alarm.id)
    active = alarm.cleared == alarm.closed and since.over is None
    seen = active and alarm.acknowledged != alarm.closed
    changed = msgspec.structs.replace(
        alarm,
        active=active,
        cleared=None if active else since.over or alarm.cleared,
        acknowledged=alarm.acknowledged if seen else None,
        acknowledged_by=alarm.acknowledged_by if seen else "",
        verdict="" if since.kind == alarm.verdict else alarm.verdict,
        closed=None,
    )
    return Step(changed, (_event(alarm, at, kind="reopened", who=who, value=reason.strip()),))


def _rank(severity: str) -> int:
    return ("critical", "major", "minor", "warning", "indeterminate").index(severity)


def _seen(signal: Raise) -> dict[str, Any]:
    return {"measured": signal.measured, "value": signal.value, "series": signal.series}


def _event(alarm: Alarm, at: int, *, kind: str, who: str = "", **values: Any) -> AlarmEvent:
    return AlarmEvent(alarm=alarm.id, at=at, kind=kind, who=who, values=values)

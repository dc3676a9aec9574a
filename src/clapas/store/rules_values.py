"""The values of rules and alarms that go in and out of the store. Times are ms since 1970 UTC."""

from typing import Any

import msgspec


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is kept: its revision and its body."""

    id: str
    revision: int
    body: dict[str, Any]
    enabled: bool = True
    owner: str = ""


class TrackRow(msgspec.Struct, frozen=True, gc=False):
    """The engine's memory of one series, and when it must be looked at again (ms, None: never)."""

    series: int
    state: bytes
    deadline: int | None


class SeriesFacts(msgspec.Struct, frozen=True, gc=False):
    """What rules match a series by, and where its alarms propagate."""

    series: int
    entity: str
    attribute: str
    quantity: str
    type: str
    name: str
    commune: str
    relations: dict[str, Any]
    models: tuple[str, ...]
    interval_s: int | None
    received: int | None
    measured: int | None
    tags: tuple[str, ...] = ()
    dataset: str = ""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm: one rule on one entity, from its first occurrence until it is closed.

    ``active`` and ``acknowledged`` make its four states; it closes when it is neither active nor
    unacknowledged. ``verdict`` is '', 'confirmed' or 'false'. ``series`` and ``measured`` point at the
    reading that raised it last. ``masked`` says what keeps it quiet ('' when nothing does).
    """

    id: int = 0
    rule: str
    entity: str
    severity: str
    title: str = ""
    trade: str = ""
    commune: str = ""
    active: bool = True
    first: int
    last: int
    raised: int
    """When the platform raised it last (its clock), first and last are measured times."""
    count: int = 1
    cleared: int | None = None
    acknowledged: int | None = None
    acknowledged_by: str = ""
    assignee: str = ""
    verdict: str = ""
    closed: int | None = None
    series: int | None = None
    measured: int | None = None
    value: float | None = None
    message: dict[str, str] = {}
    parents: tuple[str, ...] = ()
    masked: str = ""
    flapping: bool = False
    public: bool = False
    because: dict[str, Any] = {}
    """Why it was raised last, in numbers: what its sentence is made of."""
    name: str = ""
    """The entity's name, as lists show it; not kept with the alarm."""
    dataset: str = ""
    attribute: str = ""
    """What its reading belongs to, by which the charter says whether it is given; not kept with the alarm."""


class AlarmEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an alarm's timeline: what happened, who did it, when."""

    alarm: int
    at: int
    kind: str
    who: str = ""
    values: dict[str, Any] = {}


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a closed alarm since: ``who`` closed it ('' a rule), by which kind of line.

    ``over`` is when what was wrong ended after it was closed by hand (None: not heard of);
    ``anew``: its rule raised another alarm on the same entity, which is open.
    """

    alarm: int
    kind: str = ""
    who: str = ""
    over: int | None = None
    anew: bool = False


class Silencing(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which alarms that match stay quiet: they are kept and shown, nobody is told.

    ``kind`` is 'silence' or 'maintenance'; an empty field matches everything.
    """

    id: int = 0
    kind: str = "silence"
    rule: str = ""
    entity: str = ""
    commune: str = ""
    start: int
    end: int
    reason: str = ""
    who: str = ""


class RuleScore(msgspec.Struct, frozen=True, kw_only=True):
    """How much a rule is worth: closed, confirmed and false alarms, and how many in thirty days.

    ``settled`` alarms are closed or judged: the precision is ``confirmed / settled``.
    """

    rule: str
    open: int
    closed: int
    settled: int
    confirmed: int
    false: int
    last_30_days: int
    last: int | None

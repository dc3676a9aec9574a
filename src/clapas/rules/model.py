"""Rules as values: what is watched, when an alarm is raised, when it is cleared, how it is told.

A rule is one JSON object; the page, the files of export and import and the engine read the same one.
Durations are seconds, values are in the quantity's own unit, times of day are the territory's.
"""

from typing import Literal

import msgspec

Severity = Literal["critical", "major", "minor", "warning", "indeterminate"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor", "warning", "indeterminate")
Operator = Literal[">", ">=", "<", "<="]
Function = Literal["mean", "min", "max", "sum", "count"]
Direction = Literal["up", "down", "both"]

DAY_S = 86_400


class Condition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """What must be true of a reading. Unknown (no reference, no value) neither raises nor clears."""


class Threshold(Condition, tag="threshold", kw_only=True, frozen=True):
    """The value passes a limit: a number, or an attribute of the entity itself times ``factor``."""

    operator: Operator
    limit: float | None = None
    attribute: str = ""
    factor: float = 1.0


class Band(Condition, tag="band", kw_only=True, frozen=True):
    """The value is outside ``low``…``high`` (both included in the band), or ``inside`` it: a narrower
    band inside is how a rule about a band clears with hysteresis."""

    low: float
    high: float
    inside: bool = False


class Rate(Condition, tag="rate", kw_only=True, frozen=True):
    """The value changes by more than ``per_hour`` since the reading before, by measured time."""

    per_hour: float
    direction: Direction = "both"


class Versus(Condition, tag="versus", kw_only=True, frozen=True):
    """Difference to another series (a reference, a neighbour, a forecast feed) at the same time.

    The other value is its last one measured at or before the reading, not older than ``within_s``.
    An empty ``entity`` is the entity itself, ``relation`` follows one of its relations.
    """

    attribute: str
    operator: Operator
    margin: float
    entity: str = ""
    relation: str = ""
    within_s: int = 3600


class SameHour(Condition, tag="same_hour", kw_only=True, frozen=True):
    """Difference to the usual value of the same hour of the week: more than ``margin`` in the value's
    unit and than ``times`` the usual spread of that hour."""

    margin: float = 0.0
    times: float = 0.0
    direction: Direction = "both"


class Unusual(Condition, tag="unusual", kw_only=True, frozen=True):
    """More than ``times`` the usual deviation away from the middle, and farther than the last days.

    The farthest of the past fades: half of it is forgotten in ``memory_days``. The defaults were chosen
    on made-up series (``clapas bench anomalies -o choose=1``), never on what they are scored with.
    """

    times: float = 6.0
    direction: Direction = "both"
    memory_days: float = 1.0


class Shift(Condition, tag="shift", kw_only=True, frozen=True):
    """A change of level that lasts: two-sided cumulative sum of deviations above ``times`` spreads."""

    times: float = 12.0


class Drift(Condition, tag="drift", kw_only=True, frozen=True):
    """The mean of days leaves the mean of weeks by more than ``times`` spreads."""

    times: float = 3.0


class Frozen(Condition, tag="frozen", kw_only=True, frozen=True):
    """Exactly the same value for that long, confirmed by readings."""

    for_s: int


class Silence(Condition, tag="silence", kw_only=True, frozen=True):
    """Nothing received for that long, or for that many expected intervals of the device's model."""

    for_s: int = 0
    intervals: float = 0.0


class Aggregate(Condition, tag="aggregate", kw_only=True, frozen=True):
    """An aggregate over a sliding window passes a limit; the window slides by twelfths."""

    function: Function
    window_s: int
    operator: Operator
    limit: float
    least: int = 1
    """Readings that the window must hold before it says anything."""


class Group(Condition, tag="group", kw_only=True, frozen=True):
    """An aggregate of the present values of all targets, per commune or in all, passes a limit."""

    function: Function
    operator: Operator
    limit: float
    by: Literal["commune", "all"] = "commune"
    within_s: int = DAY_S
    least: int = 2


class Fence(Condition, tag="fence", kw_only=True, frozen=True):
    """A position (GeoJSON point) is inside or outside a polygon of [longitude, latitude] corners."""

    polygon: tuple[tuple[float, float], ...]
    inside: bool = False


class Sql(Condition, tag="sql", kw_only=True, frozen=True):
    """An analyst's read-only question, asked again and again: its rows (entity, value) are raised."""

    query: str
    every_s: int = 300


class Proposed(Condition, tag="proposed", kw_only=True, frozen=True):
    """Raised by a trade's own detector through :class:`clapas.rules.propose.AlarmProposal`."""

    detector: str


When = (
    Threshold
    | Band
    | Rate
    | Versus
    | SameHour
    | Unusual
    | Shift
    | Drift
    | Frozen
    | Silence
    | Aggregate
    | Group
    | Fence
    | Sql
    | Proposed
)


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which series a rule watches: every part that is given must match.

    ``types`` are the types of a trade; ``group`` is a saved group of the fleet by its name, a tag of
    the devices (``key=value``), or the entity that the watched ones are related to (``urn:…``, a site).
    """

    attribute: str = ""
    type: str = ""
    types: tuple[str, ...] = ()
    model: str = ""
    group: str = ""
    entities: tuple[str, ...] = ()
    communes: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    """Records whose points of measure it watches, besides those that no record holds: two trades may share a type."""
    beside: tuple[str, ...] = ()
    """Words of the names of things that it leaves alone: the weather outside, which is there to compare with."""

    def leaves(self, name: str) -> bool:
        """Is the thing of this name there to compare with?"""
        return any(word.casefold() in name.casefold() for word in self.beside)


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Civil time in which a rule watches. Days: 1 Monday … 7 Sunday; hours 'HH:MM'; may pass midnight."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    start: str = "00:00"
    end: str = "24:00"


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. ``id`` is a short name; ``revision`` grows at each change, kept for ever.

    The condition must hold for ``hold_s`` and in ``n`` of the last ``m`` readings to raise; ``clear``
    (without it: the condition no longer true) must hold for ``clear_hold_s`` to clear.
    """

    id: str
    title: str
    target: Target = Target()
    when: When
    clear: When | None = None
    hold_s: int = 0
    clear_hold_s: int = 0
    n: int = 1
    m: int = 1
    schedule: Schedule | None = None
    severity: Severity = "warning"
    trade: str = ""
    owner: str = ""
    description: str = ""
    message: dict[str, str] = {}
    """Language → sentence with {entity}, {value}, {limit}; empty: the platform's own sentence."""
    propagate: tuple[str, ...] = ()
    """Relations along which the alarm is also counted."""
    depends: tuple[str, ...] = ()
    """Rules that mask this one while they are active on the same commune or on a related entity."""
    chain: str = ""
    """The escalation chain that is told."""
    public: bool = False
    """Also told to the public (CAP and Atom)."""
    enabled: bool = True
    revision: int = 0

"""Parts of a rule that cannot be true together, each with the reason and the field to change."""

from collections.abc import Iterator

from clapas.domain.quantities import BY_NGSI_NAME
from clapas.rules.model import (
    Aggregate,
    Band,
    Group,
    Proposed,
    Rule,
    Schedule,
    Silence,
    Sql,
    Threshold,
    When,
)

UP = (">", ">=")
DAY_MINUTES = 1440
BY_ITSELF = Silence | Sql | Group | Proposed
"""Conditions that are not stepped reading by reading: they raise and clear by themselves."""


def contradictions(rule: Rule) -> Iterator[tuple[str, str]]:
    """(reason, field) of everything that contradicts."""
    if isinstance(rule.when, BY_ITSELF):
        yield from _by_itself(rule)
    elif rule.clear is not None:
        yield from _together(rule.when, rule.clear)
    if rule.schedule and rule.hold_s > 60 * _minutes(rule.schedule):
        yield "it must hold for longer than its hours last: it would never be raised", "hold_s"
    if rule.id in rule.depends:
        yield "a rule does not keep itself quiet", "depends"
    for when, field in ((rule.when, "when"), (rule.clear, "clear")):
        if when is not None:
            yield from _reach(when, rule.target.attribute, field=field)


def _by_itself(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.clear is not None:
        yield "this kind of rule clears by itself", "clear"
    if rule.hold_s or rule.clear_hold_s:
        yield "this kind of rule has no duration of its own", "hold_s"
    if (rule.n, rule.m) != (1, 1):
        yield "this kind of rule is not counted reading by reading", "n"
    if rule.schedule and isinstance(rule.when, Silence | Proposed):
        yield "this kind of rule watches at all hours", "schedule"


def _minutes(schedule: Schedule) -> int:
    """How long the hours of one opening last; days that follow each other whole make a week."""
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (schedule.start, schedule.end))
    if (start, end) == (0, DAY_MINUTES):
        return DAY_MINUTES * len(schedule.days)
    return end - start if end > start else end - start + DAY_MINUTES


def _together(when: When, clear: When) -> Iterator[tuple[str, str]]:
    """Raise and clear must leave room between them, else the alarm would flap by construction."""
    if isinstance(clear, BY_ITSELF):
        yield "this condition cannot clear an alarm", "clear"
    if isinstance(when, Threshold) and isinstance(clear, Threshold):
        yield from _thresholds(when, clear)
    if isinstance(when, Band) and isinstance(clear, Band):
        if when.inside == clear.inside:
            yield "raising and clearing are on the same side of the band", "clear.inside"
        elif not _apart(*((when, clear) if clear.inside else (clear, when))):
            yield "it would be cleared while it is raised", "clear.low"


def _thresholds(when: Threshold, clear: Threshold) -> Iterator[tuple[str, str]]:
    if when.limit is None or clear.limit is None:
        return
    up = when.operator in UP
    if up == (clear.operator in UP):
        yield "raising and clearing go the same way", "clear.operator"
    elif clear.limit > when.limit if up else clear.limit < when.limit:
        yield "it would be cleared while it is raised", "clear.limit"


def _apart(outside: Band, inside: Band) -> bool:
    return inside.low >= outside.low and inside.high <= outside.high


def _reach(when: When, attribute: str, *, field: str) -> Iterator[tuple[str, str]]:
    """Values outside the plausible range of a quantity are set apart: they never raise an alarm."""
    quantity = BY_NGSI_NAME.get(attribute)
    limit = _limit_of(when)
    if quantity is None or limit is None:
        return
    operator, value = limit
    never, always = (
        (quantity.high, quantity.low) if operator in UP else (quantity.low, quantity.high)
    )
    beyond = (value - never) * (1 if operator in UP else -1)
    before = (value - always) * (1 if operator in UP else -1)
    if beyond > 0 or (beyond == 0 and len(operator) == 1):
        yield f"never true: values go from {quantity.low:g} to {quantity.high:g}", f"{field}.limit"
    if before < 0 or (before == 0 and len(operator) == 2):
        yield f"always true: values go from {quantity.low:g} to {quantity.high:g}", f"{field}.limit"


def _limit_of(when: When) -> tuple[str, float] | None:
    """The fixed limit on values of the quantity itself."""
    match when:
        case Threshold(limit=float() | int() as limit):
            return when.operator, limit
        case Aggregate() | Group() if when.function in ("mean", "min", "max"):
            return when.operator, when.limit
        case _:
            return None

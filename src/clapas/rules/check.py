"""Refuses rules that contradict themselves, with the reason, before they are ever evaluated."""

import re
from collections.abc import Iterator
from itertools import pairwise

from clapas.rules.contradictions import contradictions
from clapas.rules.errors import ImpossibleRule
from clapas.rules.model import (
    Aggregate,
    Band,
    Drift,
    Fence,
    Frozen,
    Group,
    Proposed,
    Rate,
    Rule,
    SameHour,
    Schedule,
    Shift,
    Silence,
    Sql,
    Threshold,
    Unusual,
    When,
)

NAME = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,63}$")
CLOCK = re.compile(r"^([01]\d|2[0-4]):[0-5]\d$")
MOST_DAYS = 366
LONGEST_S = MOST_DAYS * 86_400


def check(rule: Rule) -> None:
    """Raises ImpossibleRule with the first reason found."""
    for reason, field in _reasons(rule):
        raise ImpossibleRule(reason, field=field, rule=rule.id)


def _reasons(rule: Rule) -> Iterator[tuple[str, str]]:
    if not NAME.match(rule.id):
        yield "an id is made of small letters, digits, dots and dashes", "id"
    if not rule.title.strip() or len(rule.title) > 200:
        yield "a rule has a title of at most 200 characters", "title"
    if not 0 <= rule.hold_s <= LONGEST_S or not 0 <= rule.clear_hold_s <= LONGEST_S:
        yield "a duration is between 0 and one year", "hold_s"
    if not 1 <= rule.n <= rule.m <= 60:
        yield "n times in m: 1 ≤ n ≤ m ≤ 60", "n"
    if rule.schedule:
        yield from _schedule(rule.schedule)
    yield from _condition(rule.when, "when")
    if rule.clear is not None:
        yield from _condition(rule.clear, "clear")
    yield from contradictions(rule)
    if not isinstance(rule.when, Sql | Proposed) and not _aimed(rule):
        yield "say what is watched: an attribute, a type, a model, a group or entities", "target"


def _aimed(rule: Rule) -> bool:
    target = rule.target
    return bool(
        target.attribute
        or target.entities
        or target.model
        or target.type
        or target.types
        or target.group
    )


def _schedule(schedule: Schedule) -> Iterator[tuple[str, str]]:
    if not schedule.days or not set(schedule.days) <= set(range(1, 8)):
        yield "days are 1 (Monday) to 7 (Sunday)", "schedule.days"
    if not CLOCK.match(schedule.start) or not CLOCK.match(schedule.end):
        yield "hours are written HH:MM", "schedule.start"
    if schedule.start == schedule.end:
        yield "this schedule is never open", "schedule.end"


def _condition(when: When, field: str) -> Iterator[tuple[str, str]]:
    yield from _instant(when, field)
    yield from _lasting(when, field)


def _instant(when: When, field: str) -> Iterator[tuple[str, str]]:
    match when:
        case Threshold() if (when.limit is None) == (not when.attribute):
            yield "a threshold is a number or an attribute, one of both", f"{field}.limit"
        case Band() if when.low >= when.high:
            yield "the low end of the band is above its high end", f"{field}.low"
        case Rate() if when.per_hour <= 0:
            yield "a rate of change is above 0", f"{field}.per_hour"
        case SameHour() if max(when.margin, when.times) <= 0 or min(when.margin, when.times) < 0:
            yield "a margin or a number of times is above 0", f"{field}.margin"
        case Unusual() if when.times <= 0 or not 0 < when.memory_days <= MOST_DAYS:
            yield "times and days are above 0, a year at most", f"{field}.times"
        case Shift() | Drift() if when.times <= 0:
            yield "a number of times is above 0", f"{field}.times"
        case Fence():
            yield from _fence(when, field)


def _lasting(when: When, field: str) -> Iterator[tuple[str, str]]:
    match when:
        case Frozen() if not 0 < when.for_s <= LONGEST_S:
            yield "a duration is between 1 second and one year", f"{field}.for_s"
        case Silence() if (when.for_s > 0) == (when.intervals > 0):
            yield "silence is a duration or a number of intervals, one of both", f"{field}.for_s"
        case Aggregate() if not 60 <= when.window_s <= LONGEST_S:
            yield "a window is between one minute and one year", f"{field}.window_s"
        case Aggregate() | Group() if when.function == "count" and when.limit < 0:
            yield "a count is never below 0", f"{field}.limit"
        case Aggregate() | Group() if when.least < 1:
            yield "at least one reading", f"{field}.least"
        case Sql():
            yield from _sql(when, field)


def _fence(when: Fence, field: str) -> Iterator[tuple[str, str]]:
    if not 3 <= len(set(when.polygon)) <= 1000:
        yield "a polygon has 3 to 1000 corners", f"{field}.polygon"
    if any(not (-180 <= x <= 180 and -90 <= y <= 90) for x, y in when.polygon):
        yield "corners are longitude and latitude in degrees", f"{field}.polygon"
    if any(one == other for one, other in pairwise(when.polygon)):
        yield "two corners that follow each other are the same", f"{field}.polygon"


def _sql(when: Sql, field: str) -> Iterator[tuple[str, str]]:
    text = when.query.strip().rstrip(";")
    if ";" in text or not re.match(r"(?is)^(select|with)\b", text) or len(text) > 10_000:
        yield "one SELECT of at most 10,000 characters", f"{field}.query"
    if not 60 <= when.every_s <= 86_400:
        yield "asked every minute at most, every day at least", f"{field}.every_s"

"""Conditions made ready: each becomes a function of (its memory, measured time, value)."""

import math
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import cast
from zoneinfo import ZoneInfo

import shapely

from clapas.domain.quality import Quality
from clapas.rules import learned
from clapas.rules.model import (
    Aggregate,
    Band,
    Drift,
    Fence,
    Frozen,
    Operator,
    Rate,
    SameHour,
    Shift,
    Threshold,
    Unusual,
    Versus,
    When,
)
from clapas.rules.references import References
from clapas.rules.track import Truth, Value
from clapas.store.rules_values import SeriesFacts

COMPARE: dict[Operator, Callable[[float, float], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le}
UNUSABLE = int(Quality.OUT_OF_RANGE | Quality.FUTURE | Quality.SUSPECT)
"""A value with one of these neither raises nor clears."""
PARTS = 12
"""A sliding window is made of so many parts."""


def ready(when: When, facts: SeriesFacts, *, references: References, zone: ZoneInfo) -> Truth:
    """The condition on one series; ``zone`` is the territory's civil time."""
    match when:
        case Threshold():
            return _threshold(when, facts, references=references)
        case Band():
            return _numeric(lambda _, __, v: (when.low <= v <= when.high) == when.inside)
        case Rate():
            return _numeric(_rate(when))
        case Versus():
            return _versus(when, facts, references=references)
        case Frozen() | Aggregate():
            return _numeric(_frozen(when) if isinstance(when, Frozen) else _aggregate(when))
        case Fence():
            return _fence(when)
        case SameHour() | Unusual() | Shift() | Drift():
            return _numeric(learned.truth(when, zone))
        case _:
            return _never


def compared_with(when: When, facts: SeriesFacts) -> list[tuple[str, str]]:
    """The other series (entity, attribute) that a condition reads."""
    match when:
        case Threshold(attribute=attribute) if attribute:
            return [(facts.entity, attribute)]
        case Versus():
            return [(other_of(when, facts), when.attribute)]
        case _:
            return []


Numeric = Callable[[list[float], int, float], bool | None]


def _numeric(function: Numeric) -> Truth:
    def truth(memory: list[float], at: int, value: Value) -> bool | None:
        return None if isinstance(value, list) else function(memory, at, value)

    return truth


def _never(_: list[float], __: int, ___: Value) -> bool | None:
    return None


def _threshold(when: Threshold, facts: SeriesFacts, *, references: References) -> Truth:
    passes = COMPARE[when.operator]
    if when.limit is not None:
        limit = when.limit * when.factor
        return _numeric(lambda _, __, v: passes(v, limit))

    def against_attribute(_: list[float], at: int, value: float) -> bool | None:
        found = references.at(facts.entity, when.attribute, moment=at, within_ms=0)
        return None if found is None else passes(value, found * when.factor)

    return _numeric(against_attribute)


def other_of(when: Versus, facts: SeriesFacts) -> str:
    """The entity that a comparison reads."""
    if when.relation:
        return str(facts.relations.get(when.relation, ""))
    return when.entity or facts.entity


def _versus(when: Versus, facts: SeriesFacts, *, references: References) -> Truth:
    passes, other, within = COMPARE[when.operator], other_of(when, facts), when.within_s * 1000

    def truth(_: list[float], at: int, value: float) -> bool | None:
        found = references.at(other, when.attribute, moment=at, within_ms=within)
        return None if found is None else passes(value - found, when.margin)

    return _numeric(truth)


def _rate(when: Rate) -> Numeric:
    def truth(memory: list[float], at: int, value: float) -> bool | None:
        known = memory.copy()
        memory[:] = [at, value]
        if not known or at <= known[0]:
            return None
        slope = (value - known[1]) / (at - known[0]) * 3_600_000
        memory.append(slope)
        return _directed(slope, when.direction) > when.per_hour

    return truth


def _directed(value: float, direction: str) -> float:
    return {"up": value, "down": -value}.get(direction, abs(value))


def _frozen(when: Frozen) -> Numeric:
    def truth(memory: list[float], at: int, value: float) -> bool | None:
        if not memory or memory[1] != value:
            memory[:] = [at, value]
            return False
        return at - memory[0] >= when.for_s * 1000

    return truth


def _aggregate(when: Aggregate) -> Numeric:
    width = max(1, when.window_s * 1000 // PARTS)
    passes = COMPARE[when.operator]

    def truth(memory: list[float], at: int, value: float) -> bool | None:
        part = at // width
        _drop(memory, part - PARTS)
        _add(memory, part, value=value)
        count = sum(memory[1::5])
        if count < when.least:
            return None
        return passes(result_of(when.function, memory, count=count), when.limit)

    return truth


def _drop(memory: list[float], upto: int) -> None:
    while memory and memory[0] <= upto:
        del memory[:5]


def _add(memory: list[float], part: int, *, value: float) -> None:
    """Parts are five numbers each: which part, count, sum, minimum, maximum."""
    if memory and memory[-5] == part:
        memory[-4] += 1
        memory[-3] += value
        memory[-2] = min(memory[-2], value)
        memory[-1] = max(memory[-1], value)
    else:
        memory += [part, 1, value, value, value]


def result_of(function: str, memory: list[float], *, count: float) -> float:
    """An aggregate of a window's parts, which hold ``count`` readings."""
    match function:
        case "mean":
            return sum(memory[2::5]) / count
        case "sum":
            return sum(memory[2::5])
        case "min":
            return min(memory[3::5])
        case "max":
            return max(memory[4::5])
        case _:
            return count


def _fence(when: Fence) -> Truth:
    area = shapely.Polygon(when.polygon)
    shapely.prepare(area)

    def truth(_: list[float], __: int, value: Value) -> bool | None:
        if not isinstance(value, list):
            return None
        return bool(shapely.contains_xy(area, value[0], value[1])) is when.inside

    return truth


def usable(value: object) -> Value | None:
    """A value that conditions understand: a finite number, or a GeoJSON point as [lon, lat]."""
    if isinstance(value, bool | int | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict) and value.get("type") == "Point":
        place = value.get("coordinates")
        if (
            isinstance(place, list)
            and len(place) >= 2
            and all(isinstance(x, int | float) for x in place[:2])
        ):
            return cast("list[float]", [float(place[0]), float(place[1])])
    return None

"""Why a rule became true, in numbers: what the sentence of an alarm is made of.

The numbers are in the quantity's own unit; :mod:`clapas.notify.sentences` makes the sentence of them.
"""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from clapas.rules.civil import hour_of_week
from clapas.rules.conditions import other_of, result_of
from clapas.rules.learned import USUAL, departure, spreads_away
from clapas.rules.model import (
    Aggregate,
    Band,
    Drift,
    Fence,
    Frozen,
    Rate,
    SameHour,
    Shift,
    Silence,
    Threshold,
    Unusual,
    Versus,
    When,
)
from clapas.rules.references import References
from clapas.rules.track import Value
from clapas.store.rules_values import SeriesFacts

Reasons = dict[str, Any]


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """The reading that made a rule true, and the memory of its condition after it."""

    memory: list[float]
    at: int
    value: Value | None
    zone: ZoneInfo = ZoneInfo("UTC")
    """The territory's civil time."""


def because(when: When, facts: SeriesFacts, *, references: References, moment: Moment) -> Reasons:
    """The numbers of the sentence, ``kind`` and ``quantity`` among them."""
    known: Reasons = {"kind": when.__struct_config__.tag, "quantity": facts.quantity}
    if isinstance(moment.value, float):
        known |= _instant(when, facts, references=references, moment=moment) | _learned(
            when, moment, value=moment.value
        )
    return known | _lasting(when, facts)


def _instant(when: When, facts: SeriesFacts, *, references: References, moment: Moment) -> Reasons:
    match when:
        case Threshold():
            return {
                "operator": when.operator,
                "limit": _limit(when, facts, references=references, at=moment.at),
            }
        case Band():
            return {"low": when.low, "high": when.high}
        case Rate():
            slope = moment.memory[2] if len(moment.memory) > 2 else None
            return {"limit": when.per_hour, "slope": slope}
        case Versus():
            within = when.within_s * 1000
            other = references.at(
                other_of(when, facts), when.attribute, moment=moment.at, within_ms=within
            )
            return {"other": other, "operator": when.operator, "limit": when.margin}
        case _:
            return {}


def _learned(when: When, moment: Moment, *, value: float) -> Reasons:
    memory = moment.memory
    match when:
        case SameHour() if len(memory) > USUAL:
            return {"usual": memory[USUAL], "hour": hour_of_week(moment.at, moment.zone)}
        case Unusual() if memory and memory[0] == -1:
            return {"usual": memory[1], "times": departure(memory, value)}
        case Shift() if memory and memory[0] == -1:
            return {"usual": memory[1]}
        case Drift() if len(memory) > 4:
            return {"day": memory[2], "usual": memory[3], "times": spreads_away(memory)}
        case Aggregate() if count := sum(memory[1::5]):
            return {"result": result_of(when.function, memory, count=count)}
        case _:
            return {}


def _lasting(when: When, facts: SeriesFacts) -> Reasons:
    match when:
        case Frozen():
            return {"seconds": when.for_s}
        case Silence():
            return {"seconds": when.for_s or when.intervals * (facts.interval_s or 86_400)}
        case Aggregate():
            return {
                "function": when.function, "seconds": when.window_s, "operator": when.operator,
                "limit": when.limit,
            }  # fmt: skip
        case Fence():
            return {"inside": when.inside}
        case _:
            return {}


def _limit(when: Threshold, facts: SeriesFacts, *, references: References, at: int) -> float | None:
    if when.limit is not None:
        return when.limit * when.factor
    found = references.at(facts.entity, when.attribute, moment=at, within_ms=0)
    return None if found is None else found * when.factor

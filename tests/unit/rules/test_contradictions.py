"""Rules that contradict themselves are refused, with the reason and the field to change."""

import pytest

from clapas.rules.check import check
from clapas.rules.errors import ImpossibleRule
from clapas.rules.model import (
    Aggregate,
    Band,
    Fence,
    Group,
    Proposed,
    Rule,
    Schedule,
    Silence,
    Sql,
    Target,
    Threshold,
    When,
)

HIGH = Threshold(operator=">", limit=30.0)
WORK = Schedule(days=(1, 2, 3, 4, 5), start="08:00", end="18:00")
MUTE = Silence(for_s=3600)
MEAN = Group(function="mean", operator=">", limit=30.0)

REFUSED: list[tuple[When, dict[str, object], str]] = [
    (HIGH, {"clear": Threshold(operator="<", limit=31.0)}, "clear.limit"),
    (HIGH, {"clear": Threshold(operator=">=", limit=20.0)}, "clear.operator"),
    (Threshold(operator="<", limit=5.0), {"clear": Threshold(operator=">", limit=4.0)}, "clear.limit"),
    (HIGH, {"clear": MUTE}, "clear"),
    (Threshold(operator=">", limit=100.0), {}, "when.limit"),
    (Threshold(operator=">=", limit=-60.0), {}, "when.limit"),
    (Threshold(operator="<", limit=-60.0), {}, "when.limit"),
    (Threshold(operator="<=", limit=120.0), {}, "when.limit"),
    (Aggregate(function="mean", window_s=3600, operator=">", limit=101.0), {}, "when.limit"),
    (Aggregate(function="mean", window_s=3600, operator=">", limit=30.0, least=0), {}, "when.least"),
    (Aggregate(function="count", window_s=3600, operator="<", limit=-1.0), {}, "when.limit"),
    (Threshold(operator=">"), {}, "when.limit"),
    (Threshold(operator=">", limit=3.0, attribute="alertLevel"), {}, "when.limit"),
    (Band(low=20.0, high=18.0), {}, "when.low"),
    (Band(low=18.0, high=24.0), {"clear": Band(low=19.0, high=25.0, inside=True)}, "clear.low"),
    (Band(low=18.0, high=24.0), {"clear": Band(low=19.0, high=23.0)}, "clear.inside"),
    (HIGH, {"schedule": Schedule(start="08:00", end="10:00"), "hold_s": 7201}, "hold_s"),
    (HIGH, {"schedule": Schedule(start="22:00", end="02:00"), "hold_s": 4 * 3600 + 1}, "hold_s"),
    (HIGH, {"schedule": Schedule(start="08:00", end="08:00")}, "schedule.end"),
    (HIGH, {"schedule": Schedule(days=(0,))}, "schedule.days"),
    (HIGH, {"n": 3, "m": 2}, "n"),
    (HIGH, {"depends": ("r",)}, "depends"),
    (MUTE, {"clear": HIGH}, "clear"),
    (MUTE, {"hold_s": 60}, "hold_s"),
    (MUTE, {"n": 2, "m": 3}, "n"),
    (MUTE, {"schedule": WORK}, "schedule"),
    (Silence(for_s=60, intervals=2), {}, "when.for_s"),
    (MEAN, {"hold_s": 600}, "hold_s"),
    (Proposed(detector="leaks"), {"schedule": WORK}, "schedule"),
    (Sql(query="DROP TABLE observation"), {}, "when.query"),
    (Sql(query="SELECT 1; SELECT 2"), {}, "when.query"),
    (Fence(polygon=((3.8, 43.6), (3.9, 43.6))), {}, "when.polygon"),
    (Fence(polygon=((3.8, 143.6), (3.9, 43.6), (3.9, 43.5))), {}, "when.polygon"),
]  # fmt: skip

TAKEN: list[tuple[When, dict[str, object]]] = [
    (HIGH, {"clear": Threshold(operator="<", limit=30.0)}),
    (HIGH, {"schedule": WORK, "hold_s": 10 * 3600}),
    (HIGH, {"schedule": Schedule(days=(6, 7)), "hold_s": 48 * 3600}),
    (Threshold(operator=">", limit=99.9), {}),
    (Band(low=18.0, high=24.0), {"clear": Band(low=19.0, high=23.0, inside=True)}),
    (Aggregate(function="sum", window_s=3600, operator=">", limit=5000.0), {}),
    (MEAN, {"schedule": WORK}),
    (Sql(query="SELECT entity FROM observation"), {"schedule": WORK}),
]


def rule(when: When, **more: object) -> Rule:
    return Rule(id="r", title="R", target=Target(attribute="temperature"), when=when, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("when", "more", "field"), REFUSED)
def test_a_contradiction_is_refused_with_its_field(
    when: When, more: dict[str, object], field: str
) -> None:
    with pytest.raises(ImpossibleRule) as refused:
        check(rule(when, **more))
    assert refused.value.values["field"] == field


@pytest.mark.parametrize(("when", "more"), TAKEN)
def test_what_only_looks_like_one_is_taken(when: When, more: dict[str, object]) -> None:
    check(rule(when, **more))

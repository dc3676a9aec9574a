"""What a rule concludes depends on readings and measured times, never on the order of arrival."""

from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapas.rules.book import Book
from clapas.rules.model import (
    Aggregate,
    Band,
    Drift,
    Frozen,
    Rate,
    Rule,
    SameHour,
    Shift,
    Silence,
    Target,
    Threshold,
    Unusual,
    When,
)
from clapas.rules.track import Compiled, Track, hear, seen, take, withdraw
from clapas.store.rules_values import SeriesFacts

MINUTE = 60_000
FACTS = SeriesFacts(7, "urn:ngsi-ld:Tank:1", "level", "tank_level", "Tank", "", "34172", {}, (), 600, None, None)  # fmt: skip


def ready(when: When, **more: object) -> list[Compiled]:
    book = Book(ZoneInfo("Europe/Paris"))
    book.replace([Rule(id="r", title="R", target=Target(attribute="level"), when=when, **more)])  # type: ignore[arg-type]
    rules = book.ready(FACTS)
    assert len(rules) == 1
    return rules


def track_of(rules: list[Compiled]) -> Track:
    track = Track()
    Book(ZoneInfo("UTC")).align(rules, track)
    return track


HIGH = Threshold(operator=">", limit=10.0)
CASES: list[tuple[str, When, dict[str, object], list[tuple[int, float]], int, tuple[bool, int]]] = [
    ("above at once", HIGH, {}, [(1, 11.0)], 1, (True, 1)),
    ("exactly the limit is not above", HIGH, {}, [(1, 10.0)], 9, (False, 0)),
    ("clears when no longer true", HIGH, {}, [(1, 11.0), (2, 9.0)], 2, (False, 1)),
    ("hysteresis holds between the two limits", HIGH,
     {"clear": Threshold(operator="<", limit=8.0)}, [(1, 11.0), (2, 9.0)], 2, (True, 1)),
    ("hysteresis lets go below", HIGH,
     {"clear": Threshold(operator="<", limit=8.0)}, [(1, 11.0), (2, 7.9)], 2, (False, 1)),
    ("not held long enough", HIGH, {"hold_s": 600}, [(1, 11.0), (8, 11.0)], 8, (False, 0)),
    ("held, confirmed by a reading", HIGH, {"hold_s": 600}, [(1, 11.0), (11, 11.0)], 11, (True, 1)),
    ("held, seen by the clock alone", HIGH, {"hold_s": 600}, [(1, 11.0)], 11, (True, 1)),
    ("interrupted in between", HIGH, {"hold_s": 600}, [(1, 11.0), (5, 9.0), (6, 11.0)], 12, (False, 0)),
    ("cleared only after the clear delay", HIGH, {"clear_hold_s": 300}, [(1, 11.0), (2, 9.0)], 6, (True, 1)),
    ("cleared once it lasted", HIGH, {"clear_hold_s": 300}, [(1, 11.0), (2, 9.0)], 7, (False, 1)),
    ("two in three, not yet", HIGH, {"n": 2, "m": 3}, [(1, 11.0), (2, 9.0)], 2, (False, 0)),
    ("two in three", HIGH, {"n": 2, "m": 3}, [(1, 11.0), (2, 9.0), (3, 11.0)], 3, (True, 1)),
    ("quick rise", Rate(per_hour=5.0, direction="up"), {}, [(0, 1.0), (60, 7.0)], 60, (True, 1)),
    ("quick fall is not a rise", Rate(per_hour=5.0, direction="up"), {}, [(0, 7.0), (60, 1.0)], 60, (False, 0)),
    ("frozen", Frozen(for_s=1200), {}, [(1, 3.0), (10, 3.0), (21, 3.0)], 21, (True, 1)),
    ("moved", Frozen(for_s=1200), {}, [(1, 3.0), (10, 3.1), (21, 3.0)], 21, (False, 0)),
    ("sum of an hour", Aggregate(function="sum", window_s=3600, operator=">", limit=5.0), {},
     [(0, 2.0), (20, 2.0), (40, 2.0)], 40, (True, 1)),
    ("too few in the window", Aggregate(function="mean", window_s=3600, operator=">", limit=1.0, least=3), {},
     [(0, 2.0), (20, 2.0)], 20, (False, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "when", "more", "readings", "clock", "expected"), CASES)
def test_the_table_in_every_order_of_arrival(
    name: str,
    when: When,
    more: dict[str, object],
    readings: list[tuple[int, float]],
    clock: int,
    expected: tuple[bool, int],
) -> None:
    rules = ready(when, **more)
    for arrived in permutations(readings):
        track = track_of(rules)
        for minute, value in arrived:
            take(rules, track, at=1_000_000 + minute * MINUTE, value=value)
        view = seen(rules[0], track.states[0].now, clock=1_000_000 + clock * MINUTE)
        assert (view.active, view.count) == expected, (name, arrived)


KINDS: list[tuple[When, dict[str, object]]] = [
    (HIGH, {"hold_s": 120, "clear": Threshold(operator="<=", limit=9.0)}),
    (HIGH, {"n": 2, "m": 3, "clear_hold_s": 180}),
    (Band(low=9.0, high=11.0), {}),
    (Rate(per_hour=60.0), {}),
    (Frozen(for_s=120), {}),
    (Aggregate(function="mean", window_s=600, operator=">", limit=10.0), {}),
    (SameHour(margin=1.0), {}),
    (Unusual(), {}),
    (Shift(), {}),
    (Drift(), {}),
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(1, 40), st.integers(8, 12)), min_size=1, max_size=14, unique_by=lambda r: r[0]),
    st.randoms(),
)  # fmt: skip
def test_disorder_within_the_ring_changes_nothing(kind, readings, random) -> None:  # type: ignore[no-untyped-def]
    """Not what is seen, nor anything of what a condition remembers."""
    rules = ready(kind[0], **kind[1])
    ordered = sorted(readings)
    disturbed = sorted(ordered, key=lambda each: ordered.index(each) + random.choice((0, 0, 2.5)))
    ends = []
    for arrived in (ordered, disturbed, [*disturbed, *disturbed]):
        track = track_of(rules)
        for minute, value in arrived:
            take(rules, track, at=minute * MINUTE, value=float(value))
        state = track.states[0]
        ends.append(
            (seen(rules[0], state.now, clock=60 * MINUTE), state.now, state.before, track.ring)
        )
    assert ends[0] == ends[1] == ends[2]


def test_a_reading_older_than_the_ring_is_history_only() -> None:
    rules = ready(HIGH)
    track = track_of(rules)
    for minute in range(10, 20):
        take(rules, track, at=minute * MINUTE, value=1.0)
    assert take(rules, track, at=MINUTE, value=99.0) is False
    assert track.too_late == 1
    assert not seen(rules[0], track.states[0].now, clock=30 * MINUTE).active


def test_a_correction_or_a_withdrawal_takes_the_alarm_back() -> None:
    rules = ready(HIGH)
    track = track_of(rules)
    take(rules, track, at=MINUTE, value=1.0)
    take(rules, track, at=2 * MINUTE, value=99.0)
    assert seen(rules[0], track.states[0].now, clock=3 * MINUTE).active
    take(rules, track, at=2 * MINUTE, value=1.0)
    assert seen(rules[0], track.states[0].now, clock=3 * MINUTE).count == 0
    take(rules, track, at=3 * MINUTE, value=99.0)
    assert withdraw(rules, track, at=3 * MINUTE)
    assert seen(rules[0], track.states[0].now, clock=4 * MINUTE).count == 0


def test_the_clock_raises_and_a_reading_measured_before_takes_it_back() -> None:
    rules = ready(HIGH, hold_s=600)
    track = track_of(rules)
    take(rules, track, at=MINUTE, value=99.0)
    assert seen(rules[0], track.states[0].now, clock=11 * MINUTE).active
    take(rules, track, at=5 * MINUTE, value=1.0)
    assert not seen(rules[0], track.states[0].now, clock=12 * MINUTE).active


def test_silence_is_about_what_is_received_whatever_it_says() -> None:
    rules = ready(Silence(for_s=600))
    track = track_of(rules)
    hear(rules, track, received=100 * MINUTE)
    view = seen(rules[0], track.states[0].now, clock=109 * MINUTE)
    assert not view.active
    view = seen(rules[0], track.states[0].now, clock=110 * MINUTE)
    assert (view.active, view.since) == (True, 110 * MINUTE)
    hear(rules, track, received=130 * MINUTE)
    view = seen(rules[0], track.states[0].now, clock=131 * MINUTE)
    assert (view.active, view.count) == (False, 1)


def test_silence_of_intervals_follows_the_model() -> None:
    rules = ready(Silence(intervals=3))
    assert rules[0].silent_ms == 3 * 600 * 1000

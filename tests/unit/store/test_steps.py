"""Steps of time: round ones, civil days, the marks of what was touched."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import InvalidInput
from clapas.domain.message import Observation
from clapas.domain.window import Window, civil_day, instant, milliseconds
from clapas.store.dirty import FEW, HOUR_MS, WHOLE, Mark, hours_of
from clapas.store.readings import day_start, round_step, seconds_of, span_of
from clapas.store.rollups import _pieces
from clapas.store.shape import bucketed

PARIS = ZoneInfo("Europe/Paris")
MARQUESAS = ZoneInfo("Pacific/Marquesas")
MOMENTS = st.integers(milliseconds(datetime(2000, 1, 1, tzinfo=UTC)), 4_000_000_000_000)


@given(MOMENTS, st.sampled_from([PARIS, MARQUESAS]))
def test_every_moment_is_in_its_civil_day(moment: int, zone: ZoneInfo) -> None:
    day = civil_day(instant(moment).astimezone(zone).date(), zone)
    assert day_start(moment, zone) == milliseconds(day.start)
    assert day_start(moment, zone, days=1) == milliseconds(day.end)
    point = (moment, 1.0, 1.0, 1.0, 1, 0)
    assert bucketed({1: [point]}, 86_400, zone=zone, unusable=0)[1][0][0] == milliseconds(day.start)


@given(st.floats(0.001, 1e8))
def test_a_round_step_is_long_enough(seconds: float) -> None:
    assert round_step(seconds) >= seconds


@given(MOMENTS, st.integers(1, 10**10), st.sampled_from([1, 60, 3600, 86_400, 7200]))
def test_a_span_covers_its_window_in_whole_steps(start: int, length: int, step: int) -> None:
    window = Window(instant(start), instant(start + length))
    span = span_of([1], window, step=step, zone=PARIS)
    assert span.start <= start < start + length <= span.end
    if step != 86_400:
        assert span.start % (step * 1000) == span.end % (step * 1000) == 0


def test_a_step_is_said_by_name_or_in_seconds() -> None:
    assert [seconds_of("raw"), seconds_of("hour"), seconds_of("day"), seconds_of(900)] == [
        0,
        3600,
        86_400,
        900,
    ]
    for wrong in (0, -5, 367 * 86_400):
        with pytest.raises(InvalidInput):
            seconds_of(wrong)


def test_old_hours_are_marked_by_series_and_busy_or_running_ones_as_a_whole() -> None:
    now = 1000 * HOUR_MS
    old = [Observation(series, 10 * HOUR_MS + series, 1.0, 0, 1, 1) for series in (1, 2)]
    busy = [Observation(series, 20 * HOUR_MS, 1.0, 0, 1, 1) for series in range(FEW + 1)]
    running = [Observation(5, now, 1.0, 0, 1, 1)]
    text = [Observation(6, 30 * HOUR_MS, "open", 0, 1, 1)]
    assert hours_of(old + busy + running + text, now_ms=now) == {
        (10 * HOUR_MS, 1),
        (10 * HOUR_MS, 2),
        (20 * HOUR_MS, WHOLE),
        (now, WHOLE),
    }


MARKS = st.lists(
    st.builds(Mark, st.integers(0, 3000).map(lambda hour: hour * HOUR_MS), st.integers(-1, 3)),
    max_size=60,
)


@given(MARKS)
def test_pieces_cover_every_mark_in_bounded_stretches(marks: list[Mark]) -> None:
    rebuilt = set()
    for buckets, series in _pieces(marks):
        assert buckets == sorted(buckets)
        assert timedelta(milliseconds=buckets[-1] - buckets[0]) <= timedelta(days=62)
        rebuilt |= {(bucket, each) for bucket in buckets for each in series or range(-1, 4)}
    assert {(mark.bucket, mark.series) for mark in marks} <= rebuilt

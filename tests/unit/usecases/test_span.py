"""Which period a trade speaks of when nobody says."""

from datetime import UTC, datetime, timedelta

import pytest

from clapas.domain.window import Window, milliseconds
from clapas.usecases.span import beginning, ending, first_of

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("silent_days", "ends_then"), [(0, False), (6, False), (8, True), (2000, True)]
)
def test_a_period_ends_when_the_trade_fell_silent_longer_ago_than_it_is_long(
    silent_days: int, ends_then: bool
) -> None:
    newest = NOW - timedelta(days=silent_days)
    long_ago = milliseconds(NOW - timedelta(days=4000))
    found = ending(NOW, [long_ago, milliseconds(newest)], wanted=WEEK)
    assert found == (newest + timedelta(seconds=1) if ends_then else NOW)
    assert ending(NOW, [], wanted=WEEK) == NOW


def test_one_late_straggler_does_not_move_the_period_of_the_others() -> None:
    rooms = [milliseconds(NOW - timedelta(days=800))] * 3
    straggler = milliseconds(NOW - timedelta(days=400))
    assert ending(NOW, [straggler, *rooms], wanted=WEEK) == NOW - timedelta(days=800) + timedelta(
        seconds=1
    )


def test_a_period_begins_where_half_of_the_points_had_begun() -> None:
    window, interval = Window(NOW - WEEK, NOW), timedelta(hours=1)
    began = [milliseconds(NOW - timedelta(days=days)) for days in (7, 2, 2)]
    assert beginning(window, began, interval=interval) == NOW - timedelta(days=2)
    assert beginning(window, [], interval=interval) == window.start
    assert beginning(window, [milliseconds(NOW)], interval=interval) == NOW - interval


def test_a_point_begins_with_its_first_series() -> None:
    assert first_of({1: "a", 2: "a", 3: "b"}, {1: 50, 2: 40}) == [40]

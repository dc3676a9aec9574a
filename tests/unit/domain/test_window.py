"""Civil days have 23, 24 or 25 hours; instants keep their milliseconds."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import InvalidInput
from clapas.domain.window import Window, civil_day, instant, milliseconds

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2016, 3, 27), 23), (date(2016, 10, 30), 25), (date(2016, 7, 14), 24)]
)
def test_the_length_of_a_civil_day(day: date, hours: int) -> None:
    assert civil_day(day, PARIS).duration == timedelta(hours=hours)


def test_days_follow_each_other_without_a_gap() -> None:
    days = [civil_day(date(2016, 10, 29) + timedelta(days=n), PARIS) for n in range(4)]
    assert all(one.end == other.start for one, other in itertools.pairwise(days))


@given(st.integers(-(10**12), 10**13))
def test_an_instant_and_its_milliseconds_are_the_same(value: int) -> None:
    assert milliseconds(instant(value)) == value


def test_a_window_needs_a_zone_and_a_direction() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(InvalidInput):
        Window(now, now)
    with pytest.raises(InvalidInput):
        Window(now.replace(tzinfo=None), now)

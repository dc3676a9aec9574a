"""Civil days have 23, 24 or 25 hours; instants keep their milliseconds."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import InvalidInput
from clapas.domain.window import (
    Window,
    asked_moment,
    asked_window,
    civil_day,
    instant,
    milliseconds,
)

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


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-07-01T12:00:00Z", 12),
        ("2026-07-01T12:00:00+02:00", 10),
        ("2026-07-01T12:00:00 02:00", 10),
        ("2026-07-01 12:00", 10),
        ("2026-07-01T12:00:00", 10),
    ],
)
def test_a_time_that_is_asked_for_is_read_as_people_write_it(text: str, hour: int) -> None:
    """In an address a plus sign becomes a space; a time without a zone is the territory's."""
    assert asked_moment(text, "fromDate", zone=PARIS) == datetime(2026, 7, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("yesterday", "", "fromDate"),
        ("", "1969-12-31", "toDate"),
        ("2026-01-02", "2026-01-01", "toDate"),
        ("2020-01-01", "2026-01-01", "fromDate"),
    ],
)
def test_a_period_that_cannot_be_names_its_field(start: str, end: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        asked_window(
            start, end, usual=timedelta(days=1), longest=timedelta(days=800), zone=PARIS,
            fields=("fromDate", "toDate"),
        )  # fmt: skip
    assert caught.value.values["field"] == field

"""Schedules in civil time and with the sun."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.fleet.calendar import Ground, Timing, next_after, sun_of

FIRST = datetime(2026, 1, 1)  # noqa: DTZ001 (hypothesis adds the zone)
MONTPELLIER = Ground(zone=ZoneInfo("Europe/Paris"), longitude=3.8767, latitude=43.6108)


@pytest.mark.parametrize(
    ("day", "rise", "expected"),
    [
        (date(2026, 6, 21), True, "04:02"),
        (date(2026, 6, 21), False, "19:32"),
        (date(2026, 12, 21), True, "07:12"),
        (date(2026, 12, 21), False, "16:08"),
    ],
)
def test_the_sun_of_montpellier_within_three_minutes(day: date, rise: bool, expected: str) -> None:
    found = sun_of(day, rise, longitude=3.8767, latitude=43.6108)
    assert found is not None
    wanted = datetime.combine(day, time.fromisoformat(expected), UTC)
    assert abs(found - wanted) < timedelta(minutes=3)


def test_the_sun_does_not_set_in_a_polar_summer() -> None:
    assert sun_of(date(2026, 6, 21), False, longitude=20.0, latitude=75.0) is None


def test_an_hour_stays_the_same_civil_hour_over_the_change_of_clocks() -> None:
    timing = Timing(at=time(22, 0))
    before = next_after(timing, datetime(2026, 3, 28, 12, tzinfo=UTC), ground=MONTPELLIER)
    after = next_after(timing, datetime(2026, 3, 29, 12, tzinfo=UTC), ground=MONTPELLIER)
    assert (before, after) == (
        datetime(2026, 3, 28, 21, tzinfo=UTC),
        datetime(2026, 3, 29, 20, tzinfo=UTC),
    )


def test_days_and_exceptions_are_left_out() -> None:
    timing = Timing(
        at=time(7), days=frozenset({0}), but=frozenset({date(2026, 6, 8)}), last=date(2026, 6, 10)
    )
    first = next_after(timing, datetime(2026, 5, 26, tzinfo=UTC), ground=MONTPELLIER)
    assert first == datetime(2026, 6, 1, 5, tzinfo=UTC)
    assert next_after(timing, first, ground=MONTPELLIER) is None


@given(
    st.datetimes(FIRST, FIRST.replace(year=2027), timezones=st.just(UTC)),
    st.integers(-60, 60),
)
def test_the_next_sunset_is_after_and_within_two_days(moment: datetime, offset: int) -> None:
    found = next_after(Timing(sun="sunset", offset_min=offset), moment, ground=MONTPELLIER)
    assert found is not None
    assert moment < found < moment + timedelta(days=2)

"""From an index to consumption: everything that an index does in the field."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clapas.usecases.water.meters.consumption import amounts, consumption
from clapas.usecases.water.meters.intervals import Replacement, intervals

HOUR = 3600.0
PARIS = ZoneInfo("Europe/Paris")


def at(*hours: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(hours, dtype=np.float64) * HOUR


def litres(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(values, dtype=np.float64)


def test_order_and_duplicates_do_not_matter() -> None:
    found = intervals(at(2, 0, 1, 1), litres(30, 10, 15, 15))
    assert found.litres.tolist() == [5, 15]
    assert found.duplicates == 1


def test_the_index_rolls_over_its_last_figure() -> None:
    found = intervals(at(0, 1, 2), litres(99_990, 99_998, 5))
    assert found.how == ("measured", "rollover")
    assert found.litres.tolist() == [8, 7]


def test_a_replaced_meter_with_its_log_loses_nothing_and_without_is_unknown() -> None:
    log = [Replacement(at=1.5 * HOUR, old_final=50_012, new_start=3)]
    found = intervals(at(0, 1, 2, 3), litres(50_000, 50_010, 8, 20), replacements=log)
    assert found.how == ("measured", "replacement", "measured")
    assert found.litres.tolist() == [10, 7, 12]
    blind = intervals(at(0, 1, 2, 3), litres(50_000, 50_010, 8, 20))
    assert blind.how == ("measured", "reset", "measured")
    assert np.isnan(blind.litres[1])


def test_small_backward_steps_are_backflow_and_are_not_counted_twice() -> None:
    found = intervals(at(0, 1, 2, 3), litres(100, 95, 100, 110))
    assert found.how == ("measured",) * 0 + ("backflow", "measured", "measured")
    assert found.litres.tolist() == [0, 0, 10]
    assert found.backflow == 5


def test_two_meters_under_one_key_are_told_apart() -> None:
    found = intervals(at(0, 1, 2, 3, 4, 5), litres(1000, 1010, 249_500, 1030, 1040, 1050))
    assert found.litres[np.isfinite(found.litres)].sum() == 50
    assert found.second


def test_a_real_reading_takes_the_place_of_estimates() -> None:
    guessed = np.array([False, True, True, False, True])
    found = intervals(at(0, 24, 48, 72, 96), litres(0, 300, 600, 450, 700), estimated=guessed)
    assert found.litres.tolist() == [450, 250]
    assert found.how == ("measured", "estimated")


def test_gaps_are_spread_or_left_out_and_say_so() -> None:
    found = intervals(at(0, 1, 6, 7), litres(0, 10, 60, 70))
    bounds = at(*range(8))
    shared = amounts(found, bounds)
    assert shared.litres.tolist() == [10] * 7
    assert shared.how == ("measured", *["spread"] * 5, "measured")
    kept = amounts(found, bounds, spread=False)
    assert np.isnan(kept.litres[1:6]).all()
    assert kept.how[1] == "missing"


def test_readings_beside_the_hour_are_interpolated() -> None:
    found = intervals(at(0.5, 1.5, 2.5), litres(0, 10, 30))
    shared = amounts(found, at(1, 2))
    assert shared.litres.tolist() == [15]
    assert shared.how == ("interpolated",)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2016, 3, 27), 23), (date(2016, 10, 30), 25), (date(2016, 6, 1), 24)]
)
def test_civil_days_have_their_own_hours(day: date, hours: int) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=PARIS).astimezone(UTC)
    rows = pl.DataFrame(
        {
            "meter": ["m"] * 49,
            "at": pl.Series([midnight.timestamp() * 1e6 + n * 3.6e9 for n in range(49)])
            .cast(pl.Int64)
            .cast(pl.Datetime("us", "UTC")),
            "index_l": [float(10 * n) for n in range(49)],
        }
    )
    first = consumption(rows, PARIS).days.row(0, named=True)
    assert (first["day"], first["hours"], first["litres"], first["how"]) == (
        day,
        hours,
        10.0 * hours,
        "measured",
    )


@given(st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 400)), min_size=1, max_size=40))
@example([(1.00001, 101)])
@example([(1.0003, 101)])
def test_hours_add_up_to_the_index(steps: list[tuple[float, int]]) -> None:
    times = np.round(
        np.cumsum([0.0, *[gap for gap, _ in steps]]) * HOUR
    )  # meters date by the second
    index = np.cumsum([0.0, *[float(min(volume, 1000 * gap)) for gap, volume in steps]])
    found = intervals(times, index)
    bounds = np.arange(0.0, np.ceil(times[-1] / HOUR) * HOUR + 1, HOUR)
    inside = bounds[bounds <= times[-1]]
    shared = amounts(found, np.append(inside, times[-1]))
    assert np.nansum(shared.litres) == pytest.approx(index[-1], rel=1e-6, abs=1e-3)

"""Moist air and bands beside what others published: each vector names where it stands."""

from datetime import date
from statistics import NormalDist

import numpy as np
import pytest

from clapas.usecases.historic_band import band, settled_band
from clapas.usecases.museum import physics
from clapas.usecases.museum.limits import limits
from clapas.usecases.museum.summary import ashrae_class

ASHRAE_TABLE_3 = {5.0: 8.726, 25.0: 31.697, 50.0: 123.513}
"""Saturation pressure over water, hPa, °C: ASHRAE Handbook - Fundamentals 2017, chapter 1, table 3."""
WMO = {0.0: 6.112, 10.0: 12.272, 20.0: 23.371, 30.0: 42.430, 40.0: 73.777}
"""Saturation pressure over water, hPa: Goff & Gratch (1946), as printed in the Smithsonian tables and WMO-No. 8."""
SATURATED = {
    19.0: 16.3, 20.0: 17.3, 22.0: 19.4, 24.0: 21.8, 25.0: 23.0, 28.0: 27.2, 30.0: 30.4, 33.0: 35.6, 35.0: 39.6,
    37.0: 43.9, 40.0: 51.1,
}  # fmt: skip
"""Water in saturated air, g/m³ (mg/L), by °C: the table that respiratory care uses (medicalalgorithms.com)."""


@pytest.mark.parametrize(("celsius", "hectopascal"), [*ASHRAE_TABLE_3.items(), *WMO.items()])
def test_saturation_pressure_agrees_with_the_printed_tables(
    celsius: float, hectopascal: float
) -> None:
    found = float(physics.saturation_pressure(np.array([celsius]))[0])
    assert found == pytest.approx(hectopascal, rel=0.003)


@pytest.mark.parametrize(("celsius", "grams"), SATURATED.items())
def test_water_in_saturated_air_agrees_with_the_printed_table(celsius: float, grams: float) -> None:
    found = float(physics.absolute_humidity(np.array([celsius]), np.array([100.0]))[0])
    assert found == pytest.approx(grams, abs=0.12)
    half = float(physics.absolute_humidity(np.array([celsius]), np.array([50.0]))[0])
    assert half == pytest.approx(found / 2)


@pytest.mark.parametrize("celsius", sorted(WMO))
@pytest.mark.parametrize("warmer", [0.0, 3.0, 10.0, 25.0])
def test_the_dew_point_is_where_the_printed_pressure_is_saturation(
    celsius: float, warmer: float
) -> None:
    """Air of that vapour pressure, heated: its dew point stays within 0.1 °C (Alduchov & Eskridge 1996)."""
    room = celsius + warmer
    saturation = float(physics.saturation_pressure(np.array([room]))[0])
    humidity = 100 * WMO[celsius] / saturation
    found = float(physics.dew_point(np.array([room]), np.array([humidity]))[0])
    assert found == pytest.approx(celsius, abs=0.1)


def test_the_handbooks_worked_example_has_its_dew_point() -> None:
    """ASHRAE Handbook 2017, chapter 1, example 1: 40 °C, 14 % → 7 °C; PsychroLib's own: 25 °C, 80 % → 21.3 °C."""
    found = physics.dew_point(np.array([40.0, 25.0]), np.array([14.0, 80.0]))
    assert found[0] == pytest.approx(7.0, abs=0.5)
    assert found[1] == pytest.approx(21.3094, abs=0.05)
    assert np.isnan(physics.dew_point(np.array([20.0]), np.array([0.0])))[0]


def test_mould_limits_follow_their_curves_where_their_authors_drew_them() -> None:
    """Sedlbauer (2001): LIM0 of any substrate is lowest at 30 °C (74.2 %) and about 76 % at 20 °C; it is
    the same at equal distances from 30 °C. Hukka & Viitanen (1999): 80 % from 20 °C on, 100 % at 0 °C."""
    limit = physics.mould_limit(np.array([30.0, 20.0, 40.0, 5.0]))
    assert limit[0] == pytest.approx(74.16, abs=0.01)
    assert limit[1] == pytest.approx(75.6, abs=0.3)
    assert limit[2] == pytest.approx(limit[1])
    assert limit[3] > limit[1]
    critical = physics.mould_critical(np.array([0.0, 10.0, 20.0, 35.0]))
    assert critical == pytest.approx([100.0, 82.03, 80.0, 80.0], abs=0.1)


def test_the_band_of_a_known_distribution_is_its_percentiles_and_never_under_the_floor() -> None:
    """EN 15757:2010, clause 5: 7th and 93rd percentiles of the fluctuations about the 30-day central mean; where
    they stay within 10 % RH of it, ±10 % is accepted."""
    normal = NormalDist()
    for spread in (9.0, 12.0, 20.0):
        rank = (np.arange(20_000) + 0.5) / 20_000
        wide = np.array([normal.inv_cdf(float(each)) for each in rank]) * spread
        low, high = band(wide)
        assert low == pytest.approx(normal.inv_cdf(0.07) * spread, abs=0.01)
        assert high == pytest.approx(normal.inv_cdf(0.93) * spread, abs=0.01)
    assert band(np.linspace(-9.9, 9.9, 500)) == (-10.0, 10.0)


def test_the_moving_mean_is_thirty_days_and_central() -> None:
    """A step of level: the mean of a reading on it is half of the step, and it is whole 15 days away."""
    at = np.arange(0.0, 90.0, 0.25) * 86_400.0
    rh = np.where(at < 45 * 86_400.0, 40.0, 60.0)
    mean = settled_band(at, rh).mean
    assert mean[at == 45 * 86_400.0][0] == pytest.approx(50.0, abs=0.2)
    assert mean[at == 37.5 * 86_400.0][0] == pytest.approx(45.0, abs=0.2)
    assert (mean[at < 29 * 86_400.0] == 40.0).all()
    assert (mean[at > 61 * 86_400.0] == 60.0).all()


def year_of(*, humidity: float = 50.0, warm: float = 20.0, **waves: float) -> str:
    """The ASHRAE type of a year of hourly readings: a day's and a season's wave of humidity and of temperature."""
    at = np.arange(365 * 24) * 3600.0
    day, season = (np.sin(2 * np.pi * at / each) for each in (86_400.0, 365 * 86_400.0))
    rh = humidity + waves.get("rh_day", 0.0) * day + waves.get("rh_season", 0.0) * season
    temperature = warm + waves.get("t_day", 0.0) * day + waves.get("t_season", 0.0) * season
    rules = limits(date(2026, 6, 1))
    return ashrae_class(
        physics.as_floats(at),
        physics.as_floats(temperature),
        humidity=physics.as_floats(rh),
        rules=rules,
    )


@pytest.mark.parametrize(
    ("waves", "kind"),
    [
        ({"rh_day": 4.5, "t_day": 1.5, "t_season": 4.0}, "AA"),
        ({"rh_day": 4.5, "rh_season": 9.0}, "A1"),
        ({"rh_day": 9.5}, "A2"),
        ({"rh_day": 9.5, "rh_season": 9.0}, "B"),
        ({"t_day": 4.5}, "B"),
        ({"t_season": 8.0}, "B"),
        ({"rh_day": 20.0}, "C"),
        ({"humidity": 68.0}, "B"),
        ({"humidity": 33.0}, "B"),
        ({"humidity": 73.0}, "C"),
        ({"humidity": 28.0}, "C"),
        ({"humidity": 20.0}, "D"),
        ({"warm": 28.0}, "B"),
        ({"warm": 33.0}, "D"),
        ({"humidity": 80.0}, ""),
    ],
)
def test_the_types_of_control_are_those_of_the_handbooks_table(
    waves: dict[str, float], kind: str
) -> None:
    """ASHRAE Handbook - HVAC Applications 2019, chapter 24, table 13A: short fluctuations, seasonal adjustments and
    long-term outer limits (35-65 % for AA and A, 30-70 % for B, 25-75 % for C, under 75 % for D)."""
    assert year_of(**waves) == kind

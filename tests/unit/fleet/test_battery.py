"""A battery's curve, and the day on which it is to be changed."""

from datetime import date

import pytest

from clapas.fleet.battery import Battery
from clapas.fleet.health import battery_end

CURVE = Battery(curve=[(3.0, 0.0), (3.4, 0.8), (3.6, 1.0)], empty=0.4)
TODAY = date(2026, 1, 1)


def test_a_curve_is_read_between_its_points_both_ways() -> None:
    assert [round(CURVE.share(v) or 0, 2) for v in (2.5, 3.2, 3.5, 4.0)] == [0.0, 0.4, 0.9, 1.0]
    assert CURVE.volts() == pytest.approx(3.2)
    assert Battery().share(3.0) is Battery().volts() is None


def test_the_model_s_curve_decides_when_a_battery_ends() -> None:
    line = {"slope": -0.0125, "latest": 3.45, "quantity": "battery_voltage"}
    assert battery_end(line, TODAY) == date(2026, 3, 2), "2.7 V without a curve"
    assert battery_end(line, TODAY, battery=CURVE) == date(2026, 1, 21), "3.2 V by the curve"
    share = {"slope": -0.0625, "latest": 0.55, "quantity": "battery_level"}
    assert battery_end(share, TODAY) == date(2026, 1, 9)
    assert battery_end(share, TODAY, battery=CURVE) == date(2026, 1, 3)


@pytest.mark.parametrize("curve", [[(3.6, 1.0), (3.0, 0.0)], [(3.0, 2.0)]])
def test_a_curve_that_makes_no_sense_is_refused(curve: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="curve"):
        Battery(curve=curve)

"""Night flow, ILI and its doubt, the yearly table, the effect of a repair, the daily card."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from clapas.domain.errors import InvalidInput
from clapas.usecases.water.network.balance import Signal, Zone
from clapas.usecases.water.network.bursts import Step
from clapas.usecases.water.network.cards import COLUMNS, card_table, cards
from clapas.usecases.water.network.districts import Survey
from clapas.usecases.water.network.indicators import (
    District,
    Uncertainty,
    Year,
    efficiency_floor,
    infrastructure_leakage_index,
    night_flow,
    repair_effect,
    unavoidable_l_day,
    yearly_table,
)
from clapas.usecases.water.network.series import Hours

TOWN = District(mains_km=43.2, connections=4000, pressure_m=45.0)


def test_the_loss_of_a_day_follows_the_pressure() -> None:
    hours = np.full(24, 60.0)
    hours[2:4] = 20.0
    night = night_flow(hours, None, district=TOWN)
    assert (night.flow, night.use, night.loss) == (20.0, 8.0, 12.0)
    assert night.loss_per_connection == pytest.approx(3.0)
    assert night.day_loss == pytest.approx(288.0)
    pressures = np.full(24, 40.0)
    pressures[2:4] = 50.0
    eased = night_flow(hours, pressures, district=TOWN, n1=1.0)
    assert eased.day_loss == pytest.approx(12.0 * (2 + 22 * 0.8))
    with pytest.raises(InvalidInput, match="24 hours"):
        night_flow(hours[:23], None, district=TOWN)


def test_unavoidable_losses_are_those_of_the_formula() -> None:
    assert unavoidable_l_day(TOWN) == pytest.approx((18 * 43.2 + 0.8 * 4000) * 45)


def test_ten_per_cent_on_the_inlet_meter_swallow_the_index() -> None:
    sure = infrastructure_leakage_index(
        1_000_000,
        900_000,
        days=365,
        district=TOWN,
        errors=Uncertainty(inflow=0.01, consumption=0.01),
    )
    vague = infrastructure_leakage_index(
        1_000_000, 900_000, days=365, district=TOWN, errors=Uncertainty(inflow=0.10)
    )
    assert sure.low < sure.value < sure.high
    assert (vague.high - vague.low) > 3 * (sure.high - sure.low)
    assert vague.high > 1.9 * vague.value


def test_the_yearly_table_has_the_codes_of_sispea() -> None:
    year = Year(
        produced=1_000_000,
        bought=100_000,
        sold=50_000,
        billed=800_000,
        unbilled=20_000,
        service=10_000,
        mains_km=200,
    )
    table = {each.code: each.value for each in yearly_table(year)}
    assert table["P104.3"] == pytest.approx(100 * 880_000 / 1_100_000)
    assert table["P105.3"] == pytest.approx(250_000 / 73_000)
    assert table["P106.3"] == pytest.approx(220_000 / 73_000)
    assert table["floor"] == pytest.approx(65 + 880_000 / 73_000 / 5)
    assert efficiency_floor(200.0, stressed=False) == 85.0
    assert efficiency_floor(10.0, stressed=True) == 72.0


def test_a_repair_shows_in_the_nights() -> None:
    random = np.random.default_rng(1)
    effect = repair_effect(random.normal(30, 1, 14), random.normal(20, 1, 14))
    assert effect.gained_m3_h == pytest.approx(10, abs=1)
    assert effect.before.low > effect.after.high
    assert effect.gained_euros_year == pytest.approx(effect.gained_m3_h * 8766 * 0.8)


def test_the_card_of_a_day_says_what_is_open() -> None:
    values = np.full(30 * 24, 50.0)
    values[20 * 24 :] += 10.0
    signal = Signal(zone="A", kind="balance", values=values, scale=values)
    step = Step(
        zone="A", signal="balance", raised=20 * 24 + 12, start=20 * 24, size=10.0, kind="burst"
    )
    found = Survey(
        zones=(Zone(name="A", flows={"a": 1.0}),), signals=[signal], steps=[step], candidates=[[]]
    )
    flows = Hours(names=("a",), start=1_704_063_600.0, values=values[:, None])
    made = cards(found, flows, zone=ZoneInfo("Europe/Paris"), known={"A": TOWN})
    assert (made[0].day, len(made)) == (date(2024, 1, 1), 30)
    assert [card.open_leak for card in made[18:22]] == [0.0, 0.0, 10.0, 10.0]
    assert made[22].night - made[22].night_before == pytest.approx(10.0)
    assert made[22].ilp == pytest.approx((60 - 8) * 24 / 43.2)
    table = card_table(made, 0.8)
    assert tuple(table.columns) == COLUMNS
    assert table["loss_euros_day"][22] == round(0.8 * 52 * 24)

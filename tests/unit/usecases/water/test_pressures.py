"""Twelve pressure sensors of a small town: a leak is seen in the field before the balance is sure of it."""

import msgspec
import numpy as np
from tests.unit.usecases.water.test_network import DAY, opened, town

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.balance import Signal, guess_zones, signals
from clapas.usecases.water.network.bursts import Rules, Watch
from clapas.usecases.water.network.districts import Records, survey
from clapas.usecases.water.network.explained import Trial, covariance_of, explain, filled
from clapas.usecases.water.network.field import Field
from clapas.usecases.water.network.matched import SHOWN, Bank, Found, Matched, _lost
from clapas.usecases.water.network.series import Hours
from clapas.usecases.water.network.together import watch

SENSORS = tuple(f"n{number}" for number in range(12))


def gauged(records: Records, leak: Floats | None = None, *, valve: int = 0) -> Records:
    """Pressures that fall with the square of the inflow everywhere, and with the leak near sensors 3 and 4."""
    random = np.random.default_rng(9)
    total = records.flows.values[:, :2].sum(axis=1)
    hours = len(total)
    heads = 50.0 - np.outer(total**2, np.linspace(1e-5, 6e-5, len(SENSORS)))
    heads += random.normal(0.0, 0.02, heads.shape)
    if leak is not None:
        near = np.zeros(len(SENSORS))
        near[[2, 3, 4]] = 0.2, 1.0, 0.8
        heads -= np.outer(leak, near) * 0.03
    if valve:
        heads[valve:, 7:] += 0.2
    pressures = Hours(names=SENSORS, start=0.0, values=heads, local=False)
    assert len(heads) == hours
    return msgspec.structs.replace(records, pressures=pressures)


def test_a_quiet_field_never_moves() -> None:
    records = gauged(town(60))
    field = Field(records.pressures, records.flows, levels=records.levels)  # type: ignore[arg-type]
    assert [field.look(hour) for hour in range(60 * DAY)].count(None) == 60 * DAY


def test_a_slow_leak_is_told_days_before_the_balance_is_sure() -> None:
    leak = opened(80, start=40, end=80, flow=14.0, growing_days=30)
    alone = survey(town(80, leak=leak)).told[0][0]
    helped = survey(gauged(town(80, leak=leak), leak)).told[0][0]
    assert helped.signal == "field"
    assert 40 * DAY < helped.raised < alone.raised
    assert helped.zone == "A+B"


def test_the_sensors_near_the_leak_are_those_that_fall() -> None:
    leak = opened(60, start=40, end=60, flow=12.0)
    records = gauged(town(60, leak=leak), leak)
    field = Field(records.pressures, records.flows, levels=records.levels)  # type: ignore[arg-type]
    moves = [move for hour in range(60 * DAY) if (move := field.look(hour)) is not None]
    assert set(np.argsort(-moves[0].shortfall)[:2]) == {3, 4}
    assert abs(moves[0].start - 40 * DAY) <= 3


def test_a_valve_that_changes_pressures_is_no_leak() -> None:
    found = survey(gauged(town(60), valve=40 * DAY))
    assert any(step.signal == "field" and step.kind == "shift" for step in found.steps)
    assert not found.told


def marked() -> Trial:
    """A leak of 1 m³/h at each of twelve junctions, each beside a sensor; the inlets give it in equal shares."""
    falls = np.eye(len(SENSORS)) * 2.0
    falls[3, 2:5] = 0.6, 3.0, 2.4
    flows = np.zeros((len(SENSORS), 3))
    flows[:, :2] = 0.5
    return Trial(flows=flows, falls=falls)


def found_in(records: Records) -> list[Found]:
    bank = Bank(explain(records.pressures, records.flows, levels=records.levels), marked())  # type: ignore[arg-type]
    return [move for hour in range(60 * DAY) if (move := bank.look(hour)) is not None]


def test_a_leak_is_told_by_its_own_shape_placed_and_sized() -> None:
    leak = opened(60, start=40, end=60, flow=7.0, growing_days=8)
    found = [move for move in found_in(gauged(town(60, leak=leak), leak)) if move.leak]
    assert 40 * DAY < found[0].raised < 45 * DAY
    assert found[0].order[0] == 3
    assert 0 < found[0].flow < 3.0


def test_a_quiet_town_tells_nothing() -> None:
    assert found_in(gauged(town(60))) == []


def test_a_valve_moves_the_field_and_is_no_leak_since_no_zone_loses_by_it() -> None:
    records = gauged(town(60), valve=40 * DAY)
    bank = Bank(explain(records.pressures, records.flows, levels=records.levels), marked())  # type: ignore[arg-type]
    zones = guess_zones(records.flows, records.levels)
    balances = signals(zones, records.flows, levels=records.levels)
    steps = watch(balances, beside=Matched(bank, ("A+B",) * len(SENSORS)))
    field = [step for step in steps if step.signal == "field"]
    assert field
    assert abs(field[0].raised - 40 * DAY) <= 6
    assert not any(step.told for step in field)


def test_hours_without_pressures_are_passed_over() -> None:
    leak = opened(60, start=40, end=60, flow=12.0)
    records = gauged(town(60, leak=leak), leak)
    records.pressures.values[38 * DAY : 39 * DAY] = np.nan  # type: ignore[union-attr]
    found = [move for move in found_in(records) if move.leak]
    assert found[0].order[0] == 3
    assert 0 <= found[0].raised - 40 * DAY < 12


def test_two_dead_sensors_do_not_silence_the_others() -> None:
    leak = opened(60, start=40, end=60, flow=12.0)
    records = gauged(town(60, leak=leak), leak)
    records.pressures.values[30 * DAY :, [0, 8]] = np.nan  # type: ignore[union-attr]
    found = [move for move in found_in(records) if move.leak]
    assert found[0].order[0] == 3
    assert 0 <= found[0].raised - 40 * DAY < 12
    told = survey(records).told
    assert told
    assert told[0][0].signal == "field"


def test_a_sensor_that_is_not_heard_is_told_by_its_neighbours() -> None:
    random = np.random.default_rng(3)
    common = random.normal(0, 2, (3000, 1))
    heard = common + random.normal(0, 0.5, (3000, 4))
    ordinary = covariance_of(heard[:1000], shrink=0.0, least_cm=0.01)
    gaps = heard.copy()
    gaps[1000:2000, 2] = np.nan
    gaps[2000:, :2] = np.nan
    found = filled(gaps, ordinary)
    assert np.corrcoef(found[1000:2000, 2], heard[1000:2000, 2])[0, 1] > 0.9
    assert np.isnan(found[2000:, :2]).all(), "half of the field is not heard: nothing is made up"
    assert (found[:1000] == heard[:1000]).all()
    assert np.array_equal(filled(gaps, None), gaps, equal_nan=True)


def test_what_the_flow_of_a_leak_explains_is_not_looked_for() -> None:
    """Behind the inlets the flow's own effect is taken off a leak's falls: what remains is what the residuals show."""
    leak = opened(60, start=40, end=60, flow=10.0)
    records = gauged(town(60, leak=leak), leak)
    explained = explain(records.pressures, records.flows, levels=records.levels)  # type: ignore[arg-type]
    shown = np.nanmean(explained.missing[41 * DAY : 48 * DAY], axis=0)
    truth = np.zeros(len(SENSORS))
    truth[[2, 3, 4]] = 0.6, 3.0, 2.4
    slope = 2 * 1e-5 * np.linspace(1, 6, len(SENSORS)) * 2 * explained.mean_flows[0] * 100
    trial = Trial(flows=np.array([[0.5, 0.5, 0.0]]), falls=(truth + slope)[None, :])
    expected = 10.0 * explained.left_of(trial)[0]
    raw = 10.0 * trial.falls[0]
    assert np.linalg.norm(shown - expected) < 0.5 * np.linalg.norm(shown - raw)


def test_a_leak_too_small_for_the_balance_to_show_is_not_asked_to_show_in_it() -> None:
    """A valve of the same size is refused: where the balance would rise by more than its noise, it must."""
    watch = Watch(
        Signal(zone="z", kind="balance", values=np.zeros(600), scale=np.full(600, 100.0)), Rules()
    )
    move = Found(raised=500, start=490, order=(0,), flow=0.4, leak=True)
    assert watch.noise_of(500, 11) * SHOWN > move.flow
    assert _lost(watch, move, hour=500)
    assert not _lost(watch, msgspec.structs.replace(move, flow=40.0), hour=500)

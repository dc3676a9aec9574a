"""Twelve pressure sensors of a small town: a leak is seen in the field before the balance is sure of it."""

import msgspec
import numpy as np
from tests.unit.usecases.water.test_network import DAY, opened, town

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.districts import Records, survey
from clapas.usecases.water.network.field import Field, FieldRules, Move
from clapas.usecases.water.network.series import Hours

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


def test_a_leak_is_found_by_its_shape_alone_and_a_quiet_town_has_none() -> None:
    falls = np.eye(len(SENSORS)) * 0.2
    falls[3, 2:5] = 0.06, 0.3, 0.24
    leak = opened(60, start=40, end=60, flow=7.0, growing_days=20)
    shapes_only = FieldRules(limits=(np.inf, np.inf, np.inf))

    def moves(records: Records, falls: Floats | None) -> list[Move]:
        assert records.pressures is not None
        field = Field(
            records.pressures, records.flows, levels=records.levels, rules=shapes_only, falls=falls
        )
        return [move for hour in range(60 * DAY) if (move := field.look(hour)) is not None]

    leaky = gauged(town(60, leak=leak), leak)
    found = moves(leaky, falls)
    assert 40 * DAY < found[0].raised < 45 * DAY
    assert int(np.argmax(found[0].shortfall)) == 3
    assert moves(leaky, None) == []
    assert moves(gauged(town(60)), falls) == []

"""A small town with two inlets, a pump and a tank: breaks, slow leaks, repairs, manoeuvres."""

from pathlib import Path

import numpy as np
import pytest

from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.balance import Signal, guess_zones
from clapas.usecases.water.network.bursts import Step, _same_at_every_hour
from clapas.usecases.water.network.districts import COLUMNS, Records, alarm_table, survey
from clapas.usecases.water.network.evaluate import match, official
from clapas.usecases.water.network.series import Hours, read_hours
from clapas.usecases.water.network.simulate import Leak
from clapas.usecases.water.network.together import watch

DAY = 24


def town(
    days: int, *, leak: Floats | None = None, near_second: float = 0.5, seed: int = 3
) -> Records:
    """Hourly flows of two inlets A and B (m³/h), a pump P that fills tank T (200 m²)."""
    random = np.random.default_rng(seed)
    hour = np.arange(days * DAY)
    shape = 1.0 + 0.6 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi)
    low = 120.0 * shape * random.normal(1.0, 0.02, len(hour))
    high = 25.0 * shape * random.normal(1.0, 0.05, len(hour))
    lost = np.zeros(len(hour)) if leak is None else leak
    level = np.zeros(len(hour) + 1)
    level[0], on, pump = 3.0, True, np.zeros(len(hour))
    for h in range(len(hour)):
        on = level[h] < 3.6 if on else level[h] < 2.5
        pump[h] = 44.0 if on else 0.0
        level[h + 1] = level[h] + (pump[h] - high[h]) / 200.0
    total = low + pump
    split = random.normal(0.0, 0.4, len(hour)) + (2 * near_second - 1) * lost
    flows = np.stack([(total + lost - split) / 2, (total + lost + split) / 2, pump], axis=1)
    return Records(
        flows=Hours(names=("A", "B", "P"), start=0.0, values=flows, local=False),
        levels=Hours(names=("T",), start=0.0, values=np.round(level[:-1, None], 2), local=False),
    )


def opened(
    days: int, *, start: float, end: float, flow: float, growing_days: float = 0.0
) -> Floats:
    hour = np.arange(days * DAY, dtype=np.float64)
    grown = np.clip((hour - start * DAY) / max(growing_days * DAY, 1.0), 0.0, 1.0)
    return flow * grown * ((hour >= start * DAY) & (hour < end * DAY))


def test_the_tank_and_its_pump_are_recognised() -> None:
    records = town(20)
    zones = guess_zones(records.flows, records.levels)
    assert [zone.name for zone in zones] == ["A+B", "P"]
    assert zones[0].flows == {"A": 1.0, "B": 1.0, "P": -1.0}
    assert zones[1].tanks["T"] == pytest.approx(200.0, rel=0.15)


def test_a_quiet_town_raises_nothing() -> None:
    assert not survey(town(90)).told


def test_a_break_is_told_within_a_day_and_its_repair_is_no_alarm() -> None:
    found = survey(town(70, leak=opened(70, start=40, end=55, flow=15.0)))
    assert len(found.told) == 1
    step = found.told[0][0]
    assert 40 * DAY < step.raised <= 41 * DAY
    assert abs(step.start - 40 * DAY) <= 6
    assert step.size == pytest.approx(15.0, rel=0.3)
    assert any(each.kind == "repair" and abs(each.start - 55 * DAY) <= 6 for each in found.steps)


def test_a_slow_leak_is_told_and_its_growth_is_not_told_again_and_again() -> None:
    found = survey(town(90, leak=opened(90, start=40, end=90, flow=16.0, growing_days=20)))
    assert 1 <= len(found.told) <= 4
    assert (found.told[0][0].raised - 40 * DAY) / DAY <= 15


def test_two_leaks_are_told_apart() -> None:
    leak = opened(80, start=40, end=80, flow=14.0) + opened(80, start=50, end=80, flow=18.0)
    found = survey(town(80, leak=leak))
    assert [round(step.start / DAY) for step, _ in found.told] == [40, 50]


def test_a_valve_that_moves_flow_between_inlets_is_no_leak() -> None:
    records = town(70)
    shifted = records.flows.values.copy()
    shifted[40 * DAY :, 0] -= 12.0
    shifted[40 * DAY :, 1] += 12.0
    moved = Records(
        flows=Hours(names=records.flows.names, start=0.0, values=shifted, local=False),
        levels=records.levels,
    )
    found = survey(moved)
    assert not found.told
    assert any(step.kind == "shift" for step in found.steps)


def test_alarms_use_nothing_later() -> None:
    whole = town(60, leak=opened(60, start=40, end=60, flow=15.0))
    told = survey(whole).told[0][0]
    cut = Records(
        flows=Hours(
            names=whole.flows.names,
            start=0.0,
            values=whole.flows.values[: told.raised + 1],
            local=False,
        ),
        levels=Hours(
            names=("T",), start=0.0, values=whole.levels.values[: told.raised + 2], local=False
        )
        if whole.levels
        else None,
    )
    again = survey(cut).told[0][0]
    assert (again.raised, again.start) == (told.raised, told.start)


def test_growth_of_demand_is_not_a_leak() -> None:
    usual = 100.0 + 60.0 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    noise = np.random.default_rng(1).normal(0, 0.2, 24)
    assert abs(_same_at_every_hour(0.03 * usual + noise, usual)) < 1.0
    assert _same_at_every_hour(5.0 + noise, usual) == pytest.approx(5.0, abs=0.7)


def test_alarms_are_matched_to_leaks_and_paid() -> None:
    leaks = (
        Leak(pipe="p1", diameter=0.01, start=100.0, peak=100.0, end=1000.0, flow=10.0),
        Leak(pipe="p2", diameter=0.01, start=500.0, peak=500.0, end=900.0, flow=10.0),
    )
    steps = [
        Step(zone="z", signal="balance", raised=hour, start=hour - 5, size=10.0, kind="burst")
        for hour in (50, 123, 511, 600)
    ]
    outcome = match(steps, leaks)
    assert (outcome.false, outcome.repeats) == (1, 1)
    assert outcome.delays == (1.0, 0.5)
    metres = {("p1", "p1"): 0.0, ("p2", "q"): 150.0, ("p2", "p2"): 0.0}
    told = list(zip(steps, (["p1"], ["p1"], ["q"], ["p2"]), strict=True))
    score = official(
        told, leaks, metres=lambda leak, pipe: metres.get((leak, pipe), 900.0), until=1000.0
    )
    assert (score.found, score.repeated, score.false) == (2, 1, 1)
    assert score.euros == pytest.approx(
        0.8 * 10 * (1000 - 124) + 0.8 * 10 * (900 - 512) - 250 - 500
    )
    assert score.perfect == pytest.approx(0.8 * 10 * (899 + 399))
    nowhere = official([(step, []) for step in steps], leaks, metres=lambda *_: 0.0, until=1000.0)
    assert (nowhere.euros, nowhere.false) == (-2000.0, 4)


def test_the_export_of_the_supervision_is_read_and_alarms_written(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text(
        "Timestamp;p1;p2\n"
        + "".join(f"2019-01-01 {n // 12:02}:{n % 12 * 5:02}:00;88,14;9,5\n" for n in range(48)),
        encoding="utf-8",
    )
    hours = read_hours(path, zone="UTC")
    assert hours.names == ("p1", "p2")
    assert hours.count == 4
    assert hours.column("p1")[0] == pytest.approx(88.14)
    found = survey(town(60, leak=opened(60, start=40, end=60, flow=15.0)))
    table = alarm_table(found, hours)
    assert tuple(table.columns) == COLUMNS
    assert table["kind"][0] == "burst"
    (tmp_path / "bad.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(BadTable, match="no column of time"):
        read_hours(tmp_path / "bad.csv")


def test_without_levels_what_the_pump_draws_is_taken_off_the_inlets() -> None:
    zones = guess_zones(town(20).flows, None)
    assert [zone.name for zone in zones] == ["A+B"]
    assert zones[0].flows == {"A": 1.0, "B": 1.0, "P": -1.0}
    leaky = town(70, leak=opened(70, start=40, end=70, flow=15.0))
    found = survey(Records(flows=leaky.flows))
    assert [step.zone for step, _ in found.told] == ["A+B"]


def test_a_rise_that_passes_by_itself_is_not_told_again_and_again() -> None:
    passing = sum(opened(100, start=day, end=day + 1.6, flow=14.0) for day in range(40, 96, 8))
    found = survey(town(100, leak=np.asarray(passing)))
    assert 1 <= len(found.told) <= 4
    assert max(step.raised for step, _ in found.told) < 70 * DAY
    assert all(step.size > 0 for step, _ in found.told)


def test_a_lasting_leak_is_still_told_after_a_rise_that_passed() -> None:
    first = opened(80, start=40, end=41.6, flow=14.0)
    found = survey(town(80, leak=first + opened(80, start=55, end=80, flow=14.0)))
    assert any(54 * DAY < step.raised < 60 * DAY for step, _ in found.told)


def test_a_valve_opened_between_two_districts_is_no_leak_in_the_one_that_gains() -> None:
    random = np.random.default_rng(9)
    hour = np.arange(60 * DAY)
    shape = 1.0 + 0.5 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi)
    north = 80.0 * shape * random.normal(1.0, 0.02, len(hour))
    south = 90.0 * shape * random.normal(1.0, 0.02, len(hour))
    passed = 9.0 * (hour >= 45 * DAY)

    def told(north: Floats, south: Floats) -> list[Step]:
        both = [Signal(zone=name, kind="balance", values=values, scale=values)
                for name, values in (("north", north), ("south", south))]  # fmt: skip
        return [step for step in watch(both) if step.told]

    assert told(north + passed, south - passed) == []
    assert [step.zone for step in told(north + passed, south)] == ["north"]

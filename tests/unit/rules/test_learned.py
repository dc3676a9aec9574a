"""Conditions that learn: what they find, what they leave alone, and their published score."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from clapas.ops.anomaly_choice import SEEDS, choose, made
from clapas.ops.benches.anomalies import measure, score
from clapas.rules.learned import drift, same_hour, shift, unusual
from clapas.rules.model import SameHour, Unusual

HOUR = 3_600_000
UTC_ZONE, PARIS = ZoneInfo("UTC"), ZoneInfo("Europe/Paris")


def test_same_hour_knows_tuesday_night_from_noon() -> None:
    memory: list[float] = []
    rule = SameHour(times=5.0, margin=0.5)
    dice = random.Random(1)

    def usual(hour: int) -> float:
        return (10.0 if hour % 24 in range(8, 20) else 1.0) + dice.uniform(-0.2, 0.2)

    for hour in range(6 * 168):
        found = same_hour(memory, hour * HOUR, value=usual(hour), when=rule, zone=UTC_ZONE)
        assert found is not True, hour
    night = 6 * 168 * HOUR + 2 * HOUR
    assert same_hour(memory, night, value=4.0, when=rule, zone=UTC_ZONE) is True
    assert same_hour(memory, night + 10 * HOUR, value=usual(12), when=rule, zone=UTC_ZONE) is False


def test_the_usual_hour_follows_summer_time() -> None:
    """A pump that starts at 6 by the clock on the wall is as usual after the last Sunday of March."""
    memory: list[float] = []
    rule = SameHour(times=5.0, margin=0.5)
    start = datetime(2026, 2, 16, tzinfo=PARIS)
    said = []
    for day in range(8 * 7):
        for hour in range(24):
            at = (start + timedelta(days=day)).replace(hour=hour)
            value = 10.0 if hour == 6 else 1.0
            said.append(
                same_hour(memory, int(at.timestamp() * 1000), value=value, when=rule, zone=PARIS)
            )
    assert True not in said
    assert False in said[-24:]


def test_unusual_needs_to_be_far_and_farther_than_the_last_days() -> None:
    memory: list[float] = []
    dice = random.Random(2)
    for hour in range(300):
        assert not unusual(memory, hour * HOUR, value=dice.gauss(20, 1), when=Unusual())
    assert unusual(memory, 300 * HOUR, value=40.0, when=Unusual())
    assert not unusual(memory, 310 * HOUR, value=34.0, when=Unusual())
    assert unusual(memory, 311 * HOUR, value=50.0, when=Unusual())
    assert not unusual(memory, 330 * HOUR, value=-50.0, when=Unusual(direction="up"))


def test_a_shift_that_lasts_and_a_slow_drift() -> None:
    dice = random.Random(3)
    memory: list[float] = []
    for _ in range(400):
        assert not shift(memory, dice.gauss(5, 1), times=12.0)
    assert any(shift(memory, dice.gauss(9, 1), times=12.0) for _ in range(30))
    memory = []
    for hour in range(24 * 40):
        assert not drift(memory, hour * HOUR, value=dice.gauss(5, 1), times=5.0)
    found = [
        drift(memory, hour * HOUR, value=5 + (hour - 960) / 24, times=5.0)
        for hour in range(960, 1500)
    ]
    assert any(found)


def test_the_score_of_nothing_of_perfection_and_of_noise() -> None:
    windows = [(300, 399), (700, 799)]
    assert score(1000, windows, []) == (-2.0, 0, 0)
    points, found, wrong = score(1000, windows, [300, 700])
    assert (round(points, 6), found, wrong) == (2.0, 2, 0)
    assert score(1000, windows, [300, 350, 700])[0] == points
    assert score(1000, windows, [100, 300, 700])[0] == points
    assert score(1000, windows, [200, 300, 700])[0] == pytest.approx(points - 0.11)
    late = score(1000, windows, [390, 790])[0]
    assert 0 < late < points


def test_the_made_up_series_of_the_choice_are_always_the_same_and_labelled() -> None:
    series = [made(seed) for seed in SEEDS]
    assert series[0] == made(SEEDS[0])
    assert len({each.values[0] for each in series}) == len(series)
    for each in series:
        inside = sum(last - first + 1 for first, last in each.windows)
        assert inside / len(each.times) == pytest.approx(0.10, abs=0.01)


def test_the_choice_prefers_fewer_alarms_among_equals() -> None:
    def detect(_: object, __: object, rule: Unusual) -> list[int]:
        return [1] if rule.times > 7 else []

    def points(
        _: object, windows: Sequence[object], found: Sequence[int]
    ) -> tuple[float, int, int]:
        return (-float(len(windows)) if found else 0.0), 0, 0

    best = choose(detect, points)[0][1]
    assert (best.times, best.memory_days) == (7.0, 1.0)


@pytest.mark.shared
def test_the_published_score_is_reached(shared: Path) -> None:
    figures = measure(shared / "data" / "anomalies-nab", Unusual())
    assert figures["score"] >= 60

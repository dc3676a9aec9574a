"""Simulated classrooms: closed at night, aired at breaks, and a few that nobody airs."""

from clapas.ops.simulate.signals import indoor

TUESDAY = 1_767_657_600 - 3600
"""6 January 2026, midnight of the simulation's day (UTC + 1 h)."""
CROWDED = {"crowd": 1000.0}


def longest_above(seed: int, limit: float) -> float:
    """Hours in a row above a limit, over a school day, as a sensor sees it every quarter of an hour."""
    best = run = 0.0
    for quarter in range(96):
        co2 = indoor(seed, TUESDAY + quarter * 900, CROWDED)["co2"]
        run = run + 0.25 if co2 > limit else 0.0
        best = max(best, run)
    return best


def test_most_rooms_are_aired_and_a_few_are_not() -> None:
    stale = [seed for seed in range(400) if longest_above(seed, 800.0) >= 2.0]
    assert 0 < len(stale) < 0.2 * 400
    assert max(longest_above(seed, 800.0) for seed in range(400)) < 4.0


def test_nobody_is_there_at_night_or_on_sunday() -> None:
    for seed in range(50):
        assert indoor(seed, TUESDAY + 2 * 3600, CROWDED)["co2"] < 500
        assert indoor(seed, TUESDAY - 2 * 86_400 + 10 * 3600, CROWDED)["co2"] < 500

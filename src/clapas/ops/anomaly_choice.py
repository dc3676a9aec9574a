"""How the defaults of the rule ``unusual`` are chosen: on made-up series, before any recording is scored.

The series are drawn from a seed. Each is a city's sensor as one expects it (a count with its rush hours, an
occupancy, a smooth temperature, a travel time with a heavy tail), with noise of its own size, and one to
four faults: a spike, a fall to nothing, a step that lasts, a burst of noise, a ramp. As in the Numenta
Anomaly Benchmark the windows take a tenth of a series in all, each around the beginning of a fault.

The grid is walked once over the series of ``SEEDS``; the pair with the best score wins, and of those within
``EQUAL`` points the one with the most deviations, then the shortest memory: fewer alarms for the same worth.
"""

import itertools
import math
import random
from collections.abc import Callable, Sequence

import msgspec

from clapas.rules.model import Unusual

SEEDS = range(1, 31)
TIMES = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
MEMORY_DAYS = (1.0, 2.0, 3.5, 5.0, 7.0, 10.0)
EQUAL = 1.0
DAY_S = 86_400
START_S = 1_700_000_000
SHARE = 0.10
"""Of a series that all its windows take."""


class Made(msgspec.Struct, frozen=True):
    """A made-up series: times (ms), values, the windows of its faults (first and last place)."""

    times: list[int]
    values: list[float]
    windows: list[tuple[int, int]]


Score = Callable[[int, Sequence[tuple[int, int]], Sequence[int]], tuple[float, int, int]]
Detect = Callable[[Sequence[int], Sequence[float], Unusual], list[int]]


def made(seed: int) -> Made:
    """The series of a seed."""
    dice = random.Random(seed)
    step = dice.choice((300, 600, 900, 3600))
    length = dice.randrange(2200, 5200)
    times = [START_S + n * step for n in range(length)]
    shape = dice.choice((_count, _occupancy, _temperature, _travel))
    values = shape(dice, times)
    faults = _places(dice, length, count=dice.randint(1, 4))
    for place in faults:
        dice.choice((_spike, _nothing, _level, _noisy, _ramp))(dice, values, place=place, step=step)
    half = int(SHARE * length / len(faults) / 2)
    windows = [(max(0, each - half), min(length - 1, each + half)) for each in faults]
    return Made([each * 1000 for each in times], values, windows)


def choose(detect: Detect, score: Score) -> list[tuple[float, Unusual]]:
    """Every pair of the grid with its normalised score on the made-up series, the chosen one first."""
    series = [made(seed) for seed in SEEDS]
    found = [
        (
            _total(series, Unusual(times=times, memory_days=days), detect=detect, score=score),
            times,
            days,
        )
        for times, days in itertools.product(TIMES, MEMORY_DAYS)
    ]
    best = max(each[0] for each in found)
    found.sort(key=lambda each: (each[0] < best - EQUAL, -each[1], each[2]))
    return [(points, Unusual(times=times, memory_days=days)) for points, times, days in found]


def _total(series: Sequence[Made], rule: Unusual, *, detect: Detect, score: Score) -> float:
    points = sum(
        score(len(each.times), each.windows, detect(each.times, each.values, rule))[0]
        for each in series
    )
    windows = sum(len(each.windows) for each in series)
    return 100 * (points + windows) / (2 * windows)


def _places(dice: random.Random, length: int, *, count: int) -> list[int]:
    """Where faults begin: after the first fifth, apart from each other."""
    first, last = length // 5, length - length // 20
    width = (last - first) // count
    return [first + n * width + dice.randrange(width // 4, width * 3 // 4) for n in range(count)]


def _hour(at: int) -> float:
    return at % DAY_S / 3600


def _working(at: int) -> float:
    return 1.0 if at // DAY_S % 7 < 5 else 0.6


def _rush(at: int) -> float:
    hour = _hour(at)
    return math.exp(-((hour - 8) ** 2) / 4) + 0.9 * math.exp(-((hour - 17.5) ** 2) / 6) + 0.15


def _count(dice: random.Random, times: Sequence[int]) -> list[float]:
    size, noise = dice.uniform(50, 900), dice.uniform(0.05, 0.2)
    return [max(0.0, size * _rush(t) * _working(t) * (1 + dice.gauss(0, noise))) for t in times]


def _occupancy(dice: random.Random, times: Sequence[int]) -> list[float]:
    size = dice.uniform(4, 15)
    return [min(100.0, size * _rush(t) * _working(t) * dice.lognormvariate(0, 0.35)) for t in times]


def _temperature(dice: random.Random, times: Sequence[int]) -> list[float]:
    base, swing, drift = dice.uniform(5, 25), dice.uniform(0.5, 6), 0.0
    values = []
    for at in times:
        drift = 0.995 * drift + dice.gauss(0, 0.12)
        day = swing * math.sin((_hour(at) - 9) / 24 * 2 * math.pi)
        values.append(base + day + drift + dice.gauss(0, 0.15))
    return values


def _travel(dice: random.Random, times: Sequence[int]) -> list[float]:
    base = dice.uniform(40, 400)
    return [
        base * (1 + 0.5 * _rush(t) * _working(t) * dice.lognormvariate(-0.5, 0.6)) for t in times
    ]


def _spread(values: Sequence[float]) -> float:
    middle = sorted(values)[len(values) // 2]
    return sum(abs(each - middle) for each in values) / len(values) or 1.0


def _spike(dice: random.Random, values: list[float], *, place: int, step: int) -> None:
    del step
    high = dice.choice((-1, 1)) * dice.uniform(6, 14) * _spread(values)
    for each in range(place, min(len(values), place + dice.randint(1, 6))):
        values[each] += high


def _nothing(dice: random.Random, values: list[float], *, place: int, step: int) -> None:
    for each in range(place, min(len(values), place + dice.randint(2, 12) * 3600 // step + 1)):
        values[each] = 0.0


def _level(dice: random.Random, values: list[float], *, place: int, step: int) -> None:
    high = dice.choice((-1, 1)) * dice.uniform(4, 9) * _spread(values)
    for each in range(place, min(len(values), place + dice.randint(12, 72) * 3600 // step)):
        values[each] += high


def _noisy(dice: random.Random, values: list[float], *, place: int, step: int) -> None:
    size = dice.uniform(3, 6) * _spread(values)
    for each in range(place, min(len(values), place + dice.randint(6, 36) * 3600 // step)):
        values[each] += dice.gauss(0, size)


def _ramp(dice: random.Random, values: list[float], *, place: int, step: int) -> None:
    high = dice.choice((-1, 1)) * dice.uniform(6, 12) * _spread(values)
    width = dice.randint(24, 96) * 3600 // step
    for each in range(place, min(len(values), place + width)):
        values[each] += high * (each - place) / width

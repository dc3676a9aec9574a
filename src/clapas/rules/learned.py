"""Conditions that learn what is usual, each in a few numbers per series, without any training.

``unusual``   how far a reading lies from the series' middle, in mean deviations of its own side, against
              the farthest of the last days (a record that fades, half of it in ``memory_days``): true when it
              is ``times`` deviations away *and* farther than all that; it stays true for six hours.
``same_hour`` the middle and the spread of each of the 168 hours of the week, after three weeks.
``shift``     Page's cumulative sum (E. S. Page, Biometrika 41, 1954) of deviations, two-sided.
``drift``     the mean of about a day against the mean of about two weeks.

Middles follow a bounded step (a stochastic median), so that one absurd reading moves nothing.
"""

import statistics
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from clapas.rules.civil import hour_of_week
from clapas.rules.model import Drift, SameHour, Shift, Unusual

Numeric = Callable[[list[float], int, float], bool | None]
LEARN = 100
"""Readings before ``unusual`` and ``shift`` say anything."""
MEMORY = 500
"""Readings over which middles and deviations are followed."""
DAY_MS = 86_400_000
STAYS_MS = 6 * 3_600_000
BOUND = 5.0
WEEK_MS = 7 * DAY_MS
WEEKS = 3
SMALL = 1e-9
USUAL = 4 * 168
"""Where the memory of ``same_hour`` keeps what was usual at the last reading's hour, for its sentence."""


def truth(when: SameHour | Unusual | Shift | Drift, zone: ZoneInfo) -> Numeric:
    """The condition as a function of (memory, measured ms, value)."""
    match when:
        case Unusual():
            return lambda memory, at, value: unusual(memory, at, value=value, when=when)
        case SameHour():
            return lambda memory, at, value: same_hour(
                memory, at, value=value, when=when, zone=zone
            )
        case Shift():
            return lambda memory, _, value: shift(memory, value, times=when.times)
        case Drift():
            return lambda memory, at, value: drift(memory, at, value=value, times=when.times)


def unusual(memory: list[float], at: int, *, value: float, when: Unusual) -> bool | None:
    """Memory once learned: [-1, middle, up, down, record up, record down, last time, last seen true]."""
    if not memory or memory[0] != -1:
        memory.append(value)
        if len(memory) == LEARN:
            memory[:] = [-1.0, *_learned(memory), float(at), 0.0]
        return None
    middle, up, down = memory[1:4]
    fading = 0.5 ** (max(0.0, at - memory[6]) / (when.memory_days * DAY_MS))
    records = [memory[4] * fading, memory[5] * fading]
    side = 0 if value > middle else 1
    far = departure(memory, value)
    wanted = when.direction == "both" or (when.direction == "up") == (side == 0)
    if wanted and far > when.times and far > records[side]:
        memory[7] = at
    records[side] = max(records[side], far)
    memory[1:4] = _followed(middle, up, down=down, value=value)
    memory[4:7] = [*records, at]
    return memory[7] > 0 and at - memory[7] <= STAYS_MS


def departure(memory: Sequence[float], value: float) -> float:
    """How many mean deviations of its side a value is away from the middle of ``unusual``."""
    middle, up, down = memory[1:4]
    return (value - middle) / up if value > middle else (middle - value) / down


def spreads_away(memory: Sequence[float]) -> float:
    """How many spreads the mean of days is away from the mean of weeks, for ``drift``."""
    return abs(memory[2] - memory[3]) / max(memory[4], SMALL)


def _learned(values: Sequence[float]) -> list[float]:
    """Middle, mean deviation above and below, farthest above and below."""
    middle = statistics.median(values)
    spread = statistics.median([abs(each - middle) for each in values]) or SMALL
    up = statistics.fmean([each - middle for each in values if each > middle] or [spread])
    down = statistics.fmean([middle - each for each in values if each < middle] or [spread])
    return [middle, up, down, (max(values) - middle) / up, (middle - min(values)) / down]


def _followed(middle: float, up: float, *, down: float, value: float) -> list[float]:
    """The middle and the deviations after one more value, none moved by more than a bounded step."""
    spread, away = (up + down) / 2, value - middle
    middle += spread / MEMORY * max(-3.0, min(3.0, away / spread))
    if away > 0:
        up += 2 / MEMORY * (min(away, BOUND * up) - up)
    else:
        down += 2 / MEMORY * (min(-away, BOUND * down) - down)
    floor = max(SMALL, spread / 20)
    return [middle, max(up, floor), max(down, floor)]


def same_hour(
    memory: list[float], at: int, *, value: float, when: SameHour, zone: ZoneInfo
) -> bool | None:
    """Memory: for each hour of the week [weeks seen, last week, middle, spread], then the usual value."""
    if not memory:
        memory[:] = [0.0, -1.0, 0.0, 0.0] * 168
    place = hour_of_week(at, zone) * 4
    weeks, last, middle, spread = memory[place : place + 4]
    away = value - middle
    limit = max(when.margin, when.times * spread)
    says = None if weeks < WEEKS else _directed(away, when.direction) > limit
    week = float(at // WEEK_MS)
    memory[USUAL:] = [middle]
    if weeks == 0:
        memory[place : place + 4] = [1.0, week, value, 0.0]
        return None
    bounded = away if weeks < WEEKS else max(-3 * spread, min(3 * spread, away))
    pace = 1 / min(weeks + 1, 8.0)
    memory[place] = weeks + (week != last)
    memory[place + 1] = week
    memory[place + 2] = middle + pace / 2 * bounded
    memory[place + 3] = spread + pace / 2 * (abs(bounded) * 1.25 - spread)
    return says


def shift(memory: list[float], value: float, *, times: float) -> bool | None:
    """Memory once learned: [-1, middle, up, down, sum up, sum down]."""
    if not memory or memory[0] != -1:
        memory.append(value)
        if len(memory) == LEARN:
            memory[:] = [-1.0, *_learned(memory)[:3], 0.0, 0.0]
        return None
    middle, up, down = memory[1:4]
    far = max(-3.0, min(3.0, (value - middle) / ((up + down) / 2)))
    memory[4] = min(2 * times, max(0.0, memory[4] + far - 1))
    memory[5] = min(2 * times, max(0.0, memory[5] - far - 1))
    memory[1:4] = _followed(middle, up, down=down, value=value)
    return max(memory[4], memory[5]) > times


def drift(memory: list[float], at: int, *, value: float, times: float) -> bool | None:
    """Memory: [first time, last time, mean of a day, mean of two weeks, spread of the day's mean]."""
    if not memory:
        memory[:] = [at, at, value, value, 0.0]
        return None
    first, last, day, weeks, spread = memory
    passed = max(0.0, at - last) / 86_400_000
    day += (1 - 0.5**passed) * (value - day)
    slow = 1 - 0.5 ** (passed / 14)
    learning = at - first < 2 * WEEK_MS
    bound = abs(day - weeks) if learning else min(abs(day - weeks), 3 * spread)
    weeks += slow * (day - weeks)
    spread += slow * (bound - spread)
    memory[:] = [first, at, day, weeks, spread]
    return None if learning else abs(day - weeks) > times * max(spread, SMALL)


def _directed(value: float, direction: str) -> float:
    return {"up": value, "down": -value}.get(direction, abs(value))

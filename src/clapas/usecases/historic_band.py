"""The historic climate and its band, EN 15757:2010, twice: as known live, and settled.

The standard (clause 5) takes the mean of the 30 days around a reading, the fluctuation of the reading about
it, and as band the 7th and 93rd percentiles of at least 13 months of fluctuations. Half of the window lies in the future, so:

* **settled**: the standard's own verdict; at time t it is known for the reading of t - 15 days;
* **live**: the same mean over the half of the window already received (15 days), percentiles of the
  fluctuations received before today, at most the last 13 months.

A band whose width is under 20 % RH is replaced by ±10 %, as the standard accepts.

Readings count by their number; a gap shortens the window's content, and a mean over less than 3/4 of
the expected readings is marked by its capture rate.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86_400.0
HALF = 15 * DAY
HISTORY = 396 * DAY
LOW, HIGH = 7.0, 93.0
ACCEPTED = 10.0
"""± % RH that the standard accepts when the historic band is narrower (clause 5, note)."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """Per reading: seasonal ``mean`` (% RH), band about it, verdict, readings in 15 days / expected."""

    mean: Floats
    low: Floats
    high: Floats
    outside: Bools
    capture: Floats
    historic: Bools
    """True when 13 months were known: before, the band is provisional."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The standard's verdict: 30-day central ``mean`` and ``fluctuation`` per reading, percentiles, verdict."""

    mean: Floats
    fluctuation: Floats
    low: float
    high: float
    outside: Bools


def window_mean(values: Floats, first: Ints, *, last: Ints) -> Floats:
    """Mean of ``values[first:last]`` for each pair."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[last] - sums[first]) / np.maximum(last - first, 1))


def band(fluctuations: Floats) -> tuple[float, float]:
    """The band about the seasonal mean, % RH: percentiles 7 and 93, or ±10 when they are closer than that."""
    if not len(fluctuations):
        return -ACCEPTED, ACCEPTED
    low, high = np.percentile(fluctuations, [LOW, HIGH])
    if high - low < 2 * ACCEPTED:
        return -ACCEPTED, ACCEPTED
    return float(low), float(high)


def usual_step(at: Floats) -> float:
    """The logger's usual interval, s: the median of the first hundred steps, known from the beginning."""
    return float(np.median(np.diff(at[:100]))) if len(at) > 1 else 900.0


def live_band(at: Floats, rh: Floats) -> Live:
    """The band as known at each reading; ``at`` (s) grows strictly, ``rh`` (%) has no gap of its own."""
    last = np.arange(1, len(at) + 1)
    first = np.searchsorted(at, at - HALF, side="right")
    mean = window_mean(rh, first, last=last)
    fluctuation = rh - mean
    low, high = known_band(at, fluctuation)
    steps = np.array([usual_step(at[: n + 1]) for n in range(min(100, len(at)))])
    step = np.append(steps, np.full(max(0, len(at) - 100), steps[-1] if len(steps) else 900.0))
    seen = np.minimum(at - at[:1], HALF)
    return Live(
        mean=mean,
        low=mean + low,
        high=mean + high,
        outside=(fluctuation < low) | (fluctuation > high),
        capture=np.minimum(1.0, (last - first) / np.maximum(1.0, seen / step)),
        historic=at - at[:1] >= HISTORY,
    )


def known_band(at: Floats, fluctuation: Floats) -> tuple[Floats, Floats]:
    """At each reading, the band of the fluctuations before its day (UTC), at most the last 13 months."""
    low, high = np.full(len(at), -ACCEPTED), np.full(len(at), ACCEPTED)
    for start, end in _runs((at // DAY).astype(np.int64)):
        oldest = int(np.searchsorted(at, at[start] - HISTORY))
        low[start:end], high[start:end] = band(fluctuation[oldest:start])
    return low, high


def _runs(days: Ints) -> list[tuple[int, int]]:
    if not len(days):
        return []
    edges = np.flatnonzero(np.diff(days)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(days)], strict=True))


def settled_band(at: Floats, rh: Floats) -> Settled:
    """The standard's verdict on a whole record, as known at its end."""
    first = np.searchsorted(at, at - HALF)
    last = np.searchsorted(at, at + HALF, side="right")
    mean = window_mean(rh, first, last=last)
    fluctuation = rh - mean
    low, high = band(fluctuation)
    shown = np.percentile(fluctuation, [LOW, HIGH]) if len(at) else np.zeros(2)
    return Settled(
        mean=mean,
        fluctuation=fluctuation,
        low=float(shown[0]),
        high=float(shown[1]),
        outside=(fluctuation < low) | (fluctuation > high),
    )

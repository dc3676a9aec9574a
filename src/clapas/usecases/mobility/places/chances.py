"""How likely a place is empty or full at the forecast's time, counted from what happened before.

Past forecasts are sorted by how far the number stood from the bound when they were made, and by how far
the forecast put it; the share of each sort that reached the bound is the probability. A place leans on
all places of its kind while it has few cases of its own, these on the forecast's distance alone.
"""

import msgspec
import numpy as np

from clapas.usecases.mobility.places.feed import Feed, Floats
from clapas.usecases.mobility.places.forecast import MEMORY, Forecast, half_days

STEPS = np.array([0.5, 1.5, 2.5, 3.5, 5.5, 8.5, 13.5, 21.5, 34.5, 55.5, 89.5])
SORTS = len(STEPS) + 1
LEAN, OWN_LEAN = 4.0, 30.0
"""How many cases of its own a sort, or a place, needs to weigh as much as what it leans on."""
HELD = 0.75
"""Before any case, a number on its bound is believed to stay there: one case imagined, Jeffreys' prior."""
QUANTILES = (0.1, 0.9)
MIN_JUDGED = 40


class Chances(msgspec.Struct, frozen=True, kw_only=True):
    """Per snapshot and place: probability that the number is 0, that it is the capacity; 80 % interval."""

    none: Floats
    every: Floats
    low: Floats
    high: Floats


def chances(feed: Feed, made: Forecast) -> Chances:
    """Probabilities and intervals of forecasts, each from truths received before it was made."""
    none, every, low, high = (np.full_like(feed.free, np.nan) for _ in range(4))
    for begin, rows in half_days(feed, 0.0):
        past = (made.told <= begin) & (feed.at > begin - 2 * MEMORY)
        none[rows] = _reached(feed.free, made.value, came=made.truth, rows=rows, past=past)
        room, left = feed.capacity - feed.free, feed.capacity - made.value
        every[rows] = _reached(room, left, came=feed.capacity - made.truth, rows=rows, past=past)
        bounds = _interval((made.truth - made.value)[past])
        low[rows] = np.clip(made.value[rows] + bounds[0], 0.0, feed.capacity[rows])
        high[rows] = np.clip(made.value[rows] + bounds[1], 0.0, feed.capacity[rows])
    return Chances(none=none, every=every, low=low, high=high)


def _sort(distance: Floats) -> np.ndarray:
    return np.searchsorted(STEPS, np.nan_to_num(distance, nan=1e9))


def _reached(
    now: Floats, ahead: Floats, *, came: Floats, rows: np.ndarray, past: np.ndarray
) -> Floats:
    """Probability that the distance to the bound comes to 0 for ``rows``, counted on ``past``."""
    known = np.isfinite(came[past]) & np.isfinite(ahead[past])
    pair = (_sort(ahead[past]) * SORTS + _sort(now[past]))[known]
    hit = (came[past][known] < 0.5).astype(np.float64)
    cases = np.bincount(pair, minlength=SORTS**2).reshape(SORTS, SORTS).astype(np.float64)
    hits = np.bincount(pair, weights=hit, minlength=SORTS**2).reshape(SORTS, SORTS)
    overall = (hit.sum() + 0.5) / (len(hit) + 10.0)
    by_ahead = (hits.sum(axis=1) + LEAN * overall) / (cases.sum(axis=1) + LEAN)
    leant = np.repeat(by_ahead[:, None], SORTS, axis=1)
    leant[:, 0] = (hits[:, 0].sum() + LEAN * HELD) / (cases[:, 0].sum() + LEAN)
    both = (hits + LEAN * leant) / (cases + LEAN)
    places = np.arange(now.shape[1])
    own = (_sort(now[past]) + places * SORTS)[known]
    own_cases = np.bincount(own, minlength=SORTS * len(places))
    own_hits = np.bincount(own, weights=hit, minlength=SORTS * len(places))
    lean = both[_sort(ahead[rows]), _sort(now[rows])]
    sort = _sort(now[rows]) + places * SORTS
    found = (own_hits[sort] + OWN_LEAN * lean) / (own_cases[sort] + OWN_LEAN)
    return np.where(np.isfinite(ahead[rows]), found, np.nan)


def _interval(errors: Floats) -> Floats:
    """Each place's 10th and 90th percentile of past errors, (2, m); NaN when too few are known."""
    number = np.isfinite(errors).sum(axis=0)
    found = np.full((2, errors.shape[1]), np.nan)
    enough = number >= MIN_JUDGED
    if enough.any():
        found[:, enough] = np.nanquantile(errors[:, enough], QUANTILES, axis=0)
    return found

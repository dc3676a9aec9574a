"""How many places will be free, or bikes stand, in half an hour to twelve hours.

A place's change over the coming hours is learned from its own past days at the same clock time (days of the
same class count most, recent ones more), corrected by how far today departs from them. The weights of these
signs are the same for all places of a kind; they are fitted again each half day on what had been received.
Where the past shows that this would not beat *as now*, the forecast is *as now*: pooled over the kind, and
for each place. Nothing received after ``made_at`` takes part in a forecast.
"""

import msgspec
import numpy as np

from clapas.usecases.mobility.places.calendar import Clock
from clapas.usecases.mobility.places.feed import Bools, Feed, Floats
from clapas.usecases.mobility.places.still import still_for

HOUR = 3600.0
DAY = 86_400.0
MEMORIES = (4.0, 14.0)
"""Days after which an old day counts e times less: a short and a long memory."""
PAST_DAYS = 35
OTHER_CLASS = 0.05
MAX_GAP = 2.2 * HOUR
STILL = 12 * HOUR
REFIT = 12 * HOUR
WARM = 1.5 * DAY
MEMORY = 12 * DAY
RIDGE = 0.02
MARGIN = 0.98
MIN_JUDGED = 40


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Forecasts (n, m) made at each snapshot for ``horizon`` s later, in places or bikes; NaN where unknown.

    ``modelled`` says where something else than *as now* was used; ``week`` is last week at the target's clock
    time, ``truth`` what came (interpolated between snapshots), both NaN when unknown.
    """

    horizon: float
    value: Floats
    modelled: Floats
    week: Floats
    truth: Floats
    told: Floats
    """(n,) the instant (s) at which the truth was received; infinite when it was not."""


def told_at(feed: Feed, horizon: float) -> Floats:
    """When what came ``horizon`` s after each snapshot was received: the first snapshot from then on."""
    after = np.searchsorted(feed.at, feed.at + horizon)
    return np.append(feed.at, np.inf)[after]


def value_at(feed: Feed, free: Floats, *, moments: Floats) -> Floats:
    """The feed at any instants, (k, m): between two snapshots on a straight line, NaN across a long gap."""
    if len(feed.at) < 2:
        return np.full((len(moments), free.shape[1]), np.nan)
    after = np.searchsorted(feed.at, moments)
    known = (after > 0) & (after < len(feed.at))
    b = np.clip(after, 1, len(feed.at) - 1)
    gap = feed.at[b] - feed.at[b - 1]
    share = np.where(gap > 0, (moments - feed.at[b - 1]) / np.maximum(gap, 1.0), 0.0)
    between = free[b - 1] + (free[b] - free[b - 1]) * share[:, None]
    last = np.minimum(after, len(feed.at) - 1)
    hit = feed.at[last] == moments
    found = np.where(hit[:, None], free[last], between)
    return np.where((hit | (known & (gap <= MAX_GAP)))[:, None], found, np.nan)


def forecast(feed: Feed, horizon: float, *, zone: str = "Europe/Paris") -> Forecast:
    """Forecast every place at every snapshot, ``horizon`` seconds ahead (5 minutes to 12 hours)."""
    top = np.where(np.nan_to_num(feed.capacity) > 0, feed.capacity, np.nan)
    share = feed.free / top
    truth, told = value_at(feed, feed.free, moments=feed.at + horizon), told_at(feed, horizon)
    clock = Clock(zone)
    signs = _signs(feed, share, horizon=horizon, clock=clock)
    change = truth / top - share
    model = np.clip(share + _fitted(feed, signs, change=change, top=top, told=told), 0.0, 1.0) * top
    if feed.kind == "bike":
        model = np.round(model)
    chosen = _gate(feed, model, truth=truth, told=told)
    value = np.where(chosen, model, np.clip(feed.free, 0.0, None))
    week = value_at(feed, feed.free, moments=clock.days_before(feed.at, 7) + horizon)
    return Forecast(
        horizon=horizon,
        value=value,
        modelled=chosen.astype(np.float64),
        week=week,
        truth=truth,
        told=told,
    )


def _signs(feed: Feed, share: Floats, *, horizon: float, clock: Clock) -> Floats:
    """What speaks of the coming change, (n, m, signs), from the past of each snapshot only."""
    moving = np.where(still_for(feed) > STILL, np.nan, share)
    columns = []
    for memory in MEMORIES:
        change, level, trust = _profile(feed, moving, ahead=horizon, clock=clock, memory=memory)
        lately, _, _ = _profile(feed, moving, ahead=-HOUR, clock=clock, memory=memory)
        departs = np.nan_to_num(share - level)
        came = np.nan_to_num(share - value_at(feed, share, moments=feed.at - HOUR))
        columns += [change, change * trust, departs, departs * np.abs(change), came + lately]
    came = np.nan_to_num(share - value_at(feed, share, moments=feed.at - HOUR / 2))
    return np.stack([*columns, came], axis=-1)


def _profile(
    feed: Feed, share: Floats, *, ahead: float, clock: Clock, memory: float
) -> tuple[Floats, Floats, Floats]:
    """On past days at this clock time: mean change ``ahead``, mean level, trust (0-1), each (n, m)."""
    weight, change, level = (np.zeros_like(share) for _ in range(3))
    classes = clock.classes(feed.at)
    days = min(PAST_DAYS, int((feed.at[-1] - feed.at[0]) // DAY) + 1)
    for days_ago in range(1, days + 1):
        then = clock.days_before(feed.at, days_ago)
        here, there = (
            value_at(feed, share, moments=then),
            value_at(feed, share, moments=then + ahead),
        )
        same = np.where(clock.classes(then) == classes, 1.0, OTHER_CLASS)[:, None]
        known = ~np.isnan(here) & ~np.isnan(there)
        one = np.where(known, np.exp(-days_ago / memory) * same, 0.0)
        weight += one
        change += one * np.nan_to_num(there - here)
        level += one * np.nan_to_num(here)
    safe = np.maximum(weight, 1e-12)
    seen = weight > 0
    return (
        np.where(seen, change / safe, 0.0),
        np.where(seen, level / safe, share),
        weight / (weight + 0.3),
    )


def _fitted(feed: Feed, signs: Floats, *, change: Floats, top: Floats, told: Floats) -> Floats:
    """The expected change at each snapshot, by weights fitted on targets received before it."""
    expected = np.zeros_like(change)
    usable = np.isfinite(signs).all(axis=-1) & np.isfinite(change)
    clean = np.nan_to_num(signs)
    for begin, rows in half_days(feed, WARM):
        past = (told <= begin) & (feed.at > begin - 3 * MEMORY)
        kept = usable & past[:, None]
        if kept.sum() < 50:
            continue
        age = (begin - feed.at) / MEMORY
        importance = (np.exp(-age)[:, None] * np.nan_to_num(top))[kept]
        weights = _least_absolute(clean[kept], change[kept], importance=importance)
        expected[rows] = clean[rows] @ weights
    return expected


def half_days(feed: Feed, warm: float) -> list[tuple[float, Bools]]:
    """The half days of a feed from ``warm`` s after its beginning: (begin, which snapshots are in it)."""
    if not len(feed.at):
        return []
    turn = np.floor((feed.at - feed.at[0] - warm) / REFIT)
    begins = [float(feed.at[0] + warm + n * REFIT) for n in np.unique(turn[turn >= 0])]
    return [(begin, (feed.at >= begin) & (feed.at < begin + REFIT)) for begin in begins]


def _least_absolute(signs: Floats, change: Floats, *, importance: Floats) -> Floats:
    """Weights that make the absolute error small, by reweighted ridge regressions."""
    scale = np.maximum(signs.std(axis=0), 1e-6)
    x = signs / scale
    importance = importance / importance.mean()
    weights = np.zeros(x.shape[1])
    doubt = importance
    for _ in range(4):
        ridge = RIDGE * doubt.sum() * np.eye(x.shape[1])
        weights = np.linalg.solve(
            (x * doubt[:, None]).T @ x + ridge, (x * doubt[:, None]).T @ change
        )
        doubt = importance / np.maximum(np.abs(change - x @ weights), 0.01)
    return np.asarray(weights / scale)


def _gate(feed: Feed, model: Floats, *, truth: Floats, told: Floats) -> Floats:
    """True where the model is used: so far it beat *as now*, over the kind and for the place."""
    gain = np.abs(truth - feed.free) * MARGIN - np.abs(truth - model)
    judged = np.isfinite(gain) & (feed.at > feed.at[0] + WARM)[:, None]
    sums = np.concatenate(
        [np.zeros((1, gain.shape[1])), np.cumsum(np.where(judged, gain, 0.0), axis=0)]
    )
    counts = np.concatenate([np.zeros((1, gain.shape[1])), np.cumsum(judged, axis=0)])
    known = np.searchsorted(told, feed.at, side="right")
    old = np.searchsorted(feed.at, feed.at - MEMORY)
    old = np.minimum(old, known)
    won, number = sums[known] - sums[old], counts[known] - counts[old]
    kind = (won.sum(axis=1) > 0) & (number.sum(axis=1) >= MIN_JUDGED)
    place = (won > 0) | (number < MIN_JUDGED)
    return np.asarray(kind[:, None] & place & np.isfinite(model))

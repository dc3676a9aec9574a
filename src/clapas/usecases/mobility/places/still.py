"""Places whose number does not move: frozen since the record began, or stalled since an instant.

*Frozen*: the number never changed over at least two days, while most places of its kind moved.
*Stalled*: it moved before, and has now been still so long that, at its own pace, this would happen less than
once in a million (and at least 24 hours). A small station may rest a whole night: its own pace says so.
"""

from typing import Literal

import msgspec
import numpy as np

from clapas.usecases.mobility.places.feed import Feed, Floats

MIN_SPAN = 48 * 3600.0
MIN_STALL = 24 * 3600.0
RARE = 14.0
"""exp(-14) is about one in a million."""
MIN_SNAPSHOTS = 20
LIVELY = 5
"""Changes that the middle place of the kind must show before the others' stillness is strange."""

State = Literal["live", "frozen", "stalled", "short"]


class Stillness(msgspec.Struct, frozen=True, kw_only=True):
    """One place at the end of the record: its state, last value, instant since which it is still (s)."""

    name: str
    kind: str
    state: State
    value: float
    capacity: float
    since: float
    hours: float
    changes: int
    over_capacity: int
    """Snapshots that told more free places than places: a defect of the source."""


def stillness(feed: Feed) -> list[Stillness]:
    """Judge each place with what the feed holds; one that never told a number is *short* of record."""
    found = [_place(feed, n) for n in range(len(feed.names))]
    lively = sorted(each.changes for each in found)[len(found) // 2] >= LIVELY if found else False
    if lively:
        return found
    return [msgspec.structs.replace(each, state="short") for each in found]


def _place(feed: Feed, n: int) -> Stillness:
    known = ~np.isnan(feed.free[:, n])
    at, values = feed.at[known], feed.free[known, n]
    if not len(at):
        return _silent(feed, n)
    moved = np.flatnonzero(np.diff(values) != 0) + 1
    since = at[moved[-1]] if len(moved) else at[0]
    quiet, span = float(at[-1] - since), float(at[-1] - at[0])
    return Stillness(
        name=feed.names[n],
        kind=feed.kind,
        state=_state(len(values), len(moved), span=span, quiet=quiet),
        value=float(values[-1]),
        capacity=float(feed.capacity[-1, n]),
        since=float(since),
        hours=quiet / 3600,
        changes=len(moved),
        over_capacity=int((values > feed.capacity[known, n]).sum()),
    )


def _silent(feed: Feed, n: int) -> Stillness:
    return Stillness(
        name=feed.names[n],
        kind=feed.kind,
        state="short",
        value=float("nan"),
        capacity=float(feed.capacity[-1, n]),
        since=float(feed.at[-1]),
        hours=0.0,
        changes=0,
        over_capacity=0,
    )


def _state(snapshots: int, changes: int, *, span: float, quiet: float) -> State:
    if span < MIN_SPAN or snapshots < MIN_SNAPSHOTS:
        return "short"
    if changes == 0:
        return "frozen"
    pace = changes / max(span - quiet, 3600.0)
    return "stalled" if quiet >= MIN_STALL and pace * quiet > RARE else "live"


def still_for(feed: Feed) -> Floats:
    """Seconds since each number last moved, at each snapshot, (n, m); 0 where it is missing."""
    started = np.zeros_like(feed.free)
    last = np.full(feed.free.shape[1], np.nan)
    began = np.full(feed.free.shape[1], feed.at[0] if len(feed.at) else 0.0)
    for n, moment in enumerate(feed.at):
        known = ~np.isnan(feed.free[n])
        changed = known & (feed.free[n] != last)
        began[changed] = moment
        last[known] = feed.free[n][known]
        started[n] = np.where(known, moment - began, 0.0)
    return started

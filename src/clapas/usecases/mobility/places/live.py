"""The forecast of a running platform: histories on one grid of instants, forecast as the batch command does.

Every place speaks at its own times; the forecast wants snapshots. At each instant of the grid a place has its
last number, when it is not older than :data:`OLDEST`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec
import numpy as np

from clapas.domain.window import Window, instant, milliseconds
from clapas.store import Store
from clapas.store.values import Latest
from clapas.usecases.members import Seen, members_of
from clapas.usecases.mobility.places.chances import chances
from clapas.usecases.mobility.places.feed import Feed, Floats
from clapas.usecases.mobility.places.forecast import forecast
from clapas.usecases.mobility.places.still import State, stillness
from clapas.usecases.mobility.places.tables import LIKELY, empty_and_full, scores
from clapas.usecases.pack import Pack
from clapas.usecases.points import Points, points_of

LEARN = timedelta(days=14)
GRID_S = 1200.0
OLDEST = 2 * 3600.0
SCORED_DAYS = 3
QUANTITIES = {"free_places": "car", "bikes_available": "bike"}
"""What is forecast, and the kind of its places."""

Need = Literal["", "bring", "take"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One place's forecast; numbers are free places (car) or bikes (bike), probabilities 0-1.

    ``age_s`` is how old the number was at ``at``; ``state`` says whether it still moves.
    """

    entity: str
    name: str
    now: float | None
    age_s: float | None
    capacity: float | None
    forecast: float | None
    low: float | None
    high: float | None
    p_empty: float | None
    p_full: float | None
    method: Literal["model", "as_now"]
    state: State
    still_since: datetime | None
    over_capacity: int
    need: Need = ""
    bikes_to_move: int = 0


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The forecast of a kind of places, with what it was worth over the last days (MAE; None: unknown)."""

    kind: str
    at: datetime
    horizon_min: int
    mae: float | None
    mae_as_now: float | None
    mae_where_week: float | None
    mae_last_week: float | None
    judged: int
    places: list[Place]


async def outlook(
    store: Store, seen: Seen, *, pack: Pack, horizon_min: int, end: datetime
) -> Outlook | None:
    """The forecast made at ``end`` (or at the newest number before it); None when there is nothing."""
    members = await members_of(store, seen, pack=pack)
    wanted = [
        each
        for each in members.latest
        if each.quantity in QUANTITIES or each.quantity == "total_places"
    ]
    found = await store.history.read(
        seen.series,
        [each.series for each in wanted],
        window=Window(end - LEARN, end),
        step="raw",
        max_points=20_000,
    )
    series = {each.series: points_of(each) for each in found}
    zone = (await store.territory.zone()).key
    return await asyncio.to_thread(
        made, wanted, series, names=members.names, horizon_min=horizon_min, zone=zone
    )


def made(
    wanted: Sequence[Latest], series: Mapping[int, Points], *, names: Mapping[str, str],
    horizon_min: int, zone: str,
) -> Outlook | None:  # fmt: skip
    """The outlook of histories; computes for some seconds."""
    feed, ages = grid(wanted, series)
    if feed is None:
        return None
    promised = forecast(feed, horizon_min * 60.0, zone=zone)
    odds = chances(feed, promised)
    empty, full = (each[-1] for each in empty_and_full(feed, odds))
    still = stillness(feed)
    places = [
        Place(
            entity=entity,
            name=names.get(entity, entity),
            now=_known(feed.free[-1, n]),
            age_s=_known(ages[n]),
            capacity=_known(feed.capacity[-1, n]),
            forecast=_known(promised.value[-1, n], 1),
            low=_known(odds.low[-1, n], 1),
            high=_known(odds.high[-1, n], 1),
            p_empty=_known(empty[n], 3),
            p_full=_known(full[n], 3),
            method="model" if promised.modelled[-1, n] > 0 else "as_now",
            state=still[n].state,
            still_since=instant(int(still[n].since * 1000)) if still[n].state in {"frozen", "stalled"} else None,
            over_capacity=still[n].over_capacity,
            need=(truck := _truck(feed, n, empty=empty[n], full=full[n], state=still[n].state))[0],
            bikes_to_move=truck[1],
        )
        for n, entity in enumerate(feed.names)
    ]  # fmt: skip
    worth = scores(feed, promised, odds=odds, start=float(feed.at[-1]) - SCORED_DAYS * 86_400.0)
    return Outlook(
        kind=feed.kind,
        at=instant(int(feed.at[-1] * 1000)),
        horizon_min=horizon_min,
        mae=_known(worth["mae"], 2),
        mae_as_now=_known(worth["mae_as_now"], 2),
        mae_where_week=_known(worth["mae_where_week"], 2),
        mae_last_week=_known(worth["mae_last_week"], 2),
        judged=int(worth["forecasts"]),
        places=places,
    )


def _truck(feed: Feed, n: int, *, empty: float, full: float, state: State) -> tuple[Need, int]:
    """What the rebalancing truck should do: only bikes, only where the number still moves."""
    top, now = feed.capacity[-1, n], feed.free[-1, n]
    lacks, crowds = np.nan_to_num(empty) > LIKELY, np.nan_to_num(full) > LIKELY
    known = feed.kind == "bike" and state not in {"frozen", "stalled"} and np.isfinite(top - now)
    if not known or not (lacks or crowds):
        return "", 0
    return "bring" if lacks else "take", int(top // 2 - now)


def _known(value: float, decimals: int = 0) -> float | None:
    return round(float(value), decimals) if np.isfinite(value) else None


def grid(wanted: Sequence[Latest], series: Mapping[int, Points]) -> tuple[Feed | None, Floats]:
    """Histories as snapshots that end at the newest number, and how old each place's number is there (s)."""
    numbers = {each.entity: series[each.series] for each in wanted if each.quantity in QUANTITIES and each.series in series}  # fmt: skip
    tops = {each.entity: series[each.series] for each in wanted if each.quantity == "total_places" and each.series in series}  # fmt: skip
    kind = next((QUANTITIES[each.quantity] for each in wanted if each.quantity in QUANTITIES), "")
    spoken = {entity: points for entity, points in numbers.items() if len(points.at)}
    if not spoken:
        return None, np.zeros(0)
    last = max(float(points.at[-1]) for points in spoken.values())
    first = min(float(points.at[0]) for points in spoken.values())
    steps = np.arange(int((last - first) // GRID_S) + 1, dtype=np.float64)[::-1]
    at: Floats = last - GRID_S * steps
    names = tuple(sorted(spoken))
    free = np.column_stack([_on_grid(spoken[name], at, oldest=OLDEST)[0] for name in names])
    ages = np.array([_on_grid(spoken[name], at, oldest=OLDEST)[1][-1] for name in names])
    nothing = Points(at=np.zeros(0), values=np.zeros(0))
    capacity = np.column_stack(
        [_on_grid(tops.get(name, nothing), at, oldest=np.inf)[0] for name in names]
    )
    return Feed(kind=kind, names=names, at=at, free=free, capacity=capacity), ages


def _on_grid(points: Points, at: Floats, *, oldest: float) -> tuple[Floats, Floats]:
    """The last value at or before each instant, NaN when older than ``oldest`` s; and its age."""
    if not len(points.at):
        return np.full(len(at), np.nan), np.full(len(at), np.nan)
    index = np.searchsorted(points.at, at, side="right") - 1
    safe = np.maximum(index, 0)
    age = np.where(index >= 0, at - points.at[safe], np.nan)
    return np.where(age <= oldest, points.values[safe], np.nan), age


def bucket(end: datetime) -> datetime:
    """``end`` to the five minutes before: forecasts asked within them are one."""
    return instant(milliseconds(end) // 300_000 * 300_000)

"""What the commands write: forecasts, still places, scores; one line each."""

import numpy as np
import polars as pl

from clapas.usecases.mobility.places.chances import Chances, chances
from clapas.usecases.mobility.places.feed import Feed, Floats, iso
from clapas.usecases.mobility.places.forecast import Forecast, forecast
from clapas.usecases.mobility.places.still import stillness

FORECAST_COLUMNS = (
    "made_at", "kind", "name", "horizon_min", "target_at", "now", "capacity", "forecast", "low", "high",
    "p_empty", "p_full", "persistence", "last_week", "method",
)  # fmt: skip
FROZEN_COLUMNS = (
    "kind", "name", "state", "value", "capacity", "still_since", "still_hours", "changes", "over_capacity",
)  # fmt: skip
TOLERANCE = 15 * 60.0
"""A snapshot this near to the target's time tells what came."""


def forecast_table(feed: Feed, horizon_min: int, *, zone: str) -> pl.DataFrame:
    """Every forecast of a feed, oldest first; a place without a number gets no forecast."""
    made = forecast(feed, horizon_min * 60.0, zone=zone)
    odds = chances(feed, made)
    n, m = feed.free.shape
    empty, full = empty_and_full(feed, odds)
    columns: dict[str, Floats] = {
        "now": feed.free,
        "capacity": feed.capacity,
        "forecast": np.round(made.value, 2),
        "low": np.round(odds.low, 1),
        "high": np.round(odds.high, 1),
        "p_empty": np.round(empty, 4),
        "p_full": np.round(full, 4),
        "persistence": feed.free,
        "last_week": np.round(made.week, 2),
    }
    table = pl.DataFrame(
        {
            "made_at": np.repeat([iso(moment) for moment in feed.at.tolist()], m),
            "kind": [feed.kind] * (n * m),
            "name": list(feed.names) * n,
            "horizon_min": [horizon_min] * (n * m),
            "target_at": np.repeat([iso(t) for t in (feed.at + made.horizon).tolist()], m),
        }
        | {name: values.ravel() for name, values in columns.items()}
        | {"method": np.where(made.modelled.ravel() > 0, "model", "persistence")}
    )
    return table.with_columns(pl.col(pl.Float64).fill_nan(None)).filter(
        pl.col("now").is_not_null()
    ).select(FORECAST_COLUMNS)  # fmt: skip


def empty_and_full(feed: Feed, odds: Chances) -> tuple[Floats, Floats]:
    """What people call empty and full: no bike, no dock; for a car park no car, no free place."""
    return (odds.none, odds.every) if feed.kind == "bike" else (odds.every, odds.none)


REBALANCE_COLUMNS = (
    "name", "now", "capacity", "forecast", "p_empty", "p_full", "need", "bikes_to_move", "made_at", "target_at",
)  # fmt: skip
LIKELY = 0.5


def rebalance_table(feed: Feed, horizon_min: int, *, zone: str) -> pl.DataFrame:
    """Stations likely to be empty or full at the target's time, as known at the last snapshot.

    ``bikes_to_move`` brings a station to half of its docks: to bring (positive) or to take (negative).
    Places that no longer move are left out: their number means nothing.
    """
    still = [each.name for each in stillness(feed) if each.state in {"frozen", "stalled"}]
    table = forecast_table(feed, horizon_min, zone=zone)
    last = table.filter(
        (pl.col("made_at") == pl.col("made_at").max()) & ~pl.col("name").is_in(still),
        pl.col("capacity").is_not_null(),
    )
    return (
        last.filter((pl.col("p_empty") > LIKELY) | (pl.col("p_full") > LIKELY))
        .with_columns(
            need=pl.when(pl.col("p_empty") > LIKELY)
            .then(pl.lit("bring"))
            .otherwise(pl.lit("take")),
            bikes_to_move=((pl.col("capacity") / 2).floor() - pl.col("now")).cast(pl.Int64),
        )
        .sort(pl.max_horizontal("p_empty", "p_full"), descending=True)
        .select(REBALANCE_COLUMNS)
    )


def frozen_table(feed: Feed) -> pl.DataFrame:
    """One line a place: does its number still move?"""
    found = stillness(feed)
    return (
        pl.DataFrame(
            {
                "kind": [each.kind for each in found],
                "name": [each.name for each in found],
                "state": [each.state for each in found],
                "value": [each.value for each in found],
                "capacity": [each.capacity for each in found],
                "still_since": [iso(each.since) for each in found],
                "still_hours": [round(each.hours, 1) for each in found],
                "changes": [each.changes for each in found],
                "over_capacity": [each.over_capacity for each in found],
            }
        )
        .with_columns(pl.col(pl.Float64).fill_nan(None))
        .select(FROZEN_COLUMNS)
    )


def snapshot_near(feed: Feed, moments: Floats) -> Floats:
    """The snapshot nearest to each instant when it is within 15 minutes, (k, m); else NaN."""
    if len(feed.at) < 2:
        return np.full((len(moments), len(feed.names)), np.nan)
    after = np.clip(np.searchsorted(feed.at, moments), 1, max(1, len(feed.at) - 1))
    nearer = np.where(
        np.abs(feed.at[after] - moments) < np.abs(feed.at[after - 1] - moments), after, after - 1
    )
    close = np.abs(feed.at[nearer] - moments) <= TOLERANCE
    return np.where(close[:, None], feed.free[nearer], np.nan)


def score(feed: Feed, horizon_min: int, *, zone: str, start: float) -> dict[str, float]:
    """Scores of the forecasts made from ``start`` (s) on, where forecast and truth are known.

    Mean absolute errors in places or bikes: the forecast's, *as now*'s; the same two and last week's where
    last week is known. Brier scores (0 is perfect) of empty and full beside *as now* said with certainty.
    """
    made = forecast(feed, horizon_min * 60.0, zone=zone)
    return scores(feed, made, odds=chances(feed, made), start=start)


def scores(feed: Feed, made: Forecast, *, odds: Chances, start: float) -> dict[str, float]:
    """The scores of forecasts and probabilities already made: see :func:`score`."""
    truth = snapshot_near(feed, feed.at + made.horizon)
    judged = np.isfinite(truth) & np.isfinite(made.value) & (feed.at >= start)[:, None]
    week = judged & np.isfinite(made.week)
    error, now, before = (np.abs(truth - each) for each in (made.value, feed.free, made.week))
    empty, full = empty_and_full(feed, odds)
    bike = feed.kind == "bike"
    is_none, is_all = truth < 0.5, truth > feed.capacity - 0.5
    now_none, now_all = feed.free < 0.5, feed.free > feed.capacity - 0.5
    return {
        "forecasts": float(judged.sum()),
        "mae": mean(error, judged),
        "mae_as_now": mean(now, judged),
        "mae_where_week": mean(error, week),
        "mae_last_week": mean(before, week),
        "brier_empty": mean((empty - (is_none if bike else is_all)) ** 2, judged),
        "brier_empty_as_now": mean((now_none if bike else now_all) != (is_none if bike else is_all), judged),
        "brier_full": mean((full - (is_all if bike else is_none)) ** 2, judged),
        "brier_full_as_now": mean((now_all if bike else now_none) != (is_all if bike else is_none), judged),
        "modelled": mean(made.modelled, judged),
        "inside_80": mean((truth >= odds.low - 0.5) & (truth <= odds.high + 0.5), judged & np.isfinite(odds.low)),
    }  # fmt: skip


def mean(values: np.ndarray, kept: np.ndarray) -> float:
    """Mean over the kept cells; NaN when none is kept."""
    return float(values[kept].mean()) if kept.any() else float("nan")

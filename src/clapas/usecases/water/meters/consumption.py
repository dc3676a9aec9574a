"""The index engine, second half: consumption by hour and by civil day, each value saying how it was obtained.

The volume between two readings is shared evenly over the time between them. An hour or a day is
``measured`` when intervals of at most two hours cover it, ``interpolated`` when readings lie astride its
bounds, ``spread`` when a longer gap was shared out, ``missing`` when a part of it is not known (a reset, or
gaps when they are not to be spread). Days are civil days of the zone: 23, 24 or 25 hours.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import polars as pl

from clapas.domain.window import civil_day
from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.meters.intervals import Intervals, Replacement, intervals

Share = Literal["measured", "interpolated", "spread", "missing"]
HOUR = 3600.0
SHORT_S = 2 * HOUR + 60
CENTS = 1e-6


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in windows: litres (NaN: missing), share of each window covered by short intervals, how."""

    litres: Floats
    coverage: Floats
    how: tuple[Share, ...]


def amounts(found: Intervals, bounds: Floats, *, spread: bool = True) -> Amounts:
    """Litres between successive ``bounds`` (s since 1970 UTC), one window fewer than bounds."""
    length = found.end - found.start
    short = length <= SHORT_S
    known = np.isfinite(found.litres) & (short | spread)
    volume = _cumulated(found, np.where(known, found.litres, 0.0), bounds=bounds)
    seen = _cumulated(found, np.where(known, length, 0.0), bounds=bounds)
    fine = _cumulated(found, np.where(known & short, length, 0.0), bounds=bounds)
    width = np.maximum(np.diff(bounds), 1.0)
    whole, coverage = np.diff(seen) / width, np.diff(fine) / width
    astride = ~np.isin(bounds, np.concatenate([found.start, found.end]))
    litres = np.where(whole >= 1 - CENTS, np.diff(volume), np.nan)
    how = tuple(
        _share(
            all_known=whole[n] >= 1 - CENTS,
            all_short=coverage[n] >= 1 - CENTS,
            cut=bool(astride[n] or astride[n + 1]),
        )
        for n in range(len(width))
    )
    return Amounts(litres=litres, coverage=np.clip(coverage, 0.0, 1.0), how=how)


def _share(*, all_known: bool, all_short: bool, cut: bool) -> Share:
    if not all_known:
        return "missing"
    if not all_short:
        return "spread"
    return "interpolated" if cut else "measured"


def _cumulated(found: Intervals, parts: Floats, *, bounds: Floats) -> Floats:
    """Running total of ``parts`` at the bounds, each part shared evenly over its interval."""
    if not len(parts):
        return np.zeros(len(bounds))
    times = np.empty(2 * len(parts))
    totals = np.empty(2 * len(parts))
    running = np.cumsum(parts)
    times[0::2], times[1::2] = found.start, found.end
    totals[0::2], totals[1::2] = running - parts, running
    shared: Floats = np.interp(bounds, times, totals)
    return shared


def hour_bounds(found: Intervals) -> Floats:
    """Whole hours from the first reading to the last."""
    first = np.floor(found.start[0] / HOUR) * HOUR
    last = np.ceil(found.end[-1] / HOUR) * HOUR
    hours: Floats = np.arange(first, last + 1, HOUR, dtype=np.float64)
    return hours


def day_bounds(found: Intervals, zone: ZoneInfo) -> tuple[list[date], Floats]:
    """Civil days touched by the readings, and their bounds (s): one more bound than days."""
    day = datetime.fromtimestamp(found.start[0], UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(found.end[-1], UTC).astimezone(zone).date()
    days = []
    while day <= last:
        days.append(day)
        day += timedelta(days=1)
    starts = [civil_day(each, zone).start.timestamp() for each in days]
    return days, np.asarray([*starts, civil_day(days[-1], zone).end.timestamp()])


class Consumption(msgspec.Struct, frozen=True, kw_only=True):
    """Tables: ``hours`` (meter, hour UTC, litres, how), ``days`` (meter, day, hours, litres, coverage, how)."""

    hours: pl.DataFrame
    days: pl.DataFrame
    events: pl.DataFrame


def consumption(
    rows: pl.DataFrame,
    zone: ZoneInfo,
    *,
    spread: bool = True,
    replacements: dict[str, tuple[Replacement, ...]] | None = None,
) -> Consumption:
    """Consumption of every meter of a table of readings (``meter``, ``at``, ``index_l``[, ``estimated``])."""
    hours, days, events = [], [], []
    log = replacements or {}
    for (meter,), group in rows.group_by("meter", maintain_order=True):
        name = str(meter)
        guessed = group["estimated"].to_numpy() if "estimated" in group.columns else None
        found = intervals(
            group["at"].dt.epoch("us").to_numpy() / 1e6,
            group["index_l"].to_numpy().astype(np.float64),
            replacements=log.get(name, ()),
            estimated=guessed,
        )
        if not len(found.start):
            continue
        hours.append(_hour_table(name, found, spread=spread))
        days.append(_day_table(name, found, zone=zone, spread=spread))
        events.append(_event_table(name, found))
    return Consumption(hours=_stacked(hours), days=_stacked(days), events=_stacked(events))


def _stacked(tables: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(tables) if tables else pl.DataFrame()


def _hour_table(meter: str, found: Intervals, *, spread: bool) -> pl.DataFrame:
    bounds = hour_bounds(found)
    each = amounts(found, bounds, spread=spread)
    return pl.DataFrame(
        {
            "meter": [meter] * len(each.how),
            "hour": pl.Series((bounds[:-1] * 1e6).astype(np.int64)).cast(pl.Datetime("us", "UTC")),
            "litres": pl.Series(np.round(each.litres, 3)).fill_nan(None),
            "how": each.how,
        }
    )


def _day_table(meter: str, found: Intervals, *, zone: ZoneInfo, spread: bool) -> pl.DataFrame:
    days, bounds = day_bounds(found, zone)
    each = amounts(found, bounds, spread=spread)
    return pl.DataFrame(
        {
            "meter": [meter] * len(days),
            "day": days,
            "hours": np.round(np.diff(bounds) / HOUR).astype(np.int64),
            "litres": pl.Series(np.round(each.litres, 3)).fill_nan(None),
            "coverage": np.round(each.coverage, 3),
            "how": each.how,
        }
    )


def _event_table(meter: str, found: Intervals) -> pl.DataFrame:
    """What was odd: backflow, roll-over, replacement, reset, estimates; with its time."""
    odd = [n for n, how in enumerate(found.how) if how != "measured"]
    return pl.DataFrame(
        {
            "meter": [meter] * len(odd),
            "at": pl.Series([int(found.end[n] * 1e6) for n in odd], dtype=pl.Int64).cast(
                pl.Datetime("us", "UTC")
            ),
            "how": [found.how[n] for n in odd],
            "litres": [float(found.litres[n]) for n in odd],
        },
        schema_overrides={"meter": pl.String, "how": pl.String, "litres": pl.Float64},
    )

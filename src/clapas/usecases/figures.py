"""Figures of one entity over a period, each with its capture rate, quality and state. No data is never 0."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from clapas.domain.window import Window
from clapas.usecases.formula import compute
from clapas.usecases.historic_band import DAY, HISTORY, settled_band
from clapas.usecases.pack import Indicator, Pack, clock

Floats = NDArray[np.float64]
State = Literal["ok", "watch", "alert", "insufficient", "no_data"]


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """Usable values of one series: ``at`` (s since 1970 UTC) growing, ``values``, readings behind each value.

    ``suspect`` is the share of the readings received that were flagged and left out (0-1).
    """

    at: Floats
    values: Floats
    counts: Floats
    suspect: float = 0.0


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. ``value`` is None without data; ``capture`` and ``suspect`` are shares (0-1)."""

    indicator: str
    value: float | None
    unit: str
    capture: float
    suspect: float
    state: State
    provisional: bool = False
    """Computed on a record shorter than its method wants."""


SOME = 20
"""Readings that tell a source's usual interval."""
NOTHING = Points(at=np.zeros(0), values=np.zeros(0), counts=np.zeros(0))


def figures(
    pack: Pack,
    series: dict[str, Points],
    window: Window,
    zone: str,
    asked: Mapping[str, float] = MappingProxyType({}),
) -> list[Figure]:
    """All the pack's figures of one entity; ``series`` is by quantity. Formulas come last.

    ``asked`` holds what the history answered to the indicators written as SQL, by indicator.
    """
    found: dict[str, Figure] = {}
    for each in sorted(pack.indicators, key=lambda one: one.kind == "formula"):
        if each.kind == "formula":
            found[each.id] = _combined(pack, each, found)
        else:
            record = series.get(each.quantity, NOTHING)
            found[each.id] = _measured(pack, each, record, window, zone, asked.get(each.id))
    return [found[each.id] for each in pack.indicators if not each.hidden]


def _measured(
    pack: Pack, indicator: Indicator, record: Points, window: Window, zone: str,
    asked: float | None,
) -> Figure:  # fmt: skip
    points = since(record, window.start.timestamp())
    chosen = within_hours(points, indicator, zone)
    interval = max(float(pack.interval_s), usual_interval(record))
    expected = _expected(indicator, window, zone)
    capture = min(1.0, covered(chosen, interval, window) / expected) if expected else 0.0
    low, high = pack.bound(indicator.low), pack.bound(indicator.high)
    if indicator.kind == "outside_en15757":
        value, short = outside_share(record, window.start.timestamp())
    else:
        value, short = asked, False
        if len(chosen.at) and indicator.kind != "sql":
            value = reduced(indicator, chosen, low, high, interval)
    made = _figure(pack, indicator, value, capture, points.suspect)
    return msgspec.structs.replace(made, provisional=short)


def outside_share(record: Points, start: float) -> tuple[float | None, bool]:
    """Share of the readings since ``start`` (s) outside the band of the whole record; is the record too short?

    The band is that of EN 15757 over 13 months: over less it is provisional.
    """
    judged = record.at >= start
    if not judged.any():
        return None, False
    outside = settled_band(record.at, record.values * 100).outside
    return float(outside[judged].mean()), bool(record.at[-1] - record.at[0] < HISTORY - DAY)


def covered(points: Points, interval: float, window: Window) -> float:
    """Seconds of the period that readings speak for: each until the next one, at most its usual interval."""
    if not len(points.at):
        return 0.0
    gaps = np.diff(np.append(points.at, window.end.timestamp()))
    return float(np.minimum(gaps, points.counts * interval).sum())


def since(points: Points, start: float) -> Points:
    """The values from an instant (s) on."""
    first = int(np.searchsorted(points.at, start))
    if not first:
        return points
    return msgspec.structs.replace(
        points, at=points.at[first:], values=points.values[first:], counts=points.counts[first:]
    )


def usual_interval(points: Points) -> float:
    """Seconds between readings as this source usually sends them; 0 when too few are known.

    A quarter of the steps are shorter: while fewer than three readings in four are lost, the loss shows.
    """
    if len(points.at) < SOME:
        return 0.0
    return float(np.percentile(np.diff(points.at) / np.maximum(points.counts[1:], 1.0), 25))


def _combined(pack: Pack, indicator: Indicator, found: dict[str, Figure]) -> Figure:
    scales = {each.id: each.scale for each in pack.indicators}
    plain = {
        name: None if figure.value is None else figure.value / scales[name]
        for name, figure in found.items()
    }
    used = [figure for name, figure in found.items() if name in indicator.expression]
    capture = min((figure.capture for figure in used), default=0.0)
    suspect = max((figure.suspect for figure in used), default=0.0)
    return _figure(pack, indicator, compute(indicator.expression, plain), capture, suspect)


def _figure(
    pack: Pack, indicator: Indicator, value: float | None, capture: float, suspect: float
) -> Figure:
    shown = None if value is None else round(value * indicator.scale, indicator.decimals)
    return Figure(
        indicator=indicator.id,
        value=shown,
        unit=indicator.unit,
        capture=round(capture, 4),
        suspect=round(suspect, 4),
        state=state(indicator, shown, enough=capture >= pack.min_capture),
    )


def state(indicator: Indicator, value: float | None, *, enough: bool) -> State:
    """The colour of a figure; too little data is said before any other thing."""
    if value is None:
        return "no_data"
    if not enough:
        return "insufficient"
    for word, above, below in (
        ("alert", indicator.alert_above, indicator.alert_below),
        ("watch", indicator.watch_above, indicator.watch_below),
    ):
        if (above is not None and value > above) or (below is not None and value < below):
            return "alert" if word == "alert" else "watch"
    return "ok"


def within_hours(points: Points, indicator: Indicator, zone: str) -> Points:
    """The values of the civil days and hours that count."""
    if _whole(indicator) or not len(points.at):
        return points
    start, end = (clock(each) or 0.0 for each in indicator.hours)
    civil = ZoneInfo(zone)
    moments = [datetime.fromtimestamp(moment, UTC).astimezone(civil) for moment in points.at]
    kept = np.array(
        [
            each.isoweekday() in indicator.days
            and start <= each.hour * 3600 + each.minute * 60 + each.second < end
            for each in moments
        ]
    )
    return Points(
        at=points.at[kept],
        values=points.values[kept],
        counts=points.counts[kept],
        suspect=points.suspect,
    )


def _whole(indicator: Indicator) -> bool:
    return indicator.hours == ("00:00", "24:00") and len(set(indicator.days)) == 7


def _expected(indicator: Indicator, window: Window, zone: str) -> float:
    """Seconds of the period that count: civil days and hours, to the quarter of an hour."""
    if _whole(indicator):
        return window.duration.total_seconds()
    first, last = window.start.timestamp(), window.end.timestamp()
    quarters = np.arange(first, last, 900.0)
    every = Points(at=quarters, values=quarters, counts=np.ones(len(quarters)))
    return len(within_hours(every, indicator, zone).at) * 900.0


def reduced(
    indicator: Indicator, points: Points, low: float | None, high: float | None, interval: float
) -> float | None:
    """One number of many values, in the quantity's own unit (shares 0-1, hours)."""
    values, weights = points.values, np.maximum(points.counts, 1.0)
    below = values < (low if low is not None else -np.inf)
    above = values > (high if high is not None else np.inf)
    share = weights / weights.sum()
    between = ~below & ~above
    simple: dict[str, float] = {
        "mean": float((values * share).sum()),
        "min": float(values.min()),
        "max": float(values.max()),
        "percentile": float(np.percentile(values, indicator.percent)),
        "latest": float(values[-1]),
        "count": float(points.counts.sum()),
        "share_above": float(share[above].sum()),
        "share_below": float(share[below].sum()),
        "share_between": float(share[between].sum()),
        "share_outside": float(share[above | below].sum()),
        "hours_above": float(points.counts[above].sum()) * interval / 3600,
    }
    if indicator.kind in simple:
        return simple[indicator.kind]
    special = {"largest_swing": largest_swing, "still_hours": still_hours}
    return special.get(indicator.kind, falls_a_day)(points)


def largest_swing(points: Points) -> float:
    """Largest difference between two values less than 24 hours apart."""
    first = np.searchsorted(points.at, points.at - 86_400.0)
    best = 0.0
    for n, start in enumerate(first.tolist()):
        part = points.values[start : n + 1]
        best = max(best, float(part.max() - part.min()))
    return best


def falls_a_day(points: Points) -> float:
    """How much the number fell, all falls together, per day of the record (free places: cars that came, at least)."""
    days = max(float(points.at[-1] - points.at[0]) / 86_400.0, 1.0)
    return float(np.maximum(-np.diff(points.values), 0.0).sum()) / days


def still_hours(points: Points) -> float:
    """Hours since the number last moved, at the end of the period."""
    moved = np.flatnonzero(np.diff(points.values) != 0)
    since = points.at[moved[-1] + 1] if len(moved) else points.at[0]
    return float(points.at[-1] - since) / 3600

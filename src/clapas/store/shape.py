"""From a query's columns to the history of each series, and aggregation of the rare tail in memory."""

from collections import defaultdict
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from clapas.domain.window import instant, milliseconds
from clapas.store.values import Aggregate, SeriesHistory

Point = tuple[int, float, float, float, int, int]
"""time (ms), minimum, maximum, total, count, quality."""

Points = dict[int, list[Point]]
"""By series."""

DAY_S = 86_400


def points_of(table: pa.Table) -> Points:
    """Points by series; the rows come ordered by series and time."""
    names = ("time", "minimum", "maximum", "total", "count", "quality")
    columns = [table.column(name).to_pylist() for name in names]
    return _split(table, list(zip(*columns, strict=True)))


def raw_points(table: pa.Table) -> Points:
    """Single values as points of one value each."""
    times, values, qualities = (
        table.column(name).to_pylist() for name in ("time", "value", "quality")
    )
    points = [
        (time, value, value, value, 1, quality)
        for time, value, quality in zip(times, values, qualities, strict=True)
    ]
    return _split(table, points)


def _split(table: pa.Table, points: list[Point]) -> Points:
    series = table.column("series").to_numpy()
    if not len(series):
        return {}
    cuts = [0, *(np.flatnonzero(np.diff(series)) + 1).tolist(), len(series)]
    return {int(series[low]): points[low:high] for low, high in pairwise(cuts)}


def bucketed(points: Points, step: int, *, zone: ZoneInfo, unusable: int) -> Points:
    """Single values joined by step (seconds; 86,400 = civil day; 0 = left as they are)."""
    if step == 0:
        return points
    return {
        series: _joined(each, step, zone=zone, unusable=unusable) for series, each in points.items()
    }


def _joined(points: list[Point], step: int, *, zone: ZoneInfo, unusable: int) -> list[Point]:
    steps: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        steps[_bucket(point[0], step, zone=zone)].append(point)
    joined: list[Point] = []
    for time, members in sorted(steps.items()):
        good = [each[1] for each in members if not each[5] & unusable]
        quality = int(np.bitwise_or.reduce([each[5] for each in members]))
        if good:
            joined.append((time, min(good), max(good), sum(good), len(good), quality))
    return joined


def _bucket(time: int, step: int, *, zone: ZoneInfo) -> int:
    if step != DAY_S:
        return time // (step * 1000) * step * 1000
    local = instant(time).astimezone(zone)
    return milliseconds(local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))


def shaped(
    series: int, step: int, *, aggregate: Aggregate, points: Points, complete: bool = True
) -> SeriesHistory:
    """The columns of one series."""
    times, minimum, maximum, totals, counts, qualities = [
        list(column) for column in zip(*points.get(series, []), strict=True)
    ] or [[] for _ in range(6)]
    values: list[float] = {
        "min": minimum,
        "max": maximum,
        "sum": totals,
        "count": [float(count) for count in counts],
        "mean": [total / count for total, count in zip(totals, counts, strict=True)],
    }[aggregate]
    return SeriesHistory(
        series=series,
        step=step,
        times=times,
        values=totals if step == 0 else values,
        minimum=minimum,
        maximum=maximum,
        counts=counts,
        qualities=qualities,
        complete=complete,
    )

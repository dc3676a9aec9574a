"""What was written through an API and is not in ClickHouse yet, laid over what is."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from clapas.store.columns import is_number
from clapas.store.postgres import Postgres, Row
from clapas.store.shape import Points, raw_points
from clapas.store.sql import queries

SQL = queries("tail")


class Waiting:
    """Waiting values and fences over some series; false when there are none."""

    def __init__(self, rows: Sequence[Row], fences: Sequence[Row]) -> None:
        self._rows = rows
        self._fences = fences

    def __bool__(self) -> bool:
        return bool(self._rows or self._fences)

    def over(self, kept: pa.Table) -> Points:
        """Kept values without the withdrawn ones, with the waiting ones in their place."""
        points = raw_points(self._unfenced(kept))
        fresh: dict[int, dict[int, tuple[float, int]]] = defaultdict(dict)
        for series, measured, value, quality in self._rows:
            if is_number(value):
                fresh[series][measured] = float(value), quality
        for series, values in fresh.items():
            old = [point for point in points.get(series, []) if point[0] not in values]
            new = [(time, v, v, v, 1, quality) for time, (v, quality) in values.items()]
            points[series] = sorted(old + new)
        return points

    def _unfenced(self, kept: pa.Table) -> pa.Table:
        if not self._fences or not kept.num_rows:
            return kept
        series, time, generation = (
            kept.column(name).to_numpy() for name in ("series", "time", "generation")
        )
        seen = np.ones(kept.num_rows, dtype=bool)
        for which, start, end, fence in self._fences:
            seen &= ~((series == which) & (time >= start) & (time < end) & (generation < fence))
        return kept.filter(pa.array(seen))


class Tail:
    """The waiting part of series' history."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def of(self, series: Sequence[int], start: int, *, end: int) -> Waiting:
        """What waits of these series between two instants (ms)."""
        values = {"series": list(series), "start": start, "end": end}
        rows, fences = await asyncio.gather(
            self._postgres.rows(SQL["of"], **values),
            self._postgres.rows(SQL["fences"], **values),
        )
        return Waiting(rows, fences)

"""Hours and civil days, rebuilt from the final rows of what was touched; never by insert triggers.

A bucket is rebuilt as a whole from what the history holds *now*, so that late, corrected and
withdrawn values are right after the next refresh, whatever order they came in. Until then reads
compute the touched buckets themselves.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from clapas.domain.window import civil_day, instant, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.dirty import WHOLE, Dirty, Kind, Mark
from clapas.store.postgres import Postgres
from clapas.store.readings import UNUSABLE, day_start
from clapas.store.sql import queries
from clapas.store.territory import Territory

SQL = queries("rollups")
HOUR_AGE_S = 300.0
"""The running hour is rebuilt at most so often, seconds."""
DAY_AGE_S = 1800.0
"""The running day likewise."""


class Rollups:
    """What makes long and wide reads quick."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse, territory: Territory) -> None:
        self._clickhouse = clickhouse
        self._territory = territory
        self._dirty = Dirty(postgres)

    async def refresh(
        self, *, limit: int = 500, now: datetime | None = None, force: bool = False
    ) -> int:
        """Rebuild dirty buckets, oldest first; gives how many.

        The running hour and day wait until they are over or have waited a while (``force``: no).
        Safe at any time and by several: a bucket touched while it is rebuilt stays dirty.
        """
        now = now or datetime.now(UTC)
        ended = milliseconds(now) - 3_600_000
        age = 0.0 if force else HOUR_AGE_S
        hours = await self._dirty.take("h", age=age, ended=ended, limit=limit)
        await self._rebuild_hours(hours)
        zone = await self._territory.zone()
        today = day_start(milliseconds(now), zone)
        age = 0.0 if force else DAY_AGE_S
        days = await self._dirty.take("d", age=age, ended=today, limit=limit)
        await self._rebuild_days(days)
        return len({mark.bucket for mark in hours}) + len({mark.bucket for mark in days})

    async def pending(self) -> int:
        """How many buckets wait."""
        return await self._dirty.pending()

    async def _rebuild_hours(self, marks: Sequence[Mark]) -> None:
        if not marks:
            return
        for hour, series in _grouped(marks).items():
            values = {"hour": hour, "series": series, "unusable": UNUSABLE, "version": _version()}
            await self._clickhouse.run(SQL["hour"], values)
        zone = await self._territory.zone()
        days = {(day_start(mark.bucket, zone), mark.series) for mark in marks}
        await self._done("d", days, "h", marks)

    async def _rebuild_days(self, marks: Sequence[Mark]) -> None:
        if not marks:
            return
        zone = await self._territory.zone()
        for start, series in _grouped(marks).items():
            day = instant(start).astimezone(zone).date()
            window = civil_day(day, zone)
            values = {
                "day": day,
                "start": milliseconds(window.start),
                "end": milliseconds(window.end),
                "series": series,
                "unusable": UNUSABLE,
                "version": _version(),
            }
            await self._clickhouse.run(SQL["day"], values)
        await self._done("d", set(), "d", marks)

    async def _done(
        self, next_kind: Kind, touched: set[tuple[int, int]], kind: Kind, marks: Sequence[Mark]
    ) -> None:
        await self._dirty.mark(next_kind, touched)
        await self._dirty.done(kind, marks)


def _grouped(marks: Sequence[Mark]) -> dict[int, list[int]]:
    """Bucket → series to rebuild, none meaning all."""
    groups: dict[int, list[int]] = defaultdict(list)
    for mark in marks:
        groups[mark.bucket].append(mark.series)
    return {bucket: [] if WHOLE in series else sorted(series) for bucket, series in groups.items()}


def _version() -> int:
    return time.time_ns() // 1000

"""Hours and civil days, rebuilt from the final rows of what was touched; never by insert triggers.

A bucket is rebuilt as a whole from what the history holds *now*, so that late, corrected and
withdrawn values are right after the next refresh, whatever order they came in. Until then reads
compute the touched buckets themselves.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from clapas.domain.window import instant, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.dirty import HOUR_MS, WHOLE, Dirty, Kind, Mark
from clapas.store.postgres import Postgres
from clapas.store.readings import UNUSABLE, day_start
from clapas.store.series import SeriesStore
from clapas.store.sql import queries
from clapas.store.territory import Territory

SQL = queries("rollups")
HOUR_AGE_S = 300.0
"""The running hour is rebuilt at most so often, seconds."""
WHOLE_STRETCH = 24
SOME_STRETCH = 1000
TWO_MONTHS_MS = 62 * 86_400_000
DAY_AGE_S = 1800.0
"""The running day likewise."""
TIDY_S = 3600.0
"""A month of days whose rows were rebuilt is merged at most so often, seconds: wide reads then find
one part and need not look for newer rows."""


class Rollups:
    """What makes long and wide reads quick."""

    def __init__(
        self,
        postgres: Postgres,
        clickhouse: ClickHouse,
        *,
        territory: Territory,
        series: SeriesStore,
    ) -> None:
        self._clickhouse = clickhouse
        self._series = series
        self._mirrored = False
        self._untidy: dict[int, float] = {}
        self._territory = territory
        self._dirty = Dirty(postgres)

    async def refresh(
        self, *, limit: int = 500, now: datetime | None = None, force: bool = False
    ) -> int:
        """Rebuild dirty buckets, oldest first; gives how many.

        The running hour and day wait until they are over or have waited a while (``force``: no).
        Safe at any time and by several: a bucket touched while it is rebuilt stays dirty. The first
        refresh of a process writes the mirror of all series' places anew: a crash between the two
        engines may have left it behind.
        """
        if not self._mirrored:
            await self._series.mirror_all()
            self._mirrored = True
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
        await self.tidy(force=force and not hours and not days)
        return len({mark.bucket for mark in hours}) + len({mark.bucket for mark in days})

    async def tidy(self, *, force: bool = False) -> int:
        """Merge the rebuilt months that have waited long enough (``force``: all); gives how many."""
        now = time.monotonic()
        ripe = [month for month, due in self._untidy.items() if force or due <= now]
        for month in ripe:
            del self._untidy[month]
            await self._clickhouse.run(SQL["merge_days"], {"month": str(month)})
        return len(ripe)

    async def pending(self) -> int:
        """How many buckets wait."""
        return await self._dirty.pending()

    async def _rebuild_hours(self, marks: Sequence[Mark]) -> None:
        if not marks:
            return
        for buckets, series in _pieces(marks):
            values = {"buckets": buckets, "start": buckets[0], "end": buckets[-1] + HOUR_MS}
            await self._rebuild("h", values, series=series)
        zone = await self._territory.zone()
        await self._dirty.mark("d", {(day_start(mark.bucket, zone), mark.series) for mark in marks})
        await self._dirty.done("h", marks)

    async def _rebuild_days(self, marks: Sequence[Mark]) -> None:
        if not marks:
            return
        zone = await self._territory.zone()
        for buckets, series in _pieces(marks):
            days = [instant(bucket).astimezone(zone).date() for bucket in buckets]
            values = {
                "days": days,
                "zone": zone.key,
                "start": buckets[0],
                "end": day_start(buckets[-1], zone, days=1),
            }
            await self._rebuild("d", values, series=series)
            for day in days:
                self._untidy.setdefault(day.year * 100 + day.month, time.monotonic() + TIDY_S)
        await self._dirty.done("d", marks)

    async def _rebuild(self, kind: Kind, values: dict[str, object], *, series: list[int]) -> None:
        common = {"series": series, "unusable": UNUSABLE, "version": _version()}
        await self._clickhouse.run(SQL[kind], {**values, **common})


def _pieces(marks: Sequence[Mark]) -> Iterator[tuple[list[int], list[int]]]:
    """(buckets, series or none for all) of one statement each, a bounded stretch of time.

    Series of one piece are rebuilt in all its buckets: more than was asked, never wrong.
    """
    whole = sorted({mark.bucket for mark in marks if mark.series == WHOLE})
    every = set(whole)
    some: dict[int, list[int]] = defaultdict(list)
    for mark in marks:
        if mark.bucket not in every:
            some[mark.bucket].append(mark.series)
    for buckets in _stretches(whole, WHOLE_STRETCH):
        yield buckets, []
    for buckets in _stretches(sorted(some), SOME_STRETCH):
        yield buckets, sorted({series for bucket in buckets for series in some[bucket]})


def _stretches(buckets: Sequence[int], most: int) -> Iterator[list[int]]:
    """Sorted buckets cut into groups of at most ``most`` that lie within two months."""
    group: list[int] = []
    for bucket in buckets:
        if group and (len(group) == most or bucket - group[0] > TWO_MONTHS_MS):
            yield group
            group = []
        group.append(bucket)
    if group:
        yield group


def _version() -> int:
    return time.time_ns() // 1000

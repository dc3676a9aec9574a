"""Reading the history of series: raw or by step, from roll-ups where that is exact and quicker."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from clapas.domain.errors import InvalidInput
from clapas.domain.quality import Quality
from clapas.domain.window import Window, instant, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.dirty import HOUR_MS, WHOLE, Dirty
from clapas.store.postgres import Postgres
from clapas.store.shape import Points, bucketed, points_of, raw_points, shaped
from clapas.store.sql import queries
from clapas.store.tail import Tail
from clapas.store.territory import Territory
from clapas.store.values import Aggregate, SeriesHistory, Step

SQL = queries("history")
UNUSABLE = int(Quality.OUT_OF_RANGE | Quality.FUTURE | Quality.SUSPECT)
DAY_S = 86_400
ROUND_STEPS = (1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
MOST_ROWS = 500_000
ROLLED_FROM = timedelta(days=62)
"""From this length on, or with many series, hours and days come from the roll-ups."""
MANY_SERIES = 50
MOST_DIRTY = 500


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What is read: series, whole steps from start to end (ms), step in seconds (0 raw)."""

    series: list[int]
    start: int
    end: int
    step: int
    zone: ZoneInfo

    def values(self) -> dict[str, object]:
        """The parameters that every query takes."""
        return {
            "series": self.series,
            "start": self.start,
            "end": self.end,
            "limit": MOST_ROWS + 1,
            "unusable": UNUSABLE,
            "step": self.step * 1000,
            "zone": self.zone.key,
        }


class Readings:
    """The reading side of the history."""

    def __init__(
        self, postgres: Postgres, clickhouse: ClickHouse, *, dirty: Dirty, territory: Territory
    ) -> None:
        self._clickhouse = clickhouse
        self._dirty = dirty
        self._territory = territory
        self._tail = Tail(postgres)

    async def read(
        self,
        series: Sequence[int],
        window: Window,
        *,
        step: Step,
        aggregate: Aggregate,
        max_points: int,
    ) -> list[SeriesHistory]:
        """Series that may be seen, in their order."""
        zone = await self._territory.zone()
        max_points = max(10, min(max_points, 100_000))
        if step == "auto":
            raw = span_of(series, window, step=0, zone=zone)
            points = await self._points(raw, limit=max_points * len(series) + 1)
            if max((len(each) for each in points.values()), default=0) <= max_points and sum(
                len(each) for each in points.values()
            ) <= max_points * len(series):
                return [shaped(each, 0, aggregate=aggregate, points=points) for each in series]
            seconds = round_step(window.duration.total_seconds() / max_points)
        else:
            seconds = seconds_of(step)
        span = span_of(series, window, step=seconds, zone=zone)
        points = await self._points(span, limit=MOST_ROWS + 1)
        complete = sum(len(each) for each in points.values()) <= MOST_ROWS
        return [
            shaped(each, seconds, aggregate=aggregate, points=points, complete=complete)
            for each in series
        ]

    async def _points(self, span: Span, *, limit: int) -> Points:
        waiting = await self._tail.of(span.series, span.start, end=span.end)
        if waiting:
            table = await self._clickhouse.read(SQL["raw_values"], _raw(span, MOST_ROWS))
            return bucketed(waiting.over(table), span.step, zone=span.zone, unusable=UNUSABLE)
        if span.step == 0:
            values = {**span.values(), "limit": limit}
            return raw_points(await self._clickhouse.read(SQL["raw_values"], _plain(values)))
        if _long(span):
            return await self._rolled(span)
        return points_of(await self._fresh(span))

    async def _fresh(self, span: Span) -> pa.Table:
        """Steps computed from the final rows themselves."""
        values = span.values()
        if span.step == DAY_S:
            del values["step"]
            return await self._clickhouse.read(SQL["days"], values)
        del values["zone"]
        return await self._clickhouse.read(SQL["steps"], values)

    async def _rolled(self, span: Span) -> Points:
        """Steps from the roll-ups, but for the dirty ones, which are computed."""
        dirty = await self._dirty_steps(span)
        if len({bucket for bucket, _ in dirty}) > MOST_DIRTY:
            return points_of(await self._fresh(span))
        points = points_of(await self._rollup(span))
        if not dirty:
            return points
        first, last = min(dirty)[0], max(dirty)[0]
        end = next_step(last, span)
        part = Span(series=span.series, start=first, end=end, step=span.step, zone=span.zone)
        fresh = points_of(await self._fresh(part))
        for each in span.series:
            stale = {bucket for bucket, which in dirty if which in {each, WHOLE}}
            points[each] = sorted(
                [p for p in points.get(each, []) if p[0] not in stale]
                + [p for p in fresh.get(each, []) if p[0] in stale]
            )
        return points

    async def _rollup(self, span: Span) -> pa.Table:
        values = {"series": span.series, "limit": MOST_ROWS + 1}
        if span.step != DAY_S:
            more = {"start": span.start, "end": span.end}
            return await self._clickhouse.read(SQL["rolled_hours"], {**values, **more})
        days = {
            "zone": span.zone.key,
            "first": instant(span.start).astimezone(span.zone).date(),
            "last": instant(span.end).astimezone(span.zone).date(),
        }
        return await self._clickhouse.read(SQL["rolled_days"], {**values, **days})

    async def _dirty_steps(self, span: Span) -> set[tuple[int, int]]:
        hours = await self._dirty.within("h", span.start, end=span.end, series=span.series)
        if span.step != DAY_S:
            return hours
        days = await self._dirty.within("d", span.start, end=span.end, series=span.series)
        return days | {(day_start(hour, span.zone), which) for hour, which in hours}


def seconds_of(step: Step) -> int:
    """A step in seconds, 0 for raw, 86,400 for a civil day. Raises InvalidInput."""
    known = {"raw": 0, "hour": 3600, "day": DAY_S}
    if isinstance(step, str):
        return known[step]
    if not 1 <= step <= 366 * DAY_S:
        raise InvalidInput("a step is from 1 second to 366 days", step=step)
    return step


def round_step(seconds: float) -> int:
    """The smallest round step of at least that many seconds, whole days from half a day on."""
    for step in ROUND_STEPS:
        if step >= seconds:
            return step
    days = -(-seconds // DAY_S)
    return int(days) * DAY_S


def span_of(series: Sequence[int], window: Window, *, step: int, zone: ZoneInfo) -> Span:
    """The window widened to the whole steps that it touches."""
    start, end = milliseconds(window.start), milliseconds(window.end)
    if step == DAY_S:
        start = day_start(start, zone)
        end = day_start(end - 1, zone, days=1)
    elif step:
        start = start // (step * 1000) * step * 1000
        end = -(-end // (step * 1000)) * step * 1000
    return Span(series=list(series), start=start, end=end, step=step, zone=zone)


def day_start(moment: int, zone: ZoneInfo, *, days: int = 0) -> int:
    """The start (ms) of the civil day that holds an instant (ms), ``days`` days later."""
    local = instant(moment).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    return milliseconds((midnight + timedelta(days=days)).replace(tzinfo=zone))


def next_step(bucket: int, span: Span) -> int:
    """Where a step ends (ms)."""
    if span.step == DAY_S:
        return day_start(bucket, span.zone, days=1)
    return bucket + span.step * 1000


def _long(span: Span) -> bool:
    rolled = span.step == DAY_S or (span.step * 1000 == HOUR_MS)
    long = span.end - span.start >= ROLLED_FROM.total_seconds() * 1000
    return rolled and (long or len(span.series) > MANY_SERIES)


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {key: values[key] for key in ("series", "start", "end", "limit")}


def _raw(span: Span, limit: int) -> dict[str, object]:
    return {**_plain(span.values()), "limit": limit}

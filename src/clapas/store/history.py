"""The history in ClickHouse: a batch in, values with their provenance out."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.domain.message import Observation, Outcome
from clapas.domain.window import Window, milliseconds
from clapas.store import columns, filters
from clapas.store.clickhouse import ClickHouse
from clapas.store.dirty import WHOLE, Dirty
from clapas.store.postgres import Postgres
from clapas.store.readings import Readings
from clapas.store.series import SeriesStore
from clapas.store.sql import queries
from clapas.store.territory import Territory
from clapas.store.values import (
    Aggregate,
    DailyRow,
    ObservationRow,
    RawRow,
    SeriesHistory,
    Step,
)

SQL = queries("history")
MONTHS_A_BLOCK = 90
"""ClickHouse refuses a block that touches more than 100 partitions."""


class History:
    """Raw messages, observations and outcomes."""

    def __init__(
        self,
        postgres: Postgres,
        clickhouse: ClickHouse,
        *,
        series: SeriesStore,
        territory: Territory,
    ) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse
        self._series = series
        self._territory = territory
        self._dirty = Dirty(postgres)
        self._readings = Readings(postgres, clickhouse, dirty=self._dirty, territory=territory)

    async def write(
        self,
        raw: Sequence[RawRow],
        observations: Sequence[Observation],
        *,
        outcomes: Sequence[Outcome],
    ) -> None:
        """Keep a batch, durable on return; outcomes last. A redelivered batch changes nothing.

        Times lie between 1970 and 2149 (the main path checks them). Raises EngineUnavailable,
        DiskFull: then nothing of the batch may be acknowledged.
        """
        ended = await asyncio.gather(
            self._clickhouse.insert("raw", columns.raw_table(raw)),
            self.keep(observations),
            return_exceptions=True,
        )
        # The first failure goes out as itself: a group of them would be taken for a defect of ours.
        for failure in filter(None, ended):
            raise failure
        await self._clickhouse.insert("outcome", columns.outcome_table(outcomes))

    async def keep(self, observations: Sequence[Observation]) -> None:
        """Keep observations alone (replay, relayed writes), and mark what they touch."""
        numbers = [each for each in observations if columns.is_number(each.value)]
        texts = [each for each in observations if not columns.is_number(each.value)]
        for part in _by_months(numbers):
            await self._clickhouse.insert("observation", columns.number_table(part))
        for part in _by_months(texts):
            await self._clickhouse.insert("observation_text", columns.text_table(part))
        await self._dirty.touched(observations)

    async def keep_table(self, rows: pa.Table) -> None:
        """Keep numbers given as columns (imports, benches): those of the table ``observation``.

        series, measured (timestamp ms UTC), value, lag (ms, received - measured), log, sequence,
        quality, codec, generation, deleted. Every hour touched is marked as a whole.
        """
        await self._clickhouse.insert("observation", rows)
        hours = pc.unique(pc.floor_temporal(rows.column("measured"), unit="hour")).cast("int64")
        await self._dirty.mark("h", {(hour, WHOLE) for hour in hours.to_pylist()})

    async def began(self) -> datetime | None:
        """When the history begins, to the hour; None when nothing is rolled up yet."""
        (row,) = (await self._clickhouse.read_own(SQL["began"])).to_pylist()
        return datetime.fromtimestamp(row["first"], UTC) if row["parts"] else None

    async def sizes(self) -> dict[str, tuple[int, int]]:
        """Table → (rows, bytes on disk) of ClickHouse's active parts."""
        table = await self._clickhouse.read_own(SQL["sizes"])
        return {row["name"]: (row["rows"], row["bytes"]) for row in table.to_pylist()}

    async def compact(self) -> None:
        """Merge the parts of the numbers now (the engine does it by itself in its own time)."""
        await self._clickhouse.run(SQL["compact"])

    async def read(
        self,
        rows: RowFilter,
        series: Sequence[int],
        *,
        window: Window,
        step: Step = "auto",
        aggregate: Aggregate = "mean",
        max_points: int = 2000,
    ) -> list[SeriesHistory]:
        """The history of those series that may be seen, in their order, API writes included.

        'raw' gives every value up to a bound; a step gives the aggregate of its usable values with
        its minimum, maximum and joined quality flags; whole steps that touch the window. 'auto' is
        raw when that is at most ``max_points``, else the smallest round step that is.
        """
        visible = await self._series.by_id(rows, series)
        wanted = [each for each in dict.fromkeys(series) if each in visible]
        if not wanted:
            return []
        return await self._readings.read(
            wanted, window, step=step, aggregate=aggregate, max_points=max_points
        )

    async def daily(self, rows: RowFilter, quantity: str, *, window: Window) -> list[DailyRow]:
        """Minimum, mean and maximum of one quantity per civil day over all series that may be seen.

        From the roll-ups as they are: the days that ``rollups.refresh`` has rebuilt.
        """
        condition, values = filters.clickhouse(rows)
        zone = await self._territory.zone()
        table = await self._clickhouse.read(
            filters.within(SQL["daily"], condition),
            {
                "quantity": quantity,
                "first": window.start.astimezone(zone).date(),
                "last": window.end.astimezone(zone).date(),
                **values,
            },
        )
        return [DailyRow(*row) for row in _tuples(table)]

    async def texts(
        self, rows: RowFilter, series: Sequence[int], *, window: Window, limit: int = 1000
    ) -> list[ObservationRow]:
        """Text and structured values of series, newest first."""
        visible = await self._series.by_id(rows, series)
        values = {
            "series": list(visible),
            "start": milliseconds(window.start),
            "end": milliseconds(window.end),
            "limit": max(1, min(limit, 100_000)),
        }
        return _texts(await self._clickhouse.read(SQL["texts"], values)) if visible else []

    async def observation(self, rows: RowFilter, series: int, *, measured: int) -> ObservationRow:
        """One value with its provenance. Raises NotFound, also when it may not be seen."""
        values = {"series": series, "measured": measured}
        if await self._series.by_id(rows, [series]):
            found = _numbers(await self._clickhouse.read(SQL["one"], values))
            found = found or _texts(await self._clickhouse.read(SQL["one_text"], values))
            if found:
                return found[0]
        raise NotFound(series=series, measured=measured)

    async def of_messages(self, log: int, first: int, *, last: int) -> list[ObservationRow]:
        """The final values that the messages first…last of a log gave, for replay to compare."""
        values = {"log": log, "first": first, "last": last}
        numbers = await self._clickhouse.read_own(SQL["of_messages"], values)
        texts = await self._clickhouse.read_own(SQL["texts_of_messages"], values)
        return _numbers(numbers) + _texts(texts)

    async def next_generation(self) -> int:
        """A new generation number, above all before."""
        row = await self._postgres.row("SELECT nextval('generation')")
        return int(row[0]) if row else 0

    async def series_of(self, ids: Collection[int]) -> dict[int, str]:
        """Series number → entity, for the differences that replay prints."""
        found = await self._series.by_id(RowFilter(everything=True), ids)
        return {number: each.key.entity for number, each in found.items()}


def _by_months(rows: Sequence[Observation]) -> list[Sequence[Observation]]:
    """The rows in blocks that touch few enough months."""
    if not rows:
        return []
    low = min(row.measured for row in rows)
    high = max(row.measured for row in rows)
    if high - low < MONTHS_A_BLOCK * 28 * 86_400_000:
        return [rows]
    blocks: dict[int, list[Observation]] = {}
    for row in rows:
        blocks.setdefault(row.measured // (MONTHS_A_BLOCK * 28 * 86_400_000), []).append(row)
    return list(blocks.values())


def _numbers(table: pa.Table) -> list[ObservationRow]:
    return [_row(*row) for row in _tuples(table)]


def _texts(table: pa.Table) -> list[ObservationRow]:
    return [_row(a, b, msgspec.json.decode(c), *rest) for a, b, c, *rest in _tuples(table)]


def _tuples(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _row(*row: Any) -> ObservationRow:
    series, measured, value, lag, *provenance = row
    return ObservationRow(series, measured, value, measured + lag, *provenance)

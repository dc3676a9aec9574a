"""Marks of the hours and days that new, late or corrected values touched."""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from clapas.domain.message import Observation
from clapas.store.columns import is_number
from clapas.store.postgres import Postgres, batch
from clapas.store.sql import queries

SQL = queries("dirty")
HOUR_MS = 3_600_000
WHOLE = -1
FEW = 32
"""Up to so many series of an old hour are marked one by one; more mark the hour as a whole."""

Kind = Literal["h", "d"]


class Mark(msgspec.Struct, frozen=True):
    """A bucket (its start, ms) to rebuild for one series, or for all (-1)."""

    bucket: int
    series: int
    marks: int = 1


class Dirty:
    """What waits to be rolled up."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def touched(self, observations: Sequence[Observation]) -> None:
        """Mark what a batch touched. Called after the batch is durable and before it is acknowledged."""
        found = hours_of(observations, now_ms=int(time.time() * 1000))
        if found:
            rows = [{"kind": "h", "bucket": b, "series": s} for b, s in found]
            await self._postgres.run(SQL["mark"], marks=batch(rows))

    async def mark(self, kind: Kind, buckets: Collection[tuple[int, int]]) -> None:
        """Mark (bucket start in ms, series or -1)."""
        if buckets:
            rows = [{"kind": kind, "bucket": b, "series": s} for b, s in sorted(buckets)]
            await self._postgres.run(SQL["mark"], marks=batch(rows))

    async def within(
        self, kind: Kind, start: int, *, end: int, series: Collection[int]
    ) -> set[tuple[int, int]]:
        """Marks between two instants (ms) that concern these series."""
        rows = await self._postgres.rows(
            SQL["within"], kind=kind, start=start, end=end, series=list(series)
        )
        return {(row[0], row[1]) for row in rows}

    async def take(self, kind: Kind, *, age: float, ended: int, limit: int) -> list[Mark]:
        """The oldest buckets that ended before ``ended`` (ms) or wait since ``age`` seconds."""
        rows = await self._postgres.rows(SQL["take"], kind=kind, age=age, ended=ended, limit=limit)
        return [Mark(*row) for row in rows]

    async def done(self, kind: Kind, marks: Sequence[Mark]) -> None:
        """Forget marks, but for those renewed since they were taken."""
        await self._postgres.run(SQL["done"], kind=kind, marks=batch(marks))
        buckets = list({mark.bucket for mark in marks})
        await self._postgres.run(SQL["renew"], kind=kind, buckets=buckets)

    async def pending(self) -> int:
        """How many buckets wait."""
        row = await self._postgres.row(SQL["pending"])
        return int(row[0]) if row else 0


def hours_of(observations: Sequence[Observation], *, now_ms: int) -> set[tuple[int, int]]:
    """The marks of a batch: whole hours where many series are touched or will be, single series else."""
    hours: dict[int, set[int]] = defaultdict(set)
    for each in observations:
        if is_number(each.value) or each.deleted:
            hours[each.measured // HOUR_MS * HOUR_MS].add(each.series)
    marks: set[tuple[int, int]] = set()
    for hour, series in hours.items():
        if hour > now_ms - 2 * HOUR_MS or len(series) > FEW:
            marks.add((hour, WHOLE))
        else:
            marks.update((hour, each) for each in series)
    return marks

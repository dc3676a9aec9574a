"""The platform's own series as temporal evolution: what sensors measured, read from the history."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from clapas.context.core import VOCAB
from clapas.context.temporal import FIRST, LAST, Row, as_text
from clapas.context.temporal import Window as Asked
from clapas.domain.access import RowFilter
from clapas.domain.device import Series
from clapas.domain.quantities import QUANTITIES
from clapas.domain.window import Window
from clapas.store import Store

STEPS = (timedelta(days=1), timedelta(days=40), timedelta(days=400), timedelta(days=8000))
"""How far back the last values are looked for, further each time."""
OLDEST = datetime(1971, 1, 1, tzinfo=UTC)
INSTANCE = "urn:ngsi-ld:Instance:"


class Fence(msgspec.Struct, frozen=True):
    """A deletion: of an entity's evolution, or (with ``attribute``) of one attribute's."""

    entity: str
    attribute: str
    dataset: str
    everything: bool
    until: datetime

    def concerns(self, series: Series) -> bool:
        """Whether a series was deleted by it."""
        if series.key.entity != self.entity or self.attribute not in {"", iri_of(series)}:
            return False
        return self.everything or series.key.dataset_id == self.dataset


class PlatformSeries:
    """Reads over the store; values that the broker itself keeps come first (``known``)."""

    def __init__(self, store: Store, fences: Sequence[Fence] = ()) -> None:
        self._store = store
        self._fences = fences

    def fenced(self, fences: Sequence[Fence]) -> "PlatformSeries":
        """The same, without what was deleted."""
        return PlatformSeries(self._store, fences)

    def _since(self, series: Series) -> datetime:
        """From when on a series is told: after the last deletion that concerns it."""
        found = [each.until for each in self._fences if each.concerns(series)]
        return max(found, default=OLDEST)

    async def of(self, rows: RowFilter, entity: str, *, known: set[str]) -> list[Series]:
        """The series of an entity whose attribute the broker does not keep itself."""
        found = await self._store.series.of_entity(rows, entity)
        return [each for each in found if not each.key.tenant and iri_of(each) not in known]

    async def instances(
        self, rows: RowFilter, series: Sequence[Series], *, asked: Asked
    ) -> list[Row]:
        """Values in a window as instances, the oldest first; the last ones of each when asked."""
        if not series or asked.timeproperty != "observedAt":
            return []
        found: list[Row] = []
        for each in series:
            times, values = await self._values(rows, each, asked=asked)
            found += [_row(each, at, value=value) for at, value in zip(times, values, strict=True)]
        return sorted(found, key=lambda row: row.at or FIRST)

    async def _values(
        self, rows: RowFilter, series: Series, *, asked: Asked
    ) -> tuple[list[int], list[float]]:
        start, end = bounds(asked)
        spans = [(start, end)]
        if asked.last:
            spans = [(max(start, end - step), end) for step in STEPS]
        times: list[int] = []
        values: list[float] = []
        for begin, finish in spans:
            if begin >= finish:
                continue
            times, values = await self.numbers(rows, series, start=begin, end=finish)
            if not asked.last or len(times) >= asked.last or begin <= start:
                break
        return (times[-asked.last :], values[-asked.last :]) if asked.last else (times, values)

    async def numbers(
        self, rows: RowFilter, series: Series, *, start: datetime, end: datetime
    ) -> tuple[list[int], list[float]]:
        """Instants (ms) and values of a series between two instants."""
        start = max(start, self._since(series))
        if start >= end:
            return [], []
        window = Window(start, end)
        found = await self._store.history.read(rows, [series.id], window=window, step="raw")
        return (found[0].times, found[0].values) if found else ([], [])

    async def aggregated(
        self, rows: RowFilter, series: Series, *, asked: Asked, edges: Sequence[datetime]
    ) -> dict[int, dict[str, Any]]:
        """Aggregates of the periods between ``edges``, numbered from one as the store numbers them."""
        start, end = bounds(asked)
        times, values = await self.numbers(rows, series, start=start, end=end)
        return await asyncio.to_thread(_buckets, times, values, edges=edges)


def bounds(asked: Asked) -> tuple[datetime, datetime]:
    """The window in the history's terms: not before 1971, not far beyond now."""
    start = max(asked.start_at if asked.relation else FIRST, OLDEST)
    end = asked.end_at if asked.relation else LAST
    return start.astimezone(UTC), min(end, datetime.now(UTC) + timedelta(days=2)).astimezone(UTC)


def iri_of(series: Series) -> str:
    """The IRI of a series' attribute."""
    name = series.key.attribute
    return name if ":" in name else VOCAB + name


def _row(series: Series, at: int, *, value: float) -> Row:
    instant = datetime.fromtimestamp(at / 1000, UTC)
    text = as_text(instant)
    doc: dict[str, Any] = {"type": "Property", "value": value, "observedAt": text}
    quantity = QUANTITIES.get(series.key.quantity)
    if quantity is not None and quantity.code:
        doc["unitCode"] = quantity.code
    if series.key.dataset_id:
        doc["datasetId"] = series.key.dataset_id
    doc |= {"createdAt": text, "modifiedAt": text}
    name = f"{INSTANCE}{series.id}:{at}"
    return Row(series.key.entity, iri_of(series), series.key.dataset_id, name, instant, doc)


def _buckets(
    times: Sequence[int], values: Sequence[float], *, edges: Sequence[datetime]
) -> dict[int, dict[str, Any]]:
    numbers = np.asarray(values, dtype=float)
    limits = [round(edge.timestamp() * 1000) for edge in edges]
    places = np.searchsorted(np.asarray(limits), np.asarray(times), side="right")
    found: dict[int, dict[str, Any]] = {}
    for bucket in np.unique(places).tolist():
        held = numbers[places == bucket]
        found[bucket] = {
            "totalCount": int(held.size),
            "distinctCount": int(np.unique(held).size),
            "sum": float(held.sum()),
            "avg": float(held.mean()),
            "min": float(held.min()),
            "max": float(held.max()),
            "stddev": float(held.std()),
            "sumsq": float(np.square(held).sum()),
        }
    return found

"""Figures of every entity of a trade: series that may be seen, read from the history, reduced."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np

from clapas.domain.access import RowFilter
from clapas.domain.quality import Quality
from clapas.domain.window import Window, instant
from clapas.store import Store
from clapas.store.indicators import Indicators
from clapas.store.values import EntityRow, Latest, SeriesHistory
from clapas.usecases.figures import Figure, Points, figures
from clapas.usecases.pack import Pack

UNUSABLE = int(Quality.OUT_OF_RANGE | Quality.FUTURE | Quality.SUSPECT)
MOST_ENTITIES = 500
MEMORY = timedelta(days=396)
"""Thirteen months: what the band of EN 15757 is made of."""
MOST_RAW = 300_000
"""Expected readings above which hours are read instead of readings."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One entity of a trade, with its figures in the pack's order."""

    entity: str
    name: str
    type: str
    commune: str
    longitude: float | None
    latitude: float | None
    simulated: bool
    figures: list[Figure]
    last: datetime | None = None
    """The newest reading of what the trade looks at, in the period or not."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows the reader may see: of entities and of series."""

    entities: RowFilter
    series: RowFilter


async def gather(store: Store, seen: Seen, pack: Pack, window: Window) -> list[Line]:
    """The trade's lines over a period, by type then id; at most 500 entities a type."""
    zone = await store.territory.zone()
    rows: list[EntityRow] = []
    for kind in pack.types:
        rows += (await store.entities.page(seen.entities, type=kind, limit=MOST_ENTITIES)).items
    wanted = {each.quantity for each in pack.indicators if each.quantity}
    wanted |= {name for each in pack.derived for name in (each.total, each.minus)}
    latest = await store.state.latest(seen.series, entities=[row.entity.id for row in rows])
    mine = [each for each in latest if each.quantity in wanted]
    has: dict[str, set[str]] = {}
    for each in mine:
        has.setdefault(each.entity, set()).add(each.quantity)
    rows = [row for row in rows if _belongs(pack, row, has.get(row.entity.id, set()))]
    read = await _histories(store, seen.series, mine, pack, window)
    last = newest(mine)
    asked = await _asked(store, seen.series, mine, pack, window)
    by_entity: dict[str, dict[str, Points]] = {}
    for each in mine:
        if each.series in read:
            by_entity.setdefault(each.entity, {})[each.quantity] = read[each.series]
    for own in by_entity.values():
        own.update(derived(pack, own))
    return await asyncio.to_thread(
        lambda: [
            msgspec.structs.replace(
                _line(
                    row,
                    figures(
                        pack,
                        by_entity.get(row.entity.id, {}),
                        window,
                        zone.key,
                        asked.get(row.entity.id, {}),
                    ),
                ),
                last=last.get(row.entity.id),
            )
            for row in rows
        ]
    )


def derived(pack: Pack, own: Mapping[str, Points]) -> dict[str, Points]:
    """What the pack derives where the source does not send it: at each number, the last total known then."""
    found: dict[str, Points] = {}
    for each in pack.derived:
        total, minus = own.get(each.total), own.get(each.minus)
        if each.quantity in own or total is None or minus is None or not len(total.at):
            continue
        index = np.searchsorted(total.at, minus.at, side="right") - 1
        known = index >= 0
        values = np.maximum(total.values[np.maximum(index, 0)] - minus.values, 0.0)
        found[each.quantity] = Points(
            at=minus.at[known],
            values=values[known],
            counts=minus.counts[known],
            suspect=max(total.suspect, minus.suspect),
        )
    return found


def newest(states: Sequence[Latest]) -> dict[str, datetime]:
    """Entity → when it was last measured."""
    found: dict[str, int] = {}
    for each in states:
        found[each.entity] = max(each.measured, found.get(each.entity, 0))
    return {entity: instant(moment) for entity, moment in found.items()}


def _belongs(pack: Pack, row: EntityRow, has: set[str]) -> bool:
    """Is this entity of the trade: in its records, with what it needs?"""
    if pack.datasets and row.entity.dataset not in pack.datasets:
        return False
    return set(pack.needs) <= has


async def _asked(
    store: Store, rows: RowFilter, mine: Sequence[Latest], pack: Pack, window: Window
) -> dict[str, dict[str, float]]:
    """What the history answers to the indicators written as SQL: entity → indicator → number."""
    found: dict[str, dict[str, float]] = {}
    ask = Indicators(store.clickhouse, store.series, store.territory)
    for indicator in pack.indicators:
        if indicator.kind != "sql":
            continue
        entities = {each.series: each.entity for each in mine if each.quantity == indicator.quantity}  # fmt: skip
        for series, value in (await ask.read(rows, list(entities), window, indicator.sql)).items():
            found.setdefault(entities[series], {})[indicator.id] = value
    return found


async def _histories(
    store: Store, rows: RowFilter, mine: Sequence[Latest], pack: Pack, window: Window
) -> dict[int, Points]:
    banded = {each.quantity for each in pack.indicators if each.kind == "outside_en15757"}
    found: dict[int, Points] = {}
    for long in (False, True):
        group = [each for each in mine if (each.quantity in banded) == long]
        start = window.end - MEMORY if long else window.start
        period = Window(min(start, window.start), window.end)
        found |= await _read(store, rows, group, pack, period)
    return found


async def _read(
    store: Store, rows: RowFilter, group: Sequence[Latest], pack: Pack, window: Window
) -> dict[int, Points]:
    if not group:
        return {}
    expected = len(group) * window.duration.total_seconds() / pack.interval_s
    found = await store.history.read(
        rows,
        [each.series for each in group],
        window,
        step="raw" if expected <= MOST_RAW else "hour",
        max_points=100_000,
    )
    return {each.series: points_of(each) for each in found}


def points_of(history: SeriesHistory) -> Points:
    """The usable values of a series; flagged raw values are left out and counted as suspect."""
    at = np.asarray(history.times, dtype=np.float64) / 1000
    values = np.asarray(history.values, dtype=np.float64)
    counts = np.asarray(history.counts, dtype=np.float64)
    flagged = (np.asarray(history.qualities, dtype=np.int64) & UNUSABLE) != 0
    usable = np.isfinite(values) & ~(
        flagged if history.step == 0 else np.zeros(len(at), dtype=bool)
    )
    return Points(
        at=at[usable],
        values=values[usable],
        counts=counts[usable],
        suspect=float(flagged.mean()) if len(at) else 0.0,
    )


def _line(row: EntityRow, found: list[Figure]) -> Line:
    entity = row.entity
    return Line(
        entity=entity.id,
        name=entity.name or entity.id.rpartition(":")[2],
        type=entity.type,
        commune=entity.commune,
        longitude=entity.longitude,
        latitude=entity.latitude,
        simulated=entity.simulated,
        figures=found,
    )

"""Figures of every entity of a trade that may be seen, from the history."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.window import Window, instant
from clapas.store import Store
from clapas.store.values import EntityRow, Latest
from clapas.usecases.figures import Figure, figures
from clapas.usecases.measures import Asking, measures
from clapas.usecases.pack import Pack

MOST_ENTITIES = 500


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
    rows: list[EntityRow] = []
    for kind in pack.types:
        rows += (await store.entities.page(seen.entities, type=kind, limit=MOST_ENTITIES)).items
    latest = await store.state.latest(seen.series, entities=[row.entity.id for row in rows])
    wanted = _wanted(pack)
    mine = [each for each in latest if each.quantity in wanted]
    rows = _belonging(pack, rows, mine)
    asking = Asking(
        rows=seen.series, mine=mine, window=window, zone=await store.territory.zone()
    )  # fmt: skip
    measured = await measures(store, pack, asking)
    last = newest(mine)
    return [
        _line(row, figures(pack, measured.get(row.entity.id, {})), last.get(row.entity.id))
        for row in rows
    ]


def _wanted(pack: Pack) -> set[str]:
    """The quantities that the trade looks at."""
    named = {each.quantity for each in pack.indicators if each.quantity}
    return named | {name for each in pack.derived for name in (each.total, each.minus)}


def _belonging(pack: Pack, rows: Sequence[EntityRow], mine: Sequence[Latest]) -> list[EntityRow]:
    """The entities of the trade: in its records, with what it needs."""
    has: dict[str, set[str]] = {}
    for each in mine:
        has.setdefault(each.entity, set()).add(each.quantity)
    return [
        row
        for row in rows
        if (not pack.datasets or row.entity.dataset in pack.datasets)
        and set(pack.needs) <= has.get(row.entity.id, set())
    ]


def newest(states: Sequence[Latest]) -> dict[str, datetime]:
    """Entity → when it was last measured."""
    found: dict[str, int] = {}
    for each in states:
        found[each.entity] = max(each.measured, found.get(each.entity, 0))
    return {entity: instant(moment) for entity, moment in found.items()}


def _line(row: EntityRow, found: list[Figure], last: datetime | None) -> Line:
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
        last=last,
    )

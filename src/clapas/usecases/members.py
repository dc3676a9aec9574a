"""The points of measure of a trade that may be seen, with their present values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import msgspec

from clapas.charter import Exit
from clapas.domain.access import RowFilter
from clapas.domain.window import Window
from clapas.store import Store
from clapas.store.values import EntityRow, Latest
from clapas.usecases.pack import Pack

MOST_ENTITIES = 500


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows the reader may see, whole: of entities and of series.

    ``way`` knows the persons behind them who object, and audits what is watched; None: the platform itself reads.
    """

    entities: RowFilter
    series: RowFilter
    way: Exit | None = None

    @classmethod
    def by(cls, way: Exit) -> Self:
        """What goes out by this way. Figures are made of series that may be given as they are, or not at all."""
        return cls(entities=way.rows("entity"), series=way.whole_rows("series"), way=way)

    async def silent(self, store: Store, things: Mapping[str, str]) -> frozenset[str]:
        """Of these entities (each with its dataset), those that no figure may count."""
        return await self.way.silent(store, things) if self.way else frozenset()

    async def note(self, datasets: Iterable[str], window: Window, **scope: int) -> None:
        """The trail says that figures of what is watched were read."""
        if self.way is not None:
            await self.way.note(datasets, window, **scope)


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """The trade's entities, by type then id, and the present values of all their series."""

    rows: list[EntityRow]
    latest: list[Latest]

    @property
    def names(self) -> dict[str, str]:
        """Entity → what people call it."""
        return {
            row.entity.id: row.entity.name or row.entity.id.rpartition(":")[2] for row in self.rows
        }


async def members_of(store: Store, seen: Seen, *, pack: Pack) -> Members:
    """At most 500 entities a type: in the trade's records or in nobody's, with the quantities that it needs."""
    rows: list[EntityRow] = []
    for kind in pack.types:
        rows += (await store.entities.page(seen.entities, type=kind, limit=MOST_ENTITIES)).items
    silent = await seen.silent(store, {row.entity.id: row.entity.dataset for row in rows})
    rows = [row for row in rows if row.entity.id not in silent]
    latest = await store.state.latest(seen.series, entities=[row.entity.id for row in rows])
    mine = belonging(pack, rows, latest=latest)
    kept = {row.entity.id for row in mine}
    return Members(rows=mine, latest=[each for each in latest if each.entity in kept])


def belonging(
    pack: Pack, rows: Sequence[EntityRow], *, latest: Sequence[Latest]
) -> list[EntityRow]:
    """Those that are of the trade: a point of measure in another trade's record is that trade's."""
    has: dict[str, set[str]] = {}
    for each in latest:
        has.setdefault(each.entity, set()).add(each.quantity)
    return [
        row
        for row in rows
        if _recorded(pack, row.entity.dataset) and set(pack.needs) <= has.get(row.entity.id, set())
    ]


def _recorded(pack: Pack, dataset: str) -> bool:
    return dataset in pack.datasets if pack.datasets else dataset not in pack.others

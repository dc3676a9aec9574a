"""Present values: one upsert a batch, the newer measured time wins."""

from collections.abc import Collection, Sequence

import msgspec

from clapas.domain.access import RowFilter
from clapas.store import filters
from clapas.store.postgres import Postgres, batch
from clapas.store.sql import queries
from clapas.store.values import Latest, StateRow

SQL = queries("state")
MOST = 500_000


class State:
    """The present state of the territory."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def upsert(self, rows: Sequence[StateRow]) -> None:
        """Keep the newer measured value of each series. One statement."""
        newest = newest_of(rows)
        if newest:
            await self._postgres.run(SQL["upsert"], rows=batch(newest))

    async def latest(
        self,
        rows: RowFilter,
        *,
        entities: Collection[str] | None = None,
        series: Collection[int] | None = None,
        attribute: str = "",
        quantity: str = "",
        limit: int = 100_000,
    ) -> list[Latest]:
        """Present values that may be seen, of these entities or series (None: all), by series."""
        found = await self._postgres.rows(
            SQL["latest"],
            all_entities=entities is None,
            entities=list(entities or ()),
            all_series=series is None,
            series=list(series or ()),
            attribute=attribute,
            quantity=quantity,
            limit=min(limit, MOST),
            **filters.values(rows),
        )
        return [Latest(*row) for row in found]


def newest_of(rows: Sequence[StateRow]) -> list[StateRow]:
    """The newest row of each series, the last one at equal times."""
    newest: dict[int, StateRow] = {}
    for row in rows:
        known = newest.get(row.series)
        if known is None or row.measured >= known.measured:
            newest[row.series] = row
    return list(newest.values())


def plain(row: StateRow) -> dict[str, object]:
    """A row as a mapping, for statements of other parts."""
    return msgspec.structs.asdict(row)

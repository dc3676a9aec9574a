"""Series numbers: created once, cached for good, mirrored to ClickHouse with their place."""

import time
from collections.abc import Collection, Sequence

import pyarrow as pa

from clapas.domain.access import RowFilter
from clapas.domain.device import Series, SeriesKey
from clapas.domain.quantities import QUANTITIES
from clapas.store import filters
from clapas.store.clickhouse import ClickHouse
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries

SQL = queries("series")
CACHED = 1_000_000
OWN = ("battery_voltage", "battery_level", "rssi", "snr", "device_status", "uptime", "number", "")
"""What a device says of itself: shown as an entity's headline only when there is nothing else."""
RANKS = {key: index for index, key in enumerate([*(q for q in QUANTITIES if q not in OWN), *OWN])}


class SeriesStore:
    """Series by key and by number."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse
        self._known: dict[SeriesKey, Series] = {}

    async def ensure(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Series]:
        """The series of each key, created when missing. Cached; one statement for the misses."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        if missing:
            await self._make(missing)
        return {key: self._known[key] for key in keys}

    async def _make(self, keys: Sequence[SeriesKey]) -> None:
        wanted = batch([_wanted(key) for key in keys])
        rows = await self._postgres.rows(SQL["ensure"], keys=wanted)
        found = {_place(row): _series(row) for row in rows}
        fresh = [row[0] for row in rows if row[7]]
        if fresh:
            await self.mirror(series=fresh)
        if len(self._known) > CACHED:
            self._known.clear()
        for key in keys:
            self._known[key] = found[key.entity, key.attribute, key.dataset_id, key.tenant]

    async def by_id(self, rows: RowFilter, series: Collection[int]) -> dict[int, Series]:
        """Those of the numbers that exist and may be seen."""
        found = await self._postgres.rows(
            SQL["visible"], series=list(series), **filters.values(rows)
        )
        return {row[0]: _series(row) for row in found}

    async def of_entity(self, rows: RowFilter, entity: str) -> list[Series]:
        """Every series of an entity that may be seen, the most telling first."""
        found = await self._postgres.rows(SQL["of_entity"], entity=entity, **filters.values(rows))
        return [_series(row) for row in found]

    async def visible_everywhere(self, rows: RowFilter) -> set[int]:
        """The numbers of all series that may be seen, as ClickHouse's mirror answers."""
        condition, values = filters.clickhouse(rows)
        table = await self._clickhouse.read(filters.within(SQL["mirrored"], condition), values)
        return set(table.column("series").to_pylist())

    def forget(self) -> None:
        """Empty the cache, after series were removed."""
        self._known.clear()

    async def mirror(self, *, entities: Collection[str] = (), series: Collection[int] = ()) -> None:
        """Tell ClickHouse the dataset and commune of these series, for its row filters."""
        rows = await self._postgres.rows(
            SQL["places"], entities=list(entities), series=list(series)
        )
        await self._mirror(rows)

    async def forget_places(self, series: Collection[int]) -> None:
        """Take removed series out of the mirror, so that no whole-territory read counts them."""
        await self._mirror([(each, "", "", "") for each in series], deleted=1)

    async def mirror_all(self) -> int:
        """Tell ClickHouse the place of every series (after a restore); gives how many."""
        rows = await self._postgres.rows(SQL["all_places"])
        await self._mirror(rows)
        return len(rows)

    async def _mirror(self, rows: Sequence[Row], *, deleted: int = 0) -> None:
        if not rows:
            return
        ids, quantities, datasets, communes = zip(*rows, strict=True)
        version = time.time_ns() // 1000
        await self._clickhouse.insert(
            "series_place",
            pa.table(
                {
                    "series": pa.array(ids, pa.uint32()),
                    "quantity": pa.array(quantities, pa.string()),
                    "dataset": pa.array(datasets, pa.string()),
                    "commune": pa.array(communes, pa.string()),
                    "version": pa.array([version] * len(ids), pa.uint64()),
                    "deleted": pa.array([deleted] * len(ids), pa.uint8()),
                }
            ),
        )


def _wanted(key: SeriesKey) -> dict[str, object]:
    return {
        "entity": key.entity,
        "attribute": key.attribute,
        "quantity": key.quantity,
        "dataset_id": key.dataset_id,
        "tenant": key.tenant,
        "rank": RANKS.get(key.quantity, len(RANKS)),
    }


def _place(row: Row) -> tuple[str, str, str, str]:
    return row[2], row[3], row[4], row[1]


def _series(row: Row) -> Series:
    key = SeriesKey(
        entity=row[2], attribute=row[3], quantity=row[5], dataset_id=row[4], tenant=row[1]
    )
    return Series(row[0], key, row[6])

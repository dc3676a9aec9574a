"""The utility's own assets and work orders, as its GIS and its maintenance tool last said."""

from collections.abc import Sequence
from datetime import date

import msgspec

from clapas.domain.access import RowFilter
from clapas.store import filters
from clapas.store.postgres import Postgres, batch
from clapas.store.sql import queries

SQL = queries("water_works")
MOST = 500
A_CHUNK = 2000


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A thing of the network: ``places`` its points (longitude, latitude), mm, m, the year it was laid."""

    reference: str
    kind: str
    sector: str = ""
    state: str = ""
    material: str = ""
    diameter_mm: float | None = None
    length_m: float | None = None
    laid: int | None = None
    places: list[tuple[float, float]] = []
    commune: str = ""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A work order: where (asset, meter, sector, place), how far, and what was found (``verdict``)."""

    reference: str
    kind: str
    state: str
    asset: str = ""
    meter: str = ""
    sector: str = ""
    opened: date | None = None
    done: date | None = None
    verdict: str = ""
    note: str = ""
    longitude: float | None = None
    latitude: float | None = None
    commune: str = ""
    brought: int = 0


class Stock(msgspec.Struct, frozen=True):
    """How many assets of a kind a sector has, and their length (m)."""

    sector: str
    kind: str
    count: int
    length_m: float


class SectorWorks(msgspec.Struct, frozen=True):
    """Works of a sector that are not over, and its last repair."""

    sector: str
    open: int
    repaired: date | None


class SectorMeters(msgspec.Struct, frozen=True):
    """The customers' meters of a sector, and how many were heard lately."""

    sector: str
    meters: int
    heard: int


class WaterWorks:
    """The tables of assets and works."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def put_assets(
        self, rows: RowFilter, assets: Sequence[Asset], *, actor: str, now: int
    ) -> int:
        """Keep assets, new or changed; gives how many, without those that the caller may not write."""
        kept = 0
        for first in range(0, len(assets), A_CHUNK):
            body = batch(assets[first : first + A_CHUNK])
            kept += await self._postgres.run(
                SQL["put_assets"], rows=body, actor=actor, now=now, **filters.values(rows)
            )
        return kept

    async def put_works(
        self, rows: RowFilter, works: Sequence[Work], *, actor: str, now: int
    ) -> tuple[int, list[str]]:
        """Keep work orders; gives how many, and the meters whose living case they settle."""
        kept, settled = 0, []
        for first in range(0, len(works), A_CHUNK):
            part = works[first : first + A_CHUNK]
            kept += await self._postgres.run(
                SQL["put_works"], rows=batch(part), actor=actor, now=now, **filters.values(rows)
            )
            found = await self._postgres.rows(
                SQL["settle"],
                references=[each.reference for each in part],
                now=now,
                **filters.values(rows),
            )
            settled += [row[0] for row in found]
        return kept, settled

    async def works(self, rows: RowFilter, *, sector: str = "", limit: int = MOST) -> list[Work]:
        """Work orders that may be seen: what runs, what is planned, then the latest done."""
        found = await self._postgres.rows(
            SQL["works"], sector=sector, limit=min(limit, MOST), **filters.values(rows)
        )
        return [Work(**dict(zip(Work.__struct_fields__, row, strict=True))) for row in found]

    async def assets(
        self, rows: RowFilter, *, sector: str = "", after: str = "", limit: int = MOST
    ) -> list[Asset]:
        """Assets that may be seen, by reference."""
        found = await self._postgres.rows(
            SQL["assets"],
            sector=sector,
            after=after,
            limit=min(limit, MOST),
            **filters.values(rows),
        )
        return [Asset(**dict(zip(Asset.__struct_fields__, row, strict=True))) for row in found]

    async def stock(self, rows: RowFilter) -> list[Stock]:
        """Assets by sector and kind."""
        found = await self._postgres.rows(SQL["stock"], **filters.values(rows))
        return [Stock(row[0], row[1], int(row[2]), float(row[3])) for row in found]

    async def sectors(self, rows: RowFilter) -> dict[str, SectorWorks]:
        """What is being done in each sector."""
        found = await self._postgres.rows(SQL["sectors"], **filters.values(rows))
        return {row[0]: SectorWorks(row[0], int(row[1]), row[2]) for row in found}

    async def heard(self, rows: RowFilter, *, since: int) -> dict[str, SectorMeters]:
        """How many of each sector's meters gave an index since then (ms)."""
        found = await self._postgres.rows(SQL["heard"], since=since, **filters.values(rows))
        return {row[0]: SectorMeters(row[0], int(row[1]), int(row[2])) for row in found}

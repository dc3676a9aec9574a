"""The map as a person can read it: points gathered on the server, cell by cell, each with its worst state."""

import math
from datetime import UTC, datetime, timedelta

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.window import milliseconds
from clapas.store import filters
from clapas.store.postgres import Postgres
from clapas.store.sql import queries

SQL = queries("map")
STATES = ("ok", "silent", "late", "alarm")
"""From the best to the worst: an alarm asks for somebody, a late thing soon will."""
CELL_PX = 64
TILE_PX = 512
MOST = 20_000
CLOSEST = 17.0
"""From this zoom on, only what stands at one place is gathered."""

Bbox = tuple[float, float, float, float]


class Clusters(msgspec.Struct, frozen=True, kw_only=True):
    """Column by column: where, how many, the worst state; ``ids`` names what stands alone, else ''."""

    longitudes: list[float]
    latitudes: list[float]
    counts: list[int]
    worst: list[str]
    ids: list[str]
    states: dict[str, int]


def cell(zoom: float, latitude: float) -> tuple[float, float]:
    """Degrees of a cell of 64 pixels at a zoom of the Web Mercator map (512 pixels at zoom 0)."""
    if zoom >= CLOSEST:
        return 1e-6, 1e-6
    width = CELL_PX * 360 / (TILE_PX * 2 ** max(zoom, 0.0))
    return width, width * max(math.cos(math.radians(latitude)), 0.05)


class TerritoryMap:
    """Entities on the map, in PostgreSQL."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def clusters(
        self,
        rows: RowFilter,
        *,
        zoom: float,
        bbox: Bbox | None = None,
        type: str = "",  # noqa: A002
        commune: str = "",
        state: str = "",
        late: timedelta,
        silent: timedelta,
    ) -> Clusters:
        """What may be seen of a box, gathered for that zoom; ``state`` keeps one state alone."""
        west, south, east, north = bbox or (0.0, 40.0, 0.0, 46.0)
        width, height = cell(zoom, (south + north) / 2)
        now = datetime.now(UTC)
        found = await self._postgres.rows(
            SQL["clusters"],
            boxed=bbox is not None, west=west, south=south, east=east, north=north,
            type=type, commune=commune, rank=STATES.index(state) if state in STATES else -1,
            late=milliseconds(now - late), silent=milliseconds(now - silent),
            width=width, height=height, limit=MOST, **filters.values(rows),
        )  # fmt: skip
        return Clusters(
            longitudes=[round(row[1], 6) for row in found],
            latitudes=[round(row[2], 6) for row in found],
            counts=[row[0] for row in found],
            worst=[STATES[row[3]] for row in found],
            ids=[row[4] for row in found],
            states={name: sum(row[5 + rank] for row in found) for rank, name in enumerate(STATES)},
        )

"""The territory: its name, its timezone, its communes with their contours."""

import asyncio
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from shapely import STRtree, points
from shapely.geometry import shape

from clapas.domain.errors import NotFound
from clapas.store.postgres import Postgres, batch
from clapas.store.sql import queries
from clapas.store.values import Commune

SQL = queries("territory")
DEFAULT_ZONE = "Europe/Paris"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The territory: SIREN of the EPCI, IANA timezone, (west, south, east, north) in degrees."""

    name: str
    siren: str
    timezone: str
    bbox: tuple[float, float, float, float] | None = None


class Territory:
    """One installation is one territory."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._contours: tuple[list[str], STRtree] | None = None
        self._zone: ZoneInfo | None = None

    async def save(self, place: Place, communes: Sequence[Commune]) -> None:
        """Replace the territory and its communes."""
        async with self._postgres.transaction() as connection:
            await connection.execute(
                SQL["save"],
                {"name": place.name, "siren": place.siren, "timezone": place.timezone},
            )
            await connection.execute(SQL["clear_communes"])
            await connection.execute(SQL["save_communes"], {"communes": batch(communes)})
        self._contours = None
        self._zone = None

    async def get(self) -> Place:
        """The territory. Raises NotFound when none was created yet."""
        row = await self._postgres.row(SQL["territory"])
        if row is None:
            raise NotFound("no territory was created yet")
        boxes = [shape(c.contour).bounds for c in await self.communes() if c.contour]
        bbox = (
            (
                min(box[0] for box in boxes),
                min(box[1] for box in boxes),
                max(box[2] for box in boxes),
                max(box[3] for box in boxes),
            )
            if boxes
            else None
        )
        return Place(name=row[0], siren=row[1], timezone=row[2], bbox=bbox)

    async def zone(self) -> ZoneInfo:
        """The timezone of civil days, Europe/Paris before there is a territory."""
        if self._zone is None:
            row = await self._postgres.row(SQL["territory"])
            self._zone = ZoneInfo(row[2] if row else DEFAULT_ZONE)
        return self._zone

    async def communes(self) -> list[Commune]:
        """Communes by name."""
        names = ("code", "name", "population", "contour", "longitude", "latitude", "townhall")
        rows = await self._postgres.rows(SQL["communes"])
        return [Commune(**dict(zip(names, row, strict=True))) for row in rows]

    async def commune_at(self, places: Sequence[tuple[float | None, float | None]]) -> list[str]:
        """The INSEE code of the commune that holds each (longitude, latitude), '' outside."""
        if not places:
            return []
        if self._contours is None:
            known = [each for each in await self.communes() if each.contour]
            if not known:
                return [""] * len(places)  # asked again: another process may load them at any time
            shapes = [shape(each.contour) for each in known]
            self._contours = [each.code for each in known], STRtree(shapes)
        codes, tree = self._contours
        coordinates = np.asarray(places, dtype=np.float64)
        found = await asyncio.to_thread(tree.query, points(coordinates), predicate="intersects")
        answer = [""] * len(places)
        for place, commune in found.T.tolist():
            answer[place] = answer[place] or codes[commune]
        return answer

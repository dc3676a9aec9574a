"""The things of the city: created by feeds and people, listed, mapped."""

from collections.abc import Collection, Sequence
from hashlib import blake2b

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity
from clapas.domain.errors import NotFound
from clapas.domain.window import instant
from clapas.store import filters
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.series import SeriesStore
from clapas.store.sql import queries
from clapas.store.territory import Territory
from clapas.store.text import pattern, searchable
from clapas.store.values import EntityRow, Latest, MapColumns, Page, TypeCount

SQL = queries("entities")

Bbox = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""


class Entities:
    """Entities of every type, with their headline value."""

    def __init__(self, postgres: Postgres, series: SeriesStore, *, territory: Territory) -> None:
        self._postgres = postgres
        self._series = series
        self._territory = territory

    async def upsert(self, entities: Sequence[Entity]) -> None:
        """Create or refresh entities; an empty field of the newcomer keeps what was known.

        An entity that has a place and no commune gets the commune that holds it.
        """
        unique = list({each.id: each for each in entities}.values())
        if not unique:
            return
        communes = await self._communes(unique)
        rows = [
            {
                **msgspec.structs.asdict(each),
                "commune": commune,
                "search": searchable(each.id, each.name),
            }
            for each, commune in zip(unique, communes, strict=True)
        ]
        moved = await self._postgres.rows(SQL["upsert"], entities=batch(rows))
        if moved:
            await self._series.mirror(entities=[row[0] for row in moved])

    async def _communes(self, entities: Sequence[Entity]) -> list[str]:
        lost = [
            (each.longitude, each.latitude)
            for each in entities
            if not each.commune and each.longitude is not None and each.latitude is not None
        ]
        found = iter(await self._territory.commune_at(lost))
        return [
            each.commune or ("" if each.longitude is None or each.latitude is None else next(found))
            for each in entities
        ]

    async def page(
        self,
        rows: RowFilter,
        *,
        type: str = "",  # noqa: A002
        q: str = "",
        commune: str = "",
        bbox: Bbox | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[EntityRow]:
        """Entities by id, filtered; ``q`` looks into id, name, service and tags, without case or accents."""
        limit = bounded(limit)
        key = key_of(after, str)
        found = await self._postgres.rows(
            SQL["page"],
            after=key[0] if key else "",
            id="",
            type=type,
            commune=commune,
            q=q,
            pattern=pattern(q),
            limit=limit + 1,
            **_box(bbox),
            **filters.values(rows),
        )
        more = cursor(found[limit - 1][0]) if len(found) > limit else None
        return Page([_entity(row) for row in found[:limit]], more)

    async def get(self, rows: RowFilter, id: str) -> EntityRow:  # noqa: A002
        """One entity. Raises NotFound, also when it may not be seen."""
        found = await self._postgres.rows(
            SQL["page"], after="", id=id, type="", commune="", q="", pattern="%", limit=1,
            **_box(None), **filters.values(rows),
        ) if id else []  # fmt: skip
        if not found:
            raise NotFound(entity=id)
        return _entity(found[0])

    async def existing(self, ids: Collection[str]) -> set[str]:
        """Those of the ids that are entities."""
        return {row[0] for row in await self._postgres.rows(SQL["existing"], ids=list(ids))}

    async def types(self, rows: RowFilter) -> list[TypeCount]:
        """Types with the number of visible entities."""
        found = await self._postgres.rows(SQL["types"], **filters.values(rows))
        return [TypeCount(*row) for row in found]

    async def map(
        self,
        rows: RowFilter,
        *,
        type: str = "",  # noqa: A002
        bbox: Bbox | None = None,
        since: int = 0,
        limit: int = 100_000,
        withheld: Collection[str] = (),
    ) -> MapColumns:
        """All located entities, column by column, with their headline number.

        ``since`` (ms since 1970 UTC): only those whose present number was received then or later.
        Entities of the datasets ``withheld`` come without it: their present values are not given.
        """
        found = await self._postgres.rows(
            SQL["map"], type=type, since=since, limit=min(limit, 100_000), withheld=list(withheld),
            **_box(bbox), **filters.values(rows),
        )  # fmt: skip
        columns = [list(column) for column in zip(*found, strict=True)] or [[] for _ in range(7)]
        names = ("ids", "types", "longitudes", "latitudes", "measured", "values", "qualities")
        etag = blake2b(msgspec.msgpack.encode(columns), digest_size=12).hexdigest()
        return MapColumns(**dict(zip(names, columns, strict=True)), etag=etag)

    async def remove(self, ids: Collection[str]) -> int:
        """Remove entities with their series, bindings and state; gives how many entities."""
        rows = await self._postgres.rows(SQL["remove"], ids=list(ids))
        self._series.forget()
        await self._series.forget_places([int(row[1]) for row in rows if row[0] == "s"])
        return sum(row[0] == "e" for row in rows)

    async def remove_simulated(self) -> dict[str, int]:
        """Take the demonstration away; gives how many entities and devices went."""
        ids = [row[0] for row in await self._postgres.rows(SQL["simulated"])]
        return {
            "entities": await self.remove(ids),
            "devices": await self._postgres.run(SQL["remove_simulated_devices"]),
        }


def _box(bbox: Bbox | None) -> dict[str, float | bool]:
    west, south, east, north = bbox or (0.0, 0.0, 0.0, 0.0)
    return {
        "boxed": bbox is not None, "west": west, "south": south, "east": east, "north": north,
    }  # fmt: skip


def _entity(row: Row) -> EntityRow:
    names = ("id", "type", "name", "longitude", "latitude", "geometry", "commune", "dataset")
    entity = Entity(**dict(zip(names, row[:8], strict=True)), simulated=row[8], relations=row[9])
    if row[10] is None:
        return EntityRow(entity=entity)
    headline = Latest(row[10], entity.id, *row[11:20])
    return EntityRow(entity=entity, updated=instant(headline.measured), headline=headline)

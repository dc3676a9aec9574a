"""Who a thing of the city belongs to, how people sort it, and what it is part of."""

import json
from collections.abc import Collection
from datetime import datetime

import msgspec

from clapas.domain.access import RowFilter
from clapas.store import filters
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres
from clapas.store.sql import queries
from clapas.store.text import searchable
from clapas.store.values import Page

SQL = queries("entity_files")
DEEPEST = 8
"""Steps from an equipment up to its commune, with room to spare."""


class EntityFile(msgspec.Struct, frozen=True, kw_only=True):
    """Owner service and tags; ``actor`` signed them last ('' when nobody did)."""

    service: str = ""
    tags: dict[str, str] = {}
    actor: str = ""
    changed: datetime | None = None


class Related(msgspec.Struct, frozen=True):
    """A thing at the other end of a relation; ``depth`` counts the steps to it."""

    relation: str
    id: str
    type: str
    name: str
    depth: int


class EntityFiles:
    """Files and relations of entities, in PostgreSQL."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def get(self, id: str) -> EntityFile:  # noqa: A002
        """The file of a thing, empty when nobody wrote one."""
        rows = await self._postgres.rows(SQL["get"], id=id)
        return (
            EntityFile(**dict(zip(EntityFile.__struct_fields__, rows[0], strict=True)))
            if rows
            else EntityFile()
        )

    async def save(self, id: str, file: EntityFile, *, relations: dict[str, str]) -> None:  # noqa: A002
        """File and relations of a thing that exists, in one transaction."""
        words = searchable(file.service, *(f"{name}={text}" for name, text in file.tags.items()))
        async with self._postgres.transaction() as connection:
            await connection.execute(
                SQL["relate"], {"id": id, "relations": json.dumps(relations), "search": words}
            )
            await connection.execute(
                SQL["save"],
                {
                    "id": id,
                    "service": file.service,
                    "tags": json.dumps(file.tags),
                    "actor": file.actor,
                },
            )

    async def known(self, rows: RowFilter, ids: Collection[str]) -> set[str]:
        """Those of these things that exist and may be seen."""
        found = await self._postgres.rows(SQL["known"], ids=list(ids), **filters.values(rows))
        return {row[0] for row in found}

    async def above(self, rows: RowFilter, id: str) -> list[Related]:  # noqa: A002
        """What a thing is part of, and what that is part of, the nearest first."""
        found = await self._postgres.rows(
            SQL["above"], id=id, deepest=DEEPEST, **filters.values(rows)
        )
        return [Related(*row) for row in found]

    async def below(
        self,
        rows: RowFilter,
        id: str,  # noqa: A002
        *,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Related]:
        """What says to be part of a thing, by id."""
        limit = bounded(limit)
        key = key_of(after, str)
        found = await self._postgres.rows(
            SQL["below"],
            id=id,
            path=f"$.* ? (@ == {json.dumps(id)})",
            after=key[0] if key else "",
            limit=limit + 1,
            **filters.values(rows),
        )
        more = cursor(found[limit - 1][1]) if len(found) > limit else None
        return Page([Related(*row) for row in found[:limit]], more)

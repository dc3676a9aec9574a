"""What the NGSI-LD broker keeps: entities as JSON documents, their evolution, events, @contexts."""

import json
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from clapas.domain.access import RowFilter
from clapas.domain.errors import InvalidInput
from clapas.domain.quantities import QUANTITIES
from clapas.store import filters
from clapas.store.postgres import NUL, Postgres, Row
from clapas.store.sql import queries

NAMED = ("context", "context_sources", "context_alerts", "context_names")
SQL = {name: text for each in NAMED for name, text in queries(each).items()}
TAIL = queries("tail")
EVERYTHING = RowFilter(everything=True)
DEFAULT_VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
LOOKED = 1000
"""How many entities of a type are looked at before an index is asked."""
Document = dict[str, Any]


class PathRefused(InvalidInput):
    """The database cannot evaluate this search: a regular expression is wrong."""

    code = "search_refused"


class Search:
    """What is searched: a jsonpath predicate over documents, ids, an id pattern, the rows one may see.

    ``kind``: the one type that is asked for; ``sharp``: an equality that few documents satisfy.
    """

    def __init__(
        self,
        *,
        path: str = "1 == 1",
        ids: Sequence[str] | None = None,
        pattern: str = "",
        rows: RowFilter = EVERYTHING,
        kind: str = "",
        sharp: bool = False,
    ) -> None:
        self.kind = kind
        self.sharp = sharp
        self.values = {
            "path": path,
            "ids": list(ids or ()),
            "all_ids": ids is None,
            "pattern": pattern,
            **filters.values(rows),
        }
        self.among = ids is not None


def json_bytes(value: object) -> bytes:
    """JSON; numbers beyond 64 bits, which the database holds and the quick writer refuses, too."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def as_json(value: object) -> str:
    """JSON text without NUL characters, which PostgreSQL cannot hold."""
    text = json_bytes(value).decode()
    return NUL.sub(r"\1", text) if "\\u0000" in text else text


class Deed(msgspec.Struct, kw_only=True):
    """What one write keeps. ``heads`` replace the heads of evolutions, ``known`` only make missing ones."""

    fresh: list[Document] = []
    changed: list[Document] = []
    gone: list[str] = []
    heads: list[Document] = []
    known: list[Document] = []
    rows: list[Document] = []
    events: list[Document] = []


class Change:
    """One transaction of the broker: hold, then write."""

    def __init__(self, connection: AsyncConnection[Row], tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    async def _run(self, name: str, /, **values: Any) -> list[Row]:
        cursor = await self._connection.execute(SQL[name], {"tenant": self._tenant, **values})
        return await cursor.fetchall() if cursor.description else []

    async def hold(self, ids: Collection[str]) -> tuple[dict[str, Document], bool]:
        """The documents of those that exist, the platform's own parts included, each held until the end;
        and whether anybody of the tenant subscribed."""
        found: dict[str, Document] = {}
        watched = False
        for doc, flag in await self._run("hold", ids=sorted(set(ids))):
            if doc is None:
                watched = flag
            elif flag:
                found[doc["@id"]] = {**found.get(doc["@id"], {}), **doc}
            else:
                found[doc["@id"]] = doc
        return found, watched

    async def write(self, deed: Deed) -> bool:
        """Keep everything in one statement; false when an entity was created elsewhere in between."""
        rows = await self._run(
            "write",
            fresh=as_json(deed.fresh),
            changed=as_json([_own(doc) for doc in deed.changed]),
            gone=deed.gone,
            heads=as_json(deed.heads),
            known=as_json(deed.known),
            rows=as_json(deed.rows),
            events=as_json(deed.events),
        )
        return sum(1 for row in rows if row[0]) == len(deed.fresh)

    async def measure(self, values: Sequence[tuple[int, int, object]], *, source: str) -> None:
        """Put (series, instant ms, value) in the history's tail: seen at once, moved on by the pipeline."""
        cursor = await self._connection.execute(TAIL["numbers"])
        write, generation = await cursor.fetchone() or (0, 0)
        now = int(time.time() * 1000)
        rows = [
            {
                "series": each[0],
                "measured": each[1],
                "value": each[2],
                "received": now,
                "quality": 0,
            }
            for each in values
        ]
        numbers = {"write": write, "generation": generation, "source": source}
        await self._connection.execute(TAIL["put"], {"rows": as_json(rows), **numbers})

    async def run(self, name: str, /, **values: Any) -> list[Row]:
        """Another named query of the broker inside this transaction."""
        return await self._run(name, **values)


def _own(doc: Document) -> Document:
    """A document without the platform's own part, which is kept elsewhere."""
    return {
        key: value
        for key, value in doc.items()
        if key[0] == "@" or not all("series" in each for each in value)
    }


class ContextStore:
    """The broker's tables."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self.dsn = postgres.dsn

    @asynccontextmanager
    async def change(self, tenant: str) -> AsyncIterator[Change]:
        """One transaction; the tenant is made at its first write, unless it is a snapshot's own."""
        async with self._postgres.transaction() as connection:
            if tenant.isprintable() and tenant:
                await connection.execute(SQL["add_tenant"], {"name": tenant})
            yield Change(connection, tenant)

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[bool]:
        """Whether this process is the one that notifies, as long as the context is open."""
        async with self._postgres.transaction() as connection:
            cursor = await connection.execute(SQL["lead"])
            row = await cursor.fetchone()
            yield bool(row and row[0])

    async def notify(self, payload: str) -> None:
        """Wake every process's notifier."""
        await self._postgres.run(SQL["notify"], payload=payload)

    async def rows(self, name: str, /, **values: Any) -> list[Row]:
        """The rows of a named query of the broker. Raises PathRefused."""
        try:
            return await self._postgres.rows(SQL[name], **_adapted(values))
        except InvalidInput as error:
            raise PathRefused(str(error.__cause__ or error).partition("\n")[0]) from error

    async def one(self, tenant: str, name: str, *, rows: RowFilter = EVERYTHING) -> Document | None:
        """One entity's document."""
        found = await self.rows("one", tenant=tenant, id=name, **filters.values(rows))
        return found[0][0] if found else None

    async def many(
        self, tenant: str, ids: Sequence[str], *, rows: RowFilter = EVERYTHING
    ) -> list[Document]:
        """The documents of some ids."""
        found = await self.rows("many", tenant=tenant, ids=list(ids), **filters.values(rows))
        return [row[0] for row in found]

    async def page(self, tenant: str, search: Search, *, limit: int, offset: int) -> list[Document]:
        """A page of what a search selects, by id.

        Those of one type are read in the order of ids until the page is full, which is quick when many
        satisfy the search; an equality that few do is looked up in its index instead.
        """
        if search.kind and not search.among:
            ordered = await self._page_of_kind(tenant, search, limit=limit, offset=offset)
            if ordered is not None:
                return ordered
        name = "page_among" if search.among else "page"
        found = await self.rows(name, tenant=tenant, limit=limit, offset=offset, **search.values)
        return [row[0] for row in found]

    async def _page_of_kind(
        self, tenant: str, search: Search, *, limit: int, offset: int
    ) -> list[Document] | None:
        asked = {
            "tenant": tenant,
            "kind": search.kind,
            "short": search.kind.removeprefix(DEFAULT_VOCABULARY),
            "limit": limit,
            "offset": offset,
            **search.values,
        }
        within = LOOKED if search.sharp else None
        *page, (_, others) = await self.rows("page_of_kind", within=within, **asked)
        if not others and (len(page) == limit or not search.sharp):
            return [row[0] for row in page]
        if search.sharp:
            return None
        found = await self.rows("page_of_type", fill=limit + offset, **asked)
        return [row[0] for row in found]

    async def count(self, tenant: str, search: Search) -> int:
        """How many a search selects."""
        return int((await self.rows("count", tenant=tenant, **search.values))[0][0])

    async def members(
        self, tenant: str, search: Search, *, members: Sequence[str], limit: int
    ) -> list[tuple[str, Document]]:
        """Ids that a search selects with some members of their documents."""
        found = await self.rows(
            "members", tenant=tenant, members=list(members), limit=limit, **search.values
        )
        return [(row[0], row[1] or {}) for row in found]

    async def tenants(self) -> set[str]:
        """The tenants that exist, besides the default one."""
        return {row[0] for row in await self.rows("tenants")}

    async def types(
        self, tenant: str, *, kind: str = "", rows: RowFilter = EVERYTHING
    ) -> list[tuple[str, str, list[str], int]]:
        """(type IRI, attribute IRI or '@id', types of attribute, how many entities) of what is present."""
        found = await self.rows("types", tenant=tenant, type=kind, **filters.values(rows))
        return [(row[0], row[1], [each for each in row[2] if each], row[3]) for row in found]

    async def prepare(self) -> None:
        """Refresh the units that present values are shown with."""
        units = {key: quantity.code for key, quantity in QUANTITIES.items()}
        await self._postgres.run(SQL["units"], units=as_json(units))

    async def kept(self, name: str, value: str) -> str:
        """A fact that was made once: ``value`` when it is the first time."""
        return str((await self.rows("kept", name=name, value=value))[0][0])

    async def contexts(self, kind: str = "", *, tenant: str = "") -> list[Row]:
        """All @contexts that a tenant sees."""
        return await self.rows("contexts", kind=kind, tenant=tenant)

    async def keep_context(
        self, name: str, kind: str, *, url: str, body: object, tenant: str = ""
    ) -> None:
        """Keep a @context; a cached one replaces the former of its address."""
        if kind == "Cached":
            await self._postgres.run(SQL["drop_cached"], url=url, id=name)
        await self._postgres.run(
            SQL["keep_context"], id=name, kind=kind, url=url, body=Jsonb(body), tenant=tenant
        )

    async def touch_context(self, name: str) -> None:
        """A @context was used."""
        await self._postgres.run(SQL["touch_context"], id=name)

    async def drop_context(self, name: str) -> None:
        """A @context goes."""
        await self._postgres.run(SQL["drop_context"], id=name)

    async def run(self, name: str, /, **values: Any) -> int:
        """Execute a named query of the broker; gives how many rows it touched."""
        return await self._postgres.run(SQL[name], **_adapted(values))


def _adapted(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: Jsonb(value) if isinstance(value, dict) else value for key, value in values.items()
    }

"""The broker: what every operation needs, and the one way in which entities are written."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from clapas.context.book import Book, Kept, Kind
from clapas.context.editing import Editor
from clapas.context.federation.federation import Federation
from clapas.context.fetch import Fetcher
from clapas.context.model import MEMBER, NULL, Entity, now_text
from clapas.context.settings import Settings
from clapas.store.context import Change, ContextStore

log = logging.getLogger(__name__)


class Shelf:
    """The @contexts of the store, as the book takes them."""

    def __init__(self, store: ContextStore) -> None:
        self._store = store

    async def context(self, name: str) -> Kept | None:
        """A @context by its id."""
        rows = await self._store.rows("context", id=name)
        return _kept(rows[0]) if rows else None

    async def context_at(self, url: str) -> Kept | None:
        """The cached @context of an address."""
        rows = await self._store.rows("context_at", url=url)
        return _kept(rows[0]) if rows else None

    async def contexts(self, kind: str = "") -> list[Kept]:
        """All of them."""
        return [_kept(row) for row in await self._store.contexts(kind)]

    async def keep_context(self, kept: Kept) -> None:
        """Keep one."""
        await self._store.keep_context(kept.id, kept.kind, kept.url, kept.body)

    async def touch_context(self, name: str) -> None:
        """One was used."""
        await self._store.touch_context(name)


def _kept(row: Sequence[Any]) -> Kept:
    kind: Kind = row[1]
    return Kept(
        id=row[0],
        kind=kind,
        url=row[2],
        body=row[3],
        created=row[4],
        last_used=row[5],
        hits=row[6],
    )


def document(entity: Entity) -> dict[str, Any]:
    """An entity as the store keeps it, its times included."""
    found = entity.document()
    found["@created"], found["@modified"] = entity.created, entity.modified
    if entity.expires:
        found["@expires"] = entity.expires
    return found


def entity_of(doc: dict[str, Any]) -> Entity:
    """An entity from what the store keeps."""
    return Entity.of(
        doc,
        created=doc.get("@created", ""),
        modified=doc.get("@modified", ""),
        expires=doc.get("@expires", ""),
        deleted=doc.get("@deleted", ""),
    )


class Write:
    """The entities of one transaction: locked, edited, saved with their evolution and their events."""

    def __init__(self, change: Change, now: str) -> None:
        self._change = change
        self.now = now

    async def take(self, ids: Sequence[str]) -> dict[str, Entity]:
        """Those that exist and have not expired, held until the end."""
        docs = await self._change.lock(ids)
        found = {key: entity_of(doc) for key, doc in docs.items()}
        return {
            key: entity
            for key, entity in found.items()
            if not entity.expires or entity.expires > self.now
        }

    async def insert(self, editors: Sequence[Editor]) -> set[str]:
        """New entities; gives the ids that were really new."""
        done = await self._change.insert([document(each.entity) for each in editors])
        fresh = [each for each in editors if each.entity.id in done]
        await self._tell(fresh, "created")
        return done

    async def save(self, editors: Sequence[Editor], *, what: str = "updated") -> None:
        """Changed entities."""
        changed = [each for each in editors if each.changed]
        for each in changed:
            each.entity.modified = self.now
        if changed:
            await self._change.save([document(each.entity) for each in changed])
            await self._tell(changed, what)

    async def delete(self, entities: Sequence[Entity]) -> None:
        """Entities that go; their evolution stays, and says when."""
        ids = [each.id for each in entities]
        await self._change.delete(ids)
        await self._change.heads_deleted(ids, self.now)
        rows = [
            _row(entity.id, iri, instance, self.now)
            for entity in entities
            for iri, instances in entity.attributes.items()
            for instance in instances
        ]
        await self._change.evolve([], rows)
        await self._change.tell(
            [
                {
                    "entity": entity.id,
                    "what": "deleted",
                    "doc": {**document(entity), "@deleted": self.now},
                    "changes": [
                        {"attribute": iri, "what": "deleted", "before": each}
                        for iri, instances in entity.attributes.items()
                        for each in instances
                    ],
                }
                for entity in entities
            ]
        )

    async def _tell(self, editors: Sequence[Editor], what: str) -> None:
        heads = [_head(each.entity) for each in editors]
        rows = [
            _row(each.entity.id, change.attribute, change.after or change.before or {}, "")
            if change.after
            else _row(each.entity.id, change.attribute, change.before or {}, self.now)
            for each in editors
            for change in each.changes
        ]
        await self._change.evolve(heads, rows)
        await self._change.tell(
            [
                {
                    "entity": each.entity.id,
                    "what": what,
                    "doc": document(each.entity),
                    "changes": msgspec.to_builtins(each.changes),
                }
                for each in editors
            ]
        )


def _head(entity: Entity) -> dict[str, Any]:
    found: dict[str, Any] = {"@id": entity.id, "@type": entity.types}
    found |= {"@created": entity.created, "@modified": entity.modified}
    if entity.scopes:
        found["@scope"] = entity.scopes
    return found


def _row(entity: str, attribute: str, instance: dict[str, Any], deleted: str) -> dict[str, Any]:
    """One row of the evolution; an instance that was deleted keeps its type and loses its value."""
    doc = dict(instance)
    if deleted:
        doc = {key: doc[key] for key in ("type", "datasetId") if key in doc}
        doc |= {MEMBER[doc["type"]]: NULL, "createdAt": deleted, "modifiedAt": deleted}
        doc["deletedAt"] = deleted
    return {
        "entity": entity,
        "attribute": attribute,
        "dataset": instance.get("datasetId", ""),
        "instance": f"urn:ngsi-ld:Instance:{uuid4()}",
        "doc": doc,
    }


class Broker:
    """What operations share."""

    def __init__(
        self, store: ContextStore, settings: Settings, client: httpx.AsyncClient, alias: str
    ) -> None:
        self.store = store
        self.settings = settings
        self.client = client
        self.alias = alias
        self.shelf = Shelf(store)
        self.fetcher = Fetcher(settings, client)
        self.book = Book(self.shelf, self.fetcher, settings)
        self.federation = Federation(store, settings, client, book=self.book, alias=alias)
        self.started = now_text()
        self._tenants: set[str] = {""}
        self.on_write: Callable[[], None] = lambda: None
        self.on_subscriptions: Callable[[], None] = lambda: None
        self._tasks: set[asyncio.Task[object]] = set()

    def background(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something while the answer is already given; what is left at the end is given up."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("work in the background failed: %s", task.exception())

    async def changed_subscription(self, tenant: str) -> None:
        """A subscription came, changed or went: whoever notifies reads them again."""
        if tenant:
            async with self.store.change(tenant):
                self._tenants.add(tenant)
        self.on_subscriptions()
        await self.store.notify("s")

    @asynccontextmanager
    async def write(self, tenant: str) -> AsyncIterator[Write]:
        """One transaction."""
        async with self.store.change(tenant) as change:
            yield Write(change, now_text())
        self._tenants.add(tenant)
        self.on_write()

    async def knows(self, tenant: str) -> bool:
        """Whether a tenant exists."""
        if tenant not in self._tenants:
            self._tenants |= await self.store.tenants()
        return tenant in self._tenants

    @classmethod
    @asynccontextmanager
    async def open(cls, store: ContextStore, settings: Settings) -> "AsyncIterator[Broker]":
        """A broker over the store."""
        await store.prepare()
        alias = settings.alias or await store.kept("alias", f"clapas-{uuid4().hex[:12]}")
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        async with httpx.AsyncClient(limits=limits, timeout=settings.context_timeout) as client:
            broker = cls(store, settings, client, alias)
            try:
                yield broker
            finally:
                for task in broker._tasks:
                    task.cancel()

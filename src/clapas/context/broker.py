"""The broker: what every operation needs, and the one way in which entities are written."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from clapas.context.book import Book, Kept, Kind
from clapas.context.federation.federation import Federation
from clapas.context.fetch import Fetcher
from clapas.context.model import now_text
from clapas.context.platform_series import PlatformSeries
from clapas.context.settings import Settings
from clapas.context.writing import Act, Write, Writer, document, entity_of
from clapas.store import Store
from clapas.store.context import ContextStore

__all__ = ["Broker", "Shelf", "document", "entity_of"]

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

    async def contexts(self, kind: str = "", *, tenant: str = "") -> list[Kept]:
        """All that a tenant sees."""
        return [_kept(row) for row in await self._store.contexts(kind, tenant=tenant)]

    async def keep_context(self, kept: Kept) -> None:
        """Keep one."""
        await self._store.keep_context(
            kept.id, kept.kind, url=kept.url, body=kept.body, tenant=kept.tenant
        )

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
        tenant=row[7],
    )


class Broker:
    """What operations share."""

    def __init__(
        self,
        store: ContextStore,
        settings: Settings,
        *,
        client: httpx.AsyncClient,
        alias: str,
        platform: Store | None = None,
    ) -> None:
        self.store = store
        self.settings = settings
        self.client = client
        self.alias = alias
        self.shelf = Shelf(store)
        self.fetcher = Fetcher(settings, client)
        self.book = Book(self.shelf, self.fetcher, settings=settings)
        self.federation = Federation(store, settings, client=client, book=self.book, alias=alias)
        self.started = now_text()
        self._series = platform.series if platform is not None else None
        self.platform = PlatformSeries(platform) if platform is not None else None
        self._writer = Writer(store, self._series)
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
            yield Write(change, None if tenant else self._series)
        self._tenants.add(tenant)
        self.on_write()

    async def edit(self, tenant: str, name: str, *, act: Act) -> None:
        """One write to one entity, back when it is kept. Raises what ``act`` raises."""
        await self._writer.edit(tenant, name, act=act)
        self._tenants.add(tenant)
        self.on_write()

    async def knows(self, tenant: str) -> bool:
        """Whether a tenant exists."""
        if tenant not in self._tenants:
            self._tenants |= await self.store.tenants()
        return tenant in self._tenants

    @classmethod
    @asynccontextmanager
    async def open(
        cls, store: ContextStore, settings: Settings, *, platform: Store | None = None
    ) -> "AsyncIterator[Broker]":
        """A broker over its tables, and over the platform's own series when they are given."""
        await store.prepare()
        alias = settings.alias or await store.kept("alias", f"clapas-{uuid4().hex[:12]}")
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        async with httpx.AsyncClient(limits=limits, timeout=settings.context_timeout) as client:
            broker = cls(store, settings, client=client, alias=alias, platform=platform)
            try:
                yield broker
            finally:
                for task in broker._tasks:
                    task.cancel()

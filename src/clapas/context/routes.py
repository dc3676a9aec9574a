"""What the web role mounts: the broker's door, opened over the store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clapas.charter import Charter
from clapas.context.broker import Broker
from clapas.context.door.access import Access
from clapas.context.door.app import Door
from clapas.context.notifier import Notifier, sweep
from clapas.context.settings import Settings
from clapas.identity import Identity
from clapas.store import Store
from clapas.store.context import ContextStore
from clapas.store.postgres import Postgres

HANDLERS: tuple[object, ...] = ()
PATH = "/ngsi-ld/v1"


@asynccontextmanager
async def open_door(
    store: Store, identity: Identity | None, charter: Charter, settings: Settings
) -> AsyncIterator[Door]:
    """The ASGI application under :data:`PATH`, with what works behind it."""
    async with (
        Postgres.open(store.postgres.dsn, size=settings.connections, plan_once=True) as postgres,
        Broker.open(ContextStore(postgres), settings) as broker,
    ):
        notifier = Notifier(broker)
        broker.on_write, broker.on_subscriptions = notifier.wake, notifier.forget
        tasks = [asyncio.create_task(notifier.run()), asyncio.create_task(sweep(broker))]
        try:
            yield Door(broker, Access(identity, charter, everybody=settings.open))
        finally:
            notifier.stop()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=5)


MOUNTS = {PATH: open_door}

"""What the web role mounts: the broker's door, opened over the store."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clapas.bus import Bus
from clapas.charter import Charter
from clapas.context.alerts import Alerts
from clapas.context.broker import Broker
from clapas.context.door.access import Access
from clapas.context.door.app import Door
from clapas.context.expiry import sweep
from clapas.context.notifier import Notifier
from clapas.context.post import Poster
from clapas.context.rekey import rekey
from clapas.context.sensors import Sensors
from clapas.context.settings import Settings
from clapas.domain.errors import ClapasError
from clapas.identity import Identity
from clapas.store import Store
from clapas.store.context import ContextStore
from clapas.store.postgres import Postgres

log = logging.getLogger(__name__)
HANDLERS: tuple[object, ...] = ()
PATH = "/ngsi-ld/v1"


@asynccontextmanager
async def open_door(
    store: Store,
    identity: Identity | None,
    *,
    charter: Charter,
    settings: Settings,
    bus: Bus | None = None,
) -> AsyncIterator[Door]:
    """The ASGI application under :data:`PATH`, with what works behind it.

    ``bus``: subscribers also hear of what sensors measure.
    """
    async with (
        Postgres.open(store.postgres.dsn, size=settings.connections, plan_once=True) as postgres,
        Broker.open(ContextStore(postgres), settings, platform=store) as broker,
        Poster.open() as poster,
    ):
        notifier = Notifier(broker, poster)
        broker.on_write, broker.on_subscriptions = notifier.wake, notifier.forget
        works = (notifier.run(), sweep(broker), Alerts(broker).run(), rekey(broker))
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(each) for each in works]
        if bus is not None:
            tasks.append(asyncio.create_task(_listen(bus, Sensors(broker, store))))
        try:
            yield Door(broker, Access(identity, charter, everybody=settings.open))
        finally:
            notifier.stop()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=5)


async def _listen(bus: Bus, sensors: Sensors) -> None:
    """Take observations for ever; what could not be taken is handed out again."""
    while True:
        try:
            await bus.consume("context", sensors.handle)
        except ClapasError as error:
            log.warning("observations wait for their subscribers: %s", error)
            await asyncio.sleep(1)


MOUNTS = {PATH: open_door}

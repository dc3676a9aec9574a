"""The role *jobs*: work that takes long, apart so that nothing waits for it."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from clapas import jobs
from clapas.bus import NatsBus
from clapas.codecs import CodecPool
from clapas.fleet.dispatch import Publisher
from clapas.fleet.sealing import Sealer
from clapas.fleet.settings import Settings as FleetSettings
from clapas.notify.settings import Settings as NotifySettings
from clapas.orders import Orders, kept_secret
from clapas.sources.speaker import Speaker
from clapas.store import Store, migrate
from clapas.usecases.water.settings import Settings as WaterSettings


async def run(orders: Orders, ready: Callable[[], None]) -> None:
    """Imports, bulk actions, health, commands, and what comes back every so often."""
    await migrate(orders.addresses)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.open(orders.addresses, pool=4))
        bus = await stack.enter_async_context(
            NatsBus.open(orders.addresses.nats, orders.configuration.bus)
        )
        codecs = await stack.enter_async_context(CodecPool.open(1))
        sealer = Sealer(kept_secret(Path(orders.directory), "fleet"))
        tools: dict[type, object] = {
            Path: Path(orders.directory),
            Publisher: Publisher(bus.tell, bus.ask, speaker=Speaker(orders.configuration.sources)),
            CodecPool: codecs,
            Sealer: sealer,
            FleetSettings: orders.configuration.fleet,
            NotifySettings: orders.configuration.notify,
            WaterSettings: orders.configuration.usecases_water,
        }
        ready()
        await jobs.Worker(store, jobs.discover(), tools=tools, ticks=jobs.discover_ticks()).run()

"""The role *pipeline*: the main path, from the durable logs to history, and the housekeeping of history."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from clapas import sources
from clapas.bus import NatsBus
from clapas.codecs import CodecPool
from clapas.housekeeping import every
from clapas.orders import Orders
from clapas.pipeline import ChannelMemory, Ports, Worker
from clapas.store import Store, migrate


@asynccontextmanager
async def pipeline_ports(orders: Orders) -> AsyncIterator[Ports]:
    """Everything that the main path needs, open; also used by replay and by tests."""
    settings = orders.configuration.pipeline
    await migrate(orders.addresses)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.open(orders.addresses))
        bus = await stack.enter_async_context(
            NatsBus.open(orders.addresses.nats, orders.configuration.bus)
        )
        codecs = await stack.enter_async_context(CodecPool.open(settings.codec_workers))
        await bus.prepare()
        numbers = {
            state.name: await store.messages.log_id(state.name, state.incarnation)
            for state in await bus.log_states()
        }
        yield Ports(
            store=store,
            bus=bus,
            codecs=codecs,
            connectors=sources.discover(),
            connector_of_topic=sources.for_topic,
            log_numbers=numbers,
            memory=ChannelMemory(),
            limits=settings.limits,
        )


async def run(orders: Orders, ready: Callable[[], None]) -> None:
    """The main path and the housekeeping of history."""
    async with pipeline_ports(orders) as ports, asyncio.TaskGroup() as group:
        worker = Worker(ports, orders.configuration.pipeline)
        group.create_task(worker.run())
        group.create_task(every(2, ports.store.rollups.refresh))
        group.create_task(
            every(1, lambda: ports.store.writes.relay(ports.bus.publish_observations))
        )
        group.create_task(every(600, ports.store.messages.purge))
        group.create_task(every(3600, lambda: ports.store.retention.apply(now=datetime.now(UTC))))
        ready()

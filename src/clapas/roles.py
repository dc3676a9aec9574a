"""The platform's own processes: *pipeline* and *web*. Each composes the rooms that it needs.

A role reads its orders (addresses, settings, data directory) from standard input, so that no secret is
ever an argument or an environment variable, and says that it is ready by writing its process number to
``run/<role>.ready``. It stops without loss on SIGTERM.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from clapas import sources
from clapas.bus import NatsBus
from clapas.codecs import CodecPool
from clapas.config import Configuration
from clapas.domain.errors import ClapasError
from clapas.engines import EngineAddresses
from clapas.pipeline import ChannelMemory, Ports, Worker
from clapas.store import Store

logger = logging.getLogger(__name__)


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a role needs to start."""

    role: str
    addresses: EngineAddresses
    configuration: Configuration
    directory: str
    """The data directory of the node, or a directory of its own on a node without engines."""
    profile: str = ""


@asynccontextmanager
async def pipeline_ports(orders: Orders) -> AsyncIterator[Ports]:
    """Everything that the main path needs, open; also used by replay and by tests."""
    settings = orders.configuration.pipeline
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


async def run_pipeline(orders: Orders, ready: Callable[[], None]) -> None:
    """The main path and the housekeeping of history."""
    async with pipeline_ports(orders) as ports, asyncio.TaskGroup() as group:
        worker = Worker(ports, orders.configuration.pipeline)
        group.create_task(worker.run())
        group.create_task(_every(2, ports.store.rollups.refresh))
        group.create_task(_every(1, _relay(ports)))
        group.create_task(_every(600, ports.store.messages.purge))
        group.create_task(_every(3600, lambda: ports.store.retention.apply(now=datetime.now(UTC))))
        ready()


def _relay(ports: Ports) -> Callable[[], Awaitable[object]]:
    """Writes made through an API reach history and the rooms downstream."""

    async def relay() -> None:
        batches = await ports.store.writes.relay()
        for batch in batches:
            await ports.bus.publish_observations(batch)
        if batches:
            await ports.store.writes.relayed()

    return relay


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do some housekeeping again and again; what fails is logged, and tried again next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except ClapasError as error:
            logger.warning("housekeeping waits: %s", error)


ROLES: dict[str, Callable[[Orders, Callable[[], None]], Awaitable[None]]] = {
    "pipeline": run_pipeline,
}


def main(role: str) -> int:
    """The entry of a role process; the exit status is 0 after a stop that was asked for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    orders = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    try:
        asyncio.run(_until_stopped(role, orders))
    except ClapasError as error:
        logger.error("%s cannot go on: %s", role, error)
        return 3
    return 0


async def _until_stopped(role: str, orders: Orders) -> None:
    flag = Path(orders.directory) / "run" / f"{role}.ready"
    task = asyncio.create_task(
        ROLES[role](orders, lambda: flag.write_text(str(os.getpid())))  # type: ignore[arg-type]
    )
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task

"""The platform's own processes. Each composes the rooms that it needs; ``ROLES`` names them all.

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
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvloop

from clapas import jobs, sources
from clapas.bus import NatsBus
from clapas.charter import Charter
from clapas.codecs import CodecPool
from clapas.domain.errors import ClapasError
from clapas.fleet.dispatch import Publisher
from clapas.fleet.sealing import Sealer
from clapas.fleet.settings import Settings as FleetSettings
from clapas.housekeeping import every
from clapas.notify.settings import Settings as NotifySettings
from clapas.ops import demonstration
from clapas.ops.simulate.senders import Doors
from clapas.orders import Orders, kept_secret
from clapas.pipeline import ChannelMemory, Ports, Worker
from clapas.radio_role import run_lorawan
from clapas.rules.service import RulesService
from clapas.side_roles import run_keeping, run_sources
from clapas.sources.speaker import Speaker
from clapas.store import Store, migrate
from clapas.usecases.water.settings import Settings as WaterSettings
from clapas.web_role import compose_identity, run_web

logger = logging.getLogger(__name__)


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


async def run_pipeline(orders: Orders, ready: Callable[[], None]) -> None:
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


async def run_simulation(orders: Orders, ready: Callable[[], None]) -> None:
    """The demonstration: load the territory and its fleet, then speak for it at the real doors."""
    directory = Path(orders.directory)
    charter = Charter.standard(orders.configuration.charter)
    nats = orders.addresses.nats

    def doors(key: str) -> Doors:
        return Doors(
            http=orders.address,
            ca_file=orders.configuration.web.certificate,
            key=key,
            mqtt=f"mqtt://{demonstration.KEY}:{key}@{nats.mqtt_host}:{nats.mqtt_port}",
        )

    def tell(said: str) -> None:
        (directory / "run" / "simulation.txt").write_text(said)

    async with Store.open(orders.addresses, pool=2) as store:
        ready()
        identity = compose_identity(store, charter, orders)
        await demonstration.run(store, identity, directory=directory, doors=doors, tell=tell)


async def run_jobs(orders: Orders, ready: Callable[[], None]) -> None:
    """Work that takes long: imports, bulk actions, health, commands; apart, so that nothing waits for it."""
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
            Publisher: Publisher(bus.tell, bus.ask, Speaker(orders.configuration.sources)),
            CodecPool: codecs,
            Sealer: sealer,
            FleetSettings: orders.configuration.fleet,
            NotifySettings: orders.configuration.notify,
            WaterSettings: orders.configuration.usecases_water,
        }
        ready()
        await jobs.Worker(store, jobs.discover(), tools, jobs.discover_ticks()).run()


async def run_rules(orders: Orders, ready: Callable[[], None]) -> None:
    """Alarms: the rules on the stream of observations, and the messages that they cause."""
    await migrate(orders.addresses)
    async with (
        Store.open(orders.addresses) as store,
        NatsBus.open(orders.addresses.nats, orders.configuration.bus) as bus,
    ):
        await bus.prepare()
        zone = await store.territory.zone()
        settings = orders.configuration
        service = RulesService(
            store, bus, zone=zone, notify=settings.notify, settings=settings.rules
        )
        await service.prepare()
        ready()
        await service.run()


ROLES: dict[str, Callable[[Orders, Callable[[], None]], Coroutine[None, None, None]]] = {
    "pipeline": run_pipeline,
    "web": run_web,
    "rules": run_rules,
    "jobs": run_jobs,
    "simulation": run_simulation,
    "sources": run_sources,
    "keeping": run_keeping,
    "lorawan": run_lorawan,
}


def main(role: str) -> int:
    """The entry of a role process; the exit status is 0 after a stop that was asked for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line for every request otherwise
    orders = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(role, orders))
    except ClapasError as error:
        logger.error("%s cannot go on: %s", role, error)
        return 3
    return 0


async def _until_stopped(role: str, orders: Orders) -> None:
    flag = Path(orders.directory) / "run" / f"{role}.ready"
    task = asyncio.create_task(ROLES[role](orders, lambda: _say_ready(flag)))
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _say_ready(flag: Path) -> None:
    flag.write_text(str(os.getpid()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

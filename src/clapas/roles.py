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
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvicorn
import uvloop

import clapas
from clapas import jobs, sources
from clapas.api_gateway import Quotas
from clapas.api_gateway.outlet import Outlet
from clapas.bus import Authority, Grant, NatsBus
from clapas.bus.topics import subject_of
from clapas.charter import AuditTrail, Charter, CharterKeeper
from clapas.codecs import CodecPool
from clapas.context.routes import PATH, open_door
from clapas.domain.errors import ClapasError
from clapas.engines.directory import write_private
from clapas.fleet.dispatch import Publisher
from clapas.fleet.sealing import Sealer
from clapas.fleet.settings import Settings as FleetSettings
from clapas.identity import Identity
from clapas.ops import demonstration
from clapas.ops.simulate.senders import Doors
from clapas.orders import Orders, kept_secret
from clapas.pipeline import ChannelMemory, Ports, Worker
from clapas.radio_role import run_lorawan
from clapas.rules.service import RulesService
from clapas.side_roles import notices, refused_publishes, run_keeping, run_sources, source_setups
from clapas.store import Store, migrate
from clapas.store.identity import IdentityStore
from clapas.web.application import create_app
from clapas.web.gateway import Usage
from clapas.web.live import LiveHub
from clapas.web.services import EngineState, Services
from clapas.web.tls import served

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
        group.create_task(_every(2, ports.store.rollups.refresh))
        group.create_task(
            _every(1, lambda: ports.store.writes.relay(ports.bus.publish_observations))
        )
        group.create_task(_every(600, ports.store.messages.purge))
        group.create_task(_every(3600, lambda: ports.store.retention.apply(now=datetime.now(UTC))))
        ready()


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do some housekeeping again and again; what fails is logged, and tried again next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except ClapasError as error:
            logger.warning("housekeeping waits: %s", error)


@asynccontextmanager
async def web_services(orders: Orders) -> AsyncIterator[Services]:
    """Everything that the pages and the API need, open."""
    configuration = orders.configuration
    await migrate(orders.addresses)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.open(orders.addresses))
        bus = await stack.enter_async_context(
            NatsBus.open(orders.addresses.nats, configuration.bus)
        )
        await bus.prepare()
        codecs = await stack.enter_async_context(CodecPool.open(1))
        charter = Charter.standard(configuration.charter)
        identity = compose_identity(store, charter, orders)
        keeper = CharterKeeper(store.charter, charter)
        await keeper.load()
        trail = AuditTrail(store.audit)
        quotas = Quotas(store.api_gateway) if configuration.api_gateway.enabled else None
        usage = Usage()
        outlet = Outlet(
            store, charter, lambda topic, body: bus.client.publish(subject_of(topic), body)
        )
        background = [
            keeper.run(),
            trail.run(),
            _every(3600, identity.sessions.purge),
            _every(5, lambda: usage.write(store.api_gateway)),
            outlet.run(bus.follow()),
        ]
        if quotas is not None:
            background += [
                _every(configuration.api_gateway.share_s, quotas.share),
                _every(86_400, quotas.forget),
            ]
        for work in background:
            await stack.enter_async_context(_meanwhile(work))
        await admit_devices(bus, identity, orders)
        web = served(configuration.web)
        live = await stack.enter_async_context(
            LiveHub(bus.follow, listeners=web.live_listeners, queue=web.live_queue)
        )
        broker = await stack.enter_async_context(
            open_door(store, identity, charter, configuration.context)
        )
        yield Services(
            mounts={PATH: broker},
            store=store,
            bus=bus,
            codecs=codecs,
            charter=charter,
            identity=identity,
            live=live,
            settings=web,
            version=clapas.__version__,
            simulated=demonstration.marker(Path(orders.directory)) is not None,
            started=datetime.now(UTC),
            directory=Path(orders.directory),
            engines=lambda: engine_states(Path(orders.directory)),
            sources=lambda: source_setups(orders),
            notices=lambda: notices(orders),
            refused=lambda: _refused(orders),
            audit=trail,
            keeper=keeper,
            quotas=quotas,
            usage=usage,
        )


@asynccontextmanager
async def _meanwhile(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Some work of the background, ended at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def compose_identity(store: Store, charter: Charter, orders: Orders) -> Identity:
    """Identity over the store; the pepper lives in the data directory, outside the databases."""
    return Identity(
        IdentityStore(store.postgres),
        pepper=kept_secret(Path(orders.directory), "pepper"),
        allowed=lambda who, action, what: charter.decide(who, action, what).allow,
        settings=orders.configuration.identity,
    )


async def admit_devices(bus: NatsBus, identity: Identity, orders: Orders) -> None:
    """Answer the broker's question for every connection, and log what comes without receipt."""

    async def authorise(user: str, password: str, client: str) -> Grant | None:
        try:
            granted = await identity.authorize_mqtt(user, password, client)
        except ClapasError as error:
            logger.warning("a connection is refused, nobody can be recognised now: %s", error)
            return None
        if granted is None:
            return None
        return Grant(
            name=granted.principal.id,
            publish=tuple(map(subject_of, granted.publish)),
            subscribe=tuple(map(subject_of, granted.subscribe)),
        )

    seed = orders.addresses.nats.issuer_seed
    await Authority(client=bus.client, seed=seed, authorise=authorise).start()
    await bus.relay_unacknowledged(
        sorted({topic for each in sources.discover().values() for topic in each.topics})
    )


async def _refused(orders: Orders) -> int:
    return (await refused_publishes(orders)).total


async def engine_states(directory: Path) -> Sequence[EngineState]:
    """How the engines are, as the parent last wrote it."""
    try:
        return msgspec.json.decode(
            (directory / "run" / "health.json").read_bytes(), type=list[EngineState]
        )
    except (OSError, msgspec.DecodeError):
        return []


async def run_web(orders: Orders, ready: Callable[[], None]) -> None:
    """The pages, the API, the live events, and the answer to the broker's question."""
    async with web_services(orders) as services:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(services),
                host=orders.host,
                port=orders.port,
                loop="none",
                lifespan="off",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                proxy_headers=bool(services.settings.proxies),
                forwarded_allow_ips=list(services.settings.proxies),
                ssl_certfile=services.settings.certificate or None,
                ssl_keyfile=services.settings.key or None,
            )
        )
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():
            await asyncio.sleep(0.02)
        if not serving.done():
            await tell_first_link(services.identity, orders)
            ready()
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await serving


async def tell_first_link(identity: Identity, orders: Orders) -> None:
    """Write the one-time link of the first administrator where the parent prints it from."""
    token = await identity.accounts.first_administrator()
    link = f"{orders.address}/entrer?jeton={token}" if token else ""
    write_private(Path(orders.directory) / "run" / "first-link", link.encode())


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
            Publisher: Publisher(bus.tell),
            CodecPool: codecs,
            Sealer: sealer,
            FleetSettings: orders.configuration.fleet,
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
        service = RulesService(store, bus, zone=zone, notify=orders.configuration.notify)
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

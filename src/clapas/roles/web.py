"""The role *web*: the pages, the API, live events, and the answer to the broker's question."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvicorn

import clapas
from clapas import sources
from clapas.api_gateway import Quotas
from clapas.api_gateway.outlet import Outlet
from clapas.bus import Authority, Grant, NatsBus, disconnect
from clapas.bus.topics import subject_of
from clapas.charter import AuditTrail, Charter, CharterKeeper
from clapas.codecs import CodecPool
from clapas.config import Configuration
from clapas.context.routes import PATH, open_door
from clapas.domain.errors import ClapasError
from clapas.domain.keys import LORAWAN_ASK
from clapas.engines.directory import write_private
from clapas.fleet.sealing import Sealer
from clapas.governance.vault import Vault
from clapas.housekeeping import every
from clapas.identity import Identity
from clapas.notices import notices, refused_publishes, room, source_setups
from clapas.notify.channels import ways
from clapas.ops import demonstration
from clapas.orders import Orders, kept_secret
from clapas.people import compose_identity
from clapas.store import Store, migrate
from clapas.web.application import create_app
from clapas.web.keyless import Keyless
from clapas.web.live import LiveHub
from clapas.web.services import EngineState, Services
from clapas.web.spelling import Spelling
from clapas.web.tls import served
from clapas.web.usage import Usage

logger = logging.getLogger(__name__)


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
        identity = compose_identity(store, charter, orders=orders)
        keeper = CharterKeeper(store.charter, charter)
        await keeper.load()
        trail = AuditTrail(store.audit)
        quotas = _quotas(store, configuration)
        usage = Usage()
        outlet = Outlet(
            store,
            charter,
            publish=lambda topic, body: bus.client.publish(subject_of(topic), body),
            disconnect=lambda names: disconnect(orders.addresses.nats, names),
        )
        for work in (
            keeper.run(),
            trail.run(),
            outlet.run(bus.follow()),
            every(5, outlet.review),
            every(5, lambda: usage.write(store.api_gateway)),
            every(3600, identity.sessions.purge),
            *_counting(quotas, share_s=configuration.api_gateway.share_s),
        ):
            await stack.enter_async_context(_meanwhile(work))
        await admit_devices(bus, identity, orders=orders)
        web = served(configuration.web)
        live = await stack.enter_async_context(
            LiveHub(bus.follow, listeners=web.live_listeners, queue=web.live_queue)
        )
        broker = await stack.enter_async_context(
            open_door(store, identity, charter=charter, settings=configuration.context, bus=bus)
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
            has_room=lambda: not room(orders).short,
            radio=lambda request: bus.ask(LORAWAN_ASK, request),
            networks=configuration.fleet.networks(),
            sealer=Sealer(kept_secret(Path(orders.directory), "fleet")),
            audit=trail,
            keeper=keeper,
            quotas=quotas,
            gateway=configuration.api_gateway,
            keyless=Keyless(
                seconds=configuration.api_gateway.cache_s,
                megabytes=configuration.api_gateway.cache_mb,
            ),
            vault=Vault(store.governance, kept_secret(Path(orders.directory), "vault")),
            usage=usage,
            ways=ways(configuration.notify),
        )


def _quotas(store: Store, configuration: Configuration) -> Quotas | None:
    """What counts calls: nothing when the gateway is off, or when NGSI-LD is open to all for conformance tests."""
    if not configuration.api_gateway.enabled or configuration.context.open:
        return None
    return Quotas(store.api_gateway, subjects=configuration.api_gateway.subjects)


def _counting(quotas: Quotas | None, *, share_s: float) -> list[Coroutine[None, None, None]]:
    """Calls counted with the other processes, and yesterday's forgotten."""
    if quotas is None:
        return []
    return [every(share_s, quotas.share), every(86_400, quotas.forget)]


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


async def admit_devices(bus: NatsBus, identity: Identity, *, orders: Orders) -> None:
    """Answer the broker's question for every connection, and log what comes without receipt."""

    async def authorise(  # noqa: PLR0917 - the broker asks so
        user: str, password: str, client: str
    ) -> Grant | None:
        try:
            granted = await identity.authorize_mqtt(user, password, client_id=client)
        except ClapasError as error:
            logger.warning("a connection is refused, nobody can be recognised now: %s", error)
            return None
        if granted is None:
            return None
        owner = granted.principal.organisation
        return Grant(
            name=owner if owner.startswith("application:") else granted.principal.id,
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


async def run(orders: Orders, ready: Callable[[], None]) -> None:
    """The pages, the API, the live events, and the answer to the broker's question."""
    async with web_services(orders) as services:
        server = uvicorn.Server(
            uvicorn.Config(
                Spelling(create_app(services)),
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

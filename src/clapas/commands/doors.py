"""Two servers of one API for ``clapas bench gateway``: one as it is served, one without its gateway.

Both serve every route over the same engines, each in a process of its own, through the same outer
layers (headers, cross-origin, files, packing, names in addresses); the second neither recognises,
counts nor asks the charter.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec

from clapas.engines import EngineAddresses

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

PEPPER = b"only for this measure, 32 bytes."
LIMIT = 10**9


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """Where the two answer, the processes that serve them, and the key that the first one knows."""

    guarded: int
    free: int
    guarded_process: int
    free_process: int
    key: str


@asynccontextmanager
async def open_doors(addresses: EngineAddresses) -> AsyncIterator[Doors]:
    """Both servers, until the end."""
    from clapas.engines.ports import free_port
    from clapas.store import Store, migrate

    await migrate(addresses)
    async with Store.open(addresses) as store:
        key = await _key(store)
    spawn = multiprocessing.get_context("spawn")
    ports = free_port(), free_port()
    servers = [
        spawn.Process(
            target=serve, args=(msgspec.json.encode(addresses), port), kwargs={"guarded": guarded}
        )
        for port, guarded in zip(ports, (True, False), strict=True)
    ]
    for each in servers:
        each.start()
    try:
        for each, port in zip(servers, ports, strict=True):
            await _listens(each, port)
        yield Doors(
            guarded=ports[0],
            free=ports[1],
            guarded_process=servers[0].pid or 0,
            free_process=servers[1].pid or 0,
            key=key,
        )
    finally:
        for each in servers:
            each.terminate()
            await asyncio.to_thread(each.join)


async def _key(store: Any) -> str:
    identity = _identity(store)
    owner = await identity.accounts.add(login="mesure", roles=("operator",))
    made = await identity.keys.create(name="mesure", owner=owner.id, scopes=["read"])
    return str(made.secret)


def _identity(store: Any) -> Any:
    from clapas.identity import Identity
    from clapas.store.identity import IdentityStore

    return Identity(IdentityStore(store.postgres), pepper=PEPPER, allowed=lambda *_: False)


async def _listens(server: "BaseProcess", port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if not server.is_alive():
                raise
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


def serve(addresses: bytes, port: int, *, guarded: bool) -> None:
    """The process of one server."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _serve(msgspec.json.decode(addresses, type=EngineAddresses), port, guarded=guarded)
        )


async def _serve(addresses: EngineAddresses, port: int, *, guarded: bool) -> None:
    import uvicorn

    from clapas.api_gateway import PLANS, Quotas
    from clapas.bus import MemoryBus
    from clapas.charter import AuditTrail, Charter
    from clapas.codecs import CodecPool
    from clapas.store import Store
    from clapas.web.application import create_app
    from clapas.web.live import LiveHub
    from clapas.web.services import Services
    from clapas.web.settings import Settings
    from clapas.web.usage import Usage

    for plan in PLANS.values():
        plan.limits.update(dict.fromkeys(plan.limits, LIMIT))
    bus = MemoryBus()
    async with (
        Store.open(addresses) as store,
        CodecPool.open(1) as codecs,
        LiveHub(bus.follow) as live,
    ):
        services = Services(
            store=store,
            bus=bus,
            charter=Charter.standard(),
            identity=_identity(store),
            live=live,
            codecs=codecs,
            settings=Settings(),
            version="0",
            started=datetime.now(UTC),
            quotas=Quotas(None),
            usage=Usage(),
            audit=AuditTrail(store.audit),
        )
        app = create_app(services) if guarded else _free(services)
        settings = uvicorn.Config(
            cast("Any", app),
            port=port,
            loop="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
        await uvicorn.Server(settings).serve()


def _free(services: Any) -> Any:
    from litestar import Litestar
    from litestar.datastructures import State

    from clapas.web.api.page import STATIC
    from clapas.web.cors import Cors
    from clapas.web.discovery import handlers
    from clapas.web.files import Files, assets
    from clapas.web.headers import Headers
    from clapas.web.packing import Packing
    from clapas.web.segments import Names, Segments

    state = State({"services": services, "static": STATIC, "source_name": "Clapas"})
    routes = Litestar(
        route_handlers=handlers(), middleware=[Names], openapi_config=None, state=state
    )
    files = Files(Packing(Segments(cast("Any", routes))), assets(STATIC))
    return Headers(Cors(files, origins=()), https=False)

"""The platform as one tree of processes: the parent of ``clapas up``.

The parent holds the data directory, supervises the engines and our own roles, and does nothing else:
when a role is killed it is started again; when the parent is killed everything falls with it, and the
next start finds the data directory as any crash leaves it.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from clapas.config import Configuration, load
from clapas.domain.errors import EngineUnavailable
from clapas.engines import DataDirectory, EngineAddresses, RunningEngines, open_engines
from clapas.engines.directory import write_private
from clapas.engines.ports import free_port, require_free
from clapas.engines.refusals import Refusals
from clapas.engines.running import ADDRESSES, PAGE, running_addresses
from clapas.engines.space import Shortage, space
from clapas.engines.supervisor import Child, Command
from clapas.orders import Orders

logger = logging.getLogger(__name__)

ROLES = ("pipeline", "web", "jobs", "rules")


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """A running platform, as its parent sees it."""

    directory: DataDirectory
    configuration: Configuration
    addresses: EngineAddresses
    engines: RunningEngines
    children: tuple[Child, ...]
    address: str
    """Where the page answers."""
    first_link: str | None
    """The one-time link of the first administrator, None once somebody chose a password."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where the page listens. Port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0


@asynccontextmanager
async def platform(
    data: Path,
    *,
    configuration: Configuration | None = None,
    roles: tuple[str, ...] = ROLES,
    door: Door | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Platform]:
    """Start everything in a data directory; leave it stopped without loss.

    ``progress`` hears the name of each step: 'engines', then 'roles'.
    Raises OperatorError when something cannot start, with everything already started stopped again.
    """
    with DataDirectory.open(data) as directory:
        chosen = configuration or load(data)
        place = _free(door or Door())
        require_free(place.host, place.port, key="--port")
        progress("engines")
        async with open_engines(chosen.engines, directory) as engines:
            addresses = directory.run / ADDRESSES
            write_private(addresses, msgspec.json.encode(engines.addresses))
            write_private(directory.run / PAGE, _address(chosen, place).encode())
            children = [
                _role(
                    Orders(
                        role=name,
                        addresses=engines.addresses,
                        configuration=chosen,
                        directory=str(directory.path),
                        host=place.host,
                        port=place.port,
                    ),
                    directory,
                )
                for name in roles
            ]
            telling = asyncio.create_task(
                _watch(engines, directory, reserve_mb=chosen.engines.reserve_mb)
            )
            try:
                progress("roles")
                await _start(children)
                yield Platform(
                    directory=directory,
                    configuration=chosen,
                    addresses=engines.addresses,
                    engines=engines,
                    children=tuple(children),
                    address=_address(chosen, place),
                    first_link=_first_link(directory),
                )
            finally:
                telling.cancel()
                addresses.unlink(missing_ok=True)
                for child in reversed(children):
                    await child.stop()


async def _start(children: Sequence[Child]) -> None:
    """Start our own roles together, then the others, which need them."""
    first = [child for child in children if child.command.name in ROLES]
    await asyncio.gather(*(child.start() for child in first))
    for child in children:
        if child not in first:
            await child.start()


def _address(configuration: Configuration, place: Door) -> str:
    scheme = "https" if configuration.web.certificate else "http"
    return f"{scheme}://{place.host}:{place.port}"


def chosen_roles(configuration: Configuration) -> tuple[str, ...]:
    """Our own roles, and those that run only when something is configured for them."""
    return (
        *ROLES,
        *(["sources"] if configuration.sources.remote else []),
        *(["lorawan"] if configuration.lorawan.enabled else []),
        *(["keeping"] if configuration.ops.backup_folder else []),
    )


def outgoing(configuration: Configuration) -> dict[str, str]:
    """The environment by which every outgoing client honours the operator's proxy and authority."""
    given = configuration.sources
    found: dict[str, str] = {}
    if given.proxy:
        found |= {"HTTPS_PROXY": given.proxy, "HTTP_PROXY": given.proxy}
        found |= {"https_proxy": given.proxy, "http_proxy": given.proxy}
        kept = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy", "")]
        direct = ",".join(filter(None, [*kept, "localhost,127.0.0.1,::1"]))
        found |= {"NO_PROXY": direct, "no_proxy": direct}
    if given.ca_file:
        found |= {"SSL_CERT_FILE": given.ca_file, "REQUESTS_CA_BUNDLE": given.ca_file}
    return found


def _free(door: Door) -> Door:
    """The door with a port that is free now."""
    return door if door.port else Door(host=door.host, port=free_port())


def _first_link(directory: DataDirectory) -> str | None:
    """The link that the web role wrote, told once: the file goes with it."""
    path = directory.run / "first-link"
    try:
        link = path.read_text()
    except OSError:
        return None
    path.unlink()
    return link or None


async def _watch(engines: RunningEngines, directory: DataDirectory, *, reserve_mb: int) -> None:
    """Every two seconds: tell the pages how the engines are, and mend the log after a full disk."""
    refusals, shortage = Refusals(directory.log("nats")), Shortage()
    while True:
        try:
            await _tell_health(engines, directory, refusals=refusals)
        except OSError as error:
            logger.warning("the health of the engines cannot be written: %s", error)
        log = engines.child("nats")
        if log is not None and shortage.ended(space(directory.path, reserve_mb=reserve_mb)):
            logger.warning("there is room on the disk again; the durable log is started anew")
            log.renew()
        await asyncio.sleep(2)


async def _tell_health(
    engines: RunningEngines, directory: DataDirectory, *, refusals: Refusals
) -> None:
    """Write how the engines are, and what the broker refused, for the pages."""
    refused = await asyncio.to_thread(refusals.read)
    write_private(directory.run / "broker.json", msgspec.json.encode(refused))
    write_private(directory.run / "health.json", msgspec.json.encode(await engines.health()))


def _role(orders: Orders, directory: DataDirectory) -> Child:
    name = orders.role
    flag = directory.run / f"{name}.ready"
    flag.unlink(missing_ok=True)
    child: Child

    async def ready() -> None:
        if not flag.exists() or flag.read_text() != str(child.pid):
            raise EngineUnavailable(f"{name} is starting", engine=name)

    command = Command(
        name=name,
        argv=(sys.executable, "-m", "clapas.roles", name),
        env=outgoing(orders.configuration),
        stdin=msgspec.json.encode(orders),
        stop_seconds=15.0,
        start_seconds=120.0,
    )
    child = Child(command, ready=ready, directory=directory)
    return child


@asynccontextmanager
async def attached(data: Path, *, new: bool = False) -> AsyncIterator[EngineAddresses]:
    """The engines of a data directory for one command: those that run, else started for it alone.

    Whoever may read the data directory's private files may attach: the operator of this machine. Only a
    ``new`` one is made where there is none. Raises NoPlatformHere.
    """
    if not new:
        DataDirectory.expect(data)
    running = running_addresses(data)
    if running is not None:
        yield running
        return
    with DataDirectory.open(data) as directory:
        async with open_engines(load(data).engines, directory) as engines:
            yield engines.addresses


async def until_asked_to_stop() -> None:
    """Return on SIGTERM or Ctrl-C."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, asked.set)
    await asked.wait()

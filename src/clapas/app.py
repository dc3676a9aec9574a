"""The platform as one tree of processes: the parent of ``clapas up``.

The parent holds the data directory, supervises the engines and our own roles, and does nothing else:
when a role is killed it is started again; when the parent is killed everything falls with it, and the
next start finds the data directory as any crash leaves it.
"""

import asyncio
import contextlib
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from clapas.config import Configuration, load
from clapas.domain.errors import EngineUnavailable
from clapas.engines import DataDirectory, EngineAddresses, RunningEngines, open_engines
from clapas.engines.supervisor import Child, Command
from clapas.roles import Orders
from clapas.store import migrate

ROLES = ("pipeline", "web")


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """A running platform, as its parent sees it."""

    directory: DataDirectory
    configuration: Configuration
    addresses: EngineAddresses
    engines: RunningEngines
    children: tuple[Child, ...]


@asynccontextmanager
async def platform(
    data: Path,
    *,
    configuration: Configuration | None = None,
    roles: tuple[str, ...] = ROLES,
    progress: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Platform]:
    """Start everything in a data directory; leave it stopped without loss.

    ``progress`` hears the name of each step: 'engines', 'migrations', then each role.
    Raises OperatorError when something cannot start, with everything already started stopped again.
    """
    with DataDirectory.open(data) as directory:
        chosen = configuration or load(data)
        progress("engines")
        async with open_engines(chosen.engines, directory) as engines:
            progress("migrations")
            await migrate(engines.addresses)
            children: list[Child] = []
            try:
                for name in roles:
                    progress(name)
                    child = _role(name, engines.addresses, chosen, directory)
                    children.append(child)
                    await child.start()
                yield Platform(
                    directory=directory,
                    configuration=chosen,
                    addresses=engines.addresses,
                    engines=engines,
                    children=tuple(children),
                )
            finally:
                for child in reversed(children):
                    await child.stop()


def _role(
    name: str, addresses: EngineAddresses, configuration: Configuration, directory: DataDirectory
) -> Child:
    flag = directory.run / f"{name}.ready"
    flag.unlink(missing_ok=True)
    orders = Orders(
        role=name,
        addresses=addresses,
        configuration=configuration,
        directory=str(directory.path),
    )
    child: Child

    async def ready() -> None:
        if not flag.exists() or flag.read_text() != str(child.pid):
            raise EngineUnavailable(f"{name} is starting", engine=name)

    command = Command(
        name=name,
        argv=(sys.executable, "-m", "clapas.roles", name),
        stdin=msgspec.json.encode(orders),
        stop_seconds=15.0,
    )
    child = Child(command, ready=ready, directory=directory)
    return child


async def until_asked_to_stop() -> None:
    """Return on SIGTERM or Ctrl-C."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, asked.set)
    await asked.wait()


def kept_secret(directory: DataDirectory, name: str) -> bytes:
    """A secret of this installation, made at its first use (32 random bytes)."""
    path = directory.secret(name)
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.touch(mode=0o600)
    path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()

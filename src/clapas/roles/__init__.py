"""The platform's own processes: one module each, which composes the rooms that it needs in ``run``.

A process imports its own role only, so that it carries no room that it does not use. A role reads its orders
(addresses, settings, data directory) from standard input, so that no secret is ever an argument or an
environment variable, and says that it is ready by writing its process number to ``run/<role>.ready``. It
stops without loss on SIGTERM.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import msgspec
import uvloop

from clapas.domain.errors import ClapasError, InvalidInput
from clapas.orders import Orders

logger = logging.getLogger(__name__)

Work = Callable[[Orders, Callable[[], None]], Coroutine[None, None, None]]
"""What a role does until it is cancelled; the second argument says that it is ready."""


def names() -> list[str]:
    """Every role: the modules of this package."""
    return sorted(each.name for each in iter_modules(__path__) if each.name != "__main__")


def main(role: str) -> int:
    """The entry of a role process; the exit status is 0 after a stop that was asked for.

    Raises InvalidInput when there is no such role.
    """
    if role not in names():
        raise InvalidInput("there is no such role", field="role", accepted=names())
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
    work: Work = import_module(f"{__name__}.{role}").run
    flag = Path(orders.directory) / "run" / f"{role}.ready"
    task = asyncio.create_task(work(orders, lambda: _say_ready(flag)))
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _say_ready(flag: Path) -> None:
    flag.write_text(str(os.getpid()))

"""The role *sources*: asks the remote sources of the settings; it runs only when there are some."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from clapas.bus import NatsBus
from clapas.engines.directory import write_private
from clapas.orders import Orders
from clapas.sources.runner import HEALTH_FILE, Runner

TOLD_S = 5.0


async def run(orders: Orders, ready: Callable[[], None]) -> None:
    """Ask the remote sources of the settings; what they say goes to the durable log."""
    async with NatsBus.open(orders.addresses.nats, orders.configuration.bus) as bus:
        await bus.prepare()
        runner = Runner(orders.configuration.sources, bus.publish_uplinks)
        path = Path(orders.directory) / "run" / HEALTH_FILE
        with _gone_at_the_end(path):
            async with runner:
                ready()
                while True:
                    body = msgspec.json.encode(list(runner.health.values()))
                    await asyncio.to_thread(write_private, path, body)
                    await asyncio.sleep(TOLD_S)


@contextmanager
def _gone_at_the_end(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)

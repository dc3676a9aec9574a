"""Play a fleet at a platform: first the past, so that charts are alive at once, then the present."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

import orjson

from clapas.ops.feed import Progress
from clapas.ops.simulate.fleet import Fleet
from clapas.ops.simulate.senders import Count, Doors, Sender
from clapas.ops.simulate.speak import said_between
from clapas.sources.wire_message import WireMessage

PAST = timedelta(hours=48)
TICK_S = 1.0
TOGETHER = 100
"""Things in one answer of a feed."""
BREATH = 200
"""Messages between two turns of the event loop."""


async def play(
    fleet: Fleet,
    doors: Doors,
    *,
    past: timedelta = PAST,
    until: asyncio.Event,
    tell: Callable[[Progress], None] | None = None,
    reached: Callable[[datetime], None] | None = None,
) -> Count:
    """Say what was said in the past, then what is said now, until the event is set; exact counts.

    ``reached`` hears up to when everything was said. What is said twice has the same identities: duplicates.
    """
    async with Sender(doors, client_id="clapas-simulation") as sender:
        said = datetime.now(UTC)
        await _say(sender, said_between(fleet, said - past, end=said), until=until, tell=tell)
        while not until.is_set():
            now = datetime.now(UTC)
            await _say(sender, said_between(fleet, said, end=now), until=until, tell=tell)
            said = now
            if reached is not None:
                reached(said)
            try:
                async with asyncio.timeout(TICK_S):
                    await until.wait()
            except TimeoutError:
                continue
        await sender.finish()
        return sender.count


async def _say(
    sender: Sender,
    messages: Iterable[WireMessage],
    *,
    until: asyncio.Event,
    tell: Callable[[Progress], None] | None,
) -> None:
    for place, message in enumerate(together(messages)):
        await sender.send(message)
        if place % BREATH == 0:
            await asyncio.sleep(0)
            if tell is not None:
                tell(Progress(sender.count.sent, sender.count.accepted, message.time_ms))
        if until.is_set():
            return


def together(messages: Iterable[WireMessage], *, size: int = TOGETHER) -> Iterator[WireMessage]:
    """The same messages, the things of one feed gathered into arrays as a city's API answers them."""
    waiting: dict[str, list[WireMessage]] = {}
    for message in messages:
        if message.door != "http":
            yield message
            continue
        group = waiting.setdefault(message.address, [])
        group.append(message)
        if len(group) >= size:
            yield _array(waiting.pop(message.address))
    yield from map(_array, waiting.values())


def _array(group: list[WireMessage]) -> WireMessage:
    body = orjson.dumps([orjson.Fragment(each.body) for each in group])
    return WireMessage("http", group[0].address, body, group[-1].time_ms)

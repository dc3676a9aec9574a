"""``clapas feed``: a recorded file through a connector's real door, at its own pace or faster."""

import asyncio
import time
from collections.abc import Callable, Iterable

import msgspec

from clapas.ops.simulate.senders import Count, Doors, Sender
from clapas.sources.wire_message import WireMessage

LONGEST_PAUSE_S = 3600.0


class Progress(msgspec.Struct, frozen=True):
    """Where a feed is: counts, and the recorded time of the last message (milliseconds)."""

    sent: int
    accepted: int
    time_ms: int


async def feed(
    messages: Iterable[WireMessage],
    doors: Doors,
    *,
    speed: float = 0.0,
    tell: Callable[[Progress], None] | None = None,
) -> Count:
    """Send every message in its wire form; answers exact counts.

    ``speed`` 1 keeps the recorded pace, 60 makes an hour last a minute, 0 is as fast as the doors take.
    Raises ``EngineUnavailable``, ``Forbidden``, ``InvalidInput`` when a door does not let in.
    """
    started, first_ms, told = time.monotonic(), 0, 0.0
    async with Sender(doors) as sender:
        for message in messages:
            if speed > 0 and message.time_ms:
                first_ms = first_ms or message.time_ms
                due = started + (message.time_ms - first_ms) / 1000 / speed
                await asyncio.sleep(min(LONGEST_PAUSE_S, max(0.0, due - time.monotonic())))
            await sender.send(message)
            if tell is not None and time.monotonic() - told > 0.2:
                told = time.monotonic()
                tell(Progress(sender.count.sent, sender.count.accepted, message.time_ms))
        await sender.finish()
        if tell is not None:
            tell(Progress(sender.count.sent, sender.count.accepted, 0))
        return sender.count

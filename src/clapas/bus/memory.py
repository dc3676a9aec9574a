"""The bus in memory: the same promises but durability, for tests and for tools that need no engine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from clapas.bus.port import Delivery, Handler, Inbox, LogState
from clapas.domain.keys import LOG_MQTT, LOG_UPLINK
from clapas.domain.message import ObservationBatch, RawMessage


class MemoryInbox:
    """Hands out what was published and not acknowledged."""

    def __init__(self, bus: "MemoryBus") -> None:
        self._bus = bus
        self._handed: set[tuple[str, int]] = set()

    async def take(self, limit: int, *, linger: float) -> list[Delivery]:
        """See :class:`clapas.bus.port.Inbox`."""
        while not (ready := self._ready(limit)):
            self._bus.arrived.clear()
            await self._bus.arrived.wait()
            await asyncio.sleep(linger)
        self._handed.update((each.log, each.sequence) for each in ready)
        return ready

    def _ready(self, limit: int) -> list[Delivery]:
        waiting = (
            Delivery(log, sequence, message, f"{log}.{sequence}")
            for log, messages in self._bus.logs.items()
            for sequence, message in messages.items()
            if (log, sequence) not in self._handed
        )
        return [delivery for delivery, _ in zip(waiting, range(limit), strict=False)]

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """See :class:`clapas.bus.port.Inbox`."""
        for each in deliveries:
            self._bus.logs[each.log].pop(each.sequence, None)


class MemoryBus:
    """See :class:`clapas.bus.port.Bus`."""

    def __init__(self) -> None:
        self.logs: dict[str, dict[int, RawMessage]] = {LOG_UPLINK: {}, LOG_MQTT: {}}
        self.last = {LOG_UPLINK: 0, LOG_MQTT: 0}
        self.told: list[ObservationBatch] = []
        self.positions: dict[str, int] = {}
        self.arrived = asyncio.Event()
        self._followers: set[asyncio.Queue[ObservationBatch]] = set()

    def log(self, name: str, message: RawMessage) -> int:
        """Put a message in a log as a door or the MQTT listener would."""
        self.last[name] += 1
        self.logs[name][self.last[name]] = message
        self.arrived.set()
        return self.last[name]

    async def publish_uplink(self, message: RawMessage) -> int:
        """See :class:`clapas.bus.port.Bus`."""
        return self.log(LOG_UPLINK, message)

    async def publish_uplinks(self, messages: Sequence[RawMessage]) -> list[int]:
        """See :class:`clapas.bus.port.Bus`."""
        return [self.log(LOG_UPLINK, each) for each in messages]

    async def publish_observations(self, batch: ObservationBatch) -> None:
        """See :class:`clapas.bus.port.Bus`."""
        self.told.append(batch)
        for queue in self._followers:
            queue.put_nowait(batch)

    @asynccontextmanager
    async def inbox(self) -> AsyncIterator[Inbox]:
        """See :class:`clapas.bus.port.Bus`; what was not acknowledged comes again in a new inbox."""
        yield MemoryInbox(self)

    async def log_states(self) -> tuple[LogState, ...]:
        """See :class:`clapas.bus.port.Bus`."""
        return tuple(
            LogState(
                name=name, incarnation="memory", first=1, last=last, waiting=len(self.logs[name])
            )
            for name, last in self.last.items()
        )

    async def enlist(self, durable: str) -> None:
        """See :class:`clapas.bus.port.Bus`."""
        self.positions.setdefault(durable, 0)

    async def consume(self, durable: str, handler: Handler) -> None:
        """See :class:`clapas.bus.port.Bus`; each durable name keeps its own position."""
        while True:
            while self.positions.get(durable, 0) < len(self.told):
                position = self.positions.get(durable, 0)
                await handler(self.told[position])
                self.positions[durable] = position + 1
            await asyncio.sleep(0.01)

    async def follow(self) -> AsyncIterator[ObservationBatch]:
        """See :class:`clapas.bus.port.Bus`."""
        queue: asyncio.Queue[ObservationBatch] = asyncio.Queue(1000)
        self._followers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._followers.discard(queue)

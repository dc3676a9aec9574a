"""What the other rooms see of the bus: two durable logs of raw messages and one of observations.

A promise follows the log: when ``publish_uplink`` returns, the message is in the durable log and
survives ``kill -9``. Consumers acknowledge explicitly, message by message, after their own work is
durable; what is not acknowledged comes again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from clapas.domain.message import ObservationBatch, RawMessage


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A logged raw message handed to a consumer. ``token`` is what acknowledges it."""

    log: str
    sequence: int
    message: RawMessage
    token: str


class LogState(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says of itself. ``incarnation`` changes when the log is created anew.

    ``waiting`` counts the messages that the pipeline has not acknowledged yet.
    """

    name: str
    incarnation: str
    first: int
    last: int
    waiting: int
    bytes: int = 0


class Inbox(Protocol):
    """A batch at a time from the raw logs."""

    async def take(self, limit: int, *, linger: float) -> list[Delivery]:
        """Up to ``limit`` messages; waits for the first one, then ``linger`` seconds for more."""
        ...

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge: these will never come again."""
        ...


Handler = Callable[[ObservationBatch], Awaitable[None]]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What one MQTT or NATS client may do: subjects that it may publish and subscribe to."""

    name: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


Authorise = Callable[[str, str, str], Awaitable[Grant | None]]
"""(user name, password, client id) → grant, or None to refuse."""


class Bus(Protocol):
    """The durable logs. ``NatsBus`` in production; ``MemoryBus`` for tests and tools."""

    async def publish_uplink(self, message: RawMessage) -> int:
        """Log one message; its sequence. Raises DiskFull or EngineUnavailable."""
        ...

    async def publish_uplinks(self, messages: Sequence[RawMessage]) -> list[int]:
        """Log many messages; their sequences, in order. Raises like ``publish_uplink``."""
        ...

    async def publish_observations(self, batch: ObservationBatch) -> None:
        """Tell the rooms downstream; cut into messages below the size limit."""
        ...

    def inbox(self) -> AbstractAsyncContextManager[Inbox]:
        """Consume both raw logs as the pipeline (one durable consumer, shared between nodes)."""
        ...

    async def log_states(self) -> tuple[LogState, ...]:
        """Both raw logs, as they are now."""
        ...

    async def enlist(self, durable: str) -> None:
        """Make a durable consumer now: what is published from here on reaches its ``consume``."""
        ...

    async def consume(self, durable: str, handler: Handler) -> None:
        """Feed ``handler`` with every observation batch, at least once, until cancelled."""
        ...

    def follow(self) -> AsyncIterator[ObservationBatch]:
        """Observation batches from now on, best effort, for live pages."""
        ...

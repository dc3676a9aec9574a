"""Live events: one consumer of the observation stream, shared by all listeners.

Each listener has a bounded queue of batches. One that cannot follow is let go with a clear event,
so that it never slows the others; its page connects again and reads the present state.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

import msgspec

from clapas.domain.errors import EngineUnavailable, TooMany
from clapas.domain.message import ObservationBatch

log = logging.getLogger(__name__)

Follow = Callable[[], AsyncIterator[ObservationBatch]]


class Event(msgspec.Struct, frozen=True):
    """One server-sent event (WHATWG HTML, 9.2)."""

    name: str
    data: object

    def encode(self) -> bytes:
        """The event on the wire; JSON holds no line break."""
        return b"event: %s\ndata: %s\n\n" % (self.name.encode(), msgspec.json.encode(self.data))


HEARTBEAT = b": still here\n\n"


class Listener:
    """One reader's place: a bounded queue, and whether it fell behind."""

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[ObservationBatch] = asyncio.Queue(size)
        self.behind = False

    def offer(self, batch: ObservationBatch) -> None:
        """Take a batch, or be marked as behind."""
        try:
            self._queue.put_nowait(batch)
        except asyncio.QueueFull:
            self.behind = True

    async def next(self, timeout: float) -> ObservationBatch | None:  # noqa: ASYNC109
        """The next batch, None when none came in time."""
        try:
            return await asyncio.wait_for(self._queue.get(), timeout)
        except TimeoutError:
            return None


class LiveHub:
    """Shares one upstream consumer; runs inside ``async with``."""

    def __init__(self, follow: Follow, *, listeners: int = 500, queue: int = 64) -> None:
        self._follow = follow
        self._most = listeners
        self._size = queue
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def count(self) -> int:
        """How many listeners there are."""
        return len(self._listeners)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """A place among the listeners. Raises TooMany."""
        if len(self._listeners) >= self._most:
            raise TooMany("too many live streams are open", retry_after=30)
        listener = Listener(self._size)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _run(self) -> None:
        wait = 0.2
        while True:
            try:
                async for batch in self._follow():
                    wait = 0.2
                    if not batch.replayed:
                        for listener in self._listeners:
                            listener.offer(batch)
            except (EngineUnavailable, OSError) as error:
                log.warning("the live stream broke and is taken up again: %s", error)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 10.0)

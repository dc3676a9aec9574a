"""Hands accepted messages to the durable log, and keeps them until the log has them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from clapas.domain.errors import ClapasError, DiskFull
from clapas.domain.message import RawMessage

LOG = logging.getLogger("clapas.lorawan")
Publish = Callable[[RawMessage], Awaitable[int]]
_LONGEST_PAUSE: Final = 10.0


class Publisher:
    """A bounded number of messages on their way to the log; a failing log is asked again, more and more slowly."""

    def __init__(self, publish: Publish, *, limit: int) -> None:
        self._publish = publish
        self._limit = limit
        self._tasks: dict[str, asyncio.Task[int]] = {}
        self.published = 0
        self.failures = 0

    @property
    def waiting(self) -> int:
        return len(self._tasks)

    @property
    def full(self) -> bool:
        return len(self._tasks) >= self._limit

    def knows(self, identity: str) -> bool:
        """Whether the message of that identity is still on its way."""
        return identity in self._tasks

    def send(
        self, message: RawMessage, logged: Callable[[], None] | None = None
    ) -> "asyncio.Task[int]":
        """Start publishing; ``logged`` runs when the log has the message. The task ends with its sequence."""
        task = asyncio.create_task(self._until_logged(message, logged))
        self._tasks[message.idempotency] = task
        task.add_done_callback(lambda _done: self._tasks.pop(message.idempotency, None))
        return task

    def tell(self, message: RawMessage) -> None:
        """Start publishing an event that nothing waits for."""
        self.send(message).add_done_callback(lambda _done: None)

    async def _until_logged(self, message: RawMessage, logged: Callable[[], None] | None) -> int:
        pause = 0.1
        while True:
            try:
                sequence = await self._publish(message)
            except (ClapasError, OSError, TimeoutError) as wrong:
                self.failures += 1
                LOG.warning("the durable log did not take an uplink, trying again: %s", wrong)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self.published += 1
                if logged:
                    self._note(logged)
                return sequence

    @staticmethod
    def _note(logged: Callable[[], None]) -> None:
        """The log has the message whatever becomes of our own note of its counter."""
        try:
            logged()
        except DiskFull as wrong:
            LOG.warning("the counter of a logged uplink is not in the journal: %s", wrong)

    async def drain(self, seconds: float) -> int:
        """Wait for what is on its way; returns how many messages were given up."""
        if not self._tasks:
            return 0
        _done, late = await asyncio.wait(list(self._tasks.values()), timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return len(late)

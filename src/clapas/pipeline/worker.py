"""The pipeline's loop: take a batch, handle it, acknowledge it; wait and try again when an engine is away.

A defect in our own code must not stop the city's messages: when a batch fails for another reason than
an engine, its messages are handled one by one, and the one that fails alone becomes a reject.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

import msgspec

from clapas.bus import Delivery, Inbox
from clapas.domain.errors import OperatorError
from clapas.domain.message import Outcome
from clapas.pipeline.batch import Batch, Refusal
from clapas.pipeline.keep import keep
from clapas.pipeline.ports import Ports
from clapas.pipeline.settings import Settings
from clapas.pipeline.uplink import handle

logger = logging.getLogger(__name__)


class Progress(msgspec.Struct):
    """What the worker did since it started, for health and metrics; the ledger never reads it."""

    messages: int = 0
    observations: int = 0
    rejected: int = 0
    last_batch_ms: float = 0.0
    waiting_for: str = ""


class Worker:
    """Runs the main path until it is cancelled; what is on its way then is finished first."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        self._ports = ports
        self._settings = settings
        self.progress = Progress()

    async def run(self) -> None:
        """Work until cancelled."""
        async with self._ports.bus.inbox() as inbox, asyncio.TaskGroup() as group:
            room = asyncio.Semaphore(self._settings.concurrent)
            while True:
                await room.acquire()
                deliveries = await inbox.take(
                    self._settings.batch, linger=self._settings.linger_ms / 1000
                )
                task = group.create_task(self._finish(inbox, deliveries))
                task.add_done_callback(lambda _: room.release())

    async def _finish(self, inbox: Inbox, deliveries: list[Delivery]) -> None:
        began = time.perf_counter()
        outcomes = await self.settle(deliveries)
        await inbox.done(deliveries)
        done = self.progress
        done.messages += len(outcomes)
        done.observations += sum(each.observations for each in outcomes)
        done.rejected += sum(each.result == "rejected" for each in outcomes)
        done.last_batch_ms = (time.perf_counter() - began) * 1000

    async def settle(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        """Handle until it succeeds; the wait grows from 0.1 to 5 seconds. Acknowledges nothing."""
        wait = 0.1
        while True:
            try:
                outcomes = (await handle(deliveries, self._ports)).outcomes
            except OperatorError as error:
                self.progress.waiting_for = error.code
                logger.warning("the pipeline waits: %s", error)
            except Exception:
                logger.exception("a batch of %d messages failed", len(deliveries))
                return await self._one_by_one(deliveries)
            else:
                self.progress.waiting_for = ""
                return outcomes
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _one_by_one(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        if len(deliveries) == 1:
            return await self._refuse(deliveries[0])
        outcomes: list[Outcome] = []
        middle = len(deliveries) // 2
        for half in (deliveries[:middle], deliveries[middle:]):
            outcomes.extend(await self.settle(half))
        return outcomes

    async def _refuse(self, delivery: Delivery) -> list[Outcome]:
        """The message that our own code cannot handle: kept, counted, and ours to mend."""
        batch = Batch(
            deliveries=(delivery,),
            logs=(self._ports.log_numbers[delivery.log],),
            refused={},
            origins={},
        )
        batch.refuse(0, Refusal("internal_error", "see the platform's log"))
        wait = 0.1
        while True:
            try:
                return list((await keep(batch, self._ports)).outcomes)
            except OperatorError as error:
                logger.warning("the pipeline waits: %s", error)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

"""The worker: takes jobs one after the other; several workers on several nodes never share one."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from clapas.domain.errors import ClapasError
from clapas.jobs.task import Cancelled, Running, Task, Tick, Tools
from clapas.store import Store
from clapas.store.jobs import Job

logger = logging.getLogger(__name__)

BEAT_S = 10.0
IDLE_S = 0.5
DUE_S = 5.0


class Worker:
    """Runs the tasks. ``tools`` are lent to them by type."""

    def __init__(
        self,
        store: Store,
        tasks: Mapping[str, Task],
        *,
        tools: Mapping[type, object] | None = None,
        ticks: Mapping[str, Tick] | None = None,
    ) -> None:
        self._store = store
        self._ticks = ticks or {}
        self._tasks = tasks
        self._tools = tools or {}

    async def run(self) -> None:
        """Work until cancelled; a database that does not answer is waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat())
            for name, tick in self._ticks.items():
                group.create_task(self._tick(name, tick))
            while True:
                try:
                    worked = await self.step()
                except ClapasError as error:
                    logger.warning("jobs wait: %s", error)
                    worked = False
                if not worked:
                    await asyncio.sleep(IDLE_S)

    async def step(self) -> bool:
        """Run one job, if one waits."""
        job = await self._store.jobs.take(list(self._tasks))
        if job is None:
            return False
        await self._run(job)
        return True

    async def _run(self, job: Job) -> None:
        task = self._tasks[job.kind]
        if job.attempts > task.attempts:
            await self._end(job, "failed", error="its worker stopped every time")
            return
        beating = asyncio.create_task(self._beat(job.id))
        try:
            result = await task.run(Running(job, self._store, tools=self._tools))
            await self._end(job, "done", result=result)
        except Cancelled:
            await self._end(job, "cancelled")
        except ClapasError as error:
            await self._end(
                job, "failed", result={"code": error.code, "values": error.values}, error=str(error)
            )
        except Exception:
            logger.exception("job %s (%s) failed", job.id, job.kind)
            await self._end(
                job, "failed", result={"code": "internal_error"}, error="a defect of Clapas"
            )
        finally:
            beating.cancel()

    async def _end(
        self, job: Job, state: str, *, result: dict[str, Any] | None = None, error: str = ""
    ) -> None:
        await self._store.jobs.finish(job.id, state=state, result=result or {}, error=error)

    async def _beat(self, job: int) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            with suppress(ClapasError):
                await self._store.jobs.beat(job)

    async def _tick(self, name: str, tick: Tick) -> None:
        tools = Tools(self._store, self._tools)
        while True:
            try:
                await tick.run(tools)
            except ClapasError as error:
                logger.warning("%s waits: %s", name, error)
            except Exception:
                logger.exception("%s failed", name)
            await asyncio.sleep(tick.every_s)

    async def _repeat(self) -> None:
        repeated = {kind: task for kind, task in self._tasks.items() if task.every_s}
        while True:
            for kind, task in repeated.items():
                with suppress(ClapasError):
                    await self._store.jobs.add_due(kind, task.every_s)
            await asyncio.sleep(DUE_S)

"""The worker processes as seen from the platform: started, watched, replaced.

A script that loops, allocates or crashes its worker costs its own job and nothing else: the worker is
killed, the jobs behind it go to a new one.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence

import msgspec

from clapas.codecs.script.call import MAX_FRAME, Answer, Call, batch, frame
from clapas.domain.errors import EngineUnavailable

CHUNK = 32
"""Calls in one frame: enough to keep a worker busy, few enough to share a batch over all of them."""
ANSWER_TIMEOUT = 5.0
"""Wall-clock seconds for one answer, far above the CPU limit: a busy machine is not a stuck script."""
START_TIMEOUT = 60.0
MAX_SCRIPT = 1024 * 1024


class _WorkerLost(Exception):
    """The worker died or fell silent before its next answer."""


class Worker:
    """One worker process and the conversation with it."""

    def __init__(self, *, compiled: bool) -> None:
        self._compiled = compiled
        self._process: Process | None = None
        self._proved = False

    async def run(self, calls: Sequence[Call]) -> list[Answer]:
        """Answers in the calls' order; a call that kills its worker is answered with an error."""
        answers: list[Answer] = []
        while len(answers) < len(calls):
            try:
                await self._run_from(calls, answers)
            except _WorkerLost:
                if not self._proved and not answers:
                    await self._check_start()
                await self.stop()
                answers.append(Answer(error="the script was stopped by force", exhausted=True))
        return answers

    async def _run_from(self, calls: Sequence[Call], answers: list[Answer]) -> None:
        process = await self._start()
        source, sink = process.stdout, process.stdin
        if source is None or sink is None:
            raise _WorkerLost
        try:
            sink.write(frame(batch(list(calls[len(answers) :]), compiled=self._compiled)))
            while len(answers) < len(calls):
                limit = ANSWER_TIMEOUT if self._proved else START_TIMEOUT
                async with asyncio.timeout(limit):
                    size = int.from_bytes(await source.readexactly(4), "big")
                    if size > MAX_FRAME:
                        raise _WorkerLost
                    body = await source.readexactly(size)
                answers.append(msgspec.msgpack.decode(body, type=Answer))
                self._proved = True
        except (TimeoutError, EOFError, OSError, msgspec.DecodeError) as problem:
            raise _WorkerLost from problem
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def _start(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._proved = False
            path = os.pathsep.join(entry for entry in sys.path if entry)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "clapas.codecs.script.worker",
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True,
                env={"PYTHONPATH": path, "TZ": "UTC", "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        return self._process

    async def _check_start(self) -> None:
        """A worker that cannot even start is the operator's matter, not the script's."""
        await self.stop()
        probe = Call("normalize", "ttn", "function normalizeUplink(i) { return {data: 1}; }", b"{}")
        try:
            await self._run_from([probe], [])
        except _WorkerLost as problem:
            await self.stop()
            raise EngineUnavailable("a codec worker process does not start") from problem

    async def stop(self) -> None:
        """Kill the process, if any, and wait for its end."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if process.stdout is not None:
            await process.stdout.read()


class Workers:
    """A fixed number of workers that share the calls of every caller."""

    def __init__(self, count: int, *, compiled: bool = False) -> None:
        self._all = [Worker(compiled=compiled) for _ in range(count)]
        self._idle: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        for each in self._all:
            self._idle.put_nowait(each)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, count: int, *, compiled: bool = False) -> "AsyncIterator[Workers]":
        """Workers that start when first needed and are gone when the block is left."""
        workers = cls(count, compiled=compiled)
        try:
            yield workers
        finally:
            for each in workers._all:
                await each.stop()

    async def run(self, calls: Sequence[Call]) -> list[Answer]:
        """Run calls on all workers at once; answers come in the calls' order."""
        size = max(1, min(CHUNK, -(-len(calls) // len(self._all))))
        chunks = [calls[at : at + size] for at in range(0, len(calls), size)]
        parts = await asyncio.gather(*(self._run_chunk(each) for each in chunks))
        return [answer for part in parts for answer in part]

    async def _run_chunk(self, calls: Sequence[Call]) -> list[Answer]:
        worker = await self._idle.get()
        try:
            return await worker.run(calls)
        finally:
            self._idle.put_nowait(worker)

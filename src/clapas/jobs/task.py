"""What a task is given, and how tasks are found.

Why not a ready-made queue: a job here shows its progress, keeps a result for each device, is stopped
by a person and undone by another job, and its tables live in our own checksummed migrations. With
``FOR UPDATE SKIP LOCKED`` and a heartbeat that is one table and six statements; a library would bring a
second connection pool and a schema of its own, and keep none of these.
"""

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from clapas.store import Store
from clapas.store.jobs import Job, JobItem

Tool = TypeVar("Tool")
PACKAGES = ("clapas", "clapas.usecases")


class Cancelled(Exception):
    """Somebody asked the job to stop; what it did before is kept or rolled back by the task."""


class Tools:
    """The store, and what the composer lent, by type."""

    def __init__(self, store: Store, tools: Mapping[type, object]) -> None:
        self.store = store
        self._tools = tools

    def tool(self, kind: type[Tool]) -> Tool:
        """What the composer lent of that type. Raises KeyError."""
        return cast("Tool", self._tools[kind])


class Running(Tools):
    """A job at work: its arguments, the store, the tools that the composer lent."""

    def __init__(self, job: Job, store: Store, *, tools: Mapping[type, object]) -> None:
        super().__init__(store, tools)
        self.job = job

    @property
    def args(self) -> dict[str, Any]:
        """The arguments, as they were given."""
        return self.job.args

    async def progress(self, done: int, total: int | None = None) -> None:
        """Tell how far the work is. Raises Cancelled when it should stop."""
        if not await self.store.jobs.beat(self.job.id, done=done, total=total):
            raise Cancelled

    async def note(self, items: Sequence[JobItem]) -> None:
        """Keep what became of some things."""
        await self.store.jobs.note(self.job.id, items)


Run = Callable[[Running], Awaitable[dict[str, Any]]]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What does a kind of job: ``run`` gives the result; repeated when ``every_s`` is not 0.

    A task may be run again from its start after a crash: it is idempotent, or one transaction.
    """

    run: Run
    every_s: float = 0.0
    attempts: int = 3


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """Small work that comes again and again and leaves no trace as a job; safe on several nodes at once."""

    run: Callable[[Tools], Awaitable[object]]
    every_s: float


def discover() -> dict[str, Task]:
    """Every ``TASKS`` of the rooms and trades, by kind."""
    return _found("TASKS")


def discover_ticks() -> dict[str, Tick]:
    """Every ``TICKS`` of the rooms and trades, by name."""
    return _found("TICKS")


def _found(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for package in PACKAGES:
        folder = Path(next(iter(importlib.import_module(package).__path__)))
        for path in sorted(folder.glob("*/tasks.py")):
            module = importlib.import_module(f"{package}.{path.parent.name}.tasks")
            found.update(getattr(module, name, {}))
    return found

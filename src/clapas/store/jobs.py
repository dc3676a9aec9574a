"""The queue of jobs: taken by one worker at a time, taken again when its worker fell silent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from clapas.domain.errors import NotFound
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries
from clapas.store.values import Page

SQL = queries("jobs")
LOST_S = 60
NEWEST = 2**62


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands. ``done`` of ``total`` things, ``failures`` of them went wrong."""

    id: int
    kind: str
    subject: str
    args: dict[str, Any]
    state: str
    done: int
    total: int
    failures: int
    result: dict[str, Any]
    error: str
    attempts: int
    actor: str
    created: datetime
    started: datetime | None
    finished: datetime | None


class JobItem(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one thing that a job worked on."""

    key: str
    ok: bool
    detail: str = ""


class Jobs:
    """Work that takes long, in PostgreSQL."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add(self, kind: str, args: dict[str, Any], *, actor: str, subject: str = "") -> Job:
        """A new job waits its turn; ``subject`` says what it is about."""
        text = msgspec.json.encode(args).decode()
        row = await self._postgres.row(
            SQL["add"], kind=kind, args=text, actor=actor, subject=subject
        )
        return await self.get(row[0] if row else 0)

    async def add_due(self, kind: str, every_s: float) -> bool:
        """Queue a repeated job when its time has come; True when it was."""
        return bool(await self._postgres.run(SQL["add_due"], kind=kind, every_s=every_s))

    async def take(self, kinds: Sequence[str]) -> Job | None:
        """The next job of these kinds, now running, or None."""
        row = await self._postgres.row(SQL["take"], kinds=list(kinds), lost_s=LOST_S)
        return _job(row) if row else None

    async def beat(self, job: int, *, done: int | None = None, total: int | None = None) -> bool:
        """The worker lives; False when the job should stop."""
        row = await self._postgres.row(SQL["beat"], id=job, done=done, total=total)
        return row is not None and not row[0]

    async def finish(
        self, job: int, *, state: str, result: dict[str, Any], error: str = ""
    ) -> None:
        """The end: state 'done', 'failed' or 'cancelled'."""
        text = msgspec.json.encode(result).decode()
        await self._postgres.run(SQL["finish"], id=job, state=state, result=text, error=error)

    async def stop(self, job: int) -> None:
        """Ask a job to stop."""
        await self._postgres.run(SQL["stop"], id=job)

    async def note(self, job: int, items: Sequence[JobItem]) -> None:
        """Keep what became of some things."""
        if items:
            rows = list({each.key: each for each in items}.values())
            await self._postgres.run(SQL["note"], id=job, items=batch(rows))

    async def items(
        self, job: int, *, failed: bool = False, after: str | None = None, limit: int = 100
    ) -> Page[JobItem]:
        """Results by key; ``failed`` keeps those that went wrong."""
        limit = bounded(limit)
        key = key_of(after, str)
        rows = await self._postgres.rows(
            SQL["items"], id=job, failed=failed, after=key[0] if key else "", limit=limit + 1
        )
        found = [JobItem(key=row[0], ok=row[1], detail=row[2]) for row in rows]
        more = cursor(found[limit - 1].key) if len(found) > limit else None
        return Page(found[:limit], more)

    async def get(self, job: int) -> Job:
        """One job. Raises NotFound."""
        rows = await self._list(id=job, kind="", own=True, before=NEWEST, limit=1) if job else []
        if not rows:
            raise NotFound(job=job)
        return rows[0]

    async def page(
        self, *, kind: str = "", own: bool = False, after: str | None = None, limit: int = 50
    ) -> Page[Job]:
        """Jobs, the newest first; ``own`` shows the platform's own as well."""
        limit = bounded(limit)
        key = key_of(after, int)
        before = key[0] if key else NEWEST
        found = await self._list(id=0, kind=kind, own=own, before=before, limit=limit + 1)
        more = cursor(found[limit - 1].id) if len(found) > limit else None
        return Page(found[:limit], more)

    async def purge(self, *, days: int = 90) -> int:
        """Forget old jobs with their results; gives how many."""
        return await self._postgres.run(SQL["purge"], days=days)

    async def _list(self, **values: Any) -> list[Job]:
        return [_job(row) for row in await self._postgres.rows(SQL["jobs"], **values)]


def _job(row: Row) -> Job:
    return Job(**dict(zip(Job.__struct_fields__, row, strict=True)))

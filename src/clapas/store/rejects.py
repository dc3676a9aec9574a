"""Messages that could not be kept: shown with their reason, retried from the page."""

from collections.abc import Collection, Sequence

import msgspec

from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries
from clapas.store.values import Page, Reject

SQL = queries("rejects")
NEWEST = 2**62
PREVIEW = 512
MOST = 200_000


class Rejects:
    """The rejects that people look at; the messages themselves are raw rows like any other."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def keep(self, rejects: Sequence[Reject]) -> None:
        """Keep a batch; the same (log, sequence) is one reject, waiting again. One statement."""
        rows = [_flat(each) for each in {(r.log, r.sequence): r for r in rejects}.values()]
        if rows:
            await self._postgres.run(SQL["keep"], rejects=batch(rows))

    async def page(
        self, *, source: str = "", reason: str = "", after: str | None = None, limit: int = 50
    ) -> Page[Reject]:
        """Rejects that wait, newest first."""
        limit = bounded(limit)
        key = key_of(after, int)
        rows = await self._postgres.rows(
            SQL["page"],
            before=key[0] if key else NEWEST,
            source=source,
            reason=reason,
            limit=limit + 1,
        )
        items = [_reject(row) for row in rows[:limit]]
        return Page(items, cursor(items[-1].id) if len(rows) > limit else None)

    async def by_id(self, ids: Collection[int]) -> list[Reject]:
        """Rejects by number."""
        return [_reject(row) for row in await self._postgres.rows(SQL["by_id"], ids=list(ids))]

    async def retried(self, ids: Collection[int]) -> None:
        """Mark rejects as sent through the main path again."""
        await self._postgres.run(SQL["retried"], ids=list(ids))

    async def purge(self, *, most: int = MOST) -> int:
        """Keep the newest ``most`` rejects; gives how many were forgotten."""
        return await self._postgres.run(SQL["purge"], most=most)


def _flat(reject: Reject) -> dict[str, object]:
    row = msgspec.structs.asdict(reject)
    clean = {k: v.replace("\x00", "") if isinstance(v, str) else v for k, v in row.items()}
    return {**clean, "preview": reject.preview[:PREVIEW]}


def _reject(row: Row) -> Reject:
    names = ("id", "log", "sequence", "source", "reason", "received", "device", "detail", "topic")
    return Reject(**dict(zip(names, row[:9], strict=True)), preview=bytes(row[9]), retried=row[10])

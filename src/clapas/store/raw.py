"""Raw messages, as doors received them: the truth that is shown and replayed."""

import base64
from collections.abc import AsyncIterator, Collection
from datetime import datetime

import pyarrow as pa

from clapas.domain.errors import NotFound
from clapas.domain.window import Window, instant, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.errors import RawExpired
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres
from clapas.store.sql import queries
from clapas.store.values import Frame, Page, RawRow

SQL = queries("raw")
RETENTION = queries("retention")
END_MS = 10_413_792_000_000
SINCE_MS = (7 * 86_400_000, 62 * 86_400_000, END_MS)
"""How far back frames are looked for, wider while a page is not full."""


class Raw:
    """Raw messages in ClickHouse, within their retention."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def by_sequence(self, log: int, sequence: int) -> Frame:
        """One raw message and its outcome. Raises NotFound (never kept, or past its retention)."""
        found = await self._with_outcomes(await self.by_sequences([(log, sequence)]))
        if not found:
            raise NotFound(log=log, sequence=sequence)
        return found[0]

    async def by_sequences(self, pairs: Collection[tuple[int, int]]) -> list[RawRow]:
        """Raw messages by (log, sequence)."""
        if not pairs:
            return []
        return _rows(await self._clickhouse.read(SQL["by_sequences"], {"pairs": list(pairs)}))

    async def read(
        self, window: Window, *, model: str = "", device: str = "", batch: int = 5000
    ) -> AsyncIterator[list[RawRow]]:
        """Raw messages received in a window, in batches by (log, sequence), for replay.

        Raises RawExpired when the window begins where retention has deleted messages.
        """
        deleted = await self.deleted_before()
        if deleted is not None and window.start < deleted:
            raise RawExpired(deleted_before=deleted.isoformat())
        values = {
            "start": milliseconds(window.start),
            "end": milliseconds(window.end),
            "model": model,
            "device": device,
            "limit": batch,
        }
        place = (0, 0)
        while True:
            where = {"log": place[0], "sequence": place[1]}
            rows = _rows(await self._clickhouse.read_own(SQL["window"], {**values, **where}))
            if rows:
                yield rows
                place = rows[-1].log, rows[-1].sequence
            if len(rows) < batch:
                return

    async def deleted_before(self) -> datetime | None:
        """Up to when raw messages were deleted by their retention; None when none ever was."""
        row = await self._postgres.row(RETENTION["raw_deleted_before"])
        return row[0] if row else None

    async def frames(
        self, device: str, *, after: str | None = None, limit: int = 50
    ) -> Page[Frame]:
        """The last frames of a device, newest first, each with its outcome."""
        limit = bounded(limit)
        before, log, sequence = key_of(after, int, int, int) or (END_MS, 0, 0)
        now = min(before, milliseconds(datetime.now().astimezone()))
        rows: list[RawRow] = []
        for back in SINCE_MS:
            values = {
                "device": device,
                "since": max(0, now - back),
                "before": before,
                "log": log,
                "sequence": sequence,
                "limit": limit + 1,
            }
            rows = _rows(await self._clickhouse.read(SQL["frames"], values))
            if len(rows) > limit:
                break
        last = rows[limit - 1] if len(rows) > limit else None
        frames = await self._with_outcomes(rows[:limit])
        return Page(frames, cursor(last.received, last.log, last.sequence) if last else None)

    async def oldest(self) -> datetime | None:
        """When the oldest raw message still kept was received; None when there is none."""
        table = await self._clickhouse.read_own(SQL["oldest"])
        row = table.to_pylist()[0]
        return instant(row["oldest"]) if row["messages"] else None

    async def _with_outcomes(self, rows: list[RawRow]) -> list[Frame]:
        if not rows:
            return []
        pairs = [(row.log, row.sequence) for row in rows]
        table = await self._clickhouse.read(SQL["outcomes"], {"pairs": pairs})
        known = {(each["log"], each["sequence"]): each for each in table.to_pylist()}
        frames: list[Frame] = []
        for row in rows:
            end = known.get((row.log, row.sequence))
            frames.append(
                Frame(
                    raw=row,
                    result=end["result"] if end else "",
                    reason=end["reason"] if end else "",
                    observations=end["observations"] if end else 0,
                )
            )
        return frames


BYTES = ("payload", "frame")


def _rows(table: pa.Table) -> list[RawRow]:
    return [
        RawRow(**{**row, **{name: base64.b64decode(row[name]) for name in BYTES}})
        for row in table.to_pylist()
    ]

"""The audit trail's table: events appended in one order by one writer at a time."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from clapas.store.postgres import Postgres
from clapas.store.sql import queries

SQL = queries("audit")
NOTHING_BEFORE = bytes(32)


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the trail: its number, its text, the hash that joins it to all before."""

    seq: int
    event: bytes
    hash: bytes


class NewRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event to append; ``hash`` in hexadecimal."""

    seq: int
    t: datetime
    who: str
    what: str
    event: str
    hash: str


Chain = Callable[[int, bytes], Sequence[NewRow]]
"""Given the last number and hash, the rows that follow."""


class AuditStore:
    """Append and read; nothing else is possible, the table refuses it."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def append(self, chain: Chain) -> None:
        """Append what follows the last event, alone: other processes wait their turn."""
        async with self._postgres.transaction() as connection:
            await connection.execute(SQL["lock"])
            cursor = await connection.execute(SQL["head"])
            head = await cursor.fetchone()
            rows = chain(head[0], bytes(head[1])) if head else chain(0, NOTHING_BEFORE)
            text = msgspec.json.encode(rows).decode()
            await connection.execute(SQL["add"], {"rows": text})

    async def after(self, seq: int, *, limit: int = 10_000) -> list[AuditRow]:
        """Events after a number, in order."""
        rows = await self._postgres.rows(SQL["after"], after=seq, limit=limit)
        return [_row(*row, proof=proof) for *row, proof in rows]

    async def latest(
        self, *, before: int = 0, who: str = "", what: str = "", limit: int = 50
    ) -> list[AuditRow]:
        """The newest events, of somebody or of one kind when asked."""
        rows = await self._postgres.rows(
            SQL["latest"], before=before, who=who, what=what, limit=limit
        )
        return [_row(*row, proof=proof) for *row, proof in rows]


def _row(seq: int, event: str, *, proof: bytes) -> AuditRow:
    return AuditRow(seq=seq, event=event.encode(), hash=bytes(proof))

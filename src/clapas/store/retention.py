"""What is kept how long, and the proof of what was deleted."""

from datetime import datetime, timedelta

import msgspec

from clapas.domain.window import milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.messages import Messages
from clapas.store.postgres import Postgres
from clapas.store.rejects import Rejects
from clapas.store.settings import Settings
from clapas.store.sql import queries

SQL = queries("retention")
TRACES = queries("governance")["digest_raw"]

WHAT = {
    "raw": ("raw_rows", "delete_raw"),
    "observation": ("observation_rows", "delete_observations"),
    "observation_text": ("observation_text_rows", "delete_texts"),
}


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """So many rows of a table, older than a date, were deleted at that time."""

    id: int = 0
    done: datetime | None = None
    kept: str
    dataset: str = ""
    before: datetime
    rows: int


class Retention:
    """Deletes what is past its time; whole civil midnights, so that proofs read well."""

    def __init__(
        self,
        postgres: Postgres,
        clickhouse: ClickHouse,
        *,
        messages: Messages,
        rejects: Rejects,
        settings: Settings,
    ) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse
        self._messages = messages
        self._rejects = rejects
        self._settings = settings

    async def apply(self, *, now: datetime) -> list[Proof]:
        """Delete what is past its time; gives and keeps one proof for each table that lost rows."""
        days = {
            "raw": self._settings.raw_days,
            "observation": self._settings.observation_days,
            "observation_text": self._settings.observation_days,
        }
        proofs = [
            proof
            for kept, count in days.items()
            if count and (proof := await self._delete(kept, now - timedelta(days=count)))
        ]
        await self._messages.purge(older_than_hours=self._settings.claim_hours)
        await self._rejects.purge(most=self._settings.rejects_kept)
        return proofs

    async def _delete(self, kept: str, before: datetime) -> Proof | None:
        before = before.replace(hour=0, minute=0, second=0, microsecond=0)
        count, delete = WHAT[kept]
        values = {"before": milliseconds(before)}
        table = await self._clickhouse.read_own(SQL[count], values)
        rows = int(table.column("rows")[0].as_py())
        if not rows:
            return None
        if kept == "raw":
            await self._clickhouse.run(TRACES, {**values, "devices": []})
        if kept == "observation":
            await self._postgres.run(SQL["forget_marks"], **values)
        proof = Proof(kept=kept, before=before, rows=rows)
        await self._postgres.run(SQL["prove"], kept=kept, dataset="", before=before, rows=rows)
        await self._clickhouse.run(SQL[delete], values)
        return proof

    async def proofs(self, *, limit: int = 100) -> list[Proof]:
        """Proofs, newest first."""
        names = ("id", "done", "kept", "dataset", "before", "rows")
        rows = await self._postgres.rows(SQL["proofs"], limit=min(limit, 1000))
        return [Proof(**dict(zip(names, row, strict=True))) for row in rows]

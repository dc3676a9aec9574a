"""Writes through an API: one PostgreSQL transaction, seen at once, relayed afterwards."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence

from clapas.domain.keys import LOG_API
from clapas.domain.message import Observation, ObservationBatch, Outcome
from clapas.domain.window import Window, milliseconds
from clapas.store import columns
from clapas.store.clickhouse import ClickHouse
from clapas.store.dirty import Dirty
from clapas.store.history import SQL as HISTORY
from clapas.store.history import History
from clapas.store.messages import Messages
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries
from clapas.store.state import SQL as STATE
from clapas.store.state import newest_of
from clapas.store.values import StateRow

SQL = queries("tail")
SETTLED_SECONDS = 600
"""Nothing stays longer on its way through the main path than this."""
FOREVER_MS = 5_680_281_600_000
Publish = Callable[[ObservationBatch], Awaitable[object]]


class Writes:
    """Values that people and programs write, not devices."""

    def __init__(
        self, postgres: Postgres, clickhouse: ClickHouse, *, messages: Messages, history: History
    ) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse
        self._messages = messages
        self._history = history
        self._dirty = Dirty(postgres)
        self._log = 0

    async def put(self, rows: Sequence[StateRow], *, source: str) -> int:
        """State and history tail in one transaction; gives the write's number.

        ``source`` is the door's name in the ledger. Reads see the values from the commit on.
        """
        values = {"rows": batch(rows), "source": source}
        async with self._postgres.transaction() as connection:
            cursor = await connection.execute(SQL["numbers"])
            write, generation = await cursor.fetchone() or (0, 0)
            await connection.execute(STATE["upsert"], {"rows": batch(newest_of(rows))})
            await connection.execute(
                SQL["put"], {**values, "write": write, "generation": generation}
            )
        return int(write)

    async def withdraw(self, series: Collection[int], window: Window | None = None) -> None:
        """Delete values (all until now, or those of a window), fenced against those on their way."""
        start = milliseconds(window.start) if window else 0
        end = milliseconds(window.end) if window else FOREVER_MS
        async with self._postgres.transaction() as connection:
            cursor = await connection.execute(SQL["numbers"])
            _, generation = await cursor.fetchone() or (0, 0)
            values = {"series": list(series), "start": start, "end": end}
            await connection.execute(SQL["fence"], {**values, "generation": generation})

    async def relay(self, publish: Publish, *, limit: int = 1000) -> int:
        """Move waiting writes to ClickHouse and tell them; gives how many values.

        Safe for several at once, and to repeat after a crash at any moment: a value relayed twice
        is the same row.
        """
        self._log = self._log or await self._messages.log_id(LOG_API, "1")
        async with self._postgres.transaction() as connection:
            cursor = await connection.execute(SQL["take"], {"limit": limit})
            rows = await cursor.fetchall()
            if rows:
                values = [self._observation(row) for row in rows]
                await self._history.write([], values, outcomes=self._outcomes(rows))
                await publish(ObservationBatch(observations=values))
                await connection.execute(SQL["relayed"], {"ids": [row[0] for row in rows]})
        await self._apply_fences()
        return len(rows)

    async def waiting(self) -> int:
        """How many writes wait to be relayed."""
        row = await self._postgres.row(SQL["waiting"])
        return int(row[0]) if row else 0

    def _observation(self, row: Row) -> Observation:
        _, write, _, series, measured, value, received, quality, generation = row
        value = float(value) if columns.is_number(value) else value
        return Observation(
            series, measured, value, received, self._log, write, quality, 0, generation
        )

    def _outcomes(self, rows: Sequence[Row]) -> list[Outcome]:
        counts = Counter(row[1] for row in rows)
        doors = {row[1]: (row[2], row[6]) for row in rows}
        return [
            Outcome(
                self._log,
                write,
                doors[write][0],
                "",
                "stored",
                observations=count,
                received=doors[write][1],
            )
            for write, count in counts.items()
        ]

    async def _apply_fences(self) -> None:
        for row in await self._postgres.rows(SQL["fences_due"], settled=SETTLED_SECONDS):
            number, series, start, end, generation, applied = row
            values = {"series": series, "start": start, "end": end, "generation": generation}
            hours = await self._clickhouse.read_own(HISTORY["hours_of"], values)
            await self._clickhouse.run(HISTORY["withdraw"], values)
            await self._clickhouse.run(HISTORY["withdraw_texts"], values)
            touched = [(hour, series) for hour in hours.column("hour").to_pylist()]
            await self._dirty.mark("h", touched)
            await self._postgres.run(SQL["fence_gone" if applied else "fence_applied"], id=number)

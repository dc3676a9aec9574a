"""The count of messages, always recomputed from outcome rows, never from counters."""

import time

from clapas.store.clickhouse import ClickHouse
from clapas.store.sql import queries
from clapas.store.values import LogCount

SQL = queries("ledger")
ALL = 2**63
CHUNK = 5_000_000


class Ledger:
    """At sequence S of a log, received = outcomes + in flight (law 4)."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def counts(self, log: int, upto: int | None = None) -> list[LogCount]:
        """Messages by source, result and reason, up to a sequence included (None: all)."""
        values = {"log": log, "upto": ALL if upto is None else upto}
        table = await self._clickhouse.read_own(SQL["counts"], values)
        return [LogCount(**row) for row in table.to_pylist()]

    async def outcomes_upto(self, log: int, sequence: int) -> int:
        """How many messages of a log up to a sequence included have their outcome."""
        table = await self._clickhouse.read_own(SQL["upto"], {"log": log, "sequence": sequence})
        return int(table.column("messages")[0].as_py())

    async def missing(self, log: int, first: int, last: int, *, limit: int = 1000) -> list[int]:
        """Sequences from first to last included that have no outcome, the first ``limit``."""
        absent: list[int] = []
        for low in range(first, last + 1, CHUNK):
            high = min(low + CHUNK - 1, last)
            values = {"log": log, "first": low, "last": high}
            table = await self._clickhouse.read_own(SQL["present"], values)
            present = set(table.column("sequence").to_pylist())
            absent += [each for each in range(low, high + 1) if each not in present]
            if len(absent) >= limit:
                break
        return absent[:limit]

    async def last_by_source(self) -> dict[str, tuple[int, int, int]]:
        """Source → (last received ms, messages in 24 h, rejects in 24 h), over 30 days."""
        table = await self._clickhouse.read(SQL["by_source"])
        return {
            row["source"]: (row["last"], row["messages"], row["rejects"])
            for row in table.to_pylist()
        }

    async def rates(self, *, minutes: int = 60) -> list[int]:
        """Messages received in each of the last whole minutes, oldest first."""
        table = await self._clickhouse.read(SQL["rates"], {"minutes": minutes})
        found = {row["minute"]: row["messages"] for row in table.to_pylist()}
        now = int(time.time()) // 60
        return [found.get(minute, 0) for minute in range(now - minutes, now)]

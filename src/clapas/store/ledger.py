"""The count of messages, always recomputed from outcome rows, never from counters.

Outcomes lie in blocks of 2²⁴ sequences (the table's partitions). A block is counted again only when the
engine's parts of it are no longer those that were counted: years of sealed blocks cost nothing.
"""

import time
from collections import Counter

from clapas.store.clickhouse import ClickHouse
from clapas.store.sql import queries
from clapas.store.values import LogCount

SQL = queries("ledger")
ALL = 2**63
CHUNK = 5_000_000
BLOCK = 1 << 24
"""Sequences of one partition of the table ``outcome``."""

Key = tuple[str, str, str]
"""Source, result, reason."""


class Ledger:
    """At sequence S of a log, received = outcomes + in flight (law 4)."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._sealed: dict[tuple[int, int], tuple[str, dict[Key, int]]] = {}

    async def counts(self, log: int, upto: int | None = None) -> list[LogCount]:
        """Messages by source, result and reason, up to a sequence included (None: all)."""
        last = ALL if upto is None else upto
        total: Counter[Key] = Counter()
        parts = await self._clickhouse.read_own(SQL["blocks"], {"log": log})
        for row in parts.to_pylist():
            block, names = int(row["block"]), str(row["names"])
            if block * BLOCK > last:
                continue
            known = self._sealed.get((log, block))
            whole = (block + 1) * BLOCK <= last
            if not whole or known is None or known[0] != names:
                known = (names, await self._block(log, block, last=last))
                if whole:
                    self._sealed[log, block] = known
            total.update(known[1])
        return [
            LogCount(source=source, result=result, reason=reason, messages=messages)
            for (source, result, reason), messages in sorted(total.items())
        ]

    async def _block(self, log: int, block: int, *, last: int) -> dict[Key, int]:
        """The final rows of one block, counted."""
        values = {
            "log": log,
            "first": block * BLOCK,
            "last": min((block + 1) * BLOCK - 1, last),
        }
        table = await self._clickhouse.read_own(SQL["counts"], values)
        return {
            (row["source"], row["result"], row["reason"]): row["messages"]
            for row in table.to_pylist()
        }

    async def outcomes_upto(self, log: int, sequence: int) -> int:
        """How many messages of a log up to a sequence included have their outcome."""
        table = await self._clickhouse.read_own(SQL["upto"], {"log": log, "sequence": sequence})
        return int(table.column("messages")[0].as_py())

    async def missing(self, log: int, first: int, *, last: int, limit: int = 1000) -> list[int]:
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

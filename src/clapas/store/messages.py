"""Logs and claims: which message is whose, and which is a duplicate."""

from collections.abc import Sequence

from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries
from clapas.store.values import Claim, LogName

SQL = queries("messages")
Owner = tuple[int, int]


class Messages:
    """The identities of messages (law 3), shared by every worker of the pipeline."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def log_id(self, name: str, incarnation: str) -> int:
        """The number of a log's incarnation (its creation time); made on first use."""
        row = await self._postgres.row(SQL["log_id"], name=name, incarnation=incarnation)
        return int(row[0]) if row else 0

    async def logs(self) -> list[LogName]:
        """Every log incarnation known, oldest first."""
        return [LogName(*row) for row in await self._postgres.rows(SQL["logs"])]

    async def claim(self, claims: Sequence[Claim]) -> list[bool]:
        """For each claim, in order: True = mine (first, or the same (log, sequence) again).

        False = another message had this identity within ten minutes of its own time; later than
        that it is a counter reset, and mine. One statement a round: a batch needs a second round
        only when it holds the same identity twice.
        """
        mine = [False] * len(claims)
        waiting = list(range(len(claims)))
        while waiting:
            first: dict[bytes, int] = {}
            for index in waiting:
                first.setdefault(claims[index].digest, index)
            owners = await self._claim([claims[index] for index in first.values()])
            for digest, index in first.items():
                claim = claims[index]
                mine[index] = (claim.log, claim.sequence) in owners[digest]
            waiting = [index for index in waiting if first[claims[index].digest] != index]
        return mine

    async def _claim(self, claims: Sequence[Claim]) -> dict[bytes, set[Owner]]:
        rows = await self._postgres.rows(SQL["claim"], claims=batch(claims))
        return {bytes(row[0]): _owners(row) for row in rows}

    async def purge(self, *, older_than_hours: int = 48) -> int:
        """Forget claims made that long ago; gives how many."""
        return await self._postgres.run(SQL["purge"], hours=older_than_hours)


def _owners(row: Row) -> set[Owner]:
    _, log, sequence, earlier = row
    found = {(log, sequence)}
    if earlier:
        found.update(zip(earlier[::3], earlier[1::3], strict=True))
    return found

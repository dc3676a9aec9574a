"""Datasets that follow a saved group: what enters the group enters the dataset, and leaves with it.

Every exit reads the column ``dataset`` of a device or of an entity, and nothing else: single decisions and the
row filters of both engines therefore agree about a group as they do about any dataset.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping

import msgspec

from clapas.store.postgres import Postgres, batch
from clapas.store.series import SeriesStore
from clapas.store.sql import queries

SQL = queries("dataset_groups")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, how closed it is, and the keys of the devices of its group."""

    dataset: str
    rank: int
    keys: list[str]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What records ask for; ``ranks`` tells how closed each dataset is, ``unknown`` one without record."""

    claims: list[Claim]
    ranks: Mapping[str, int]
    unknown: int


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How many devices and things changed of dataset."""

    devices: int = 0
    things: int = 0


class DatasetGroups:
    """Devices and things in the datasets whose groups have them."""

    def __init__(self, postgres: Postgres, series: SeriesStore) -> None:
        self._postgres = postgres
        self._series = series

    async def follow(
        self, claims: Callable[[], Awaitable[Claims]], *, whole: bool = False
    ) -> Followed:
        """Bring devices and things to the datasets that claim them, when something asked for it.

        One transaction, one node at a time; ``whole``: also when nothing asked.
        """
        followed = Followed()
        async with self._postgres.transaction() as connection:
            await connection.execute(SQL["alone"])
            due = await connection.execute(SQL["take_due"])
            if whole or due.rowcount:
                wanted = await claims()
                devices = await connection.execute(
                    SQL["hold_devices"], {"claims": batch(wanted.claims)}
                )
                things = await connection.execute(SQL["hold_things"], _things(wanted))
                followed = Followed(devices=devices.rowcount, things=things.rowcount)
        await self.mirror()
        return followed

    async def mirror(self) -> None:
        """Tell ClickHouse where the entities are now whose dataset or commune changed."""
        async with self._postgres.transaction() as connection:
            moved = await (await connection.execute(SQL["take_places"])).fetchall()
            if moved:
                await self._series.mirror(entities=sorted({row[0] for row in moved}))

    async def held(self, dataset: str) -> list[str]:
        """The devices that a group holds in a dataset."""
        return [row[0] for row in await self._postgres.rows(SQL["held"], dataset=dataset)]

    async def members(self, dataset: str) -> Followed:
        """How many devices and things a group holds in a dataset."""
        row = await self._postgres.row(SQL["members"], dataset=dataset)
        return Followed(devices=row[0], things=row[1]) if row else Followed()

    async def naming(self, group: str) -> list[str]:
        """The datasets whose records name a saved group."""
        return [row[0] for row in await self._postgres.rows(SQL["naming_group"], group=group)]


def _things(wanted: Claims) -> dict[str, object]:
    ranks: Collection[dict[str, object]] = [
        {"dataset": name, "rank": rank} for name, rank in wanted.ranks.items()
    ]
    return {
        "ranks": batch(list(ranks)),
        "unknown": wanted.unknown,
        "datasets": [each.dataset for each in wanted.claims],
    }

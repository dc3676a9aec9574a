"""How the fleet is: silence by gateway, loss, drift, stuck series, batteries; and what must be mended."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.domain.window import milliseconds
from clapas.store import filters
from clapas.store.clickhouse import ClickHouse
from clapas.store.postgres import Postgres, batch
from clapas.store.sql import queries

SQL = queries("fleet_health")
ALL = RowFilter(everything=True)


class GatewayState(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway by the devices that it heard last."""

    id: str
    devices: int
    quiet: int
    heard: datetime
    expected: timedelta
    name: str


class SilentDevice(msgspec.Struct, frozen=True, kw_only=True):
    """An active device that should have spoken; ``interval_s`` is what is expected of it."""

    key: str
    gateway: str
    received: datetime | None
    created: datetime
    interval_s: int


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong; ``count`` is how many devices it touches."""

    id: int = 0
    kind: str
    subject: str
    since: datetime | None = None
    count: int = 1
    detail: dict[str, Any] = {}
    muted: bool | None = None


class FleetHealth:
    """Checks over the fleet, and the list of what they found."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def gateways(self, now: datetime) -> list[GatewayState]:
        """Every gateway that devices were heard by."""
        rows = await self._postgres.rows(SQL["gateways"], now=now)
        names = GatewayState.__struct_fields__
        return [GatewayState(**dict(zip(names, row, strict=True))) for row in rows]

    async def silent(self, now: datetime) -> list[SilentDevice]:
        """Active devices that were not heard for five of their intervals."""
        rows = await self._postgres.rows(SQL["silent"], now=now)
        names = SilentDevice.__struct_fields__
        return [SilentDevice(**dict(zip(names, row, strict=True))) for row in rows]

    async def counts(self) -> tuple[int, int, int]:
        """Proposed devices, devices with a place and no commune, active devices without model."""
        row = await self._postgres.row(SQL["counts"])
        return (row[0], row[1], row[2]) if row else (0, 0, 0)

    async def unwell(self) -> list[dict[str, Any]]:
        """Devices that the last check found unwell, with what it found."""
        names = ("key", "battery_end", "loss", "drift_s", "frozen", "implausible", "battery_level")
        rows = await self._postgres.rows(SQL["unwell"])
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def losses(self) -> dict[str, float]:
        """Share of frames lost during the last day, by device."""
        table = await self._clickhouse.read_own(SQL["loss"])
        return {r["device"]: 1 - r["heard"] / r["span"] for r in table.to_pylist() if r["span"]}

    async def drifts(self) -> dict[str, float]:
        """Clock drift in seconds by device, of those beyond two minutes."""
        table = await self._clickhouse.read_own(SQL["drift"])
        return {row["device"]: float(row["drift"]) for row in table.to_pylist()}

    async def stuck(self) -> list[dict[str, Any]]:
        """Series that never moved for a day (``frozen``), or are often ``implausible`` (share)."""
        table = await self._clickhouse.read_own(SQL["stuck"])
        return list(table.to_pylist())

    async def batteries(self) -> list[dict[str, Any]]:
        """The line of each battery: ``slope`` by day, ``start`` at day 0 (1970), ``latest``."""
        table = await self._clickhouse.read_own(SQL["batteries"])
        return list(table.to_pylist())

    async def answers(self, since: datetime) -> list[tuple[str, str, bytes]]:
        """(device, kind, payload) of what networks said of downlinks since a moment."""
        values = {"since": milliseconds(since)}
        table = await self._clickhouse.read_own(SQL["answers"], values)
        return [(row["device"], row["kind"], _bytes(row["payload"])) for row in table.to_pylist()]

    async def measured_by(self, series: Collection[int]) -> dict[int, tuple[str, str, str]]:
        """Series → (device key, attribute, quantity)."""
        rows = await self._postgres.rows(SQL["measured_by"], series=list(series)) if series else []
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    async def save(self, found: Sequence[dict[str, Any]], *, checked: datetime) -> None:
        """Keep what a check found: one row a device; the devices that are not named are well."""
        if found:
            await self._postgres.run(SQL["save"], found=batch(found))
        await self._postgres.run(SQL["forget"], before=checked)

    async def report(
        self, found: Sequence[Repair], *, kinds: Collection[str], began: datetime
    ) -> None:
        """Replace the problems of these kinds; known ones keep their first moment and their mute."""
        if found:
            await self._postgres.run(SQL["report"], found=batch(found))
        await self._postgres.run(SQL["mended"], kinds=list(kinds), before=began)

    async def repairs(
        self,
        rows: RowFilter = ALL,
        *,
        kind: str = "",
        muted: bool = False,
        skip: int = 0,
        limit: int = 100,
    ) -> list[Repair]:
        """What is wrong, what touches most devices first."""
        return await self._repairs(rows, id=0, kind=kind, muted=muted, skip=skip, limit=limit)

    async def repair(self, number: int) -> Repair:
        """One problem. Raises NotFound."""
        found = await self._repairs(ALL, id=number, kind="", muted=True, skip=0, limit=1)
        if not found or not number:
            raise NotFound(repair=number)
        return found[0]

    async def repair_counts(self, rows: RowFilter = ALL) -> dict[str, int]:
        """How many problems of each kind."""
        found = await self._postgres.rows(SQL["repair_counts"], **filters.values(rows))
        return {row[0]: row[1] for row in found}

    async def mute(self, number: int, days: int) -> None:
        """Do not show a problem for some days."""
        await self._postgres.run(SQL["mute"], id=number, days=days)

    async def _repairs(self, rows: RowFilter, **values: Any) -> list[Repair]:
        found = await self._postgres.rows(SQL["repairs"], **values, **filters.values(rows))
        names = Repair.__struct_fields__
        return [Repair(**dict(zip(names, row, strict=True))) for row in found]


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value

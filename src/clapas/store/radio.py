"""How the radio reaches the devices, from the receptions that the raw messages kept."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.window import instant, milliseconds
from clapas.store import filters
from clapas.store.clickhouse import ClickHouse
from clapas.store.postgres import Postgres
from clapas.store.sql import queries

SQL = queries("radio")


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """How one gateway hears a device: mean RSSI (dBm), mean and best SNR (dB)."""

    gateway: str
    frames: int
    rssi: float
    snr: float
    best_snr: float
    last: datetime


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day's frames: ``heard`` of the ``span`` between the first and the last counter."""

    day: str
    heard: int
    span: int


class DeviceLinks(msgspec.Struct, frozen=True, kw_only=True):
    """A device's radio since a moment; ``rates``: frames by data rate."""

    gateways: list[Link]
    rates: dict[str, int]
    days: list[Day]


class HeardAt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A place from which a gateway hears a device (WGS 84; means of RSSI in dBm and SNR in dB)."""

    longitude: float
    latitude: float
    gateway: str
    frames: int
    rssi: float
    snr: float


class RadioStore:
    """Receptions in ClickHouse, places in PostgreSQL."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def links(self, device: str, since: datetime) -> DeviceLinks:
        """How a device was heard since a moment."""
        values = {"device": device, "since": milliseconds(since)}
        links = (await self._clickhouse.read(SQL["links"], values)).to_pylist()
        rates = (await self._clickhouse.read(SQL["rates"], values)).to_pylist()
        days = (await self._clickhouse.read(SQL["days"], values)).to_pylist()
        return DeviceLinks(
            gateways=[Link(**{**row, "last": instant(row["last"])}) for row in links],
            rates={row["data_rate"]: row["frames"] for row in rates},
            days=[Day(**row) for row in days],
        )

    async def heard_at(
        self, rows: RowFilter, since: datetime, *, gateway: str = ""
    ) -> Sequence[HeardAt]:
        """Where devices that may be seen were heard from since a moment, by gateway."""
        values = {"since": milliseconds(since), "gateway": gateway}
        table = await self._clickhouse.read(SQL["receptions"], values)
        found = await self._postgres.rows(SQL["places"], **filters.values(rows))
        places = {row[0]: (row[1], row[2]) for row in found}
        return [
            HeardAt(
                longitude=places[row["device"]][0],
                latitude=places[row["device"]][1],
                gateway=row["gateway"],
                frames=row["frames"],
                rssi=row["rssi"],
                snr=row["snr"],
            )
            for row in table.to_pylist()
            if row["device"] in places
        ]

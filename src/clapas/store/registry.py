"""Devices: resolved for decoding, heard, proposed, listed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.device import Binding, Device
from clapas.domain.errors import NotFound
from clapas.store import filters
from clapas.store.cache import KnownDevices
from clapas.store.models import model_of
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries
from clapas.store.territory import Territory
from clapas.store.text import device_words, pattern, searchable
from clapas.store.values import DeviceRow, Known, Page, Proposal, Seen

SQL = queries("registry")

_BINDINGS = msgspec.json.Decoder(
    list[tuple[str, str, str, str, float, float, datetime | None, datetime | None]]
)


class Registry:
    """The devices of the territory."""

    def __init__(self, postgres: Postgres, cache: KnownDevices, *, territory: Territory) -> None:
        self._postgres = postgres
        self._cache = cache
        self._territory = territory

    async def resolve(self, keys: Collection[str]) -> dict[str, Known]:
        """External device ids → what decoding needs; unknown ids are absent.

        Answered from memory, which every change of the registry corrects (LISTEN); an unknown id
        is asked again after five seconds.
        """
        found, missing = self._cache.get(keys)
        if missing:
            changes = self._cache.changes
            rows = await self._postgres.rows(SQL["resolve"], keys=missing)
            read = {row[1]: _known(row) for row in rows}
            self._cache.keep(missing, read, changes=changes)
            found.update(read)
        return found

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call ``changed`` with each device key whose entry changes, '' when any may have."""

        def notice(told: str | None) -> None:
            for key in (told or "*").split("\n"):
                changed("" if key == "*" else key)

        self._cache.listeners.append(notice)

    async def touch(self, seen: Mapping[str, Seen]) -> None:
        """Devices were heard; the newest wins, unknown keys are passed over. One statement."""
        if seen:
            rows = [{"key": key, **msgspec.structs.asdict(each)} for key, each in seen.items()]
            await self._postgres.run(SQL["touch"], seen=batch(rows))

    async def propose(self, proposals: Sequence[Proposal]) -> None:
        """Keep unknown devices as lifecycle 'proposed'; those already known are left alone."""
        rows = [
            {
                "id": uuid4(),
                "search": searchable(each.key, each.name),
                **msgspec.structs.asdict(each),
            }
            for each in {each.key: each for each in proposals}.values()
        ]
        if rows:
            await self._postgres.run(SQL["propose"], devices=batch(rows))

    async def save_devices(self, devices: Sequence[Device], *, simulated: bool = False) -> None:
        """Create or replace devices by key (an existing device keeps its id and birth).

        A device that has a place and no commune goes to the commune that holds it.
        """
        wanted = await self._placed(list({each.key: each for each in devices}.values()))
        rows = [
            {
                **msgspec.structs.asdict(each),
                "search": device_words(each.key, each.name, tags=each.tags),
            }
            for each in wanted
        ]
        if rows:
            await self._postgres.run(SQL["save"], devices=batch(rows), simulated=simulated)

    async def _placed(self, devices: list[Device]) -> list[Device]:
        unplaced = [
            (index, (each.longitude, each.latitude))
            for index, each in enumerate(devices)
            if not each.commune and each.longitude is not None and each.latitude is not None
        ]
        codes = await self._territory.commune_at([place for _, place in unplaced])
        for (index, _), code in zip(unplaced, codes, strict=True):
            devices[index] = msgspec.structs.replace(devices[index], commune=code)
        return devices

    async def remove_devices(self, keys: Collection[str]) -> int:
        """Remove devices with their bindings (their history stays); gives how many."""
        return await self._postgres.run(SQL["remove"], keys=list(keys))

    async def devices(
        self,
        rows: RowFilter,
        *,
        q: str = "",
        source: str = "",
        model: str = "",
        lifecycle: str = "",
        commune: str = "",
        after: str | None = None,
        limit: int = 50,
    ) -> Page[DeviceRow]:
        """Devices by key, filtered; ``q`` looks into key and name, without case or accents."""
        limit = bounded(limit)
        chosen = {"source": source, "model": model, "lifecycle": lifecycle, "commune": commune}
        key = key_of(after, str)
        found = await self._devices(
            rows, q=q, after=key[0] if key else "", limit=limit + 1, key="", **chosen
        )
        more = cursor(found[limit - 1].device.key) if len(found) > limit else None
        return Page(found[:limit], more)

    async def device(self, key: str, rows: RowFilter | None = None) -> DeviceRow:
        """One device by key, if it may be seen. Raises NotFound."""
        found = await self._devices(
            rows or RowFilter(everything=True), q="", after="", limit=1, key=key,
            source="", model="", lifecycle="", commune="",
        )  # fmt: skip
        if not found:
            raise NotFound(device=key)
        return found[0]

    async def may_place(self, rows: RowFilter, *, key: str, commune: str) -> bool:
        """Would these rows hold a device, new or known, that were in this commune?"""
        found = await self._postgres.rows(
            SQL["may_place"], key=key, commune=commune, **filters.values(rows)
        )
        return bool(found)

    async def _devices(self, rows: RowFilter, *, q: str, **values: str | int) -> list[DeviceRow]:
        found = await self._postgres.rows(
            SQL["devices"], q=q, pattern=pattern(q), **values, **filters.values(rows)
        )
        return [listed_row(row) for row in found]

    async def freshness(self, rows: RowFilter, *, now: datetime) -> dict[str, int]:
        """Active devices: how many, heard within the hour, late (> 2 intervals), silent (> 5), never."""
        row = await self._postgres.row(SQL["freshness"], now=now, **filters.values(rows))
        names = ("devices", "seen_1h", "late", "silent", "never")
        return dict(zip(names, row or (0,) * 5, strict=True))

    async def bind(self, device: str, bindings: Sequence[Binding]) -> None:
        """Replace the bindings of a device (by key). Raises NotFound."""
        if await self._postgres.row(SQL["has_device"], key=device) is None:
            raise NotFound(device=device)
        await self._postgres.run(SQL["bind"], key=device, bindings=batch(bindings))

    async def bindings_of(self, entity: str) -> list[tuple[str, Binding]]:
        """(device key, binding) of every binding to an entity."""
        rows = await self._postgres.rows(SQL["bindings_of"], entity=entity)
        return [(row[0], _binding(row[1:])) for row in rows]


def _binding(row: Row) -> Binding:
    names = ("channel", "entity", "attribute", "quantity", "scale", "offset", "start", "end")
    return Binding(**dict(zip(names, row, strict=True)))


def _device(row: Row, last_seen: datetime | None = None) -> Device:
    names = ("id", "key", "source", "model", "name", "lifecycle", "longitude", "latitude")
    more = ("commune", "owner", "tags", "created")
    return Device(**dict(zip(names + more, row[:12], strict=True)), last_seen=last_seen)


def _known(row: Row) -> Known:
    bindings = tuple(_binding(each) for each in _BINDINGS.decode(row[24])) if row[24] else ()
    return Known(_device(row), model_of(row[12:23]) if row[12] else None, row[23], bindings)


def listed_row(row: Row) -> DeviceRow:
    return DeviceRow(
        device=_device(row, row[12]),
        rssi=row[13],
        snr=row[14],
        gateway=row[15],
        battery_level=row[16],
        interval_s=row[17],
        simulated=row[18],
    )

"""Devices as a fleet: chosen by a query, moved together, their files, keys, log, groups and bill."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.device import Lifecycle
from clapas.domain.errors import Conflict, InvalidInput, NotFound
from clapas.store import filters
from clapas.store.page import cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.registry import listed_row
from clapas.store.sql import queries
from clapas.store.text import device_words, pattern, searchable
from clapas.store.values import DeviceRow, Page

SQL = queries("fleet")
MOST = 100_000


class DeviceQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which devices: every field that is not empty must hold; ``group`` names a saved query to narrow."""

    q: str = ""
    keys: tuple[str, ...] = ()
    source: str = ""
    model: str = ""
    lifecycle: str = ""
    commune: str = ""
    state: str = ""
    service: str = ""
    gateway: str = ""
    tag: str = ""
    group: str = ""


class DeviceFile(msgspec.Struct, frozen=True, kw_only=True):
    """Origin, money and place of work of a device. ``yearly_cost`` in euros."""

    serial: str = ""
    address: str = ""
    site: str = ""
    service: str = ""
    supplier: str = ""
    contract: str = ""
    bought: date | None = None
    warranty: date | None = None
    yearly_cost: float | None = None
    note: str = ""
    join_eui: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What the last check found: end of the battery, share of frames lost, clock drift in seconds."""

    battery_end: date | None = None
    loss: float | None = None
    drift_s: float | None = None
    frozen: str = ""
    implausible: float | None = None


class FleetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A device with its file and its health."""

    row: DeviceRow
    file: DeviceFile
    health: Health


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a device's log: who did what, when."""

    id: int
    kind: str
    at: datetime
    actor: str
    before: str = ""
    after: str = ""
    note: str = ""
    photo: bool = False
    name: str = ""
    """Of the account that signed it; '' for the platform, a key or a device."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What is written in a device's log; ``photo`` is an image's bytes."""

    kind: str
    actor: str
    note: str = ""
    before: str = ""
    after: str = ""
    at: datetime | None = None
    photo: bytes | None = None
    photo_kind: str = ""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A saved query under a name."""

    name: str
    label: str
    query: DeviceQuery
    actor: str = ""
    created: datetime | None = None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The yearly bill (euros) of a service with a supplier."""

    service: str
    supplier: str
    devices: int
    yearly: float
    out_of_warranty: int


class UseCost(msgspec.Struct, frozen=True, kw_only=True):
    """The yearly bill (euros) of a use: the type of the things measured, '' when nothing is."""

    use: str
    devices: int
    things: int
    yearly: float


class Fleet:
    """The devices, many at a time."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def select(
        self, rows: RowFilter, query: DeviceQuery, *, after: str | None = None, limit: int = 50
    ) -> Page[FleetRow]:
        """Devices by key that the query chooses."""
        limit = max(1, min(limit, MOST))
        key = key_of(after, str)
        found = await self._postgres.rows(
            SQL["select"],
            after=key[0] if key else "",
            limit=limit + 1,
            **await self._chosen(query, rows),
        )
        listed = [_fleet_row(row) for row in found[:limit]]
        return Page(listed, cursor(found[limit - 1][1]) if len(found) > limit else None)

    async def one(self, key: str, rows: RowFilter) -> FleetRow:
        """One device. Raises NotFound."""
        page = await self.select(rows, DeviceQuery(keys=(key,)), limit=1)
        if not page.items:
            raise NotFound(device=key)
        return page.items[0]

    async def count(self, rows: RowFilter, query: DeviceQuery) -> dict[str, int]:
        """How many the query chooses, by state."""
        found = await self._postgres.rows(SQL["count"], **await self._chosen(query, rows))
        return {row[0]: row[1] for row in found}

    async def models(self, rows: RowFilter, query: DeviceQuery) -> dict[str, int]:
        """How many of those that have a model, by model."""
        found = await self._postgres.rows(SQL["models"], **await self._chosen(query, rows))
        return {row[0]: row[1] for row in found}

    async def keys(self, rows: RowFilter, query: DeviceQuery) -> list[str]:
        """The keys that the query chooses, at most 100,000."""
        found = await self._postgres.rows(
            SQL["keys"], limit=MOST, **await self._chosen(query, rows)
        )
        return [row[0] for row in found]

    async def _chosen(self, query: DeviceQuery, rows: RowFilter) -> dict[str, Any]:
        """The parameters of a query, its group's own conditions included."""
        if not query.group:
            return _values(query, rows)
        group = await self.group(query.group)
        return _values(narrowed(query, group.query), rows, also=group.query.q)

    async def save_files(self, files: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Origin and money by device key; an absent or empty field stays as it was."""
        rows = [{**file, "key": key} for key, file in dict(files).items()]
        if not rows:
            return
        await self._postgres.run(SQL["save_files"], files=batch(rows))
        query = DeviceQuery(keys=tuple(row["key"] for row in rows))
        page = await self.select(RowFilter(everything=True), query, limit=len(rows))
        found = [
            {"key": each.row.device.key, "search": _file_search(each.file)} for each in page.items
        ]
        await self._postgres.run(SQL["search_files"], files=batch(found))

    async def sealed_keys(self, key: str) -> dict[str, bytes]:
        """The sealed root keys of a device by kind."""
        return {r[0]: bytes(r[1]) for r in await self._postgres.rows(SQL["keys_of"], key=key)}

    async def save_sealed(self, keys: Sequence[dict[str, str]]) -> None:
        """Rows of key, kind and sealed (base 64)."""
        if keys:
            await self._postgres.run(SQL["save_keys"], keys=batch(keys))

    async def note(self, keys: Collection[str], visit: Visit) -> None:
        """Write a line in the logs of devices."""
        values = msgspec.structs.asdict(visit)
        values["at"] = visit.at or datetime.now(UTC)
        await self._postgres.run(SQL["note_event"], keys=list(keys), **values)

    async def events(self, key: str, *, after: str | None = None, limit: int = 50) -> Page[Event]:
        """A device's log, the newest first."""
        last = key_of(after, int)
        rows = await self._postgres.rows(
            SQL["events"], key=key, before_id=last[0] if last else 2**62, limit=limit + 1
        )
        found = [
            Event(**dict(zip(Event.__struct_fields__, row, strict=True))) for row in rows[:limit]
        ]
        return Page(found, cursor(found[-1].id) if len(rows) > limit else None)

    async def photo(self, key: str, event: int) -> tuple[bytes, str]:
        """The photo of a visit and its media type. Raises NotFound."""
        row = await self._postgres.row(SQL["photo"], key=key, id=event)
        if row is None:
            raise NotFound(photo=event)
        return bytes(row[0]), str(row[1])

    async def move(
        self, keys: Collection[str], lifecycle: Lifecycle, *, actor: str, note: str = ""
    ) -> list[str]:
        """Change the step of devices' lives; gives those that changed."""
        rows = await self._postgres.rows(
            SQL["move"], keys=list(keys), lifecycle=lifecycle, actor=actor, note=note
        )
        return [row[0] for row in rows]

    async def set_model(self, keys: Collection[str], model: str) -> int:
        """Change the model of devices."""
        return await self._postgres.run(SQL["set_model"], keys=list(keys), model=model)

    async def set_dataset(self, keys: Collection[str], dataset: str) -> int:
        """Devices go to a record of the charter; '' is the internal one."""
        return await self._postgres.run(SQL["set_dataset"], keys=list(keys), dataset=dataset)

    async def set_tags(
        self, keys: Collection[str], tags: dict[str, str], *, without: Collection[str] = ()
    ) -> int:
        """Add tags to devices, and take some away."""
        text = msgspec.json.encode(tags).decode()
        rows = await self._postgres.rows(
            SQL["set_tags"], keys=list(keys), tags=text, without=list(without)
        )
        found = [
            {"key": key, "search": device_words(key, name, tags=tags)} for key, name, tags in rows
        ]
        if found:
            await self._postgres.run(SQL["search_tags"], found=batch(found))
        return len(found)

    async def swap(self, key: str, successor: str, *, at: datetime, actor: str) -> None:
        """The successor measures from ``at`` what the device measured: the series go on.

        The old device goes to maintenance. One transaction. Raises Conflict when both are one.
        """
        if key == successor:
            raise Conflict("a device cannot replace itself", device=key)
        values: dict[str, Any] = {"key": key, "successor": successor, "at": at}
        async with self._postgres.transaction() as connection:
            for name in ("take_over", "end_bindings", "copy_place", "copy_file"):
                await connection.execute(SQL[name], values)
            await connection.execute(
                SQL["move"],
                {"keys": [key], "lifecycle": "maintenance", "actor": actor, "note": successor},
            )
            for device, before, after in ((key, "", successor), (successor, key, "")):
                visit = Visit(kind="swap", actor=actor, before=before, after=after, at=at)
                await connection.execute(
                    SQL["note_event"], {**msgspec.structs.asdict(visit), "keys": [device]}
                )

    async def groups(self, name: str = "") -> list[Group]:
        """Saved queries by name."""
        rows = await self._postgres.rows(SQL["groups"], name=name)
        return [
            Group(
                name=row[0],
                label=row[1],
                query=msgspec.convert(row[2], DeviceQuery),
                actor=row[3],
                created=row[4],
            )
            for row in rows
        ]

    async def group(self, name: str) -> Group:
        """One saved query. Raises NotFound."""
        found = await self.groups(name) if name else []
        if not found:
            raise NotFound(group=name)
        return found[0]

    async def save_group(self, group: Group) -> None:
        """Save a query under its name; a group never names another. Raises InvalidInput."""
        if group.query.group:
            raise InvalidInput("a group does not name another", field="query")
        await self._postgres.run(
            SQL["save_group"],
            name=group.name,
            label=group.label,
            saved=msgspec.json.encode(group.query).decode(),
            actor=group.actor,
        )

    async def remove_group(self, name: str) -> None:
        """Forget a saved query. Raises NotFound."""
        if not await self._postgres.run(SQL["remove_group"], name=name):
            raise NotFound(group=name)

    async def costs(self, rows: RowFilter) -> list[Cost]:
        """The yearly bill by service and supplier, the largest first."""
        found = await self._postgres.rows(SQL["costs"], **filters.values(rows))
        return [Cost(**dict(zip(Cost.__struct_fields__, row, strict=True))) for row in found]

    async def costs_by_use(self, rows: RowFilter) -> list[UseCost]:
        """The yearly bill by what the devices measure, the largest first."""
        found = await self._postgres.rows(SQL["costs_by_use"], **filters.values(rows))
        names = UseCost.__struct_fields__
        return [UseCost(**dict(zip(names, row, strict=True))) for row in found]

    async def without_commune(self, after: str = "") -> list[tuple[str, float, float]]:
        """(key, longitude, latitude) of devices that have a place and no commune, 10,000 at a time."""
        rows = await self._postgres.rows(SQL["without_commune"], after=after)
        return [(row[0], row[1], row[2]) for row in rows]

    async def set_communes(self, communes: dict[str, str]) -> None:
        """Devices go to communes, by key."""
        rows = [{"key": key, "commune": commune} for key, commune in communes.items()]
        if rows:
            await self._postgres.run(SQL["set_communes"], places=batch(rows))

    async def models_used(self) -> dict[str, int]:
        """How many devices have each model."""
        return {row[0]: row[1] for row in await self._postgres.rows(SQL["models_used"])}


NOBODY = ("",)
"""Keys that no device has."""


def narrowed(query: DeviceQuery, group: DeviceQuery) -> DeviceQuery:
    """Both must hold; the words of ``q`` are joined elsewhere."""
    one, other = msgspec.structs.asdict(query), msgspec.structs.asdict(group)
    keys = query.keys or group.keys
    if query.keys and group.keys:
        keys = tuple(each for each in query.keys if each in set(group.keys)) or NOBODY
    same: dict[str, Any] = {"q": query.q, "group": "", "keys": keys}
    for name in one.keys() - same.keys():
        if one[name] and other[name] and one[name] != other[name]:
            same["keys"] = NOBODY
        same[name] = one[name] or other[name]
    return DeviceQuery(**same)


def _values(query: DeviceQuery, rows: RowFilter, *, also: str = "") -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(query),
        "keys": list(query.keys),
        "pattern": pattern(query.q),
        "also": pattern(also) if also else "",
        "now": datetime.now(UTC),
        **filters.values(rows),
    }


def _file_search(file: DeviceFile) -> str:
    words = (file.serial, file.address, file.site, file.service, file.supplier, file.contract)
    return searchable(*filter(None, words))


def _fleet_row(row: Row) -> FleetRow:
    return FleetRow(
        row=listed_row(row[:20]),
        file=DeviceFile(**dict(zip(DeviceFile.__struct_fields__, row[20:31], strict=True))),
        health=Health(**dict(zip(Health.__struct_fields__, row[31:36], strict=True))),
    )

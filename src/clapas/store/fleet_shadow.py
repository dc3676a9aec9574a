"""Running beside another platform: which devices are compared, what each day gave, what we measured."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec
import pyarrow as pa

from clapas.domain.errors import Conflict, NotFound
from clapas.domain.window import Window, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres
from clapas.store.sql import queries
from clapas.store.values import Page

SQL = queries("fleet_shadow")


class Shadow(msgspec.Struct, frozen=True, kw_only=True):
    """A platform that we run beside: the devices (a query), how values are compared, how it ended."""

    name: str
    label: str = ""
    query: dict[str, Any]
    rules: dict[str, Any] = {}
    state: Literal["running", "cut_over", "left"] = "running"
    actor: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    ended_by: str = ""
    days: int = 0


class ComparedDay(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison of a civil day found."""

    day: date
    report: dict[str, Any]
    compared: datetime


class Shadows:
    """Shadow runs in PostgreSQL, and our side of the comparison in ClickHouse."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def all(self, *, state: str = "") -> list[Shadow]:
        """Shadow runs by name."""
        return await self._read(name="", state=state)

    async def get(self, name: str) -> Shadow:
        """One of them. Raises NotFound."""
        found = await self._read(name=name, state="") if name else []
        if not found:
            raise NotFound(shadow=name)
        return found[0]

    async def save(self, shadow: Shadow) -> None:
        """Begin, or change what is compared. Raises Conflict once it has ended."""
        done = await self._postgres.run(
            SQL["save"],
            name=shadow.name,
            label=shadow.label,
            chosen=msgspec.json.encode(shadow.query).decode(),
            rules=msgspec.json.encode(shadow.rules).decode(),
            actor=shadow.actor,
        )
        if not done:
            raise Conflict("this shadow run has ended", shadow=shadow.name)

    async def end(self, name: str, state: Literal["cut_over", "left"], *, actor: str) -> None:
        """Cut over, or leave. Raises Conflict when it has ended already."""
        if not await self._postgres.run(SQL["end"], name=name, state=state, actor=actor):
            raise Conflict("this shadow run has ended", shadow=name)

    async def keep_day(self, name: str, day: date, *, report: dict[str, Any]) -> None:
        """Keep what was found on a day."""
        text = msgspec.json.encode(report).decode()
        await self._postgres.run(SQL["keep_day"], name=name, day=day, report=text)

    async def days(
        self, name: str, *, after: str | None = None, limit: int = 50
    ) -> Page[ComparedDay]:
        """Days that were compared, the newest first."""
        limit = bounded(limit)
        last = key_of(after, str)
        before = date.fromisoformat(last[0]) if last else date.max
        rows = await self._postgres.rows(SQL["days"], name=name, before=before, limit=limit + 1)
        found = [ComparedDay(day=row[0], report=row[1], compared=row[2]) for row in rows[:limit]]
        more = cursor(found[-1].day.isoformat()) if len(rows) > limit else None
        return Page(found, more)

    async def measured(
        self, keys: Sequence[str], window: Window
    ) -> tuple[list[tuple[str, str, int]], pa.Table]:
        """((device, attribute or channel, series) …, columns series, time (ms), value) of a window."""
        rows = await self._postgres.rows(
            SQL["measured"], keys=list(keys), start=window.start, end=window.end
        )
        values = {
            "series": sorted({row[2] for row in rows}),
            "start": milliseconds(window.start),
            "end": milliseconds(window.end),
        }
        table = await self._clickhouse.read_own(SQL["values"], values)
        return [(row[0], row[1], row[2]) for row in rows], table

    async def _read(self, **values: str) -> list[Shadow]:
        rows = await self._postgres.rows(SQL["shadows"], **values)
        return [Shadow(**dict(zip(Shadow.__struct_fields__, row, strict=True))) for row in rows]

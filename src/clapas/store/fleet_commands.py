"""The queue of commands to devices, whatever their network, and the schedules that fill it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.store import filters
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row
from clapas.store.sql import queries
from clapas.store.values import Page

SQL = queries("fleet_commands")
ALL = RowFilter(everything=True)

CommandState = Literal[
    "to_approve",
    "queued",
    "sent",
    "acked",
    "confirmed",
    "failed",
    "expired",
    "cancelled",
    "refused",
]
"""to_approve → queued → sent → acked (the network has it) → confirmed (the device did it)."""


class NewCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command to queue: bytes for a port, or an object that the model's codec encodes.

    ``longest_s``: its ``opposite`` is sent after so many seconds; ``expect``: the measurement that
    proves the effect (``attribute``, ``above`` or ``below``, ``within_s``).
    """

    name: str = ""
    f_port: int | None = None
    payload: bytes = b""
    object: dict[str, Any] | None = None
    confirmed: bool = False
    state: CommandState = "queued"
    not_before: datetime
    expires: datetime
    longest_s: int | None = None
    expect: dict[str, Any] | None = None
    opposite: int | None = None
    """Set on a closing: the opening that it ends."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command as it stands."""

    id: int
    key: str
    name: str
    f_port: int | None
    payload: bytes
    object: dict[str, Any] | None
    confirmed: bool
    state: CommandState
    detail: str
    reference: str
    not_before: datetime
    expires: datetime
    longest_s: int | None
    expect: dict[str, Any] | None
    opposite: int | None
    actor: str
    approver: str
    created: datetime
    sent: datetime | None
    ended: datetime | None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A command that comes again: ``timing`` as ``fleet.calendar`` reads it."""

    id: int = 0
    label: str = ""
    target: dict[str, Any]
    command: dict[str, Any]
    timing: dict[str, Any]
    enabled: bool = True
    actor: str = ""
    next: datetime | None = None


class Commands:
    """Commands in PostgreSQL."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add(self, keys: Collection[str], command: NewCommand, *, actor: str) -> list[int]:
        """Queue a command for devices; gives their numbers."""
        values = msgspec.structs.asdict(command)
        for name in ("object", "expect"):
            values[name] = msgspec.json.encode(values[name]).decode() if values[name] else None
        rows = await self._postgres.rows(SQL["add"], keys=list(keys), actor=actor, **values)
        return [row[0] for row in rows]

    async def page(
        self,
        rows: RowFilter,
        *,
        key: str = "",
        state: str = "",
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Command]:
        """Commands, the newest first."""
        limit = bounded(limit)
        last = key_of(after, int)
        found = await self._list(
            rows, id=0, key=key, state=state, before=last[0] if last else 2**62, limit=limit + 1
        )
        return Page(found[:limit], cursor(found[limit - 1].id) if len(found) > limit else None)

    async def get(self, command: int, rows: RowFilter = ALL) -> Command:
        """One command. Raises NotFound."""
        found = await self._list(rows, id=command, key="", state="", before=2**62, limit=1)
        if not found or not command:
            raise NotFound(command=command)
        return found[0]

    async def approve(self, command: int, approver: str) -> bool:
        """A second person agrees; False when it does not wait, or the person is the one who asked."""
        return bool(await self._postgres.run(SQL["approve"], id=command, approver=approver))

    async def close(self, command: int, *, state: CommandState, by: str) -> bool:
        """Refuse or cancel a command that was not sent; False when it is too late."""
        return bool(await self._postgres.run(SQL["refuse"], id=command, state=state, approver=by))

    async def take(self, *, limit: int = 100) -> list[Command]:
        """Commands to send now, marked as sent."""
        rows = await self._postgres.rows(SQL["take"], limit=limit)
        return [_command(row) for row in rows]

    async def mark(self, command: int, state: CommandState, *, detail: str = "") -> None:
        """What became of a command that was sent."""
        await self._postgres.run(SQL["mark"], id=command, state=state, detail=detail)

    async def waiting(self) -> list[Command]:
        """Sent commands about which a network may still answer."""
        return [_command(row) for row in await self._postgres.rows(SQL["waiting"])]

    async def requeue(self, command: int, detail: str) -> None:
        """The network did not answer: try again in ten seconds."""
        await self._postgres.run(SQL["requeue"], id=command, detail=detail)

    async def expire(self) -> int:
        """Commands that are too late; gives how many."""
        return await self._postgres.run(SQL["expire"])

    async def expecting(self) -> Sequence[tuple[int, str, dict[str, Any], datetime]]:
        """(number, device, expectation, sent) of commands whose effect is not seen yet."""
        rows = await self._postgres.rows(SQL["expecting"])
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def replace_closings(self, key: str, opening: int) -> None:
        """Closings that were planned for earlier openings of a device give way."""
        await self._postgres.run(SQL["undo_earlier"], key=key, id=opening)

    async def schedules(self) -> list[Schedule]:
        """Every schedule."""
        rows = await self._postgres.rows(SQL["schedules"])
        return [Schedule(**dict(zip(Schedule.__struct_fields__, row, strict=True))) for row in rows]

    async def add_schedule(self, schedule: Schedule) -> int:
        """A new schedule; its number."""
        row = await self._postgres.row(
            SQL["add_schedule"],
            label=schedule.label,
            actor=schedule.actor,
            next=schedule.next,
            **{
                name: msgspec.json.encode(getattr(schedule, name)).decode()
                for name in ("target", "command", "timing")
            },
        )
        return int(row[0]) if row else 0

    async def move_schedule(
        self, schedule: int, *, was: datetime | None, to: datetime | None
    ) -> bool:
        """When it acts next; False when another worker moved it first."""
        return bool(await self._postgres.run(SQL["plan_next"], id=schedule, was=was, next=to))

    async def remove_schedule(self, schedule: int) -> None:
        """Forget a schedule. Raises NotFound."""
        if not await self._postgres.run(SQL["remove_schedule"], id=schedule):
            raise NotFound(schedule=schedule)

    async def _list(self, rows: RowFilter, **values: Any) -> list[Command]:
        found = await self._postgres.rows(SQL["list"], **values, **filters.values(rows))
        return [_command(row) for row in found]


def _command(row: Row) -> Command:
    values = dict(zip(Command.__struct_fields__, row, strict=True))
    return Command(**{**values, "payload": bytes(values["payload"])})

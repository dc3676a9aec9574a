"""Imports of devices: the file, what is wrong with it, its application in one piece, its undoing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from clapas.domain.errors import Conflict, NotFound
from clapas.store.fleet import SQL as FLEET
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries
from clapas.store.values import Page

SQL = queries("fleet_imports")
CHUNK = 10_000


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """An import as it stands: its plan (columns, corrections) and its last report."""

    id: int
    name: str
    plan: dict[str, Any]
    state: str
    report: dict[str, Any]
    actor: str
    created: datetime
    applied: datetime | None
    undone: datetime | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong in a line of the file; ``bad`` ones are not imported, the others are told."""

    line: int
    column: str
    code: str
    value: str = ""
    hint: str = ""
    bad: bool = True


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A device as a line of a file says it."""

    device: dict[str, Any]
    file: dict[str, Any]
    keys: dict[str, str]
    """Sealed root keys (base 64) by kind."""


class Imports:
    """Imports in PostgreSQL."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add(self, name: str, content: bytes, *, plan: dict[str, Any], actor: str) -> Import:
        """Keep a file that was received."""
        text = msgspec.json.encode(plan).decode()
        row = await self._postgres.row(
            SQL["add"], name=name, content=content, plan=text, actor=actor
        )
        return await self.get(row[0] if row else 0)

    async def get(self, number: int) -> Import:
        """One import. Raises NotFound."""
        rows = await self._postgres.rows(SQL["get"], id=number, before=2**62, limit=1)
        if not rows or not number:
            raise NotFound(import_=number)
        return _import(rows[0])

    async def page(self, *, after: str | None = None, limit: int = 50) -> Page[Import]:
        """Imports, the newest first."""
        limit = bounded(limit)
        last = key_of(after, int)
        rows = await self._postgres.rows(
            SQL["get"], id=0, before=last[0] if last else 2**62, limit=limit + 1
        )
        found = [_import(row) for row in rows[:limit]]
        return Page(found, cursor(found[-1].id) if len(rows) > limit else None)

    async def content(self, number: int) -> bytes:
        """The file. Raises NotFound once it is forgotten (seven days)."""
        row = await self._postgres.row(SQL["content"], id=number)
        if row is None or row[0] is None:
            raise NotFound("this file is no longer kept", import_=number)
        return bytes(row[0])

    async def set_plan(self, number: int, plan: dict[str, Any]) -> None:
        """Columns and corrections. Raises Conflict when the import is applied."""
        text = msgspec.json.encode(plan).decode()
        if not await self._postgres.run(SQL["set_plan"], id=number, plan=text):
            raise Conflict("this import is applied", reason="import_applied", import_=number)

    async def checked(self, number: int, lines: Sequence[Line], *, report: dict[str, Any]) -> None:
        """Keep the outcome of a dry run."""
        async with self._postgres.transaction() as connection:
            await self._keep_lines(connection, number, lines=lines)
            await self._finish(connection, number, state="checked", report=report)

    async def apply(
        self,
        number: int,
        entries: Sequence[Entry],
        *,
        lines: Sequence[Line],
        report: dict[str, Any],
        progress: Any,
        actor: str,
    ) -> None:
        """All entries in one transaction: everything is imported, or nothing.

        ``progress`` is awaited with the number of entries that are written. Raises Conflict when the
        import is applied already.
        """
        async with self._postgres.transaction() as connection:
            state = await self._lock(connection, number)
            if state[0] == "applied":
                raise Conflict(
                    "this import is applied already", reason="import_applied", import_=number
                )
            await connection.execute("SET LOCAL statement_timeout = '10min'")
            await connection.execute(SQL["forget_image"], {"id": number})
            for low in range(0, len(entries), CHUNK):
                await self._write(
                    connection, number, entries=entries[low : low + CHUNK], actor=actor
                )
                await progress(min(low + CHUNK, len(entries)))
            await connection.execute(SQL["look"])
            await connection.execute(SQL["seal_image"], {"id": number})
            await self._keep_lines(connection, number, lines=lines)
            await self._finish(connection, number, state="applied", report=report)

    async def undo(self, number: int, report: dict[str, Any], *, force: bool = False) -> list[str]:
        """Everything as before, in one transaction; gives devices that were changed since and stay.

        Raises Conflict when the import is not applied, older than 24 hours, or, without ``force``, when
        devices were changed since.
        """
        async with self._postgres.transaction() as connection:
            state = await self._lock(connection, number)
            if state[0] != "applied" or not state[1]:
                raise Conflict(
                    "only an import of the last 24 hours can be undone",
                    reason="import_too_old",
                    import_=number,
                )
            await connection.execute("SET LOCAL statement_timeout = '10min'")
            await connection.execute(SQL["look"])
            values = {"id": number}
            found = await (await connection.execute(SQL["changed_since"], values)).fetchall()
            changed = [row[0] for row in found]
            if changed and not force:
                raise Conflict(
                    "devices were changed since the import",
                    count=len(changed),
                    devices=changed[:20],
                )
            for name in ("undo_keys", "undo_files", "undo_changed", "undo_created", "forget_image"):
                await connection.execute(SQL[name], values)
            await self._finish(
                connection, number, state="undone", report={**report, "kept": len(changed)}
            )
        return changed

    async def lines(
        self, number: int, *, code: str = "", after: str | None = None, limit: int = 100
    ) -> Page[Line]:
        """What is wrong, by line."""
        limit = bounded(limit)
        last = key_of(after, int)
        rows = await self._postgres.rows(
            SQL["lines"], id=number, code=code, after=last[0] if last else 0, limit=limit + 20
        )
        found = [Line(**dict(zip(Line.__struct_fields__, row, strict=True))) for row in rows]
        if len(found) <= limit:
            return Page(found, None)
        end = found[limit].line
        kept = [each for each in found if each.line < end] or found
        return Page(kept, cursor(kept[-1].line))

    async def known(self, keys: Sequence[str]) -> set[str]:
        """Which of these device keys exist."""
        return {row[0] for row in await self._postgres.rows(SQL["known"], keys=list(keys))}

    async def purge(self) -> None:
        """Forget images after 24 hours, files after seven days."""
        await self._postgres.run(SQL["purge"])

    async def _lock(self, connection: AsyncConnection[Row], number: int) -> Row:
        row = await (await connection.execute(SQL["lock"], {"id": number})).fetchone()
        if row is None:
            raise NotFound(import_=number)
        return row

    async def _write(
        self, connection: AsyncConnection[Row], number: int, *, entries: Sequence[Entry], actor: str
    ) -> None:
        devices = batch([each.device for each in entries])
        await connection.execute(SQL["keep_image"], {"id": number, "devices": devices})
        await connection.execute(SQL["save"], {"devices": devices})
        files = [{**each.file, "key": each.device["key"]} for each in entries if each.file]
        await connection.execute(FLEET["save_files"], {"files": batch(files)})
        keys = [
            {"key": each.device["key"], "kind": kind, "sealed": sealed}
            for each in entries
            for kind, sealed in each.keys.items()
        ]
        await connection.execute(FLEET["save_keys"], {"keys": batch(keys)})
        await connection.execute(
            FLEET["note_event"],
            {
                "keys": [each.device["key"] for each in entries],
                "kind": "import", "actor": actor, "at": datetime.now().astimezone(),
                "before": "", "after": "", "note": f"#{number}", "photo": None, "photo_kind": "",
            },
        )  # fmt: skip

    async def _keep_lines(
        self, connection: AsyncConnection[Row], number: int, *, lines: Sequence[Line]
    ) -> None:
        await connection.execute(SQL["clear_lines"], {"id": number})
        for low in range(0, len(lines), CHUNK):
            part = batch(lines[low : low + CHUNK])
            await connection.execute(SQL["keep_lines"], {"id": number, "lines": part})

    async def _finish(
        self, connection: AsyncConnection[Row], number: int, *, state: str, report: dict[str, Any]
    ) -> None:
        text = msgspec.json.encode(report).decode()
        await connection.execute(SQL["finish"], {"id": number, "state": state, "report": text})


def _import(row: Row) -> Import:
    return Import(**dict(zip(Import.__struct_fields__, row, strict=True)))

"""Who is told, by which channel, and whether it arrived."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from clapas.domain.errors import NotFound
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries
from clapas.store.values import Page

SQL = queries("notify")


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person on one channel. ``state``: queued, sent, failed, cancelled, digested."""

    id: int = 0
    alarm: int | None = None
    kind: str = "raised"
    step: int = 0
    person: str = ""
    channel: str
    address: str = ""
    subject: str
    body: str = ""
    link: str = ""
    created: int
    due: int
    state: str = "queued"
    attempts: int = 0
    error: str = ""
    sent: int | None = None
    read: int | None = None
    digest: bool = False


class Person(msgspec.Struct, frozen=True):
    """Somebody who can be told: account, login, shown name, channels besides the page."""

    id: str
    login: str
    name: str
    channels: tuple[str, ...] = ()


class Notices:
    """The outbox, the inboxes, contacts, chains and calendars."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add(self, notices: Sequence[Notice]) -> None:
        """Queue notices; one to an inbox without delay is there at once."""
        async with self._postgres.transaction() as connection:
            await insert_notices(connection, notices)

    async def due(self, channel: str, *, now: int, limit: int = 100) -> list[Notice]:
        """What a channel must send now, once needless escalations were cancelled."""
        await self._postgres.run(SQL["cancel"], now=now)
        rows = await self._postgres.rows(SQL["due"], channel=channel, now=now, limit=limit)
        return [_notice(row) for row in rows]

    async def sent(self, ids: Sequence[int], *, now: int, state: str = "sent") -> None:
        """They arrived."""
        await self._postgres.run(SQL["sent"], ids=list(ids), now=now, state=state)

    async def retry(self, ids: Sequence[int], *, error: str, due: int, last: bool) -> None:
        """They did not arrive."""
        await self._postgres.run(SQL["retry"], ids=list(ids), error=error[:500], due=due, last=last)

    async def fail_closed(self, channels: Collection[str]) -> None:
        """Messages for a channel that is none of these will never leave."""
        await self._postgres.run(SQL["fail_closed"], channels=list(channels))

    async def of_alarm(self, alarm: int) -> list[Notice]:
        """Who was told of an alarm."""
        return [_notice(row) for row in await self._postgres.rows(SQL["of_alarm"], alarm=alarm)]

    async def inbox(
        self, person: str, *, unread: bool = False, after: str | None = None, limit: int = 50
    ) -> Page[Notice]:
        """What a person was told in the page, newest first."""
        key = key_of(after, int)
        rows = await self._postgres.rows(
            SQL["inbox"],
            person=person,
            unread=unread,
            before=key[0] if key else None,
            limit=bounded(limit) + 1,
        )
        items = [_notice(row) for row in rows[: bounded(limit)]]
        return Page(items, cursor(items[-1].id) if len(rows) > len(items) else None)

    async def unread(self, person: str) -> int:
        """How many a person did not read."""
        row = await self._postgres.row(SQL["unread"], person=person)
        return int(row[0]) if row else 0

    async def read(self, person: str, ids: Sequence[int], *, now: int) -> int:
        """They were read (an empty list: all)."""
        return await self._postgres.run(
            SQL["read"], person=person, ids=list(ids), everything=not ids, now=now
        )

    async def recent(self, persons: Sequence[str], *, since: int) -> dict[str, int]:
        """How many messages each person was sent since then (ms)."""
        rows = await self._postgres.rows(SQL["recent"], persons=list(persons), since=since)
        return {row[0]: row[1] for row in rows}

    async def channels(self) -> list[dict[str, Any]]:
        """Each channel: queued, failed, sent, the last error."""
        names = ("channel", "queued", "failed", "sent", "error")
        return [
            dict(zip(names, row, strict=True)) for row in await self._postgres.rows(SQL["channels"])
        ]

    async def names(self, accounts: Collection[str]) -> dict[str, str]:
        """Account → the name that is shown; what is no account is absent."""
        rows = await self._postgres.rows(SQL["people"], ids=list(accounts), every=False)
        return {row[0]: row[2] for row in rows}

    async def people(self) -> list[Person]:
        """Everybody who may sign in, with the channels that they gave."""
        rows = await self._postgres.rows(SQL["people"], ids=[], every=True)
        return [Person(row[0], row[1], row[2], tuple(sorted(row[3]))) for row in rows]

    async def person(self, name: str) -> str:
        """The account of an id or of a login. Raises NotFound."""
        row = await self._postgres.row(SQL["person"], name=name)
        if row is None:
            raise NotFound(person=name)
        return str(row[0])

    async def contacts(self, person: str = "") -> dict[str, dict[str, Any]]:
        """Person → {language, …} as the room of notifications keeps it."""
        rows = await self._postgres.rows(SQL["contacts"], person=person)
        return {row[0]: {**row[2], "language": row[1]} for row in rows}

    async def save_contact(self, person: str, language: str, *, body: dict[str, Any]) -> None:
        """Keep how one person is told."""
        text = msgspec.json.encode(body).decode()
        await self._postgres.run(SQL["save_contact"], person=person, language=language, body=text)

    async def plans(self, kind: str) -> dict[str, dict[str, Any]]:
        """Chains ('chain') or on-call calendars ('calendar') by id."""
        return {row[0]: row[1] for row in await self._postgres.rows(SQL["plans"], kind=kind)}

    async def save_plan(self, kind: str, plan: str, *, body: dict[str, Any]) -> None:
        """Keep a chain or a calendar."""
        text = msgspec.json.encode(body).decode()
        await self._postgres.run(SQL["save_plan"], kind=kind, id=plan, body=text)

    async def remove_plan(self, kind: str, plan: str) -> None:
        """Remove a chain or a calendar. Raises NotFound."""
        if not await self._postgres.run(SQL["remove_plan"], kind=kind, id=plan):
            raise NotFound(plan=plan)


async def insert_notices(connection: AsyncConnection[Row], notices: Sequence[Notice]) -> None:
    """Queue notices inside a transaction of another part."""
    if notices:
        await connection.execute(SQL["add"], {"rows": batch(notices)})


async def resume_notices(connection: AsyncConnection[Row], **values: int) -> None:
    """Queue again what an ``alarm`` had cancelled ``since`` (ms), inside a transaction of another part."""
    await connection.execute(SQL["resume"], values)


def _notice(row: Row) -> Notice:
    names = (
        "id", "alarm", "kind", "step", "person", "channel", "address", "subject", "body", "link",
        "created", "due", "state", "attempts", "error", "sent", "read", "digest",
    )  # fmt: skip
    return Notice(**dict(zip(names, row, strict=True)))

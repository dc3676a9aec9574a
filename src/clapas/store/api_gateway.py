"""Applications, subscriptions, quotas and usage in PostgreSQL."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries

SQL = queries("api_gateway")
FIRST = UUID(int=0)


class ApplicationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A program of somebody; ``communes`` empty = the whole territory, ``networks`` empty = anywhere."""

    id: UUID
    name: str
    description: str = ""
    owner: UUID
    organisation: str = ""
    plan: str
    communes: list[str] = []
    networks: list[str] = []
    attributes: list[str] = []
    decimals: int = -1
    delay: int = 0
    """What its plan leaves of the data: attributes (none = all), decimals (-1 = all), seconds of delay."""
    state: str = "active"
    created: datetime | None = None


class SubscriptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An application's access to a dataset: asked for, decided, until when."""

    id: UUID
    application: UUID
    dataset: str
    purpose: str
    state: str
    expires: datetime | None = None
    decided_by: str = ""
    decided: datetime | None = None
    reason: str = ""
    created: datetime | None = None


class QuotaRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in one window; ``length`` in seconds (0 = calendar month), ``start`` Unix seconds."""

    subject: str
    length: int
    start: int
    used: int


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls and bytes of one day by kind of thing and HTTP status."""

    subject: str
    day: date
    kind: str
    status: int
    calls: int
    bytes: int


class LiveApplication(msgspec.Struct, frozen=True, kw_only=True):
    """An application with the datasets that it may read now."""

    id: UUID
    name: str
    communes: list[str]
    datasets: list[str]
    attributes: list[str] = []
    decimals: int = -1
    delay: int = 0


class ApiGatewayStore:
    """The gateway's tables."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def _rows(self, query: str, **values: Any) -> list[Row]:
        return await self._postgres.rows(SQL[query], **values)

    async def add_application(self, application: ApplicationRow) -> UUID:
        """Create an application; its own id is not used."""
        values = msgspec.structs.asdict(application)
        for name in ("id", "state", "created"):
            del values[name]
        identifier: UUID = (await self._rows("add_application", **values))[0][0]
        return identifier

    async def applications(
        self, *, owner: UUID | None = None, after: UUID = FIRST, limit: int = 50
    ) -> list[ApplicationRow]:
        """Applications by id, of one owner when given."""
        rows = await self._rows(
            "applications", all=owner is None, owner=owner or FIRST, after=after, limit=limit
        )
        return [_struct(ApplicationRow, row) for row in rows]

    async def application(self, id: UUID) -> ApplicationRow | None:  # noqa: A002
        """One application."""
        rows = await self._rows("application", id=id)
        return _struct(ApplicationRow, rows[0]) if rows else None

    async def set_application(self, application: ApplicationRow) -> None:
        """Keep its plan, territory, networks and state."""
        await self._postgres.run(
            SQL["set_application"],
            id=application.id,
            plan=application.plan,
            communes=application.communes,
            networks=application.networks,
            attributes=application.attributes,
            decimals=application.decimals,
            delay=application.delay,
            state=application.state,
        )

    async def subscribe(
        self, application: UUID, dataset: str, *, purpose: str, expires: datetime | None
    ) -> UUID | None:
        """Ask for a dataset; None when a subscription to it lives already."""
        rows = await self._rows(
            "subscribe", application=application, dataset=dataset, purpose=purpose, expires=expires
        )
        return rows[0][0] if rows else None

    async def subscriptions(
        self, *, application: UUID | None = None, state: str = ""
    ) -> list[SubscriptionRow]:
        """Subscriptions, newest first."""
        rows = await self._rows(
            "subscriptions",
            every=application is None,
            application=application or FIRST,
            state=state,
        )
        return [_struct(SubscriptionRow, row) for row in rows]

    async def decide(
        self,
        id: UUID,  # noqa: A002
        *,
        state: str,
        sources: Sequence[str],
        by: str,
        reason: str = "",
        expires: datetime | None = None,
    ) -> bool:
        """Move a subscription from one of the states ``sources`` to ``state``; False when it is in none."""
        rows = await self._rows(
            "decide",
            id=id,
            state=state,
            sources=list(sources),
            by=by,
            reason=reason,
            expires=expires,
        )
        return bool(rows)

    async def live(self) -> list[LiveApplication]:
        """Applications with their approved datasets."""
        return [_struct(LiveApplication, row) for row in await self._rows("live")]

    async def spend(self, rows: Sequence[QuotaRow]) -> list[QuotaRow]:
        """Add what this process counted; gives the counts of all processes together."""
        found = await self._rows("spend", rows=batch(rows))
        return [_struct(QuotaRow, row) for row in found]

    async def forget_quotas(self, before: int) -> None:
        """Remove windows that began before (Unix seconds)."""
        await self._postgres.run(SQL["forget_quotas"], before=before)

    async def add_usage(self, rows: Sequence[UsageRow]) -> None:
        """Add what was used."""
        await self._postgres.run(SQL["add_usage"], rows=batch(rows))

    async def usage(self, subject: str, since: date) -> list[UsageRow]:
        """What a subject used since a day."""
        rows = await self._rows("usage", subject=subject, since=since)
        return [_struct(UsageRow, (subject, *row)) for row in rows]


def _struct(kind: Any, row: Sequence[Any]) -> Any:
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))

"""Second factors and rights given for a short time, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from clapas.store.postgres import Postgres, Row
from clapas.store.sql import queries

QUERIES = queries("identity")


class FactorRow(msgspec.Struct, frozen=True, kw_only=True):
    """The second factor of an account; ``secret`` is encrypted, ``recovery`` holds proofs."""

    account: UUID
    secret: bytes
    confirmed: bool
    last_step: int
    recovery: list[bytes] = []


class GlassRow(msgspec.Struct, frozen=True, kw_only=True):
    """A role asked for a short time: by whom, why, who granted it, until when."""

    id: UUID
    account: UUID
    role: str
    reason: str
    asked: datetime
    seconds: int
    approver: UUID | None = None
    until: datetime | None = None
    ended: datetime | None = None


class FactorStore:
    """The tables ``factor`` and ``break_glass``."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def _run(self, query: str, **values: Any) -> int:
        return await self._postgres.run(QUERIES[query], **values)

    async def _rows(self, query: str, **values: Any) -> list[Row]:
        return await self._postgres.rows(QUERIES[query], **values)

    async def factor(self, account: UUID) -> FactorRow | None:
        """The second factor of an account."""
        rows = await self._rows("factor", account=account)
        return (
            FactorRow(**dict(zip(FactorRow.__struct_fields__, rows[0], strict=True)))
            if rows
            else None
        )

    async def set_factor(self, account: UUID, secret: bytes) -> bool:
        """Keep a new one, to be confirmed; False when one is confirmed already."""
        return await self._run("set_factor", account=account, secret=secret) > 0

    async def confirm(self, account: UUID, recovery: Sequence[bytes]) -> None:
        """It works from now on."""
        await self._run("confirm_factor", account=account, recovery=list(recovery))

    async def use_step(self, account: UUID, step: int) -> bool:
        """Spend a code; False when it was spent."""
        return await self._run("use_step", account=account, step=step) > 0

    async def use_recovery(self, account: UUID, proof: bytes) -> bool:
        """Spend a recovery code; False when it is none."""
        return await self._run("use_recovery", account=account, proof=proof) > 0

    async def remove(self, account: UUID) -> None:
        """No second factor any more."""
        await self._run("remove_factor", account=account)

    async def count(self) -> int:
        """How many enabled accounts have a confirmed factor or a passkey."""
        return int((await self._rows("count_factors"))[0][0])

    async def trust_session(self, session: UUID) -> None:
        """The second factor was given in this session."""
        await self._run("trust_session", id=session)

    async def ask(
        self, *, account: UUID, role: str, reason: str, now: datetime, seconds: int
    ) -> UUID:
        """Somebody asks for a role for a short time."""
        rows = await self._rows(
            "ask_glass", account=account, role=role, reason=reason, now=now, seconds=seconds
        )
        identifier: UUID = rows[0][0]
        return identifier

    async def approve(self, id: UUID, *, approver: UUID, now: datetime) -> bool:  # noqa: A002
        """Somebody else grants it; False when it cannot be (any more), or is their own."""
        return bool(await self._rows("approve_glass", id=id, approver=approver, now=now))

    async def end(self, id: UUID, now: datetime) -> bool:  # noqa: A002
        """It ends before its time."""
        return await self._run("end_glass", id=id, now=now) > 0

    async def glasses(self) -> list[GlassRow]:
        """What was asked and granted, newest first."""
        names = GlassRow.__struct_fields__
        return [
            GlassRow(**dict(zip(names, row, strict=True))) for row in await self._rows("glasses")
        ]

"""Who an account is elsewhere, where sessions come from, passkeys, organisations, in PostgreSQL."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from clapas.store.postgres import Postgres, Row
from clapas.store.sql import queries

QUERIES = queries("identity_federation")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session comes from; ``hint`` is what the other system wants at the end, encrypted."""

    provider: str
    subject: str
    sid: str = ""
    hint: bytes = b""


class PasskeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey of an account: its public key (COSE) and its signature counter."""

    id: bytes
    account: UUID
    public_key: bytes
    counter: int = 0
    name: str = ""
    created: datetime | None = None
    used: datetime | None = None


class OrganisationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A commune, a direction, a trade, a partner or an operator; ``code`` is its INSEE or SIREN code."""

    id: str
    name: str
    kind: str
    parent: str = ""
    code: str = ""
    ended: date | None = None


class FederationStore:
    """The tables of identities known elsewhere, passkeys and organisations."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def _run(self, query: str, **values: Any) -> int:
        return await self._postgres.run(QUERIES[query], **values)

    async def _rows(self, query: str, **values: Any) -> list[Row]:
        return await self._postgres.rows(QUERIES[query], **values)

    async def find(self, provider: str, subject: str) -> UUID | None:
        """The account of somebody known elsewhere."""
        rows = await self._rows("find", provider=provider, subject=subject)
        return rows[0][0] if rows else None

    async def link(self, provider: str, subject: str, *, account: UUID) -> None:
        """Somebody known elsewhere is this account."""
        await self._run("link", provider=provider, subject=subject, account=account)

    async def set_origin(self, session: UUID, origin: Origin) -> None:
        """Where a session comes from."""
        await self._run("set_origin", session=session, **msgspec.structs.asdict(origin))

    async def origin(self, session: UUID) -> Origin | None:
        """Where a session comes from, None when it began here."""
        rows = await self._rows("origin", session=session)
        return _struct(Origin, rows[0]) if rows else None

    async def end_sessions(self, provider: str, *, subject: str = "", sid: str = "") -> int:
        """Close the sessions of somebody known elsewhere, of one sign-in there when ``sid`` names it."""
        return await self._run("end_sessions", provider=provider, subject=subject, sid=sid)

    async def take_once(self, digest: bytes, expires: datetime) -> bool:
        """Note an assertion; False when it was taken before."""
        return bool(await self._rows("take_once", digest=digest, expires=expires))

    async def forget_assertions(self, now: datetime) -> None:
        """Forget those that would be refused for their age anyway."""
        await self._run("forget_assertions", now=now)

    async def passkeys(self, account: UUID) -> list[PasskeyRow]:
        """The passkeys of an account."""
        return [_struct(PasskeyRow, row) for row in await self._rows("passkeys", account=account)]

    async def passkey(self, id: bytes) -> PasskeyRow | None:  # noqa: A002
        """One passkey."""
        rows = await self._rows("passkey", id=id)
        return _struct(PasskeyRow, rows[0]) if rows else None

    async def add_passkey(self, key: PasskeyRow) -> bool:
        """Keep a passkey; False when it is there."""
        values = {name: getattr(key, name) for name in ("id", "account", "public_key", "counter")}
        return await self._run("add_passkey", name=key.name, **values) > 0

    async def use_passkey(self, id: bytes, counter: int) -> bool:  # noqa: A002
        """The passkey was used; False when its counter did not grow (a copy)."""
        return await self._run("use_passkey", id=id, counter=counter) > 0

    async def remove_passkey(self, account: UUID, id: bytes) -> bool:  # noqa: A002
        """A passkey works no more; False when it is not theirs."""
        return await self._run("remove_passkey", account=account, id=id) > 0

    async def recovery_address(self, account: UUID) -> str:
        """Where a one-time link goes when the password is forgotten, '' when nowhere."""
        rows = await self._rows("recovery_address", account=account)
        return str(rows[0][0]) if rows else ""

    async def set_recovery_address(self, account: UUID, address: str) -> None:
        """Keep that address; '' forgets it."""
        if address:
            await self._run("set_recovery_address", account=account, address=address)
        else:
            await self._run("forget_recovery_address", account=account)

    async def organisations(self) -> list[OrganisationRow]:
        """Every organisation."""
        return [_struct(OrganisationRow, row) for row in await self._rows("organisations")]

    async def knows_organisation(self, id: str) -> bool:  # noqa: A002
        """Is there an organisation of this id?"""
        return bool(await self._rows("known_organisation", id=id))

    async def meet_organisation(self, id: str) -> None:  # noqa: A002
        """Take in an organisation that the configuration names, unless it is known."""
        await self._run("meet_organisation", id=id)

    async def put_organisation(self, organisation: OrganisationRow) -> None:
        """Keep an organisation."""
        await self._run("put_organisation", **msgspec.structs.asdict(organisation))


def _struct(kind: Any, row: Row) -> Any:
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))

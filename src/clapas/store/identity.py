"""Accounts, sessions, keys and device tokens in PostgreSQL: hashes and proofs, never a secret."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from clapas.store.postgres import Postgres, Row
from clapas.store.sql import queries

QUERIES = queries("identity")


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. ``password`` is an argon2id hash, '' when none was chosen yet."""

    id: UUID
    login: str
    name: str = ""
    password: str = ""
    must_set: bool = False
    roles: list[str] = []
    organisation: str = ""
    service: str = ""
    communes: list[str] = []
    purposes: list[str] = []
    language: str = "fr"
    enabled: bool = True
    created: datetime | None = None


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An open session, as its owner sees it; ``address`` is shortened, ``agent`` the browser."""

    id: UUID
    created: datetime
    seen: datetime
    expires: datetime
    address: str = ""
    agent: str = ""


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A live session with its account."""

    id: UUID
    opened: datetime
    seen: datetime
    expires: datetime
    account: AccountRow
    mfa: bool = False
    """Was a second factor given in it?"""


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A service key; ``proof`` is the HMAC of its secret, ``replaces`` the key that it rotates."""

    id: str
    proof: bytes
    name: str
    owner: UUID
    scopes: list[str]
    communes: list[str] = []
    created: datetime | None = None
    expires: datetime
    last_used: date | None = None
    replaces: str = ""
    revoked: datetime | None = None
    application: UUID | None = None
    plan: str = ""
    networks: list[str] = []
    """Of its application: the plan, and the networks that it may be used from (none = any)."""
    attributes: list[str] = []
    decimals: int = -1
    delay: int = 0
    """Of its application too: what its plan leaves of the data."""


_ACCOUNT = AccountRow.__struct_fields__


class IdentityStore:
    """The identity tables, over the store's own connections."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = self._postgres = postgres

    async def _rows(self, query: str, **values: Any) -> list[Row]:
        return await self._postgres.rows(QUERIES[query], **values)

    async def _run(self, query: str, **values: Any) -> int:
        return await self._postgres.run(QUERIES[query], **values)

    async def account_by_login(self, login: str) -> AccountRow | None:
        """The account of a login, whatever its case."""
        return _account(await self._rows("account_by_login", login=login))

    async def account(self, id: UUID) -> AccountRow | None:  # noqa: A002
        """One account."""
        return _account(await self._rows("account_by_id", id=id))

    async def accounts(self, *, after: str = "", limit: int = 50) -> list[AccountRow]:
        """Accounts by login, after a login in lower case."""
        rows = await self._rows("accounts", after=after, limit=limit)
        return [_row(AccountRow, row) for row in rows]

    async def count_accounts(self) -> int:
        """How many accounts may sign in."""
        return int((await self._rows("count_accounts"))[0][0])

    async def add_account(self, account: AccountRow) -> UUID | None:
        """Create an account; None when its login is taken. Its own id is not used."""
        values = {
            name: getattr(account, name)
            for name in _ACCOUNT
            if name not in {"id", "password", "created"}
        }
        rows = await self._rows("add_account", **values)
        return rows[0][0] if rows else None

    async def set_password(self, id: UUID, password: str) -> None:  # noqa: A002
        """Keep a password's hash."""
        await self._run("set_password", id=id, password=password)

    async def must_set_password(self, id: UUID) -> None:  # noqa: A002
        """The account must choose a password at its next visit."""
        await self._run("must_set_password", id=id)

    async def change_account(self, account: AccountRow) -> None:
        """Keep what an administrator says of an account: all but its login and its password."""
        values = {name: getattr(account, name) for name in _ACCOUNT}
        for name in ("login", "password", "must_set", "created"):
            del values[name]
        await self._run("change_account", **values)

    async def disable_account(self, id: UUID) -> None:  # noqa: A002
        """The account may sign in no more, and its sessions end."""
        await self._run("disable_account", id=id)

    async def add_session(
        self,
        *,
        proof: bytes,
        account: UUID,
        now: datetime,
        expires: datetime,
        where: Sequence[str],
        mfa: bool = False,
    ) -> UUID:
        """Open a session; ``where`` is (address, agent)."""
        rows = await self._rows(
            "add_session",
            proof=proof,
            account=account,
            now=now,
            expires=expires,
            address=where[0],
            agent=where[1],
            mfa=mfa,
        )
        identifier: UUID = rows[0][0]
        return identifier

    async def session(self, proof: bytes, *, now: datetime, idle: datetime) -> OpenSession | None:
        """The live session of a proof: not expired, used since ``idle``, its account enabled."""
        rows = await self._rows("session", proof=proof, now=now, idle=idle)
        if not rows:
            return None
        row = rows[0]
        return OpenSession(
            id=row[0],
            seen=row[1],
            expires=row[2],
            opened=row[3],
            mfa=row[4],
            account=_row(AccountRow, row[5:]),
        )

    async def see_session(self, id: UUID, now: datetime) -> None:  # noqa: A002
        """The session was used."""
        await self._run("see_session", id=id, now=now)

    async def sessions_of(
        self, account: UUID, *, now: datetime, idle: datetime
    ) -> list[SessionRow]:
        """The live sessions of an account, newest first."""
        rows = await self._rows("sessions_of", account=account, now=now, idle=idle)
        return [_row(SessionRow, row) for row in rows]

    async def end_session(self, proof: bytes) -> None:
        """Close a session by its proof."""
        await self._run("end_session", proof=proof)

    async def revoke_session(self, account: UUID, id: UUID) -> bool:  # noqa: A002
        """Close one session of an account; False when it is not theirs."""
        return await self._run("revoke_session", account=account, id=id) > 0

    async def revoke_sessions(self, account: UUID, *, but: UUID) -> None:
        """Close every session of an account but one."""
        await self._run("revoke_sessions", account=account, but=but)

    async def purge(self, *, now: datetime, idle: datetime, old: datetime) -> None:
        """Forget what is over: sessions, links, failures older than ``old``."""
        await self._run("purge_sessions", now=now, idle=idle, old=old)

    async def add_one_time(self, *, proof: bytes, account: UUID, expires: datetime) -> None:
        """Keep a one-time link; earlier ones of the account end."""
        await self._run("add_one_time", proof=proof, account=account, expires=expires)

    async def see_one_time(self, proof: bytes, now: datetime) -> UUID | None:
        """The account of a one-time link, which is not spent."""
        rows = await self._rows("see_one_time", proof=proof, now=now)
        return rows[0][0] if rows else None

    async def use_one_time(self, proof: bytes, now: datetime) -> UUID | None:
        """Spend a one-time link: its account, once."""
        rows = await self._rows("use_one_time", proof=proof, now=now)
        return rows[0][0] if rows else None

    async def locked_until(self, subjects: Sequence[bytes]) -> datetime | None:
        """The latest end of a lock-out among subjects."""
        rows = await self._rows("locked_until", subjects=list(subjects))
        found: datetime | None = rows[0][0]
        return found

    async def add_failure(
        self, subject: bytes, *, now: datetime, threshold: int, step: float, longest: float
    ) -> None:
        """One more failure; beyond ``threshold`` the lock-out doubles from ``step`` seconds."""
        await self._run(
            "add_failure", subject=subject, now=now, threshold=threshold, step=step, longest=longest
        )

    async def forget_failures(self, subjects: Sequence[bytes]) -> None:
        """A success forgets."""
        await self._run("forget_failures", subjects=list(subjects))

    async def add_key(self, key: KeyRow) -> None:
        """Keep a service key."""
        values = msgspec.structs.asdict(key)
        for name in ("application", "plan", "networks", "attributes", "decimals", "delay"):
            del values[name]
        await self._run("add_key", **values)

    async def key(self, id: str, now: datetime) -> KeyRow | None:  # noqa: A002
        """The live key of an id."""
        rows = await self._rows("key", id=id, now=now)
        return _row(KeyRow, rows[0]) if rows else None

    async def keys(self, *, after: str = "", limit: int = 50) -> list[KeyRow]:
        """Keys that are not revoked, by id."""
        rows = await self._rows("keys", after=after, limit=limit)
        return [_row(KeyRow, row) for row in rows]

    async def live_keys(self, now: datetime, *, after: str = "", limit: int = 1000) -> list[KeyRow]:
        """Keys that work now, each with the rights of its application's subscriptions, by id."""
        rows = await self._rows("live_keys", now=now, after=after, limit=limit)
        return [_row(KeyRow, row) for row in rows]

    async def use_key(self, id: str, today: date) -> None:  # noqa: A002
        """The key was used today."""
        await self._run("use_key", id=id, today=today)

    async def own_key(self, id: str, application: UUID) -> None:  # noqa: A002
        """A key becomes an application's."""
        await self._run("own_key", id=id, application=application)

    async def shorten_key(self, id: str, expires: datetime) -> None:  # noqa: A002
        """A key that is replaced ends soon."""
        await self._run("shorten_key", id=id, expires=expires)

    async def end_rotated(self, old: str, new: str, *, now: datetime) -> None:
        """Of a rotation the old key and the new one live, and no other."""
        await self._run("end_rotated", old=old, new=new, now=now)

    async def revoke_key(self, id: str, now: datetime) -> bool:  # noqa: A002
        """A key works no more; False when there was none."""
        return bool(await self._rows("revoke_key", id=id, now=now))

    async def add_credential(self, *, proof: bytes, device: str, expires: datetime | None) -> None:
        """Keep a device's token; with the one before it, two stay alive."""
        await self._run("add_credential", proof=proof, device=device, expires=expires)

    async def credential(self, proof: bytes, now: datetime) -> str | None:
        """The device of a live token."""
        rows = await self._rows("credential", proof=proof, now=now)
        return rows[0][0] if rows else None

    async def revoke_credentials(self, device: str) -> int:
        """A device's tokens work no more."""
        return await self._run("revoke_credentials", device=device)


Struct = TypeVar("Struct", bound=msgspec.Struct)


def _row(kind: type[Struct], row: Row) -> Struct:
    """A row as its struct: queries select the columns in the order of the fields."""
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))


def _account(rows: Sequence[Row]) -> AccountRow | None:
    return _row(AccountRow, rows[0]) if rows else None

"""Service keys ``clp_<id>_<secret>``: shown once, kept as HMAC, with scopes, an owner and an end.

The prefix lets secret scanners find a key that leaked; the id is public and names the key in lists.
"""

import re
import secrets as random
import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec

from clapas.domain.access import Principal
from clapas.domain.errors import InvalidInput, NotFound
from clapas.identity.secrets import Pepper, new_identifier, new_token
from clapas.identity.settings import Settings
from clapas.store.identity import IdentityStore, KeyRow

KEY = re.compile(r"^clp_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})$")
LONGEST = 100
SCOPE = re.compile(
    r"^(?:(?:read|write|publish|export|subscribe|administer)(?::[a-z_]{1,40}|@[a-z0-9-]{1,63})?|topic:[^\s\x00]{1,200})$"
)
_REMEMBER_S = 5.0
_REMEMBER_MOST = 10_000


Holder = tuple[Principal, KeyRow]
"""Whose key it is, as the charter knows it, and the key."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made: the only time that its secret is told."""

    row: KeyRow
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.row.id}, …)"


class ServiceKeys:
    """Make, rotate, revoke and recognise service keys."""

    def __init__(self, store: IdentityStore, pepper: Pepper, *, settings: Settings) -> None:
        self._store = store
        self._pepper = pepper
        self._settings = settings
        self._found: dict[bytes, tuple[float, Principal, KeyRow]] = {}
        self._mark = random.token_bytes(32)

    async def create(
        self,
        *,
        name: str,
        owner: UUID,
        scopes: list[str],
        expires: datetime | None = None,
        communes: list[str] | None = None,
        replaces: str = "",
    ) -> NewKey:
        """Make a key. Raises InvalidInput: no name, an unknown scope, an end past or too far."""
        now = datetime.now(UTC)
        longest = now + timedelta(seconds=self._settings.key_longest_s)
        end = expires or longest
        if not now < end <= longest:
            raise InvalidInput("a key ends within a year", field="expires")
        if not name.strip() or len(name) > 200:
            raise InvalidInput("a key has a name", field="name")
        if not 0 < len(scopes) <= 100 or not all(SCOPE.fullmatch(scope) for scope in scopes):
            raise InvalidInput("a key names its scopes", field="scopes")
        identifier, token = new_identifier(), new_token()
        secret = f"clp_{identifier}_{token}"
        row = KeyRow(
            id=identifier,
            proof=self._pepper.proof("key", secret),
            name=name.strip(),
            owner=owner,
            scopes=sorted(set(scopes)),
            communes=communes or [],
            created=now,
            expires=end,
            replaces=replaces,
        )
        await self._store.add_key(row)
        return NewKey(row=row, secret=secret)

    async def rotate(self, id: str) -> NewKey:  # noqa: A002
        """A successor with the same rights; the old key alone stays alive beside it, for the rotation's time."""
        now = datetime.now(UTC)
        old = await self._store.key(id, now)
        if old is None:
            raise NotFound(key=id)
        new = await self.create(
            name=old.name,
            owner=old.owner,
            scopes=[each for each in old.scopes if old.application is None or "@" not in each],
            communes=old.communes,
            replaces=old.id,
        )
        end = now + timedelta(seconds=self._settings.key_rotation_s)
        if old.application is not None:
            await self._store.own_key(new.row.id, old.application)
        await self._store.shorten_key(old.id, end)
        await self._store.end_rotated(old.id, new.row.id, now=now)
        self._found.clear()
        return new

    async def revoke(self, id: str) -> None:  # noqa: A002
        """A key works no more. Raises NotFound."""
        self._found.clear()
        if not await self._store.revoke_key(id, datetime.now(UTC)):
            raise NotFound(key=id)

    async def list(self, *, after: str = "", limit: int = 50) -> list[KeyRow]:
        """Keys that are not revoked, by id."""
        return await self._store.keys(after=after, limit=limit)

    async def living(self, *, limit: int) -> tuple[Principal, ...]:
        """The keys that work now, with the rights of their applications' subscriptions."""
        found = await self._store.live_keys(datetime.now(UTC), limit=limit)
        return tuple(self.principal(each) for each in found)

    async def recognise(self, secret: str) -> Principal | None:
        """The principal of a live key, None for anything else."""
        holder = await self.holder(secret)
        return holder[0] if holder else None

    @staticmethod
    def principal(row: KeyRow) -> Principal:
        """A key as the charter knows it."""
        return Principal(
            kind="service",
            id=f"key:{row.id}",
            name=row.name,
            scopes=frozenset(row.scopes),
            communes=frozenset(row.communes),
            organisation=f"application:{row.application}" if row.application else "",
            attributes=frozenset(row.attributes),
            decimals=row.decimals,
            delay=row.delay,
        )

    async def give(self, id: str, application: UUID) -> None:  # noqa: A002
        """A key becomes an application's: it has the rights of its subscriptions."""
        await self._store.own_key(id, application)
        self.forget()

    def forget(self) -> None:
        """Ask the database again at the next call: rights have changed."""
        self._found.clear()

    def remembered(self, secret: str) -> Holder | None:
        """Whose key this is, when it was proved a moment ago; a key that ends or is revoked is forgotten.

        Known again by a keyed digest (RFC 7693) under a value that never leaves this process.
        """
        return self._known(self._digest(secret))

    async def holder(self, secret: str) -> Holder | None:
        """Whose live key this is."""
        digest = self._digest(secret)
        known = self._known(digest)
        if known is not None:
            return known
        match = KEY.fullmatch(secret)
        if match is None:
            return None
        now = datetime.now(UTC)
        row = await self._store.key(match[1], now)
        if row is None or not self._pepper.matches("key", secret, proof=row.proof):
            return None
        if row.last_used != now.date():
            await self._store.use_key(row.id, now.date())
        return self._remember(digest, row)

    async def by_id(self, id: str) -> Holder | None:  # noqa: A002
        """Whose live key has this id; its holder proved it before."""
        digest = self._digest(f"id {id}")
        known = self._known(digest)
        if known is not None:
            return known
        row = await self._store.key(id, datetime.now(UTC))
        return self._remember(digest, row) if row is not None else None

    def _digest(self, secret: str) -> bytes:
        return blake2b(secret[:LONGEST].encode(), key=self._mark, digest_size=32).digest()

    def _known(self, digest: bytes) -> Holder | None:
        found = self._found.get(digest)
        if found is None or found[0] < time.monotonic():
            return None
        return found[1], found[2]

    def _remember(self, digest: bytes, row: KeyRow) -> Holder:
        if len(self._found) >= _REMEMBER_MOST:
            self._found.clear()
        left = (row.expires - datetime.now(UTC)).total_seconds()
        holder = self.principal(row), row
        self._found[digest] = (time.monotonic() + min(_REMEMBER_S, left), *holder)
        return holder

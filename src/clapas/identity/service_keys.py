"""Service keys ``clp_<id>_<secret>``: shown once, kept as HMAC, with scopes, an owner and an end.

The prefix lets secret scanners find a key that leaked; the id is public and names the key in lists.
"""

import re
import time
from datetime import UTC, datetime, timedelta
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


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made: the only time that its secret is told."""

    row: KeyRow
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.row.id}, …)"


class ServiceKeys:
    """Make, rotate, revoke and recognise service keys."""

    def __init__(self, store: IdentityStore, pepper: Pepper, settings: Settings) -> None:
        self._store = store
        self._pepper = pepper
        self._settings = settings
        self._found: dict[bytes, tuple[float, KeyRow]] = {}
        self._principals: dict[str, tuple[KeyRow, Principal]] = {}

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
        """A successor with the same rights; the old key stays alive for the rotation's time."""
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
        return new

    async def revoke(self, id: str) -> None:  # noqa: A002
        """A key works no more. Raises NotFound."""
        self._found.clear()
        if not await self._store.revoke_key(id, datetime.now(UTC)):
            raise NotFound(key=id)

    async def list(self, *, after: str = "", limit: int = 50) -> list[KeyRow]:
        """Keys that are not revoked, by id."""
        return await self._store.keys(after=after, limit=limit)

    async def recognise(self, secret: str) -> Principal | None:
        """The principal of a live key, None for anything else."""
        return self.principal(await self.find(secret))

    def principal(self, row: KeyRow | None) -> Principal | None:
        """A key as the charter knows it; made once for as long as the row is remembered."""
        if row is None:
            return None
        known = self._principals.get(row.id)
        if known is None or known[0] is not row:
            if len(self._principals) >= _REMEMBER_MOST:
                self._principals.clear()
            known = self._principals[row.id] = row, self._principal(row)
        return known[1]

    @staticmethod
    def _principal(row: KeyRow) -> Principal:
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

    async def by_id(self, id: str) -> KeyRow | None:  # noqa: A002
        """The live key of an id, whose holder proved it before."""
        proof, clock = self._pepper.proof("key-id", id), time.monotonic()
        remembered = self._found.get(proof)
        if remembered and remembered[0] > clock:
            return remembered[1]
        row = await self._store.key(id, datetime.now(UTC))
        if row is not None:
            self._remember(proof, row)
        return row

    async def find(self, secret: str) -> KeyRow | None:
        """The live key of a secret."""
        proof = self._pepper.proof("key", secret[:LONGEST])
        remembered = self._found.get(proof)
        if remembered and remembered[0] > time.monotonic():
            return remembered[1]
        match = KEY.fullmatch(secret)
        if match is None:
            return None
        now = datetime.now(UTC)
        row = await self._store.key(match[1], now)
        if row is None or not self._pepper.matches("key", secret, row.proof):
            return None
        if row.last_used != now.date():
            await self._store.use_key(row.id, now.date())
        self._remember(proof, row)
        return row

    def _remember(self, proof: bytes, row: KeyRow) -> None:
        if len(self._found) >= _REMEMBER_MOST:
            self._found.clear()
        self._found[proof] = (time.monotonic() + _REMEMBER_S, row)

"""Sessions: 256 random bits in a cookie, an HMAC in the database, idle and absolute ends.

A session found is remembered for a few seconds, so that a page that loads twenty things asks the
database once; a session revoked by another process ends within that time.
"""

import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID

import msgspec

from clapas.identity.secrets import Pepper, new_token
from clapas.identity.settings import Settings
from clapas.store.identity import AccountRow, IdentityStore, OpenSession, SessionRow

_REMEMBER_S = 5.0
_REMEMBER_MOST = 10_000
_SEEN_EVERY = timedelta(minutes=1)


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """What the door hands over, once: the cookie's token and the CSRF value bound to it."""

    id: UUID
    token: str
    csrf: str
    expires: datetime
    account: AccountRow

    def __repr__(self) -> str:
        return "NewSession(…)"


class Sessions:
    """Open, find, list and revoke sessions."""

    def __init__(self, store: IdentityStore, pepper: Pepper, *, settings: Settings) -> None:
        self._store = store
        self._pepper = pepper
        self._settings = settings
        self._found: dict[bytes, tuple[float, OpenSession]] = {}

    @property
    def _idle(self) -> timedelta:
        return timedelta(seconds=self._settings.session_idle_s)

    def csrf(self, token: str) -> str:
        """The value that state-changing calls of this session must repeat; bound to the session."""
        return self._pepper.proof("csrf", token).hex()

    def csrf_matches(self, token: str, given: str) -> bool:
        """Is the value the one of this session? In constant time."""
        try:
            claimed = bytes.fromhex(given)
        except ValueError:
            return False
        return self._pepper.matches("csrf", token, proof=claimed)

    async def open(
        self, account: AccountRow, *, address: str, agent: str, mfa: bool = False
    ) -> NewSession:
        """A new session, always with a new token (a planted one is never taken up)."""
        token, now = new_token(), datetime.now(UTC)
        expires = now + timedelta(seconds=self._settings.session_absolute_s)
        identifier = await self._store.add_session(
            proof=self._pepper.proof("session", token),
            account=account.id,
            now=now,
            expires=expires,
            where=(shortened(address), agent[:200]),
            mfa=mfa,
        )
        return NewSession(
            id=identifier,
            token=token,
            csrf=self.csrf(token),
            expires=expires,
            account=account,
        )

    async def find(self, token: str) -> OpenSession | None:
        """The live session of a token."""
        if not 20 <= len(token) <= 100:
            return None
        proof = self._pepper.proof("session", token)
        clock = time.monotonic()
        remembered = self._found.get(proof)
        if remembered and remembered[0] > clock:
            return remembered[1]
        now = datetime.now(UTC)
        session = await self._store.session(proof, now=now, idle=now - self._idle)
        self._found.pop(proof, None)
        if session is None:
            return None
        if now - session.seen > _SEEN_EVERY:
            await self._store.see_session(session.id, now)
        if len(self._found) >= _REMEMBER_MOST:
            self._found.clear()
        self._found[proof] = (clock + _REMEMBER_S, session)
        return session

    async def end(self, token: str) -> None:
        """Close the session of a token."""
        proof = self._pepper.proof("session", token)
        self._found.pop(proof, None)
        await self._store.end_session(proof)

    async def list_of(self, account: UUID) -> list[SessionRow]:
        """The live sessions of an account, newest first."""
        now = datetime.now(UTC)
        return await self._store.sessions_of(account, now=now, idle=now - self._idle)

    def forget(self) -> None:
        """Ask the database again at the next call: rights have changed."""
        self._found.clear()

    async def revoke(self, account: UUID, session: UUID) -> bool:
        """Close one session of an account; False when it is not theirs."""
        self._found.clear()
        return await self._store.revoke_session(account, session)

    async def revoke_others(self, account: UUID, *, but: UUID) -> None:
        """Close every session of an account but one: after a change of password."""
        self._found.clear()
        await self._store.revoke_sessions(account, but=but)

    async def purge(self) -> None:
        """Forget what is over; called from time to time."""
        now = datetime.now(UTC)
        await self._store.purge(now=now, idle=now - self._idle, old=now - timedelta(days=1))


def shortened(address: str) -> str:
    """An address without its last part (IPv4 /24, IPv6 /48), as the CNIL asks of logs."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    net = ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False)
    return str(net.network_address)

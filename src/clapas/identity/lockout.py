"""Brute force is slowed: failures count by (login, address), by login and by address.

Thresholds grow in that order, so that a stranger cannot easily lock out somebody else. The counters
live in PostgreSQL under HMACs: every process shares them, and no login is written in clear.
"""

from datetime import UTC, datetime

from clapas.identity.errors import LockedOut
from clapas.identity.secrets import Pepper
from clapas.identity.settings import Settings
from clapas.store.identity import IdentityStore

_THRESHOLDS = (("pair", 5), ("login", 20), ("address", 50))


class Lockout:
    """Counts failures and says when the next try may come."""

    def __init__(self, store: IdentityStore, pepper: Pepper, *, settings: Settings) -> None:
        self._store = store
        self._pepper = pepper
        self._settings = settings

    def _subjects(self, login: str, address: str) -> list[bytes]:
        name = login.strip().lower()
        texts = (f"{name}\0{address}", name, address)
        return [
            self._pepper.proof(f"failure-{kind}", text)
            for (kind, _), text in zip(_THRESHOLDS, texts, strict=True)
        ]

    async def check(self, login: str, address: str) -> None:
        """Raise LockedOut, with ``retry_after`` in seconds, while a lock-out lasts."""
        until = await self._store.locked_until(self._subjects(login, address))
        now = datetime.now(UTC)
        if until is not None and until > now:
            raise LockedOut(retry_after=int((until - now).total_seconds()) + 1)

    async def failed(self, login: str, address: str) -> None:
        """One more failure."""
        now = datetime.now(UTC)
        for (_, threshold), subject in zip(
            _THRESHOLDS, self._subjects(login, address), strict=True
        ):
            await self._store.add_failure(
                subject,
                now=now,
                threshold=threshold,
                step=self._settings.lock_step_s,
                longest=self._settings.lock_longest_s,
            )

    async def succeeded(self, login: str, address: str) -> None:
        """Forget the failures of this login from this address, and of the login."""
        await self._store.forget_failures(self._subjects(login, address)[:2])

    async def lift(self, login: str) -> None:
        """End the lock-out of a login wherever it comes from; that of an address stays."""
        await self._store.forget_failures(self._subjects(login, "")[1:2])

"""Passwords: argon2id (RFC 9106) with the parameters of OWASP's cheat sheet, in a thread.

At most two are computed at once: each takes 46 MiB, and a flood of sign-ins must not take the machine.
"""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from clapas.identity.errors import WeakPassword

_HASHER = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
_LONGEST = 1024
_COMMON = frozenset(
    {
        "motdepasse",
        "password",
        "azertyuiop",
        "qwertyuiop",
        "administrateur",
        "administrator",
        "montpellier",
        "123456789012",
        "clapasclapas",
    }
)


class Passwords:
    """Hash and verify, bounded. A verification against no account costs as much as a real one."""

    def __init__(self, *, shortest: int) -> None:
        self._shortest = shortest
        self._room = asyncio.Semaphore(2)
        self._nobody = ""

    def check(self, password: str, *, login: str) -> None:
        """Raise WeakPassword when it is short, very common, repeated or holds the login."""
        bare = password.strip().lower()
        if not self._shortest <= len(password) <= _LONGEST:
            raise WeakPassword(reason="length", shortest=self._shortest, longest=_LONGEST)
        common = bare.rstrip("0123456789!.?*-_ ") in _COMMON
        if common or len(set(bare)) < 5 or (len(login) > 3 and login.lower() in bare):
            raise WeakPassword(reason="common")

    async def hash(self, password: str) -> str:
        """The argon2id hash of a password."""
        async with self._room:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def verify(self, hashed: str, password: str) -> bool:
        """Is this the password of that hash? '' stands for no account: never, at the same cost."""
        if len(password) > _LONGEST:
            return False
        against = hashed or await self._nobody_hash()
        async with self._room:
            right = await asyncio.to_thread(_verify, against, password)
        return right and bool(hashed)

    async def _nobody_hash(self) -> str:
        if not self._nobody:
            self._nobody = await self.hash("nobody's password")
        return self._nobody


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False

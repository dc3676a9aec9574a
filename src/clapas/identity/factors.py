"""The second factor: time-based codes (RFC 6238, SHA-1, 6 digits, 30 s) and recovery codes.

The secret is kept encrypted (AES-256-GCM) under a key derived from the installation's pepper; a code
is accepted once, one step early or late. Recovery codes are kept as HMACs and work once each.
"""

import base64
import os
import secrets as random
import time
from collections.abc import Callable
from urllib.parse import quote
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from clapas.domain.errors import Conflict, InvalidInput
from clapas.identity.errors import SecondFactorNeeded, SignInFailed
from clapas.identity.lockout import Lockout
from clapas.identity.secrets import Pepper
from clapas.store.identity import AccountRow
from clapas.store.identity_factors import FactorRow, FactorStore

STEP_S = 30
DRIFT = 1
RECOVERY_CODES = 10


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What the person's telephone needs, once: the secret (base 32) and the otpauth address."""

    secret: str
    address: str

    def __repr__(self) -> str:
        return "Enrolment(…)"


class Factors:
    """Enrol, confirm and ask for the second factor."""

    def __init__(
        self,
        store: FactorStore,
        pepper: Pepper,
        *,
        lockout: Lockout,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._pepper = pepper
        self._lockout = lockout
        self._clock = clock
        self._cipher = AESGCM(pepper.proof("factor-key", ""))

    async def enrol(self, account: AccountRow, *, issuer: str = "Clapas") -> Enrolment:
        """A new secret to confirm. Raises Conflict when a factor works already."""
        secret = os.urandom(20)
        nonce = os.urandom(12)
        kept = nonce + self._cipher.encrypt(nonce, secret, account.id.bytes)
        if not await self._store.set_factor(account.id, kept):
            raise Conflict("a second factor works already", account=str(account.id))
        text = base64.b32encode(secret).decode()
        label = quote(f"{issuer}:{account.login}")
        address = f"otpauth://totp/{label}?secret={text}&issuer={quote(issuer)}"
        return Enrolment(secret=text, address=address)

    async def confirm(self, account: AccountRow, code: str, *, session: UUID) -> list[str]:
        """The first code proves the telephone; gives the recovery codes, told once."""
        factor = await self._store.factor(account.id)
        if factor is None or factor.confirmed:
            raise Conflict("no second factor waits", account=str(account.id))
        if not await self._right(factor, code):
            raise InvalidInput("this code is not the present one", field="code")
        codes = [_readable() for _ in range(RECOVERY_CODES)]
        proofs = [self._pepper.proof("recovery", each) for each in codes]
        await self._store.confirm(account.id, proofs)
        await self._store.trust_session(session)
        return codes

    async def demand(self, account: AccountRow, code: str, *, address: str) -> bool:
        """Ask for the code of a sign-in: True when one was given, False when there is no factor.

        Raises SecondFactorNeeded (none given), SignInFailed (a wrong one, counted), LockedOut.
        """
        factor = await self._store.factor(account.id)
        if factor is None or not factor.confirmed:
            return False
        if not code:
            raise SecondFactorNeeded
        subject = f"second factor of {account.login}"  # apart: a right password resets its own
        await self._lockout.check(subject, address)
        if not (await self._right(factor, code) or await self._recovered(factor, code)):
            await self._lockout.failed(subject, address)
            raise SignInFailed
        await self._lockout.succeeded(subject, address)
        return True

    async def works(self, account: UUID) -> bool:
        """Has the account a confirmed second factor?"""
        factor = await self._store.factor(account)
        return factor is not None and factor.confirmed

    async def remove(self, account: UUID) -> None:
        """Take the factor away: by its owner who proved it, or by an administrator."""
        await self._store.remove(account)

    async def _right(self, factor: FactorRow, code: str) -> bool:
        code = code.replace(" ", "")
        if len(code) != 6 or not code.isascii() or not code.isdigit():
            return False
        try:
            secret = self._cipher.decrypt(
                factor.secret[:12], factor.secret[12:], factor.account.bytes
            )
        except InvalidTag:
            return False
        totp = TOTP(secret, 6, SHA1(), STEP_S)  # noqa: S303
        now = int(self._clock()) // STEP_S
        for step in range(now - DRIFT, now + DRIFT + 1):
            if random.compare_digest(totp.generate(step * STEP_S), code.encode()):
                return await self._store.use_step(factor.account, step)
        return False

    async def _recovered(self, factor: FactorRow, code: str) -> bool:
        tidy = code.strip().lower()
        if len(tidy) != 11:
            return False
        return await self._store.use_recovery(factor.account, self._pepper.proof("recovery", tidy))


def _readable() -> str:
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    code = "".join(random.choice(letters) for _ in range(10))
    return f"{code[:5]}-{code[5:]}"

"""Passkeys (W3C Web Authentication level 2): sign in with a key that never leaves the person's device.

A passkey with user verification is two factors at once (something owned, something known or a body).
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from clapas.domain.errors import InvalidInput, NotFound
from clapas.identity.errors import PasskeyRefused
from clapas.identity.lockout import Lockout
from clapas.identity.sealing import Seal
from clapas.identity.secrets import Pepper
from clapas.store.identity import AccountRow
from clapas.store.identity_federation import FederationStore, PasskeyRow

CEREMONY_S = 300.0
MOST = 10
NAME = "Clapas"


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser keeps, sealed, between the question and the answer."""

    challenge: bytes
    account: str
    expires: float


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The question for the browser, and what it gives back with the answer."""

    options: dict[str, Any]
    ticket: str


class Passkeys:
    """Registers, recognises, lists and removes passkeys. ``origin`` is the page's address."""

    def __init__(self, store: FederationStore, pepper: Pepper, *, lockout: Lockout) -> None:
        self._store = store
        self._seal = Seal(pepper, "passkey")
        self._lockout = lockout

    async def ask_registration(self, account: AccountRow, *, origin: str) -> Asked:
        """The question that makes a new passkey for an account."""
        known = await self._store.passkeys(account.id)
        if len(known) >= MOST:
            raise InvalidInput("ten passkeys at most", field="passkey")
        options = webauthn.generate_registration_options(
            rp_id=_host(origin),
            rp_name=NAME,
            user_id=account.id.bytes,
            user_name=account.login,
            user_display_name=account.name or account.login,
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each.id) for each in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
        return self._asked(
            webauthn.options_to_json(options), options.challenge, account=str(account.id)
        )

    async def register(
        self,
        account: AccountRow,
        answer: Mapping[str, Any],
        *,
        ticket: str,
        origin: str,
        name: str,
    ) -> PasskeyRow:
        """Keep the passkey that the browser made. Raises PasskeyRefused."""
        asked = self._opened(ticket, str(account.id))
        try:
            made = webauthn.verify_registration_response(
                credential=dict(answer),
                expected_challenge=asked.challenge,
                expected_rp_id=_host(origin),
                expected_origin=origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise PasskeyRefused from error
        row = PasskeyRow(
            id=made.credential_id,
            account=account.id,
            public_key=made.credential_public_key,
            counter=made.sign_count,
            name=name.strip()[:80],
        )
        if not await self._store.add_passkey(row):
            raise PasskeyRefused
        return row

    def ask_sign_in(self, *, origin: str) -> Asked:
        """The question that any passkey of this platform may answer."""
        options = webauthn.generate_authentication_options(
            rp_id=_host(origin), user_verification=UserVerificationRequirement.REQUIRED
        )
        return self._asked(webauthn.options_to_json(options), options.challenge, account="")

    async def sign_in(
        self, answer: Mapping[str, Any], *, ticket: str, origin: str, address: str
    ) -> UUID:
        """Whose passkey answered. Raises PasskeyRefused, LockedOut."""
        subject = f"passkey from {address}"
        await self._lockout.check(subject, address)
        try:
            asked = self._opened(ticket, "")
            row = await self._answered(answer, asked.challenge, origin=origin)
        except PasskeyRefused:
            await self._lockout.failed(subject, address)
            raise
        await self._lockout.succeeded(subject, address)
        return row.account

    async def _answered(
        self, answer: Mapping[str, Any], challenge: bytes, *, origin: str
    ) -> PasskeyRow:
        try:
            row = await self._store.passkey(base64url_to_bytes(str(answer.get("id", ""))[:1400]))
            if row is None:
                raise PasskeyRefused
            proven = webauthn.verify_authentication_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=_host(origin),
                expected_origin=origin,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.counter,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise PasskeyRefused from error
        if not await self._store.use_passkey(row.id, proven.new_sign_count):
            raise PasskeyRefused
        if not await self._store.take_once(challenge, _later()):
            raise PasskeyRefused
        return row

    async def list(self, account: UUID) -> list[PasskeyRow]:
        """The passkeys of an account."""
        return await self._store.passkeys(account)

    async def remove(self, account: UUID, id: str) -> None:  # noqa: A002
        """A passkey works no more. Raises NotFound."""
        try:
            known = base64url_to_bytes(id[:1400])
        except ValueError as error:
            raise NotFound(passkey=id[:80]) from error
        if not await self._store.remove_passkey(account, known):
            raise NotFound(passkey=id[:80])

    async def remove_all(self, account: UUID) -> None:
        """No passkey of an account works any more."""
        for each in await self._store.passkeys(account):
            await self._store.remove_passkey(account, each.id)

    def _asked(self, options: str, challenge: bytes, *, account: str) -> Asked:
        kept = Challenge(challenge=challenge, account=account, expires=time.time() + CEREMONY_S)
        ticket = self._seal.close_text(msgspec.msgpack.encode(kept))
        return Asked(options=msgspec.json.decode(options), ticket=ticket)

    def _opened(self, ticket: str, account: str) -> Challenge:
        body = self._seal.open_text(ticket[:2000])
        if body is None:
            raise PasskeyRefused
        kept = msgspec.msgpack.decode(body, type=Challenge)
        if kept.account != account or kept.expires < time.time():
            raise PasskeyRefused
        return kept


def readable(id: bytes) -> str:  # noqa: A002
    """A passkey's id as text."""
    return bytes_to_base64url(id)


def _later() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=CEREMONY_S)


def _host(origin: str) -> str:
    return urlsplit(origin).hostname or ""

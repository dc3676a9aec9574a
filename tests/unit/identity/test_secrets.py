"""Secrets: random, proved by HMAC under the pepper, never shown by accident."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.identity.errors import WeakPassword
from clapas.identity.passwords import Passwords
from clapas.identity.secrets import Pepper, base62, new_identifier, new_token
from clapas.identity.service_keys import KEY, SCOPE
from clapas.identity.sessions import NewSession
from clapas.store.identity import AccountRow

PEPPER = Pepper(b"k" * 32)


@given(st.binary(min_size=32, max_size=32))
def test_base_62_keeps_all_256_bits(data: bytes) -> None:
    text = base62(data, length=43)
    assert re.fullmatch(r"[0-9A-Za-z]{43}", text)
    number = 0
    for each in text:
        number = (
            number * 62
            + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(each)
        )
    assert number.to_bytes(32) == data


def test_a_proof_serves_one_use_only() -> None:
    token = new_token()
    proof = PEPPER.proof("session", token)
    assert PEPPER.matches("session", token, proof=proof)
    assert not PEPPER.matches("key", token, proof=proof)
    assert not Pepper(b"l" * 32).matches("session", token, proof=proof)
    assert new_token() != token


def test_a_short_pepper_is_refused_and_none_is_printed() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Pepper(b"short")
    assert "k" * 8 not in repr(PEPPER)


def test_a_session_s_token_is_not_printed() -> None:
    from datetime import UTC, datetime
    from uuid import UUID

    session = NewSession(
        id=UUID(int=1),
        token="secret-token",
        csrf="secret-csrf",
        expires=datetime(2026, 1, 1, tzinfo=UTC),
        account=AccountRow(id=UUID(int=0), login="a"),
    )
    assert "secret" not in repr(session)


def test_a_key_has_its_form() -> None:
    assert KEY.match(f"clp_{new_identifier()}_{new_token()}")
    assert not KEY.match("clp_short_" + new_token())


@pytest.mark.parametrize(
    "scope", ["read", "publish:uplink", "topic:application/#", "administer:key"]
)
def test_scopes_that_exist(scope: str) -> None:
    assert SCOPE.match(scope)


@pytest.mark.parametrize(
    "scope", ["", "all", "read:", "READ", "read:a b", "topic:", "topic:a b", "read\n"]
)
def test_scopes_that_do_not(scope: str) -> None:
    assert not SCOPE.fullmatch(scope)


@pytest.mark.parametrize(
    "password",
    [
        "court",
        "motdepasse2026",
        "aaaaaaaaaaaaaa",
        "abababababababab",
        "marie.dupont-34",
        "x" * 2000,
    ],
)
def test_passwords_that_are_too_easy(password: str) -> None:
    with pytest.raises(WeakPassword):
        Passwords(shortest=12).check(password, login="marie.dupont")


async def test_a_password_is_verified_and_nobody_has_none() -> None:
    passwords = Passwords(shortest=12)
    hashed = await passwords.hash("la-mer-est-calme-42")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "la-mer-est-calme-42")
    assert not await passwords.verify(hashed, "la-mer-est-calme-43")
    assert not await passwords.verify("", "nobody's password")
    assert not await passwords.verify("not a hash", "x")

"""Short tokens (RFC 7519, RFC 8725): only ours, only for us, only until their end."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from clapas.identity.secrets import Pepper
from clapas.identity.tokens import ISSUER, ShortTokens

PEPPER = Pepper(b"k" * 32)
KEY = OctKey.import_key(PEPPER.proof("token-key", ""))
"""The key of this installation: what is wrong below is never the signature alone."""


def forged(*, header: dict[str, Any] | None = None, key: Any = KEY, **claims: Any) -> str:
    """A token that differs from a good one by what is said here; None leaves a claim out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": ISSUER, "sub": "key:abc", "iat": now, "exp": now + 60}
    said = {name: value for name, value in {**good, **claims}.items() if value is not None}
    named = header or {"alg": "HS256"}
    if named["alg"] == "none":
        parts = (json.dumps(each).encode() for each in (named, said))
        return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts) + "."
    return jwt.encode(named, said, key, algorithms=[named["alg"]])


def test_a_token_names_its_key() -> None:
    tokens = ShortTokens(PEPPER, seconds=60)
    assert tokens.key_of(tokens.make("abc")) == "abc"
    assert tokens.key_of(forged()) == "abc", "so that the refusals below have one cause each"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-platform"},
        {"aud": None},
        {"iss": "another-platform"},
        {"exp": None},
        {"exp": 1_700_000_000},
        {"sub": "user:abc"},
        {"sub": None},
    ],
    ids=str,
)
def test_a_token_for_something_else_names_nothing(claims: dict[str, Any]) -> None:
    assert ShortTokens(PEPPER, seconds=60).key_of(forged(**claims)) is None


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512", "RS256"])
def test_only_our_algorithm_signs(algorithm: str) -> None:
    """RFC 8725 §2.1: neither 'none', nor the same key another way, nor a key that the header brings."""
    key = RSAKey.generate_key(2048) if algorithm == "RS256" else KEY
    header: dict[str, Any] = {"alg": algorithm, "kid": "../../dev/null"}
    if algorithm == "RS256":
        header["jwk"] = key.as_dict(private=False)
    assert ShortTokens(PEPPER, seconds=60).key_of(forged(header=header, key=key)) is None


def test_another_installation_signs_nothing_here() -> None:
    other = ShortTokens(Pepper(b"o" * 32), seconds=60)
    assert ShortTokens(PEPPER, seconds=60).key_of(other.make("abc")) is None


def test_a_token_ends_although_it_was_verified_before(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = ShortTokens(PEPPER, seconds=60)
    token = tokens.make("abc")
    assert tokens.key_of(token) == "abc"
    later = time.time() + 61
    monkeypatch.setattr("clapas.identity.tokens.time.time", lambda: later)
    assert tokens.key_of(token) is None

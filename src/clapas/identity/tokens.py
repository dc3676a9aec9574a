"""Short tokens that a service key is changed for (RFC 6749 §4.4, RFC 7519): ten minutes, same rights.

Signed HS256 under a key derived from the pepper; the token names the key, whose rights and end are looked
up at each call, so that a revoked key ends its tokens too.
"""

import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from clapas.identity.secrets import Pepper, new_identifier

ISSUER = "clapas"
ALGORITHM = "HS256"
REMEMBERED = 10_000


class ShortTokens:
    """Makes and reads short tokens."""

    def __init__(self, pepper: Pepper, *, seconds: int) -> None:
        self._key = OctKey.import_key(pepper.proof("token-key", ""))
        self.seconds = seconds
        self._verified: dict[str, tuple[int, str]] = {}

    def make(self, key: str) -> str:
        """A token for the key of this id."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": f"key:{key}",
            "iat": now,
            "exp": now + self.seconds,
            "jti": new_identifier(),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt"}, claims, self._key)

    def key_of(self, token: str) -> str | None:
        """The id of the key that a live token stands for, None for anything else.

        A signature that was verified stays so: only the token's end is looked at again.
        """
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token)
            if known is None:
                return None
            if len(self._verified) >= REMEMBERED:
                self._verified.clear()
            self._verified[token] = known
        end, key = known
        return key if time.time() < end else None

    def _verify(self, token: str) -> tuple[int, str] | None:
        """When a token ends and the key that it names; None when it is not one of ours, or is over."""
        wanted: dict[str, Any] = {
            "iss": {"essential": True, "value": ISSUER},
            "aud": {"essential": True, "value": ISSUER},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        try:
            found = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            jwt.JWTClaimsRegistry(leeway=0, **wanted).validate(found.claims)
        except (JoseError, ValueError):
            return None
        subject = str(found.claims["sub"])
        if not subject.startswith("key:"):
            return None
        return int(found.claims["exp"]), subject.removeprefix("key:")

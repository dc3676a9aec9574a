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


class ShortTokens:
    """Makes and reads short tokens."""

    def __init__(self, pepper: Pepper, *, seconds: int) -> None:
        self._key = OctKey.import_key(pepper.proof("token-key", ""))
        self.seconds = seconds

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
        """The id of the key that a live token stands for, None for anything else."""
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
        return subject.removeprefix("key:") if subject.startswith("key:") else None

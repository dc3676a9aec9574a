"""Random secrets, and the proofs of them that may be kept.

A proof is HMAC-SHA256 under the installation's pepper (RFC 2104), with a label so that a proof made
for one use never serves another. The secrets carry 256 bits, so a slow hash would add nothing.
"""

import hmac
import secrets as random
import string
from hashlib import sha256

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def base62(data: bytes, *, length: int) -> str:
    """Bytes as base 62, big-endian, left-padded to ``length`` characters."""
    number = int.from_bytes(data)
    digits: list[str] = []
    while number:
        number, rest = divmod(number, 62)
        digits.append(BASE62[rest])
    return "".join(reversed(digits)).rjust(length, "0")


def new_token() -> str:
    """256 random bits as 43 characters of base 62."""
    return base62(random.token_bytes(32), length=43)


def new_identifier() -> str:
    """Eight random characters of base 62: the public part of a service key."""
    return "".join(random.choice(BASE62) for _ in range(8))


class Pepper:
    """The installation's secret, kept outside the database; proofs without it are worthless."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("a pepper has at least 32 bytes")
        self._secret = secret

    def __repr__(self) -> str:
        return "Pepper(…)"

    def proof(self, label: str, secret: str) -> bytes:
        """What may be kept of a secret: 32 bytes."""
        return hmac.digest(self._secret, f"{label}\0{secret}".encode(), sha256)

    def matches(self, label: str, secret: str, *, proof: bytes) -> bool:
        """Is this the secret of that proof? In constant time."""
        return hmac.compare_digest(self.proof(label, secret), proof)

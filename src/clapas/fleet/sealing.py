"""Root keys at rest: AES-256-GCM under the installation's own key, bound to the device and the kind.

Sources: NIST SP 800-38D (GCM, random 96-bit nonces: far below 2^32 messages a key); RFC 5869 (HKDF).
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clapas.domain.errors import InternalError

NONCE = 12


class Sealer:
    """Seals and opens root keys. ``secret`` lives in the data directory, outside the databases."""

    def __init__(self, secret: bytes) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"clapas device keys 1").derive(secret)
        self._cipher = AESGCM(derived)

    def seal(self, device: str, kind: str, *, key: bytes) -> str:
        """A sealed key as base 64."""
        nonce = os.urandom(NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, key, f"{device}/{kind}".encode())
        return base64.b64encode(sealed).decode()

    def open(self, device: str, kind: str, *, sealed: bytes) -> bytes:
        """The key. Raises InternalError when it was sealed for another device or with another secret."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], f"{device}/{kind}".encode())
        except InvalidTag as error:
            raise InternalError("a device key cannot be opened", device=device) from error

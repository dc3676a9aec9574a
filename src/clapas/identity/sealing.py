"""Values that a browser or the database keeps for us without reading or changing them (AES-256-GCM)."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clapas.identity.secrets import Pepper

NONCE = 12


class Seal:
    """Seals under a key derived from the pepper; ``label`` keeps one use from serving another."""

    def __init__(self, pepper: Pepper, label: str) -> None:
        self._label = label.encode()
        self._cipher = AESGCM(pepper.proof("seal-key", label))

    def close(self, body: bytes) -> bytes:
        """The sealed body."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, body, self._label)

    def open(self, sealed: bytes) -> bytes | None:
        """The body, None when it is not one of ours."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], self._label)
        except (InvalidTag, ValueError):
            return None

    def close_text(self, body: bytes) -> str:
        """The sealed body as text for a cookie."""
        return base64.urlsafe_b64encode(self.close(body)).decode()

    def open_text(self, sealed: str) -> bytes | None:
        """The body of such a text, None when it is not one of ours."""
        try:
            return self.open(base64.urlsafe_b64decode(sealed.encode()))
        except ValueError:
            return None

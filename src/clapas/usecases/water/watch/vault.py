"""The identity vault: who lives behind a meter, sealed with a key that the databases do not hold.

Source: GDPR art. 25 (data protection by design) and 32 (pseudonymisation, encryption). The series know an
entity and no name; this table knows names and no consumption.
"""

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

import msgspec

from clapas.engines.directory import write_private
from clapas.fleet.sealing import Sealer
from clapas.store.water import SubscriberRow

KIND = "water subscriber"
KEY = "water"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A subscriber: name, the addresses that they gave, the number of their contract."""

    name: str
    mail: str = ""
    phone: str = ""
    address: str = ""
    contract: str = ""

    def reached_by(self, channel: str) -> str:
        """Their address on a channel; empty when they gave none."""
        return {"mail": self.mail, "sms": self.phone, "letter": self.address}[channel]


class Vault:
    """Seals and opens identities, and makes the links that stop the messages."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._sealer = Sealer(secret)

    @classmethod
    def of(cls, directory: Path) -> "Vault":
        """The vault of an installation; its key is made at the first use."""
        path = directory / "secrets" / KEY
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, secrets.token_bytes(32))
        return cls(path.read_bytes())

    def seal(self, entity: str, person: Person) -> bytes:
        """An identity as the bytes that are kept."""
        return self._sealer.seal(entity, KIND, key=msgspec.json.encode(person)).encode()

    def open(self, row: SubscriberRow) -> Person:
        """The identity. Raises InternalError when it was sealed with another key."""
        body = self._sealer.open(row.entity, KIND, sealed=base64.b64decode(row.sealed))
        return msgspec.json.decode(body, type=Person)

    def stop_token(self, entity: str) -> str:
        """The token of the link that stops the messages about a meter; only its digest is kept."""
        mark = hmac.new(self._secret, f"stop/{entity}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mark).decode().rstrip("=")


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()

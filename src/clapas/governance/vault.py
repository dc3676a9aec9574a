"""Who a pseudonym is, apart from everything else: sealed under a key that no database holds.

The platform never needs it; a service that must reach somebody (a leak at night) asks for one name at a
time, with a reason, and each asking is written to the audit trail before the answer is given.
"""

from clapas.domain.errors import InvalidInput, NotFound
from clapas.identity.sealing import Seal
from clapas.identity.secrets import Pepper
from clapas.store.governance import Governance

LONGEST = 2000


class Vault:
    """Seals and opens identities. ``secret`` is the vault's own, not the installation's pepper."""

    def __init__(self, store: Governance, secret: bytes) -> None:
        self._store = store
        self._seal = Seal(Pepper(secret), "vault")

    async def put(self, pseudonym: str, identity: str, *, author: str) -> None:
        """Keep who a pseudonym is. Raises InvalidInput."""
        if not 0 < len(identity) <= LONGEST or not 0 < len(pseudonym) <= 128:
            raise InvalidInput("an identity in a few words", field="identity")
        sealed = self._seal.close(f"{pseudonym}\0{identity}".encode())
        await self._store.put_person(pseudonym, sealed, author=author)

    async def get(self, pseudonym: str) -> str:
        """Who it is. Raises NotFound: unknown, or moved from another pseudonym."""
        sealed = await self._store.person(pseudonym)
        body = self._seal.open(sealed) if sealed else None
        owner, _, identity = (body or b"").decode().partition("\0")
        if owner != pseudonym:
            raise NotFound(pseudonym=pseudonym[:128])
        return identity

"""What the parent tells a role when it starts it."""

import contextlib
import secrets
from pathlib import Path

import msgspec

from clapas.config import Configuration
from clapas.engines.addresses import EngineAddresses
from clapas.engines.directory import write_private


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, settings and place of one role.

    ``directory`` is the data directory of the node, or a directory of its own on a node without engines.
    """

    role: str
    addresses: EngineAddresses
    configuration: Configuration
    directory: str
    host: str = "127.0.0.1"
    port: int = 8080

    @property
    def address(self) -> str:
        """Where the page answers on this machine."""
        scheme = "https" if self.configuration.web.certificate else "http"
        return f"{scheme}://{self.host}:{self.port}"


def kept_secret(directory: Path, name: str) -> bytes:
    """A secret of this installation, made at its first use (32 random bytes)."""
    path = directory / "secrets" / name
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, secrets.token_bytes(32))
    return path.read_bytes()

"""Settings of the doors: the table ``[sources]``."""

from typing import Any

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What leaves towards remote sources, and which are asked.

    ``[sources.remote.<name>]`` is one remote source: ``connector = "gbfs"`` and that connector's own
    settings. Nothing is asked outside unless it stands here.
    """

    proxy: str = ""
    """Outgoing proxy, such as http://proxy.example.fr:3128."""
    ca_file: str = ""
    """Certificates (PEM) of an internal authority; empty: those of the machine."""
    timeout_s: float = 20.0
    """Longest wait for an answer of a remote source."""
    max_bytes: int = 32 << 20
    """Largest answer that is read from a remote source."""
    remote: dict[str, dict[str, Any]] = {}
    """The remote sources that are asked, by name."""

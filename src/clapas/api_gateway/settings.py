"""Settings of the gateway: table ``[api_gateway]`` of the configuration."""

from datetime import date

import msgspec


class Ending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A path that ends: table ``[api_gateway.endings."/api/v1/old"]``."""

    since: date
    """Since when it is discouraged (header Deprecation, RFC 9745)."""
    sunset: date | None = None
    """Its last day (header Sunset, RFC 8594); after it, 410 Gone."""
    successor: str = ""
    """The path that takes its place."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How calls are counted, and who may call from elsewhere."""

    enabled: bool = True
    """Count calls and refuse those beyond the plan."""
    share_s: float = 0.25
    """Processes tell one another their counts so often; a limit is overrun by at most that long."""
    subjects: int = 200_000
    """Callers remembered at once."""
    origins: tuple[str, ...] = ()
    """Pages of other sites that may read the API (https://site); '*' = any. Cookies never travel there."""
    denied: tuple[str, ...] = ()
    """Networks that are refused everything but the sign-in page."""
    cache_s: float = 1.0
    """What a stranger reads is remembered so long; 0 = never. A change of the charter forgets it."""
    cache_mb: int = 64
    """Memory of that."""
    endings: dict[str, Ending] = {}
    """Paths that end, by prefix."""

"""Settings of the gateway: table ``[api_gateway]`` of the configuration."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How calls are counted."""

    enabled: bool = True
    """Count calls and refuse those beyond the plan."""
    share_s: float = 0.25
    """Processes tell one another their counts so often; a limit is overrun by at most that long."""
    subjects: int = 200_000
    """Callers remembered at once."""

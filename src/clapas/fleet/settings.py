"""Settings of the fleet: table ``[fleet]`` of the configuration."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the registry of a ChirpStack v4 network server is reached over gRPC."""

    chirpstack: str = ""
    """Address of ChirpStack's gRPC API, host:port; empty: no synchronisation."""
    chirpstack_token: str = ""
    """API key of ChirpStack; give it by the environment rather than in the file."""
    chirpstack_tls: bool = True
    """ChirpStack is reached over TLS."""
    chirpstack_rate: float = 50.0
    """Calls a second at most: ChirpStack has no call for many devices at once."""

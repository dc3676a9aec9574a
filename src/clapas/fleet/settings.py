"""Settings of the fleet: table ``[fleet]`` of the configuration."""

import msgspec


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the platform in place gives the readings of a period, as CSV."""

    url: str
    """The address; {start} and {end} become the period's ends (RFC 3339, UTC)."""
    token: str = ""
    """Bearer token, sent in the header Authorization."""
    timeout_s: float = 300.0
    """Longest wait for the answer."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the registries of network servers are reached, and the platform beside which we run."""

    chirpstack: str = ""
    """Address of ChirpStack's gRPC API, host:port; empty: no synchronisation."""
    chirpstack_token: str = ""
    """API key of ChirpStack; give it by the environment rather than in the file."""
    chirpstack_tls: bool = True
    """ChirpStack is reached over TLS."""
    chirpstack_rate: float = 50.0
    """Calls a second at most: ChirpStack has no call for many devices at once."""
    things_stack: str = ""
    """Address of The Things Stack, such as https://eu1.cloud.thethings.network; empty: none."""
    things_stack_token: str = ""
    """API key of The Things Stack; give it by the environment rather than in the file."""
    things_stack_tenant: str = "ttn"
    """Tenant: the word after @ in its MQTT topics."""
    things_stack_applications: tuple[str, ...] = ()
    """Its applications that are synchronised."""
    things_stack_rate: float = 10.0
    """Calls a second at most: a new device takes four."""
    shadow_feeds: dict[str, Feed] = {}
    """Addresses of the platforms in place, by the name of the shadow run that compares them daily."""

    def networks(self) -> dict[str, bool]:
        """The network servers whose registries can be compared with ours: is each set?"""
        things_stack = bool(self.things_stack and self.things_stack_applications)
        return {"chirpstack": bool(self.chirpstack), "things-stack": things_stack}

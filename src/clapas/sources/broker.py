"""Settings of a broker that is not ours: the one of a ChirpStack or of The Things Stack."""

import msgspec


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a network server publishes. No host: this source is fed through our own doors only."""

    host: str = ""
    port: int = 1883
    user: str = ""
    password: str = ""
    tls: bool = False
    """TLS with the certificates of the machine, or with ``ca_file`` of the table ``sources``."""
    client_id: str = "clapas"
    """One name a platform: the broker keeps what is published while we are away under this name."""
    topics: tuple[str, ...] = ()
    """Filters to subscribe to; none: the connector's own."""

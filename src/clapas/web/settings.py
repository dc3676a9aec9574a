"""Settings of the human door: table ``[web]`` of the configuration."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the page and the API are served. Sizes in bytes, durations in seconds."""

    https: bool = False
    """The platform is reached over HTTPS (its own certificate or a reverse proxy): cookies and headers say so."""
    certificate: str = ""
    """Certificate chain (PEM file) to serve HTTPS by oneself; empty: HTTP, for a reverse proxy or this machine."""
    key: str = ""
    """Private key (PEM file) of the certificate."""
    proxies: tuple[str, ...] = ()
    """Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    largest_body: int = 1_000_000
    """The largest body of an ordinary call."""
    largest_ingest: int = 900_000
    """The largest body of an ingest door: a message must fit the durable log."""
    live_listeners: int = 500
    """How many live streams may be open at once."""
    live_queue: int = 64
    """Batches that a slow reader may be behind before it is let go."""
    live_review_s: float = 300.0
    """The rights of a live stream are asked again so often."""

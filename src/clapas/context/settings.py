"""Settings of the NGSI-LD broker: table ``[context]`` of the configuration."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the broker answers. Durations in seconds, sizes in bytes."""

    version: str = "1.9"
    """Level of the specification: '1.9', or '1.8' for clients that need its few different answers."""
    open: bool = False
    """No authentication: everybody has all rights. Only for tests on the loopback."""
    private_addresses: bool = False
    """Notifications, registrations and contexts may use loopback and private addresses."""
    context_hosts: tuple[str, ...] = ()
    """Hosts from which remote @contexts may be fetched; '*' means any. Empty: none."""
    context_bytes: int = 2_000_000
    """The largest remote @context."""
    context_timeout: float = 10.0
    """How long one remote @context may take."""
    largest_body: int = 10_000_000
    """The largest request body."""
    default_limit: int = 20
    """Entities of a page when the request does not say."""
    most: int = 1000
    """The largest page."""
    temporal_page: int = 5000
    """Instances of each attribute that one temporal answer may hold."""
    connections: int = 8
    """Connections to the database that the broker uses at most."""
    sweep_seconds: float = 60.0
    """How often expired entities, attributes, registrations and subscriptions are looked for."""
    alert_days: float = 30.0
    """How long the Alert of a closed alarm stays, days; then it expires like any transient entity."""
    alias: str = ""
    """The name under which other brokers know this one; empty: made at the first start."""
    notify_timeout: float = 10.0
    """How long an endpoint may take to accept a notification."""
    attempts: int = 3
    """How many times a notification is tried."""
    source_hosts: tuple[str, ...] = ()
    """Hosts of registered context sources that may be asked; '*' means any. Empty: none."""
    source_timeout: float = 5.0
    """How long a context source may take when its registration does not say."""
    source_bytes: int = 16_000_000
    """The largest answer of a context source."""
    lenient_registrations: bool = False
    """Exclusive registrations may name an id pattern or no attributes, and get purges as they came, not
    narrowed to what they registered; exclusive and redirect ones may name what exists here already; an id that
    is no URI counts as none beside a pattern of ids."""
    lone_page_links: bool = False
    """The Link header of a page of subscriptions or registrations holds its neighbours only, not the @context."""
    temporal_orders: bool = False
    """Temporal queries are ordered by attributes and times too; clause 5.7.4.4 has the id alone."""
    map_hours: float = 24.0
    """How long an entity map may live, whatever is asked for."""
    lint: str = "accept"
    """Attributes that no @context names: 'accept', 'warn' (a header) or 'refuse'."""
    aliases: dict[str, str] = {}
    """IRIs that mean the same: the one that clients write → the one that is kept and asked for.

    They come on top of those of the public data models for what the platform measures.
    """


CONFORMANCE = Settings(
    open=True,
    private_addresses=True,
    context_hosts=("*",),
    temporal_page=30,
    sweep_seconds=1.0,
    attempts=1,
    notify_timeout=5.0,
    source_hosts=("*",),
    source_timeout=3.0,
    lenient_registrations=True,
    lone_page_links=True,
    temporal_orders=True,
    map_hours=876_000.0,
)
"""What ``clapas up --profile conformance`` runs with."""

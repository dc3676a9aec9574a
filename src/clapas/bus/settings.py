"""Settings of the bus."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The durable logs."""

    max_bytes: int = 8 * 1024**3
    """Largest size of each log on disk, bytes; when it is full, doors refuse instead of dropping."""
    in_flight: int = 20_000
    """Messages handed to the pipeline and not acknowledged yet, at most, per log."""
    redeliver_s: int = 20
    """Seconds after which a message that was not acknowledged is handed out again."""
    observation_hours: int = 48
    """How long the stream of observations is kept for rooms that are behind, hours."""
    replicas: int = 1
    """Copies of each log: 1 on a single node, 3 on a NATS cluster."""

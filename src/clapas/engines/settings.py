"""Settings of the engines: the table ``[engines]`` of ``clapas.toml``."""

from typing import Annotated, Literal

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Megabytes = Annotated[int, msgspec.Meta(ge=16, le=1_048_576)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The three engines: embedded by default, or by address."""

    postgres: str = "embedded"
    """Registry and present state: 'embedded', or postgresql://user:password@host:port/database."""

    clickhouse: str = "embedded"
    """History: 'embedded', or clickhouse://user:password@host:port/database (clickhouses:// for TLS)."""

    clickhouse_reader: str = ""
    """A read-only user of the same ClickHouse, as an address; used when clickhouse is an address."""

    nats: str = "embedded"
    """Durable log and MQTT: 'embedded', or nats://user:password@host:port?mqtt=host:port."""

    nats_issuer_seed: str = ""
    """Account nkey seed which signs the auth callout; used when nats is an address."""

    mqtt_host: str = "127.0.0.1"
    """Address that the embedded MQTT listener binds to; '0.0.0.0' opens it to the network."""

    mqtt_port: Port = 0
    """Port of the embedded MQTT listener; 0 takes 1883 when it is free, else another, and keeps it."""

    nats_sync: Literal["1s", "always"] = "1s"
    """How often the log is forced to disk; 'always' survives a power cut without loss, at a tenth of the speed."""

    reserve_mb: Megabytes = 256
    """Room kept free on the disk, in megabytes: below it new messages are refused, those acknowledged stored."""

    nats_max_file_mb: Megabytes = 51_200
    """Most that the durable log may hold on disk, in megabytes."""

    postgres_shared_buffers_mb: Megabytes = 256
    """Memory that the embedded PostgreSQL keeps for pages, in megabytes."""

    postgres_max_connections: Annotated[int, msgspec.Meta(ge=10, le=1000)] = 100
    """Connections that the embedded PostgreSQL accepts."""

    clickhouse_memory_mb: Megabytes = 2048
    """Most memory that the embedded ClickHouse may use, in megabytes."""

    clickhouse_query_memory_mb: Megabytes = 512
    """Most memory for one reader's query, in megabytes."""

    clickhouse_query_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30
    """Longest time for one reader's query, in seconds."""

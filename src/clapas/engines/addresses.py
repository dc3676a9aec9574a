"""Where an engine answers, and with which credentials.

An address is all that the rest of Clapas knows about an engine: the same code runs on the embedded
engines and on large ones given as ``postgresql://``, ``clickhouse://`` and ``nats://``.
"""

from urllib.parse import ParseResult, parse_qs, unquote, urlparse

import msgspec

from clapas.domain.errors import BadSetting

NATS_ACCOUNT = "CLAPAS"
NATS_SYSTEM_USER = "system"
"""May ask the embedded server about its connections, and close them; its password is the platform's."""
"""The one NATS account; the auth callout's user tokens carry it as their audience."""


class PostgresAddress(msgspec.Struct, frozen=True):
    """A PostgreSQL database, as a libpq connection string."""

    dsn: str

    def __repr__(self) -> str:
        return "PostgresAddress(…)"


class ClickHouseAddress(msgspec.Struct, frozen=True):
    """A ClickHouse HTTP interface and one user of it."""

    host: str
    port: int
    user: str
    password: str
    database: str
    secure: bool = False

    def __repr__(self) -> str:
        return f"ClickHouseAddress({self.user}@{self.host}:{self.port}/{self.database})"


class NatsAddress(msgspec.Struct, frozen=True):
    """A NATS server, the platform's own user, and where its MQTT listener answers.

    ``issuer_seed`` is the account nkey seed that signs the answers of the auth callout.
    """

    url: str
    user: str
    password: str
    mqtt_host: str
    mqtt_port: int
    issuer_seed: str

    def __repr__(self) -> str:
        return f"NatsAddress({self.url}, mqtt {self.mqtt_host}:{self.mqtt_port})"


class EngineAddresses(msgspec.Struct, frozen=True):
    """The addresses of all engines; ``clickhouse_reader`` reads only: no files, no network, bounded."""

    postgres: PostgresAddress
    clickhouse: ClickHouseAddress
    clickhouse_reader: ClickHouseAddress
    nats: NatsAddress


def postgres_address(text: str) -> PostgresAddress:
    """Read ``postgresql://user:password@host:port/database``."""
    _parts(text, key="postgres", schemes=("postgresql", "postgres"))
    return PostgresAddress(dsn=text)


def clickhouse_address(text: str, *, key: str = "clickhouse") -> ClickHouseAddress:
    """Read ``clickhouse://user:password@host:port/database``; ``clickhouses://`` speaks TLS."""
    parts = _parts(text, key=key, schemes=("clickhouse", "clickhouses"))
    secure = parts.scheme == "clickhouses"
    return ClickHouseAddress(
        host=str(parts.hostname),
        port=parts.port or (8443 if secure else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=parts.path.strip("/") or "clapas",
        secure=secure,
    )


def nats_address(text: str, *, issuer_seed: str) -> NatsAddress:
    """Read ``nats://user:password@host:port?mqtt=host:port``."""
    parts = _parts(text, key="nats", schemes=("nats", "tls"))
    mqtt = urlparse("//" + parse_qs(parts.query).get("mqtt", [f"{parts.hostname}:1883"])[0])
    return NatsAddress(
        url=f"{parts.scheme}://{parts.hostname}:{parts.port or 4222}",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        mqtt_host=mqtt.hostname or str(parts.hostname),
        mqtt_port=mqtt.port or 1883,
        issuer_seed=issuer_seed,
    )


def _parts(text: str, *, key: str, schemes: tuple[str, ...]) -> ParseResult:
    accepted = f"'embedded' or {schemes[0]}://user:password@host:port/…"
    try:
        parts = urlparse(text)
        fits = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
        parts = urlparse("")
    if not fits:
        message = f"engines.{key} is not an address; accepted: {accepted}"
        raise BadSetting(message, key=f"engines.{key}", accepted=accepted)
    return parts

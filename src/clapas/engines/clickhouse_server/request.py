"""An HTTP request of the ClickHouse protocol as values: who, what, with which parameters and settings."""

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from clapas.engines.clickhouse_server.sessions import NAME, SessionKey

TRANSPORT = frozenset(
    {
        "query", "database", "user", "password", "buffer_size", "session_id", "session_timeout", "session_check",
        "compress", "decompress", "query_id", "quota_key", "wait_end_of_query", "client_protocol_version", "role",
        "default_format", "stacktrace", "enable_http_compression", "send_progress_in_http_headers",
        "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close",
        "http_response_buffer_size", "http_write_exception_in_output_format", "add_http_cors_header",
    }
)  # fmt: skip
READER_FREE = frozenset(
    {
        "max_threads", "max_block_size", "max_result_rows", "max_result_bytes", "max_rows_to_read", "limit", "offset",
        "result_overflow_mode", "timeout_overflow_mode", "date_time_input_format", "date_time_output_format",
        "session_timezone", "join_use_nulls", "use_query_cache", "final", "do_not_merge_across_partitions_select_final",
        "cast_string_to_dynamic_use_inference", "optimize_read_in_order", "optimize_aggregation_in_order",
        "group_by_use_nulls", "log_comment", "priority", "transform_null_in", "use_uncompressed_cache", "extremes",
    }
)  # fmt: skip
READER_PREFIXES = ("output_format_", "allow_experimental_", "optimize_", "format_")
READER_NEVER = frozenset(
    {"format_schema", "format_schema_source", "format_template_resultset", "format_template_row"}
)


class BadRequest(Exception):
    """The request cannot be served; ``code`` is ClickHouse's error code."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class Users(msgspec.Struct, frozen=True):
    """The two users, their passwords of this start, and what bounds a reader."""

    writer: str
    writer_password: str
    reader: str
    reader_password: str
    reader_seconds: int
    reader_memory: int
    writer_settings: dict[str, str] = {}


class Request(msgspec.Struct, frozen=True):
    """A request with its credentials checked; the body is read apart."""

    reader: bool
    url_query: str
    database: str
    parameters: dict[str, str]
    settings: dict[str, str]
    default_format: str

    def key(self, users: Users) -> SessionKey:
        """The prepared connection that this request needs. Raises BadRequest for a setting beyond a reader's."""
        if self.reader:
            settings = _reader_settings(self.settings, users)
        else:
            settings = {**users.writer_settings, **self.settings}
        return SessionKey(self.database, tuple(sorted(settings.items())), readonly=self.reader)


def read_request(query_string: str, headers: Mapping[str, str], *, users: Users) -> Request:
    """Check who asks and sort the URL's parameters. Raises BadRequest (516 for wrong credentials)."""
    values = dict(parse_qsl(query_string, keep_blank_values=True))
    name, password = _credentials(values, headers)
    reader = _authenticate(name, password, users=users)
    settings = {}
    for key, value in values.items():
        if key in TRANSPORT or key.startswith("param_"):
            continue
        if not NAME.fullmatch(key):
            raise BadRequest(115, f"Unknown setting {key!r}. (UNKNOWN_SETTING)")
        settings[key] = value
    return Request(
        reader=reader,
        url_query=values.get("query", ""),
        database=values.get("database", "") or headers.get("x-clickhouse-database", ""),
        parameters={key[6:]: value for key, value in values.items() if key.startswith("param_")},
        settings=settings,
        default_format=values.get("default_format", "") or headers.get("x-clickhouse-format", ""),
    )


def _credentials(values: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return name, password
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    return values.get("user", "default"), values.get("password", "")


def _authenticate(name: str, password: str, *, users: Users) -> bool:
    writer = _same(name, users.writer) & _same(password, users.writer_password)
    reader = _same(name, users.reader) & _same(password, users.reader_password)
    if not writer and not reader:
        raise BadRequest(
            516,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)",
        )
    return not writer


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _reader_settings(asked: Mapping[str, str], users: Users) -> dict[str, str]:
    bounds = {"max_execution_time": users.reader_seconds, "max_memory_usage": users.reader_memory}
    settings = {"timeout_before_checking_execution_speed": "0"}
    for name, value in asked.items():
        if name in bounds:
            bounds[name] = _capped(name, value, bound=bounds[name])
        elif name in READER_NEVER or not (name in READER_FREE or name.startswith(READER_PREFIXES)):
            raise BadRequest(
                452,
                f"Setting {name} should not be changed by a reader. (SETTING_CONSTRAINT_VIOLATION)",
            )
        else:
            settings[name] = value
    settings.update({name: str(value) for name, value in bounds.items()})
    return settings


def _capped(name: str, value: str, *, bound: int) -> int:
    try:
        asked = int(float(value))
    except (ValueError, OverflowError):
        raise BadRequest(
            27, f"Cannot parse {value!r} of setting {name}. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)"
        ) from None
    return min(bound, asked) if asked > 0 else bound

"""A request as an operation sees it, an answer as it is sent, and the negotiation between them (clause 6.3)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import orjson

from clapas.context.book import Context
from clapas.context.errors import BadRequestData, BareRefusal, InvalidRequest
from clapas.domain.access import RowFilter

JSON, LD, GEO = "application/json", "application/ld+json", "application/geo+json"
MERGE = "application/merge-patch+json"
CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
Headers = list[tuple[str, str]]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation takes: parameters, values of ``options``, a body, GeoJSON as an answer."""

    params: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    body: str = ""
    """'' none, 'json' any JSON, 'merge' also merge-patch."""
    geo: bool = False
    action: str = "read"
    kind: str = "entity"
    data: bool = True
    """The answer is NGSI-LD data, negotiated by Accept."""


class Answer(msgspec.Struct, kw_only=True):
    """What is sent. ``body`` None: nothing; ``data``: it may carry the @context."""

    status: int = 200
    body: Any = None
    headers: Headers = []
    data: bool = True
    media: str = ""
    raw: bytes | None = None


NO_CONTENT = 204


class Request(msgspec.Struct, kw_only=True):
    """A request that passed the first checks."""

    method: str
    path: str
    args: tuple[str, ...]
    params: dict[str, str]
    headers: Mapping[str, str]
    media: str
    """What the answer is made of: one of JSON, LD, GEO."""
    body: Any = None
    context: Context
    kind: str = JSON
    """What the body is made of: JSON or LD."""
    spec_context: Any = None
    """The @context as the request gave it, None when it gave none."""
    tenant: str = ""
    rows: RowFilter
    base: str = ""
    query: str = ""
    sources: Mapping[str, str] | None = None
    """Registrations that the entity map in use names, each with its source's own map, '' without; None: any."""
    mapping: bool = False
    """An entity map is being made: sources are asked for theirs."""

    def flag(self, name: str) -> bool:
        """A boolean parameter. Raises BadRequestData."""
        value = self.params.get(name)
        if value is None:
            return False
        if value.lower() not in {"true", "false"}:
            raise BadRequestData(f"{name} is true or false")
        return value.lower() == "true"

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        """A whole number parameter. Raises BadRequestData."""
        value = self.params.get(name)
        if value is None:
            return default
        try:
            found = int(value)
        except ValueError as error:
            raise BadRequestData(f"{name} is a number") from error
        if found < least:
            raise BadRequestData(f"{name} is at least {least}")
        return found

    def words(self, name: str) -> list[str]:
        """A parameter that lists names, by commas."""
        return [word for word in self.params.get(name, "").split(",") if word]

    @property
    def link(self) -> str:
        """The address of the request's @context, as clients find it."""
        address = self.context.link
        return self.base + address if address.startswith("/") else address

    @property
    def options(self) -> set[str]:
        """The values of ``options``."""
        return set(self.words("options"))


def read_headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header names in lower case; values of the same name joined by commas."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


FLAGS = frozenset({"local", "count", "details", "deleteAll", "splitEntities", "reload"})


def read_params(query: str, spec: Spec) -> dict[str, str]:
    """The parameters. Raises InvalidRequest for one that the operation does not have (6.3.20), BadRequestData."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in spec.params:
            raise InvalidRequest(f"the parameter {name!r} does not exist here")
        if name in FLAGS and value.lower() not in {"true", "false"}:
            raise BadRequestData(f"{name} is true or false")
        found[name] = f"{found[name]},{value}" if name in found else value
    for option in (each for each in found.get("options", "").split(",") if each):
        if option not in spec.options and option not in spec.formats:
            raise InvalidRequest(f"options: {option!r} does not exist here")
    if "format" in found and found["format"] not in spec.formats:
        raise InvalidRequest(f"format: {found['format']!r} does not exist here")
    return found


def segments_of(raw_path: bytes) -> list[str]:
    """The parts of a path, decoded one by one: ids may hold an escaped slash."""
    parts = raw_path.decode("latin-1").split("/")
    return [unquote(part) for part in parts if part]


def check_gaps(raw_path: bytes, method: str, *, segments: list[str]) -> None:
    """Raise BadRequestData where the id or the name that a path speaks of is missing (5.6.2 to 5.6.19)."""
    path = raw_path.partition(b"?")[0]
    missing = b"temporal/entities//" in path or b"/entities//attrs" in path
    if missing or (segments == ["entities"] and method in {"PUT", "PATCH"}):
        raise BadRequestData("the id of the entity is missing")
    if (b"/attrs//" in path and method == "DELETE") or (
        path.endswith(b"/attrs/") and method == "PUT"
    ):
        raise BadRequestData("the name of the attribute is missing")


def negotiate(accept: str | None, *, geo: bool) -> str:
    """The media type of the answer: the heaviest, else the first that the standard lists (6.3.4).

    The most specific range that matches a type gives its weight (RFC 9110, 12.5.1). Raises
    BareRefusal (406), whose body lists what there is.
    """
    offered = [JSON, LD, GEO] if geo else [JSON, LD]
    if not accept or not accept.strip():
        return JSON
    ranges = dict(_entry(entry) for entry in reversed(accept.split(",")))
    weights = {kind: _weight(kind, ranges) for kind in offered}
    best = max(offered, key=lambda kind: weights[kind])
    if weights[best] <= 0:
        raise BareRefusal(406, body=offered)
    return best


def _entry(entry: str) -> tuple[str, float]:
    kind, *parameters = [part.strip() for part in entry.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind.lower(), float(value)
            except ValueError:
                return kind.lower(), 1.0
    return kind.lower(), 1.0


def _weight(kind: str, ranges: Mapping[str, float]) -> float:
    for asked in (kind, "application/*", "*/*"):
        if asked in ranges:
            return ranges[asked]
    return 0.0


def preferences(headers: Mapping[str, str]) -> dict[str, str]:
    """What the Prefer header asks for, names in lower case (RFC 7240, 2)."""
    found: dict[str, str] = {}
    for entry in headers.get("prefer", "").split(","):
        name, _, value = entry.partition(";")[0].partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def content_type(headers: Mapping[str, str], method: str) -> str:
    """The body's media type, JSON when the request says nothing. Raises BareRefusal (415)."""
    kind = headers.get("content-type", JSON).partition(";")[0].strip().lower()
    allowed = {JSON, LD}
    if method == "PATCH":
        allowed.add(MERGE)
    if kind not in allowed:
        raise BareRefusal(415)
    return kind


def link_context(headers: Mapping[str, str]) -> str | None:
    """The @context that the Link header names. Raises BadRequestData when there are two."""
    found = [
        target
        for target, parameters in _links(headers.get("link", ""))
        if parameters.get("rel", "").strip() == CONTEXT_REL
    ]
    if len(found) > 1:
        raise BadRequestData("the Link header names more than one @context")
    return found[0] if found else None


def _links(text: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    rest = text
    while "<" in rest:
        _, _, rest = rest.partition("<")
        target, _, rest = rest.partition(">")
        mine, comma, following = rest.partition(",")
        while comma and "<" not in following.split(",")[0] and mine.count('"') % 2:
            more, comma, following = following.partition(",")
            mine += "," + more
        parameters: dict[str, str] = {}
        for part in mine.split(";"):
            name, _, value = part.strip().partition("=")
            if name:
                parameters[name.strip().lower()] = value.strip().strip('"')
        found.append((target.strip(), parameters))
        rest = following if "<" in following else ""
    return found


def read_json(body: bytes) -> Any:
    """The body's JSON. Raises InvalidRequest."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("the body is not JSON") from error


IN_JSON = "application/json has its @context in Link, not in the body"
IN_LD = "application/ld+json needs a @context in the body"


def take_context(payload: Any, kind: str, *, link: str | None) -> Any:
    """The @context of a request with a body, and the rules about where it may stand (6.3.5).

    A JSON-LD body without any that comes with a Link is taken by it: clients that set one type
    for all they send do so. In a batch each item answers for itself. Raises BadRequestData.
    """
    items = payload if isinstance(payload, list) else [payload]
    holds = [isinstance(each, dict) and "@context" in each for each in items]
    if kind == LD:
        if link is not None and any(holds):
            raise BadRequestData("application/ld+json has its @context in the body, not in Link")
        return link
    if any(holds) and not isinstance(payload, list):
        raise BadRequestData(IN_JSON)
    return link

"""The ASGI application of the broker: from bytes to an operation, and back."""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from clapas.context.book import joined
from clapas.context.broker import Broker
from clapas.context.door.access import SAFE, Access
from clapas.context.door.http import (
    CONTEXT_REL,
    GEO,
    IN_LD,
    JSON,
    LD,
    Answer,
    Headers,
    Request,
    Spec,
    check_gaps,
    content_type,
    link_context,
    negotiate,
    preferences,
    read_headers,
    read_json,
    read_params,
    segments_of,
    take_context,
)
from clapas.context.door.lint import lint
from clapas.context.door.reach import refuse_beyond
from clapas.context.door.reply import geo_context
from clapas.context.door.route import Route
from clapas.context.door.table import routes_of
from clapas.context.errors import (
    BadRequestData,
    BareRefusal,
    InvalidRequest,
    NgsiError,
    NonexistentTenant,
    OperationNotSupported,
    ResourceNotFound,
)
from clapas.context.snapshots import scoped
from clapas.context.vocabulary import NAME as PLATFORM
from clapas.domain.access import RowFilter
from clapas.domain.errors import ClapasError
from clapas.store.context import json_bytes

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
PREFIX = ["ngsi-ld", "v1"]
"""Also skipped when a client put a whole Location behind a resource."""
NOTHING = RowFilter()
ECHOED = ("ngsild-tenant", "ngsild-snapshot")
VOCABULARY = ["jsonldContexts", PLATFORM]
"""The platform's own @context names things and holds none: who reads open data may read what its names mean."""
UNSCOPED = frozenset({"snapshots", "jsonldContexts", "info", "openapi.json", "remote-notify"})
"""Resources that are the same whatever snapshot a request names (5.5.15)."""
REGISTRY = frozenset({"csourceRegistrations", "csourceSubscriptions"})
HONOURED = ("body", "ngsi-ld")
"""Preferences that change an answer."""


class Door:
    """The application; one for a broker."""

    def __init__(self, broker: Broker, access: Access) -> None:
        self.broker = broker
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        headers = read_headers(scope["headers"])
        try:
            answer, request = await self._answer(scope, receive, headers=headers)
        except BareRefusal as error:
            answer, request = _bare(error), None
        except NgsiError as error:
            answer, request = self._problem(error), None
        except ClapasError as error:
            answer, request = _other(error), None
        except RecursionError:
            answer, request = self._problem(BadRequestData("nested too deeply")), None
        except Exception:
            log.exception("a request to the broker failed: %s %s", scope["method"], scope["path"])
            answer, request = self._problem(NgsiError("a defect of the broker")), None
        await _send(answer, request, asked=headers, send=send)

    async def _answer(
        self, scope: Scope, receive: Receive, *, headers: Mapping[str, str]
    ) -> tuple[Answer, Request]:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        segments = segments_of(raw.partition(b"?")[0])
        while segments[:2] == PREFIX or segments[1:3] == PREFIX:
            segments = segments[2:] if segments[:2] == PREFIX else segments[1:]
        method: str = scope["method"]
        check_gaps(raw, method, segments=segments)
        routes = routes_of(segments)
        if not routes:
            raise ResourceNotFound("there is nothing at this address")
        if method not in routes:
            raise BareRefusal(405, headers=(("Allow", ", ".join(sorted(routes))),))
        route, args = routes[method]
        query = scope.get("query_string", b"").decode("latin-1")
        params = read_params(query, route.spec)
        rows = NOTHING
        if route.spec.action != "told":
            kind = "entrance" if method in SAFE and segments == VOCABULARY else route.spec.kind
            rows = await self._access.rows(method, headers, action=route.spec.action, kind=kind)
        media = negotiate(headers.get("accept"), geo=route.spec.geo) if route.spec.data else JSON
        if route.spec.body and "content-length" not in headers:
            raise BareRefusal(411)
        tenant = await self._tenant(headers, route)
        body, given = await self._body(receive, headers, spec=route.spec, method=method)
        given = absolute(given, _base(scope, headers))
        resolved = await self.broker.book.resolve(given)
        request = Request(
            method=method,
            path=raw.decode("latin-1").partition("?")[0],
            args=args,
            params=params,
            headers=headers,
            media=media,
            body=body,
            context=resolved,
            kind=LD if route.spec.body and content_type(headers, method) == LD else JSON,
            spec_context=given,
            tenant=tenant,
            rows=rows,
            base=_base(scope, headers),
            query=query,
        )
        if route.spec.action not in {"read", "told"}:
            await refuse_beyond(self.broker.store, request, action=route.spec.action)
        warnings: Headers = []
        if route.linted:
            warnings = lint(request, self.broker.settings.lint)
        answer = await route.handler(self.broker, request)
        answer.headers = [*answer.headers, *warnings]
        return answer, request

    async def _tenant(self, headers: Mapping[str, str], route: Route) -> str:
        tenant = headers.get("ngsild-tenant", "")
        if tenant and (len(tenant) > 200 or not tenant.isprintable()):
            raise BadRequestData("the tenant's name is not accepted")
        if tenant and not route.founds_tenants and not await self.broker.knows(tenant):
            raise NonexistentTenant(f"the tenant {tenant} does not exist")
        snapshot = headers.get("ngsild-snapshot")
        if snapshot is None or route.path[0] in UNSCOPED:
            return tenant
        if route.path[0] in REGISTRY:
            raise OperationNotSupported("a snapshot has no registrations")
        return await scoped(self.broker, tenant, name=snapshot)

    async def _body(
        self, receive: Receive, headers: Mapping[str, str], *, spec: Spec, method: str
    ) -> tuple[Any, Any]:
        """The body's JSON and the @context that the request gives."""
        link = link_context(headers)
        if not spec.body:
            return None, link
        kind = content_type(headers, method)
        raw = await _read(receive, self.broker.settings.largest_body)
        payload = read_json(raw)
        if spec.body == "context":
            return payload, link
        given = take_context(payload, kind, link=link)
        if kind == LD and given is None:
            given = _inner_context(payload)
        return payload, given

    def _problem(self, error: NgsiError) -> Answer:
        problem = error.problem()
        if type(error) is NgsiError:
            problem["status"] = 500
        if error.kind == "LdContextNotAvailable" and self.broker.settings.version < "1.9":
            problem["status"] = 503
        return Answer(
            status=problem["status"], body=problem, headers=list(error.headers), data=False
        )


def _inner_context(payload: Any) -> Any:
    """The @context of a JSON-LD body; the items of a batch have their own. Raises BadRequestData when there is none."""
    if isinstance(payload, list):
        return None
    if not isinstance(payload, dict):
        raise BadRequestData("the body is a JSON object")
    if "@context" not in payload:
        raise BadRequestData(IN_LD)
    if payload["@context"] is None:
        raise BadRequestData("the @context is null")
    return payload["@context"]


def absolute(given: Any, base: str) -> Any:
    """A @context whose addresses of this host (``/path``) are whole. Raises BadRequestData."""
    if isinstance(given, list):
        return [absolute(each, base) for each in given]
    return joined(base, given) if isinstance(given, str) and given.startswith("/") else given


def _base(scope: Scope, headers: Mapping[str, str]) -> str:
    return f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}"


async def _read(receive: Receive, most: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("the body ended too early")
        body += message.get("body", b"")
        if len(body) > most:
            raise BareRefusal(413)
        if not message.get("more_body"):
            return bytes(body)


def _bare(error: BareRefusal) -> Answer:
    return Answer(status=error.status, body=error.body, headers=list(error.headers), data=False)


def _other(error: ClapasError) -> Answer:
    """An error of the platform in the form of this door."""
    if error.status >= 500:
        log.error("%s: %s", error.code, error)
    kind = {401: "Unauthorized", 403: "Forbidden", 404: "ResourceNotFound"}.get(error.status)
    if kind is None:
        kind = "InvalidRequest" if error.status < 500 else "InternalError"
    problem = {
        "type": f"https://uri.etsi.org/ngsi-ld/errors/{kind}",
        "title": kind,
        "detail": str(error),
        "status": error.status,
    }
    return Answer(status=error.status, body=problem, data=False)


async def _send(
    answer: Answer, request: Request | None, *, asked: Mapping[str, str], send: Send
) -> None:
    headers = [(name.lower(), value) for name, value in answer.headers]
    body = answer.raw
    if body is None and answer.body is not None:
        body = json_bytes(answer.body)
    if body is not None:
        media = answer.media or (request.media if request and answer.data else JSON)
        headers.append(("content-type", media))
        if answer.data and request and not (media == LD or (media == GEO and geo_context(request))):
            link = f'<{request.link}>; rel="{CONTEXT_REL}"; type="{LD}"'
            headers.append(("link", link))
    headers += [(name, asked[name]) for name in ECHOED if name in asked]
    if request and answer.status in {200, 203}:
        applied = [
            f"{name}={value}" for name, value in preferences(asked).items() if name in HONOURED
        ]
        headers += [("preference-applied", ", ".join(applied))] if applied else []
    if answer.status != 204:
        headers.append(("content-length", str(len(body or b""))))
    raw = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": body or b""})

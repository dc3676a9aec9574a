"""The gateway in front of every door: how much a caller may ask, from where, and what was used.

The page's own files and the entrance are not counted, but for what of it declares ``counted``. What is
left is told by the outermost layer, which adds the headers of the call's :class:`Sent` to whatever answers.
"""

from typing import TYPE_CHECKING, Any, cast

import msgspec
from litestar.datastructures import Headers

from clapas.api_gateway import QuotaExceeded, Quotas
from clapas.api_gateway.plans import WEIGHTS
from clapas.api_gateway.versions import ending_of, told
from clapas.domain.access import ANONYMOUS
from clapas.domain.errors import ClapasError
from clapas.store.identity import KeyRow
from clapas.web.authentication import KEY, headers_of, named_by
from clapas.web.callers import caller, from_its_networks, not_denied
from clapas.web.errors import PROBLEM, problem_of
from clapas.web.headers import Sent, sent_of
from clapas.web.keyless import Key, Keyless
from clapas.web.words import preferred_language

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

    from clapas.web.services import Services

FREE = frozenset({"entrance", "session"})
SHAPING = (b"accept", b"accept-language", b"x-clapas-purpose")


class Gateway:
    """Middleware after authentication; without quotas in the services it lets everything pass."""

    def __init__(self, app: "ASGIApp", services: "Services") -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Count, refuse or pass, and say in the headers what is left."""
        services = self._services
        declared = scope["route_handler"].opt
        kind = declared.get("kind", "")
        if services.quotas is None or (kind in FREE and not declared.get("counted")):
            await self._app(scope, receive, send)
            return
        sent = sent_of(scope)
        subject = admitted(services, scope, kind=kind, sent=sent)
        try:
            if scope["user"].kind == "anonymous" and services.keyless.enabled:
                await self._again(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            services.usage.add(subject, kind, status=sent.status, size=sent.size)

    async def _again(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve a stranger what was answered a moment ago, if the question is the same."""
        if scope.get("method") != "GET":
            await self._app(scope, receive, send)
            return
        memory = self._services.keyless
        question = _question(scope, self._services.charter.version)
        found = memory.get(question)
        sent_of(scope).headers.append((b"x-cache-status", b"Hit" if found else b"Miss"))
        if found is None:
            await self._app(scope, receive, Recording(memory, question, send=send))
            return
        start: Any = {"type": "http.response.start", "status": 200, "headers": list(found.headers)}
        await send(start)
        await send({"type": "http.response.body", "body": found.body, "more_body": False})


class Recording:
    """An answer to a stranger on its way: remembered when it is whole, small and JSON."""

    def __init__(self, memory: Keyless, question: Key, *, send: "Send") -> None:
        self._memory = memory
        self._question = question
        self._send = send
        self._start: tuple[tuple[bytes, bytes], ...] | None = None

    async def __call__(self, message: "Message") -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            headers = tuple((bytes(name), bytes(value)) for name, value in message["headers"])
            self._start = headers if message["status"] == 200 and _json(headers) else None
        elif message["type"] == "http.response.body" and self._start is not None:
            if not message.get("more_body"):
                self._memory.put(self._question, self._start, body=message["body"])
            self._start = None
        await self._send(message)


class Counted:
    """An application of another room behind the gateway: it recognises and asks the charter by itself."""

    def __init__(self, app: "ASGIApp", services: "Services", *, kind: str) -> None:
        self._app = app
        self._services = services
        self._kind = kind

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Count, refuse or pass; a credential that nobody knows is counted by its network."""
        services = self._services
        if services.quotas is None:
            await self._app(scope, receive, send)
            return
        try:
            holder = await named_by(services.identity, scope)
        except ClapasError:  # the application says itself what it thinks of this credential
            holder = ANONYMOUS, None
        scope["user"], scope[KEY] = holder  # type: ignore[literal-required]
        sent = sent_of(scope)
        try:
            subject = admitted(services, scope, kind=self._kind, sent=sent)
        except ClapasError as error:
            await _refuse(error, scope, send=send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            services.usage.add(subject, self._kind, status=sent.status, size=sent.size)


def admitted(services: "Services", scope: "Scope", *, kind: str, sent: Sent) -> str:
    """Who is counted for a call that may pass. Raises Forbidden, ApiRetired, QuotaExceeded."""
    given = services.gateway
    key: KeyRow | None = scope[KEY]  # type: ignore[literal-required]
    if given.denied:
        not_denied(given.denied, scope)
    if given.endings:
        ending = ending_of(scope["path"], given.endings)
        said = told(ending) if ending else {}
        sent.headers += [(name.lower().encode(), text.encode()) for name, text in said.items()]
    if key is not None and key.networks:
        from_its_networks(key, scope)
    subject, plan = caller(scope["user"], key, scope=scope)
    accept = headers_of(scope).get(b"accept", b"")
    weight = WEIGHTS["export"] if b"text/csv" in accept else 1
    spent = cast("Quotas", services.quotas).take(subject, plan.limits, weight=weight)
    sent.headers += spent.raw()
    if not spent.allowed:
        services.usage.add(subject, kind, status=429, size=0)
        tight = spent.tightest
        raise QuotaExceeded(retry_after=spent.retry_after, window=tight.name, limit=tight.limit)
    return subject


async def _refuse(error: ClapasError, scope: "Scope", *, send: "Send") -> None:
    """A refusal of the gateway itself, in front of an application of another room."""
    wait = error.values.get("retry_after")
    language = preferred_language(Headers.from_scope(scope))
    body = msgspec.json.encode(problem_of(error, language=language))
    headers = [(b"content-type", PROBLEM.encode()), (b"content-length", b"%d" % len(body))]
    if wait is not None:
        headers.append((b"retry-after", b"%d" % wait))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _json(headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    kinds = [value for name, value in headers if name.lower() == b"content-type"]
    return bool(kinds) and kinds[0].startswith((b"application/json", b"application/geo+json"))


def _question(scope: "Scope", version: str) -> Key:
    """What shapes the answer to a stranger."""
    asked = headers_of(scope)
    accept, language, purpose = (asked.get(name, b"").decode("latin-1") for name in SHAPING)
    query = scope.get("query_string", b"").decode("latin-1")
    return version, scope["path"], query, accept, language, purpose

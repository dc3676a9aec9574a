"""The gateway in front of the API: how much a caller may ask, from where, and what was used.

Counted by application (all its keys together), by service key, by person, or by network for those
who do not say who they are (IPv4 /32, IPv6 /64). Devices publish under a plan of their own. The
page's own files and the entrance are not counted.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders

from clapas.api_gateway import PLANS, Plan, QuotaExceeded, Spent
from clapas.api_gateway.plans import WEIGHTS
from clapas.api_gateway.versions import ending_of, told
from clapas.domain.access import Principal
from clapas.domain.errors import Forbidden
from clapas.store.api_gateway import ApiGatewayStore, UsageRow
from clapas.store.identity import KeyRow
from clapas.web.authentication import credential
from clapas.web.keyless import Key, Keyless

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

FREE = frozenset({"entrance", "session"})
MOST_USAGE = 100_000


class Usage:
    """Calls and bytes by subject, kind and status, kept in memory until they are written."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, date, str, int], list[int]] = defaultdict(lambda: [0, 0])

    def add(self, subject: str, kind: str, status: int, size: int) -> None:
        """One more call."""
        key = (subject, datetime.now(UTC).date(), kind, status)
        if key not in self._counts and len(self._counts) >= MOST_USAGE:
            return
        count = self._counts[key]
        count[0] += 1
        count[1] += size

    async def write(self, store: ApiGatewayStore) -> None:
        """Write what was counted."""
        taken, self._counts = self._counts, defaultdict(lambda: [0, 0])
        if taken:
            await store.add_usage(
                [
                    UsageRow(
                        subject=subject, day=day, kind=kind, status=status, calls=calls, bytes=size
                    )
                    for (subject, day, kind, status), (calls, size) in taken.items()
                ]
            )


class Gateway:
    """Middleware after authentication; without quotas in the services it lets everything pass."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Count, refuse or pass, and say in the headers what is left."""
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        services = connection.app.state.services
        kind = str(connection.route_handler.opt.get("kind", ""))
        if services.quotas is None or kind in FREE or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        given = services.gateway
        _not_denied(given.denied, connection)
        ending = ending_of(scope["path"], given.endings) if given.endings else None
        key = await services.identity.key_of(credential(connection))
        _from_its_networks(key, connection)
        subject, plan = caller(connection.user, key, connection)
        spent = services.quotas.take(subject, plan.limits, weight=_weight(connection))
        headers = {**spent.headers(), **(told(ending) if ending else {})}
        if not spent.allowed:
            services.usage.add(subject, kind, 429, 0)
            raise _exceeded(spent)
        passage = Passage(connection, services, headers, send)
        try:
            if not await passage.served_again():
                await self._app(scope, receive, passage.answer)
        finally:
            services.usage.add(subject, kind, passage.status, passage.size)


class Passage:
    """One call on its way: its headers, its size, and the answer remembered for strangers."""

    def __init__(
        self,
        connection: ASGIConnection[Any, Any, Any, Any],
        services: Any,
        headers: dict[str, str],
        send: "Send",
    ) -> None:
        self.status, self.size = 200, 0
        self._send = send
        self._headers = headers
        self._memory: Keyless = services.keyless
        self._key = _question(connection, services.charter.version, self._memory)
        self._start: Any = None

    async def served_again(self) -> bool:
        """Serve what was answered a moment ago, if the question is the same."""
        found = self._memory.get(self._key) if self._key else None
        if found is None:
            return False
        start: Any = {"type": "http.response.start", "status": 200, "headers": list(found.headers)}
        self._mark(start, "Hit")
        self.size = len(found.body)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": found.body, "more_body": False})
        return True

    async def answer(self, message: "Message") -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._start = tuple((bytes(a), bytes(b)) for a, b in message["headers"])
            self._mark(message, "Miss" if self._key else "")
        elif message["type"] == "http.response.body":
            self._remember(message["body"], whole=not self.size and not message.get("more_body"))
            self.size += len(message["body"])
        await self._send(message)

    def _mark(self, message: Any, said: str) -> None:
        found = MutableScopeHeaders.from_message(message)
        for name, value in self._headers.items():
            found[name] = value
        if said:
            found["X-Cache-Status"] = said

    def _remember(self, body: bytes, *, whole: bool) -> None:
        if self._key and whole and self.status == 200 and _json(self._start):
            self._memory.put(self._key, self._start, body)


def _json(headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    kinds = [value for name, value in headers if name.lower() == b"content-type"]
    return bool(kinds) and kinds[0].startswith((b"application/json", b"application/geo+json"))


def _question(
    connection: ASGIConnection[Any, Any, Any, Any], version: str, memory: Keyless
) -> Key | None:
    """What shapes the answer to a stranger; None when this call is not one to remember."""
    scope = connection.scope
    stranger = connection.user.kind == "anonymous" and scope.get("method") == "GET"
    if not memory.enabled or not stranger:
        return None
    asked = connection.headers
    return (
        version,
        scope["path"],
        scope.get("query_string", b"").decode("latin-1"),
        asked.get("accept", ""),
        asked.get("accept-language", ""),
        asked.get("x-clapas-purpose", ""),
    )


def _not_denied(denied: tuple[str, ...], connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    if denied and _within(denied, connection) is not False:
        raise Forbidden("this network is refused")


def _weight(connection: ASGIConnection[Any, Any, Any, Any]) -> int:
    return WEIGHTS["export"] if "text/csv" in connection.headers.get("accept", "") else 1


def _exceeded(spent: Spent) -> QuotaExceeded:
    tight = spent.tightest
    return QuotaExceeded(
        retry_after=spent.retry_after, window=tight.name, limit=tight.limit, headers=spent.headers()
    )


def _from_its_networks(key: KeyRow | None, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    if key is None or not key.networks:
        return
    if _within(key.networks, connection) is not True:
        raise Forbidden("this key is not used from here")


def _within(networks: Sequence[str], connection: ASGIConnection[Any, Any, Any, Any]) -> bool | None:
    """Does the connection come from one of these networks? None when nobody knows."""
    try:
        here = ip_address(connection.client.host if connection.client else "")
    except ValueError:
        return None
    return any(here in ip_network(each) for each in networks)


def caller(
    user: Principal, key: KeyRow | None, connection: ASGIConnection[Any, Any, Any, Any]
) -> tuple[str, Plan]:
    """Who is counted, under which plan."""
    if key is not None and key.application is not None:
        return f"application:{key.application}", PLANS.get(key.plan, PLANS["ouvert"])
    if user.kind in {"service", "device"}:
        return f"{user.kind}:{user.id}", PLANS["ecriture"]
    if user.kind == "user":
        return f"user:{user.id}", PLANS["interne"]
    return f"network:{network_of(connection)}", PLANS["ouvert"]


def network_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The address of the connection itself (never a header), IPv6 by its /64."""
    address = connection.client.host if connection.client else ""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 4:
        return address
    return str(ip_network(f"{parsed}/64", strict=False).network_address)

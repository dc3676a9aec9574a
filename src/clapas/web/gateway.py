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

from clapas.api_gateway import PLANS, Plan, QuotaExceeded, Spent
from clapas.api_gateway.plans import WEIGHTS
from clapas.api_gateway.versions import ending_of, told
from clapas.domain.access import Principal
from clapas.domain.errors import Forbidden
from clapas.store.api_gateway import ApiGatewayStore, UsageRow
from clapas.store.identity import KeyRow
from clapas.web.authentication import KEY, first_headers
from clapas.web.keyless import Key, Keyless

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

FREE = frozenset({"entrance", "session"})
MOST_USAGE = 100_000
SHAPING = (b"accept", b"accept-language", b"x-clapas-purpose")


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
        services = scope["litestar_app"].state.services
        kind = str(scope["route_handler"].opt.get("kind", ""))
        if services.quotas is None or kind in FREE or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        given = services.gateway
        _not_denied(given.denied, scope)
        ending = ending_of(scope["path"], given.endings) if given.endings else None
        key: KeyRow | None = scope[KEY]  # type: ignore[literal-required]
        _from_its_networks(key, scope)
        subject, plan = caller(scope["user"], key, scope)
        spent = services.quotas.take(subject, plan.limits, weight=_weight(scope))
        if not spent.allowed:
            services.usage.add(subject, kind, 429, 0)
            raise _exceeded(spent)
        headers = [*spent.raw(), *(_raw(told(ending)) if ending else ())]
        passage = Passage(scope, services, headers, send)
        try:
            if not await passage.served_again():
                await self._app(scope, receive, passage.answer)
        finally:
            services.usage.add(subject, kind, passage.status, passage.size)


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class Passage:
    """One call on its way: its headers, its size, and the answer remembered for strangers."""

    def __init__(
        self, scope: "Scope", services: Any, headers: list[tuple[bytes, bytes]], send: "Send"
    ) -> None:
        self.status, self.size = 200, 0
        self._send = send
        self._headers = headers
        self._memory: Keyless = services.keyless
        self._key = _question(scope, services.charter.version, self._memory)
        self._start: Any = None

    async def served_again(self) -> bool:
        """Serve what was answered a moment ago, if the question is the same."""
        found = self._memory.get(self._key) if self._key else None
        if found is None:
            return False
        start: Any = {"type": "http.response.start", "status": 200, "headers": list(found.headers)}
        self._mark(start, b"Hit")
        self.size = len(found.body)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": found.body, "more_body": False})
        return True

    async def answer(self, message: "Message") -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._key:
                self._start = tuple((bytes(a), bytes(b)) for a, b in message["headers"])
            self._mark(message, b"Miss" if self._key else b"")
        elif message["type"] == "http.response.body":
            if self._key:
                self._remember(message["body"], whole=not (self.size or message.get("more_body")))
            self.size += len(message["body"])
        await self._send(message)

    def _mark(self, message: Any, said: bytes) -> None:
        more = [(b"x-cache-status", said)] if said else []
        message["headers"] = [*message["headers"], *self._headers, *more]

    def _remember(self, body: bytes, *, whole: bool) -> None:
        if self._key and whole and self.status == 200 and _json(self._start):
            self._memory.put(self._key, self._start, body)


def _json(headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    kinds = [value for name, value in headers if name.lower() == b"content-type"]
    return bool(kinds) and kinds[0].startswith((b"application/json", b"application/geo+json"))


def _question(scope: "Scope", version: str, memory: Keyless) -> Key | None:
    """What shapes the answer to a stranger; None when this call is not one to remember."""
    stranger = scope["user"].kind == "anonymous" and scope.get("method") == "GET"
    if not memory.enabled or not stranger:
        return None
    asked = first_headers(scope["headers"])
    accept, language, purpose = (asked.get(name, b"").decode("latin-1") for name in SHAPING)
    query = scope.get("query_string", b"").decode("latin-1")
    return version, scope["path"], query, accept, language, purpose


def _not_denied(denied: tuple[str, ...], scope: "Scope") -> None:
    if denied and _within(denied, scope) is not False:
        raise Forbidden("this network is refused")


def _weight(scope: "Scope") -> int:
    accept = first_headers(scope["headers"]).get(b"accept", b"")
    return WEIGHTS["export"] if b"text/csv" in accept else 1


def _exceeded(spent: Spent) -> QuotaExceeded:
    tight = spent.tightest
    return QuotaExceeded(
        retry_after=spent.retry_after, window=tight.name, limit=tight.limit, headers=spent.headers()
    )


def _from_its_networks(key: KeyRow | None, scope: "Scope") -> None:
    if key is None or not key.networks:
        return
    if _within(key.networks, scope) is not True:
        raise Forbidden("this key is not used from here")


def _address(scope: "Scope") -> str:
    """The address of the connection itself, never a header."""
    client = scope["client"]
    return client[0] if client else ""


def _within(networks: Sequence[str], scope: "Scope") -> bool | None:
    """Does the connection come from one of these networks? None when nobody knows."""
    try:
        here = ip_address(_address(scope))
    except ValueError:
        return None
    return any(here in ip_network(each) for each in networks)


def caller(user: Principal, key: KeyRow | None, scope: "Scope") -> tuple[str, Plan]:
    """Who is counted, under which plan."""
    if key is not None and key.application is not None:
        return f"application:{key.application}", PLANS.get(key.plan, PLANS["ouvert"])
    if user.kind in {"service", "device"}:
        return f"{user.kind}:{user.id}", PLANS["ecriture"]
    if user.kind == "user":
        return f"user:{user.id}", PLANS["interne"]
    return f"network:{network_of(_address(scope))}", PLANS["ouvert"]


def network_of(address: str) -> str:
    """The network that an address is counted under: IPv4 by itself, IPv6 by its /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 4:
        return address
    return str(ip_network(f"{parsed}/64", strict=False).network_address)

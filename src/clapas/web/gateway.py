"""The gateway in front of the API: how much a caller may ask, from where, and what was used.

Counted by application (all its keys together), by service key, by person, or by network for those
who do not say who they are (IPv4 /32, IPv6 /64). Devices publish under a plan of their own. The
page's own files and the entrance are not counted.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders

from clapas.api_gateway import PLANS, Plan, QuotaExceeded, Spent
from clapas.api_gateway.plans import WEIGHTS
from clapas.domain.access import Principal
from clapas.domain.errors import Forbidden
from clapas.store.api_gateway import ApiGatewayStore, UsageRow
from clapas.store.identity import KeyRow
from clapas.web.authentication import credential

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
        opt = connection.route_handler.opt
        kind = str(opt.get("kind", ""))
        if services.quotas is None or kind in FREE or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        key = await services.identity.key_of(credential(connection))
        _from_its_networks(key, connection)
        subject, plan = caller(connection.user, key, connection)
        spent = services.quotas.take(subject, plan.limits, weight=_weight(connection))
        headers = spent.headers()
        if not spent.allowed:
            services.usage.add(subject, kind, 429, 0)
            raise _exceeded(spent)
        status, size = 200, 0

        async def answer(message: "Message") -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                found = MutableScopeHeaders.from_message(message)
                for name, value in headers.items():
                    found[name] = value
            elif message["type"] == "http.response.body":
                size += len(message["body"])
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            services.usage.add(subject, kind, status, size)


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
    address = connection.client.host if connection.client else ""
    try:
        here = ip_address(address)
    except ValueError:
        raise Forbidden("this key is not used from here") from None
    if not any(here in ip_network(each) for each in key.networks):
        raise Forbidden("this key is not used from here")


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

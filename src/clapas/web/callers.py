"""Who is counted, under which plan, and from which networks they may call.

Counted by application (all its keys together), by service key, by person, or by network for those
who do not say who they are (IPv4 /32, IPv6 /64). Devices publish under a plan of their own.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from clapas.api_gateway import PLANS, Plan
from clapas.domain.access import Principal
from clapas.domain.errors import Forbidden
from clapas.store.identity import KeyRow

if TYPE_CHECKING:
    from litestar.types import Scope


def caller(user: Principal, key: KeyRow | None, *, scope: "Scope") -> tuple[str, Plan]:
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


def not_denied(denied: Sequence[str], scope: "Scope") -> None:
    """Raises Forbidden when the connection comes from one of these networks, or from nobody knows where."""
    if _within(denied, scope) is not False:
        raise Forbidden("this network is refused")


def from_its_networks(key: KeyRow, scope: "Scope") -> None:
    """Raises Forbidden when a key is used from elsewhere than the networks of its application."""
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
    return any(here in _network(each) for each in networks)


@lru_cache(maxsize=10_000)
def _network(written: str) -> IPv4Network | IPv6Network:
    return ip_network(written)

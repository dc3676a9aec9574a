"""What the broker keeps for a while under a name: entity maps and snapshots."""

from collections.abc import Mapping
from typing import Any, Literal

from clapas.context.broker import Broker
from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.model import is_uri, moment

Kind = Literal["map", "snapshot"]
KEEP: Mapping[Kind, str] = {"map": "keep_map", "snapshot": "keep_snapshot"}

MARK = "\x01"
"""Begins the name of a snapshot's own tenant: no header can hold it."""


def scope_of(tenant: str, name: str) -> str:
    """The tenant under which a snapshot's copies are kept."""
    return f"{MARK}{tenant}{MARK}{name}"


def scope_headers(tenant: str) -> dict[str, str]:
    """The headers that name a tenant, or a snapshot of one (6.3.14, 6.3.22)."""
    own, _, snapshot = tenant.removeprefix(MARK).partition(MARK)
    named = {"NGSILD-Tenant": own, "NGSILD-Snapshot": snapshot}
    return {name: value for name, value in named.items() if value}


async def one(broker: Broker, kind: Kind, *, tenant: str, name: str) -> dict[str, Any]:
    """One that has not expired. Raises BadRequestData, ResourceNotFound."""
    if not is_uri(name):
        raise BadRequestData(f"the id {name!r} is not a URI")
    rows = await broker.store.rows(kind, tenant=tenant, id=name)
    if not rows:
        raise ResourceNotFound(f"{name} does not exist")
    body: dict[str, Any] = rows[0][0]
    return body


async def keep(broker: Broker, kind: Kind, *, tenant: str, body: Mapping[str, Any]) -> None:
    """Keep one until it expires."""
    await broker.store.run(
        KEEP[kind],
        tenant=tenant,
        id=body["id"],
        body=dict(body),
        expires=moment(body["expiresAt"]),
    )

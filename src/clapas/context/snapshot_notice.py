"""Who made a snapshot is told what became of it (clauses 5.3.4, 5.16.6), through the ledger of deliveries."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from clapas.context.broker import Broker
from clapas.context.model import now_text
from clapas.context.notify import headers_of
from clapas.store.context import as_json

KIND = "s"
TOLD = ("snapshotStatus", "snapshotPriority", "expiresAt", "snapshotQueriesDetails")
TEMPORAL = {"snapshotTemporalQueriesDetails": "temporalSnapshotQueriesDetails"}
"""A snapshot's member and what its notification calls it (tables 5.2.41-2, 5.3.4-1)."""


async def tell_status(broker: Broker, tenant: str, *, body: Mapping[str, Any]) -> None:
    """Put the notification in the ledger; one that expires before it is told says that the snapshot is gone."""
    endpoint = body.get("endpoint")
    if endpoint is None:
        return
    context = await broker.book.resolve(None)
    where = {"receiverInfo": body.get("receiverInfo", [])}
    row = {
        "tenant": tenant,
        "kind": KIND,
        "subscription": body["id"],
        "endpoint": endpoint,
        "headers": headers_of(where, "application/json", link=context.link, tenant=tenant),
        "body": notification(body),
    }
    async with broker.store.change("") as change:
        await change.run("add_deliveries", rows=as_json([row]))
    broker.on_write()


def notification(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a snapshot."""
    found: dict[str, Any] = {
        "id": f"urn:ngsi-ld:SnapshotNotification:{uuid4()}",
        "type": "SnapshotNotification",
        "notifiedAt": now_text(),
        "snapshotId": body["id"],
    }
    found |= {name: body[name] for name in TOLD if name in body}
    return found | {theirs: body[ours] for ours, theirs in TEMPORAL.items() if ours in body}

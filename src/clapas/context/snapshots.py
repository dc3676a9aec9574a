"""Snapshots: a query's entities as they were at one moment, under their own name (clauses 5.2.41, 5.5.15, 5.16).

The copies of a snapshot are entities of a tenant of its own, which no request can name; what is written,
subscribed and mapped there stays there, and goes with it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from clapas.context.broker import Broker, document
from clapas.context.door.http import Request
from clapas.context.door.queryform import request_of_body
from clapas.context.entity_maps import duration
from clapas.context.errors import BadRequestData, NgsiError
from clapas.context.federation.reads import MOST, queried
from clapas.context.lasting import one, scope_of
from clapas.context.model import NULL, is_uri, moment, now_text, time_text
from clapas.context.snapshot_evolution import copy_evolution
from clapas.context.snapshot_notice import tell_status
from clapas.context.subscription import check_endpoint
from clapas.store.context import as_json

KIND = "Snapshot"
PRIORITY = 5
LISTS = {"snapshotQueries": False, "snapshotTemporalQueries": True}
"""Members that hold queries; whether these are temporal."""
DETAILS = {name: f"{name}Details" for name in LISTS}
CHANGEABLE = frozenset({"snapshotPriority", "snapshotLifetime", "endpoint", "receiverInfo"})
OWN = frozenset({"snapshotStatus", "createdAt", "modifiedAt", "expiresAt", "lastUsedAt"})
OWN |= set(DETAILS.values())
"""Members that the broker alone makes; given ones count for nothing (table 5.2.41-2)."""
LIFETIME, LONGEST = timedelta(days=1), timedelta(days=30)
QUERIES = 20
NOWHERE = "http://nowhere"
"""Stands for an endpoint where only its receiverInfo is given."""


def read_snapshot(payload: Any) -> dict[str, Any]:
    """A new snapshot. Raises BadRequestData."""
    body = _members(payload, CHANGEABLE | {"id"} | LISTS.keys())
    if not body.keys() & LISTS.keys():
        raise BadRequestData(f"a snapshot has {' or '.join(LISTS)}")
    for name, temporal in LISTS.items():
        if name in body:
            _check_queries(name, body[name], temporal=temporal)
    return _named(body)


def _named(body: dict[str, Any]) -> dict[str, Any]:
    """A new snapshot with its id, its times, and nothing in it yet. Raises BadRequestData."""
    body.setdefault("id", f"urn:ngsi-ld:Snapshot:{uuid4()}")
    if not is_uri(body["id"]):
        raise BadRequestData("the id of a snapshot is a URI")
    now = now_text()
    times = {"createdAt": now, "modifiedAt": now, "lastUsedAt": now, "expiresAt": _expiry(body)}
    body.setdefault("snapshotPriority", PRIORITY)
    return {"id": body["id"], "type": KIND, **body, "snapshotStatus": "preparing", **times}


def _expiry(body: Mapping[str, Any]) -> str:
    """When it ends: after the lifetime that is suggested, within the longest one (5.16.1.4)."""
    life = body.get("snapshotLifetime")
    until = datetime.now(UTC) + (min(duration(life), LONGEST) if life is not None else LIFETIME)
    return time_text(until)


def _check_queries(name: str, queries: Any, *, temporal: bool) -> None:
    if not isinstance(queries, list) or not queries or len(queries) > QUERIES:
        raise BadRequestData(f"{name} holds 1 to {QUERIES} queries")
    for each in queries:
        if not isinstance(each, dict) or each.get("type") != "Query":
            raise BadRequestData(f"{name} holds queries")
        if "temporalQ" in each and not temporal:
            raise BadRequestData("a query of entities has no temporalQ")


def _members(payload: Any, allowed: frozenset[str] | set[str]) -> dict[str, Any]:
    """What may be given of a snapshot. Raises BadRequestData."""
    if not isinstance(payload, dict) or payload.get("type", KIND) != KIND:
        raise BadRequestData("the type of the body is Snapshot")
    body = {k: v for k, v in payload.items() if k not in OWN | {"@context", "type"}}
    for name in body:
        if name not in allowed:
            raise BadRequestData(f"{name} cannot be given")
    priority = body.get("snapshotPriority", PRIORITY)
    if not isinstance(priority, int) or isinstance(priority, bool) or not 1 <= priority <= 10:
        raise BadRequestData("snapshotPriority is a whole number from 1 to 10")
    if not isinstance(body.get("snapshotLifetime", ""), str):
        raise BadRequestData("snapshotLifetime is an ISO 8601 duration")
    if {"endpoint", "receiverInfo"} & body.keys():
        pairs = body.get("receiverInfo", [])
        check_endpoint({"uri": body.get("endpoint", NOWHERE), "receiverInfo": pairs})
    return body


def read_changes(body: Mapping[str, Any], payload: Any) -> tuple[list[str], dict[str, Any]]:
    """Which members of a snapshot go, and which are new (5.16.4.4, 5.5.8). Raises BadRequestData."""
    if not isinstance(payload, dict) or not payload:
        raise BadRequestData("a fragment holds something")
    given = {key: value for key, value in payload.items() if key != "id" or value != body["id"]}
    gone = [key for key, value in given.items() if value in (None, NULL) and key in CHANGEABLE]
    fragment = _members({k: v for k, v in given.items() if k not in gone}, CHANGEABLE)
    if "snapshotPriority" in gone:
        fragment["snapshotPriority"] = PRIORITY
    if "snapshotLifetime" in gone or "snapshotLifetime" in fragment:
        fragment["expiresAt"] = _expiry(fragment)
    return gone, fragment


def cloned(body: Mapping[str, Any], payload: Any) -> dict[str, Any]:
    """A snapshot of the same copies, which are not there yet. Raises BadRequestData."""
    given = _members(payload if payload is not None else {}, CHANGEABLE | {"id"})
    kept = {
        key: body[key] for key in (*LISTS, *DETAILS.values(), "snapshotPriority") if key in body
    }
    return _named({**kept, **given})


async def drop(broker: Broker, tenant: str, *, name: str) -> bool:
    """A snapshot goes, with its copies; whether it was there."""
    scope = scope_of(tenant, name)
    return bool(await broker.store.rows("drop_snapshot", tenant=tenant, id=name, scope=scope))


async def sweep_kept(broker: Broker) -> None:
    """Entity maps and snapshots that have expired go; who made a snapshot is told."""
    await broker.store.run("expired_maps")
    for tenant, name, body in await broker.store.rows("expired_snapshots"):
        if await drop(broker, tenant, name=name):
            await tell_status(broker, tenant, body=body)


async def scoped(broker: Broker, tenant: str, *, name: str) -> str:
    """Where the copies of a snapshot are, for a request that names it. Raises ResourceNotFound."""
    await one(broker, "snapshot", tenant=tenant, name=name)
    used = {"lastUsedAt": now_text()}
    await broker.store.run(
        "change_snapshot", tenant=tenant, id=name, gone=[], what=used, expires=None
    )
    return scope_of(tenant, name)


async def fill(broker: Broker, request: Request, *, body: dict[str, Any]) -> None:
    """Run the queries and keep what they find; the snapshot says how each went (5.16.1.4)."""
    scope = scope_of(request.tenant, body["id"])
    told: dict[str, list[dict[str, Any]]] = {}
    for name, temporal in LISTS.items():
        if name in body:
            told[DETAILS[name]] = [
                await _fill_one(broker, request, scope=scope, query=each, temporal=temporal)
                for each in body[name]
            ]
    results = {each["resultStatus"] for held in told.values() for each in held}
    await filled(
        broker, request.tenant, name=body["id"], what={"snapshotStatus": _status(results), **told}
    )


def _status(results: set[str]) -> str:
    """What the results of its queries make of a snapshot (5.16.1.4)."""
    if results == {"success"}:
        return "success"
    if "success" in results:
        return "partial"
    return "empty" if "empty" in results else "failure"


async def fill_clone(broker: Broker, tenant: str, *, name: str, source: str) -> None:
    """Copy what is in one snapshot into another (5.16.2.4)."""
    status = "failure"
    try:
        scopes = {"scope": scope_of(tenant, name), "source": scope_of(tenant, source)}
        await broker.store.run("clone_snapshot", **scopes)
        status = "success"
    finally:
        await filled(broker, tenant, name=name, what={"snapshotStatus": status})


async def filled(broker: Broker, tenant: str, *, name: str, what: Mapping[str, Any]) -> None:
    """A snapshot says what became of it; one that went meanwhile leaves nothing."""
    if await changed(broker, tenant, name=name, what=what) is None:
        await drop(broker, tenant, name=name)


async def changed(
    broker: Broker, tenant: str, *, name: str, what: Mapping[str, Any], gone: Sequence[str] = ()
) -> dict[str, Any] | None:
    """The snapshot with its status changed, of which it is told (5.16.6); None when there is none."""
    rows = await broker.store.rows(
        "change_snapshot",
        tenant=tenant,
        id=name,
        gone=list(gone),
        what={**what, "modifiedAt": now_text()},
        expires=moment(what["expiresAt"]) if "expiresAt" in what else None,
    )
    if not rows:
        return None
    body: dict[str, Any] = rows[0][0]
    await tell_status(broker, tenant, body=body)
    return body


async def _fill_one(
    broker: Broker, request: Request, *, scope: str, query: Mapping[str, Any], temporal: bool
) -> dict[str, Any]:
    copy = copy_evolution if temporal else _copy_present
    try:
        count = await copy(broker, request, scope=scope, query=query)
    except NgsiError as error:
        return {"resultStatus": "failure", "problemDetails": error.problem()}
    return {"resultStatus": "success" if count else "empty"}


async def _copy_present(
    broker: Broker, request: Request, *, scope: str, query: Mapping[str, Any]
) -> int:
    asking = msgspec.structs.replace(request, body=dict(query), params={}, method="GET")
    made, asked = request_of_body(asking)
    gathered = await queried(broker, made, asked=asked, limit=MOST)
    docs = [document(each) for each in gathered.found.entities]
    await broker.store.run("fill_snapshot", scope=scope, docs=as_json(docs))
    return len(docs)

"""Snapshots: a query's entities as they were at one moment, read under their own name (clauses 5.2.41, 5.16).

The copies of a snapshot are entities of a tenant of its own, which no request can name.
"""

from collections.abc import Mapping
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
from clapas.context.lasting import keep, one
from clapas.context.model import is_date_time, is_uri, now_text
from clapas.context.snapshot_evolution import copy_evolution
from clapas.store.context import as_json

KIND = "Snapshot"
PRIORITY = 5
LISTS = {"snapshotQueries": False, "snapshotTemporalQueries": True}
"""Members that hold queries; whether these are temporal."""
DETAILS = {name: f"{name}Details" for name in LISTS}
GIVEN = frozenset({"id", "type", "@context", "snapshotQueries", "snapshotTemporalQueries"})
GIVEN |= {"snapshotPriority", "expiresAt", "notification", "snapshotLifetime"}
CHANGEABLE = frozenset({"type", "@context", "snapshotPriority", "expiresAt"})
LIFETIME = timedelta(days=1)
QUERIES = 20


def scope_of(tenant: str, name: str) -> str:
    """The tenant under which the copies are kept: it holds a character that no header can."""
    return f"\x01{tenant}\x01{name}"


def read_snapshot(payload: Any) -> dict[str, Any]:
    """A new snapshot. Raises BadRequestData."""
    body = _members(payload, GIVEN)
    if not body.keys() & LISTS.keys():
        raise BadRequestData(f"a snapshot has {' or '.join(LISTS)}")
    for name, temporal in LISTS.items():
        if name in body:
            _check_queries(name, body[name], temporal=temporal)
    body.setdefault("id", f"urn:ngsi-ld:Snapshot:{uuid4()}")
    if not is_uri(body["id"]):
        raise BadRequestData("the id of a snapshot is a URI")
    return _timed(body)


def _check_queries(name: str, queries: Any, *, temporal: bool) -> None:
    if not isinstance(queries, list) or not queries or len(queries) > QUERIES:
        raise BadRequestData(f"{name} holds 1 to {QUERIES} queries")
    for each in queries:
        if not isinstance(each, dict) or each.get("type") != "Query":
            raise BadRequestData(f"{name} holds queries")
        if "temporalQ" in each and not temporal:
            raise BadRequestData("a query of entities has no temporalQ")


def _members(payload: Any, allowed: frozenset[str]) -> dict[str, Any]:
    if not isinstance(payload, dict) or payload.get("type", KIND) != KIND:
        raise BadRequestData("the type of the body is Snapshot")
    for name in payload:
        if name not in allowed:
            raise BadRequestData(f"{name} cannot be given")
    body = {key: value for key, value in payload.items() if key != "@context"}
    priority = body.get("snapshotPriority", PRIORITY)
    if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= 10:
        raise BadRequestData("snapshotPriority is a number from 0 to 10")
    if "expiresAt" in body and not is_date_time(body["expiresAt"]):
        raise BadRequestData("expiresAt is a DateTime")
    return body


def _timed(body: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC)
    life = body.pop("snapshotLifetime", None)
    if "expiresAt" not in body:
        until = now + (duration(str(life)) if life is not None else LIFETIME)
        body["expiresAt"] = until.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found = {"id": body["id"], "type": KIND, **body}
    found.setdefault("snapshotPriority", PRIORITY)
    return found | {
        "snapshotStatus": "preparing",
        "createdAt": now_text(),
        "lastUsedAt": now_text(),
    }


def updated(body: Mapping[str, Any], payload: Any) -> dict[str, Any]:
    """A snapshot with what may change changed. Raises BadRequestData."""
    fragment = _members(payload, CHANGEABLE)
    if not fragment:
        raise BadRequestData("a fragment holds something")
    return {**body, **fragment}


def cloned(body: Mapping[str, Any], payload: Any) -> dict[str, Any]:
    """A snapshot of the same copies. Raises BadRequestData."""
    given = _members(payload if payload is not None else {"type": KIND}, GIVEN - LISTS.keys())
    kept = {
        key: body[key] for key in (*LISTS, *DETAILS.values(), "snapshotPriority") if key in body
    }
    made = {**kept, "id": f"urn:ngsi-ld:Snapshot:{uuid4()}", **given}
    return _timed(made) | {"snapshotStatus": body["snapshotStatus"]}


async def drop(broker: Broker, tenant: str, *, name: str) -> None:
    """A snapshot goes, with its copies."""
    await broker.store.rows("drop_snapshot", tenant=tenant, id=name, scope=scope_of(tenant, name))


async def sweep_kept(broker: Broker) -> None:
    """Entity maps and snapshots that have expired go."""
    await broker.store.run("expired_maps")
    for tenant, name in await broker.store.rows("expired_snapshots"):
        await drop(broker, tenant, name=name)


async def scoped(broker: Broker, tenant: str, *, name: str) -> str:
    """Where the copies of a snapshot are, for a request that names it. Raises ResourceNotFound."""
    body = await one(broker, "snapshot", tenant=tenant, name=name)
    await keep(broker, "snapshot", tenant=tenant, body={**body, "lastUsedAt": now_text()})
    return scope_of(tenant, name)


async def fill(broker: Broker, request: Request, *, body: dict[str, Any]) -> None:
    """Run the queries and keep what they find; the snapshot says how each went."""
    scope = scope_of(request.tenant, body["id"])
    told: dict[str, list[dict[str, Any]]] = {}
    for name, temporal in LISTS.items():
        if name in body:
            told[DETAILS[name]] = [
                await _fill_one(broker, request, scope=scope, query=each, temporal=temporal)
                for each in body[name]
            ]
    details = [each for held in told.values() for each in held]
    results = {each["resultStatus"] for each in details}
    status = "partial" if len(results) > 1 else results.pop()
    if status == "success" and not sum(each["count"] for each in details):
        status = "empty"
    for each in details:
        del each["count"]
    await keep(
        broker,
        "snapshot",
        tenant=request.tenant,
        body={**body, "snapshotStatus": status, **told},
    )


async def _fill_one(
    broker: Broker, request: Request, *, scope: str, query: Mapping[str, Any], temporal: bool
) -> dict[str, Any]:
    copy = copy_evolution if temporal else _copy_present
    try:
        count = await copy(broker, request, scope=scope, query=query)
    except NgsiError as error:
        return {"resultStatus": "failure", "errors": [error.problem()], "count": 0}
    return {"resultStatus": "success", "count": count}


async def _copy_present(
    broker: Broker, request: Request, *, scope: str, query: Mapping[str, Any]
) -> int:
    asking = msgspec.structs.replace(request, body=dict(query), params={}, method="GET")
    made, asked = request_of_body(asking)
    gathered = await queried(broker, made, asked=asked, limit=MOST)
    docs = [document(each) for each in gathered.found.entities]
    await broker.store.run("fill_snapshot", scope=scope, docs=as_json(docs))
    return len(docs)

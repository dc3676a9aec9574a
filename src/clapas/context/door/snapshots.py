"""Snapshots (clauses 5.16; 6.36 to 6.38)."""

from typing import Any

from clapas.context.broker import Broker
from clapas.context.door.entities import created_at
from clapas.context.door.http import LD, Answer, Request
from clapas.context.errors import AlreadyExists, BadRequestData, ResourceNotFound
from clapas.context.lasting import keep, one
from clapas.context.query import q as language
from clapas.context.query.predicate import Compiler
from clapas.context.snapshots import (
    changed,
    cloned,
    drop,
    fill,
    fill_clone,
    read_changes,
    read_snapshot,
)
from clapas.context.terms import Terms
from clapas.store.context import as_json

PATH = "/ngsi-ld/v1/snapshots/"
MEMBERS = frozenset({"id", "snapshotPriority", "snapshotStatus", "createdAt", "lastUsedAt"})
MEMBERS |= {"expiresAt", "modifiedAt", "type", "snapshotLifetime", "endpoint"}
PLAIN = Terms({})


async def create(broker: Broker, request: Request) -> Answer:
    """Create Snapshot (5.16.1): it is filled while the answer is already given."""
    body = read_snapshot(request.body)
    await _keep_new(broker, request, body=body)
    broker.background(fill(broker, request, body=body))
    return created_at(PATH + body["id"])


async def clone(broker: Broker, request: Request) -> Answer:
    """Clone Snapshot (5.16.2)."""
    source = await one(broker, "snapshot", tenant=request.tenant, name=request.args[0])
    body = cloned(source, request.body)
    await _keep_new(broker, request, body=body)
    broker.background(fill_clone(broker, request.tenant, name=body["id"], source=source["id"]))
    return created_at(PATH + body["id"])


async def _keep_new(broker: Broker, request: Request, *, body: dict[str, Any]) -> None:
    """Keep a new snapshot. Raises AlreadyExists."""
    if await broker.store.rows("snapshot", tenant=request.tenant, id=body["id"]):
        raise AlreadyExists(f"{body['id']} exists already")
    await keep(broker, "snapshot", tenant=request.tenant, body=body)


def _shown(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    return body | {"@context": request.context.embedded} if request.media == LD else body


async def retrieve(broker: Broker, request: Request) -> Answer:
    """Retrieve Snapshot Status (5.16.3)."""
    return Answer(
        body=_shown(
            request, await one(broker, "snapshot", tenant=request.tenant, name=request.args[0])
        )
    )


async def update(broker: Broker, request: Request) -> Answer:
    """Update Snapshot Status (5.16.4)."""
    held = await one(broker, "snapshot", tenant=request.tenant, name=request.args[0])
    gone, what = read_changes(held, request.body)
    body = await changed(broker, request.tenant, name=held["id"], what=what, gone=gone)
    if body is None:
        raise ResourceNotFound(f"{held['id']} does not exist")
    return Answer(body=_shown(request, body))


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete Snapshot (5.16.5)."""
    body = await one(broker, "snapshot", tenant=request.tenant, name=request.args[0])
    await drop(broker, request.tenant, name=body["id"])
    return Answer(status=204)


def _document(body: dict[str, Any]) -> dict[str, Any]:
    """A snapshot's own members as an entity that ``q`` can be asked of."""
    members = {name: body[name] for name in MEMBERS if name in body}
    system = {"@created": body["createdAt"], "@expires": body["expiresAt"]}
    return system | {
        PLAIN.expand(name): [{"type": "Property", "value": value}]
        for name, value in members.items()
    }


async def purge(broker: Broker, request: Request) -> Answer:
    """Purge Snapshots (5.16.7): those whose own members satisfy ``q``."""
    text = request.params.get("q", "")
    if not text:
        raise BadRequestData("q says which snapshots go")
    tree = language.parse(text)
    names = language.names_of(tree)
    if not names <= MEMBERS:
        raise BadRequestData(f"a snapshot has no {', '.join(sorted(names - MEMBERS))}")
    path = Compiler(PLAIN).predicate(tree)
    bodies = [row[0] for row in await broker.store.rows("snapshots", tenant=request.tenant)]
    docs = [_document(body) for body in bodies]
    pairs = [{"place": n, "document": n, "path": path} for n in range(len(docs))]
    rows = await broker.store.rows("matches", pairs=as_json(pairs), docs=as_json(docs))
    for place, holds in rows:
        if holds:
            await drop(broker, request.tenant, name=bodies[place]["id"])
    return Answer(status=204)

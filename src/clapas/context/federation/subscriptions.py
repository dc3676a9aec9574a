"""Subscriptions over several sources (clauses 5.8.1.4, 5.8.5.4, 5.8.6): reduced copies go to the sources, their
notifications come back here and are sent on under the subscription they serve."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import msgspec

from clapas.context.broker import Broker, document, entity_of
from clapas.context.door.http import Answer, Request
from clapas.context.errors import BadRequestData, NgsiError, ResourceNotFound
from clapas.context.federation.asking import Call
from clapas.context.federation.merging import Part as MergedPart
from clapas.context.federation.merging import merged, read_entities
from clapas.context.federation.shares import Share, shares_of
from clapas.context.federation.writes import Local
from clapas.context.notify import Subscriber, delivery, ready, shown
from clapas.context.query.select import type_words
from clapas.store.context import as_json

TOLD_AT = "/ngsi-ld/v1/remote-notify"
COPIED = (
    *("entities", "watchedAttributes", "q", "geoQ", "scopeQ", "notificationTrigger", "expiresAt"),
    *("datasetId", "expandValues", "jsonKeys", "splitEntities"),
)
FILTERS = ("q", "geoQ", "scopeQ")
MOST_TOLD = 1_000


def creating(local: Local) -> Local:
    """Create Subscription, here and at the sources that it concerns."""

    async def handle(broker: Broker, request: Request) -> Answer:
        answer = await local(broker, request)
        if answer.status == 201 and isinstance(request.body, dict) and _entities(request):
            name = dict(answer.headers)["Location"].rpartition("/")[2]
            for share in await _concerned(broker, request):
                await _send(broker, request, name=name, share=share)
        return answer

    return handle


def deleting(local: Local) -> Local:
    """Delete Subscription, here and where it was sent on to."""

    async def handle(broker: Broker, request: Request) -> Answer:
        answer = await local(broker, request)
        if _entities(request):
            await _forget(broker, request, name=request.args[0])
        return answer

    return handle


def updating(local: Local) -> Local:
    """Update Subscription: what was sent on is sent on anew."""

    async def handle(broker: Broker, request: Request) -> Answer:
        answer = await local(broker, request)
        if answer.status == 204 and _entities(request):
            name = request.args[0]
            rows = await broker.store.rows("subscription", tenant=request.tenant, kind="e", id=name)
            await _forget(broker, request, name=name)
            whole = msgspec.structs.replace(request, body=rows[0][0])
            for share in await _concerned(broker, whole):
                await _send(broker, whole, name=name, share=share)
        return answer

    return handle


def _entities(request: Request) -> bool:
    return "/csourceSubscriptions" not in request.path


async def _concerned(broker: Broker, request: Request) -> list[Share]:
    """The sources that hold what the subscription is about, and take subscriptions."""
    body = request.body
    if body.get("localOnly") is True or body.get("isActive") is False:
        return []
    found = await broker.federation.shares(request)
    expand = request.context.terms.expand
    attributes = {expand(each) for each in body.get("watchedAttributes", [])}
    chosen: dict[str, Share] = {}
    for selector in body.get("entities") or [{}]:
        kind, ids = selector.get("type", "*"), selector.get("id", [])
        words = kind if isinstance(kind, list) else type_words(kind) if kind != "*" else []
        for share in shares_of(
            [each.body for each in found],
            ids=[ids] if isinstance(ids, str) else ids,
            types={expand(each) for each in words} or None,
            attributes=attributes or None,
            pattern=selector.get("idPattern", ""),
        ):
            chosen[share.id] = share
    return [each for each in chosen.values() if "createSubscription" in each.operations]


async def _send(broker: Broker, request: Request, *, name: str, share: Share) -> None:
    remote = f"urn:ngsi-ld:Subscription:{uuid4()}"
    split = request.body.get("splitEntities") is True
    copy = {
        key: request.body[key]
        for key in COPIED
        if key in request.body and not (split and key in FILTERS)
    }
    copy |= {"id": remote, "type": "Subscription"}
    endpoint = {"uri": request.base + TOLD_AT, "accept": "application/json"}
    copy["notification"] = {"format": "normalized", "sysAttrs": True, "endpoint": endpoint}
    await broker.store.run(
        "keep_remote_subscription",
        tenant=request.tenant,
        subscription=name,
        registration=share.id,
        remote=remote,
        body=dict(share.body),
    )
    call = Call(method="POST", path="subscriptions", body=copy)
    broker.background(broker.federation.ask(request, [(share, call)]))


async def _forget(broker: Broker, request: Request, *, name: str) -> None:
    """Delete what was sent on."""
    where = {"tenant": request.tenant, "subscription": name}
    for _, remote, body in await broker.store.rows("remote_subscriptions", **where):
        shares = shares_of([body])
        call = Call(method="DELETE", path=f"subscriptions/{remote}")
        bare = msgspec.structs.replace(request, body=None)
        broker.background(broker.federation.ask(bare, [(each, call) for each in shares]))
    await broker.store.run("drop_remote_subscriptions", **where)


async def told(broker: Broker, request: Request) -> Answer:
    """A source's notification: sent on under our subscription; who does not know its id tells nothing."""
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise BadRequestData("a notification holds data")
    remote = str(body.get("subscriptionId", ""))
    rows = await broker.store.rows("remote_subscription", remote=remote)
    if not rows or len(body["data"]) > MOST_TOLD:
        raise ResourceNotFound("this subscription does not exist")
    tenant, name, registration = rows[0]
    held = await broker.store.rows("subscription", tenant=tenant, kind="e", id=name)
    if held:
        own, state = held[0]
        subscriber = await ready(broker, tenant, body=own, state=state)
        await _sent_on(broker, request, subscriber=subscriber, registration=registration, body=body)
    return Answer(status=200)


async def _sent_on(
    broker: Broker,
    request: Request,
    *,
    subscriber: Subscriber,
    registration: str,
    body: Mapping[str, Any],
) -> None:
    terms = request.context.terms
    try:
        entities = read_entities(body["data"], terms)
    except NgsiError as error:
        raise BadRequestData(f"the notification holds no entities: {error}") from error
    if subscriber.body.get("splitEntities") is True:
        share = Share(body={"id": registration}, operations=frozenset())
        docs = await broker.store.many(subscriber.tenant, [each.id for each in entities])
        own = {doc["@id"]: entity_of(doc) for doc in docs}
        whole = [
            merged(own.get(each.id), [MergedPart(share=share, entity=each)]) for each in entities
        ]
        entities = [each for each in whole if each is not None]
        if subscriber.path:
            pairs = [
                {"place": n, "document": n, "path": subscriber.path} for n in range(len(entities))
            ]
            checked = [document(each) for each in entities]
            rows = await broker.store.rows("matches", pairs=as_json(pairs), docs=as_json(checked))
            kept = {place for place, holds in rows if holds}
            entities = [each for place, each in enumerate(entities) if place in kept]
    if not entities or not subscriber.active:
        return
    data = await shown(broker, subscriber, entities=entities)
    row = delivery(subscriber, entities, data=data)
    async with broker.store.change("") as change:
        await change.run("add_deliveries", rows=as_json([row]))
    broker.on_write()

"""Subscriptions over several sources (clauses 5.8.1.4, 5.8.5.4, 5.8.6): reduced copies go to the sources, their
notifications come back here and are sent on under the subscription they serve."""

from collections.abc import Mapping, Sequence
from typing import Any

from clapas.context.broker import Broker, document, entity_of
from clapas.context.door.http import Answer, Request
from clapas.context.errors import BadRequestData, NgsiError, ResourceNotFound
from clapas.context.federation.following import align, follow, forget
from clapas.context.federation.merging import Part as MergedPart
from clapas.context.federation.merging import merged, read_entities
from clapas.context.federation.shares import Share
from clapas.context.federation.writes import Local
from clapas.context.model import Entity
from clapas.context.notify import Subscriber, delivery, ready, selected, shown
from clapas.store.context import as_json

MOST_TOLD = 1_000


def creating(local: Local) -> Local:
    """Create Subscription, here and at the sources that it concerns."""

    async def handle(broker: Broker, request: Request) -> Answer:
        answer = await local(broker, request)
        if answer.status == 201 and _of_entities(request):
            await _align(broker, request, name=dict(answer.headers)["Location"].rpartition("/")[2])
        return answer

    return handle


def deleting(local: Local) -> Local:
    """Delete Subscription, here and where it was sent on to."""

    async def handle(broker: Broker, request: Request) -> Answer:
        answer = await local(broker, request)
        if _of_entities(request):
            await forget(broker, request, name=request.args[0])
        return answer

    return handle


def updating(local: Local) -> Local:
    """Update Subscription, and its copies at the sources."""

    async def handle(broker: Broker, request: Request) -> Answer:
        answer = await local(broker, request)
        if answer.status == 204 and _of_entities(request):
            await _align(broker, request, name=request.args[0])
        return answer

    return handle


def registering(local: Local) -> Local:
    """Register, update or delete a Context Source: subscriptions follow (5.8.1.4)."""

    async def handle(broker: Broker, request: Request) -> Answer:
        answer = await local(broker, request)
        named = dict(answer.headers).get("Location", "").rpartition("/")[2]
        await follow(broker, request, changed=named or request.args[0])
        return answer

    return handle


def _of_entities(request: Request) -> bool:
    return "/csourceSubscriptions" not in request.path


async def _align(broker: Broker, request: Request, *, name: str) -> None:
    rows = await broker.store.rows("subscription", tenant=request.tenant, kind="e", id=name)
    for body, state in rows:
        await align(broker, request, body=body, state=state)


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
        entities = read_entities(body["data"], terms, told=True)
    except NgsiError as error:
        raise BadRequestData(f"the notification holds no entities: {error}") from error
    if subscriber.body.get("splitEntities") is True:
        share = Share(body={"id": registration}, operations=frozenset())
        entities = await _united(broker, subscriber, parts=entities, share=share)
    entities = [each for each in entities if selected(subscriber.body, document(each))]
    if not entities or not subscriber.active:
        return
    data = await shown(broker, subscriber, entities=entities)
    row = delivery(subscriber, data)
    async with broker.store.change("") as change:
        await change.run("add_deliveries", rows=as_json([row]))
    broker.on_write()


async def _united(
    broker: Broker, subscriber: Subscriber, *, parts: Sequence[Entity], share: Share
) -> list[Entity]:
    """What a source told, each with what is kept here; the filters, which it was not sent, are asked of the whole."""
    docs = await broker.store.many(subscriber.tenant, [each.id for each in parts])
    own = {doc["@id"]: entity_of(doc) for doc in docs}
    united = [merged(own.get(each.id), [MergedPart(share=share, entity=each)]) for each in parts]
    whole = [each for each in united if each is not None]
    if geo := subscriber.geo:
        whole = [each for each in whole if geo.holds(each.attributes.get(geo.attribute, []))]
    if not subscriber.path or not whole:
        return whole
    pairs = [{"place": n, "document": n, "path": subscriber.path} for n in range(len(whole))]
    checked = [document(each) for each in whole]
    rows = await broker.store.rows("matches", pairs=as_json(pairs), docs=as_json(checked))
    kept = {place for place, holds in rows if holds}
    return [each for place, each in enumerate(whole) if place in kept]

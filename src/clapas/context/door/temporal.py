"""Writing temporal evolutions (clauses 5.6.11 to 5.6.16; 6.18 to 6.22)."""

from typing import Any

from clapas.context.broker import Broker
from clapas.context.door.attributes import attribute_iri, which_instances
from clapas.context.door.entities import check_same_id, created_at, entity_id
from clapas.context.door.http import Answer, Request
from clapas.context.editing import overlaid, stamped
from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.model import Instance, is_uri, now_text
from clapas.context.platform_series import iri_of
from clapas.context.reading import Draft, Reader
from clapas.domain.access import RowFilter
from clapas.store.context import Change, as_json

INSTANCE = "urn:ngsi-ld:Instance:"


async def create(broker: Broker, request: Request) -> Answer:
    """Create or Update Temporal Evolution of an Entity (5.6.11)."""
    draft = Reader(request.context.terms, temporal=True).entity(request.body)
    async with broker.store.change(request.tenant) as change:
        fresh = await _keep(change, draft)
    await broker.knows(request.tenant)
    if fresh:
        return created_at(f"/ngsi-ld/v1/temporal/entities/{draft.id}")
    return Answer(status=204)


async def _keep(change: Change, draft: Draft) -> bool:
    now = now_text()
    head: dict[str, Any] = {"@id": draft.id, "@type": draft.types or [], "@created": now}
    head["@modified"] = now
    if draft.scopes:
        head["@scope"] = draft.scopes
    found = await change.run("add_head", id=draft.id, doc=as_json(head))
    await change.run("evolve", rows=as_json(_rows(draft, now)))
    return bool(found[0][0])


def _rows(draft: Draft, now: str) -> list[dict[str, Any]]:
    return [
        {
            "entity": draft.id,
            "attribute": iri,
            "dataset": each.get("datasetId", ""),
            "doc": stamped(each, None, now=now),
        }
        for iri, instances in draft.attributes.items()
        for each in instances
    ]


async def append(broker: Broker, request: Request) -> Answer:
    """Add Attributes to the Temporal Evolution (5.6.12)."""
    name = entity_id(request)
    draft = Reader(request.context.terms, temporal=True).entity(request.body, whole=False)
    check_same_id(draft, name)
    draft.id = name
    async with broker.store.change(request.tenant) as change:
        if not await change.run("head", id=name):
            raise ResourceNotFound(f"{name} has no temporal evolution")
        await change.run("evolve", rows=as_json(_rows(draft, now_text())))
    return Answer(status=204)


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete Temporal Evolution of an Entity (5.6.16)."""
    name = entity_id(request)
    async with broker.store.change(request.tenant) as change:
        gone = await change.run("drop_evolution", id=name)
        fenced = await change.run("fence", id=name, attribute="", dataset="", everything=True)
        if not (gone or fenced):
            raise ResourceNotFound(f"{name} has no temporal evolution")
    return Answer(status=204)


async def delete_attribute(broker: Broker, request: Request) -> Answer:
    """Delete an Attribute from the Temporal Evolution (5.6.13)."""
    name, iri = entity_id(request), attribute_iri(request)
    everything, dataset = which_instances(request)
    async with broker.store.change(request.tenant) as change:
        gone = await change.run(
            "drop_instances",
            id=name,
            attribute=iri,
            everything=everything,
            dataset=dataset,
            whole=True,
            instance="",
            seq=-1,
        )
        fenced = gone or await _measured(broker, name, iri=iri)
        if fenced:
            await change.run(
                "fence", id=name, attribute=iri, dataset=dataset, everything=everything
            )
    if not fenced:
        raise ResourceNotFound("the attribute does not exist")
    return Answer(status=204)


async def _measured(broker: Broker, name: str, *, iri: str) -> bool:
    """Whether the platform measures this attribute."""
    if broker.platform is None:
        return False
    series = await broker.platform.of(RowFilter(everything=True), name, known=set())
    return any(iri_of(each) == iri for each in series)


async def delete_instance(broker: Broker, request: Request) -> Answer:
    """Delete an instance of an Attribute (5.6.15)."""
    name, iri = entity_id(request), attribute_iri(request)
    where = _instance_id(request)
    async with broker.store.change(request.tenant) as change:
        gone = await change.run(
            "drop_instances",
            id=name,
            attribute=iri,
            everything=True,
            dataset="",
            whole=False,
            **where,
        )
    if not gone:
        raise ResourceNotFound("the instance does not exist")
    return Answer(status=204)


def _instance_id(request: Request) -> dict[str, Any]:
    """An instance by the name it was given, or by its number."""
    name = request.args[2]
    if not is_uri(name):
        raise BadRequestData("the instanceId is a URI")
    number = name.removeprefix(INSTANCE)
    return {"instance": name, "seq": int(number) if number.isdecimal() and len(number) < 19 else -1}


async def modify_instance(broker: Broker, request: Request) -> Answer:
    """Modify an instance of an Attribute (5.6.14)."""
    name, iri = entity_id(request), attribute_iri(request)
    where = {"id": name, "attribute": iri, **_instance_id(request)}
    fragment = _fragment(request, iri)
    async with broker.store.change(request.tenant) as change:
        found = await change.run("instance", **where)
        if not found:
            raise ResourceNotFound("the instance does not exist")
        before: Instance = found[0][0]
        if fragment.get("type", before["type"]) != before["type"]:
            raise BadRequestData("the type of an attribute cannot change")
        after = stamped(overlaid(before, fragment), before, now=now_text())
        await change.run("set_instance", doc=as_json(after), **where)
    return Answer(status=204)


def _fragment(request: Request, iri: str) -> Instance:
    """The body: the attribute's members, or the attribute under its name."""
    payload = request.body
    if isinstance(payload, dict):
        payload = {key: value for key, value in payload.items() if key != "@context"}
        if len(payload) == 1:
            name = next(iter(payload))
            if request.context.terms.expand(name) == iri:
                payload = payload[name]
    if not payload:
        raise BadRequestData("the attribute is empty")
    reader = Reader(request.context.terms, fragment=True)
    found = reader.instances(request.args[1], payload)
    if len(found) != 1:
        raise BadRequestData("one instance is expected")
    return found[0]

"""Attributes of an entity: append, update, partial update, replace, delete (clauses 5.6.2 to 5.6.5, 5.6.19; 6.6, 6.7)."""

from typing import Any

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.entities import check_same_id, entity_id, present
from clapas.context.door.http import Answer, Request
from clapas.context.editing import Editor
from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.model import SCOPE, Entity, is_uri, now_text
from clapas.context.reading import FORBIDDEN, Reader
from clapas.context.writing import evolution_row
from clapas.store.context import Change, as_json


def attribute_iri(request: Request) -> str:
    """The attribute in the path. Raises BadRequestData."""
    name = request.args[1]
    if FORBIDDEN.search(name) or name.startswith("@"):
        raise BadRequestData(f"{name!r} cannot be the name of an attribute")
    return request.context.terms.expand(name)


def update_result(updated: list[str], failed: dict[str, str]) -> Answer:
    """204 when everything was done, else 207 with an UpdateResult (5.2.18).

    Names are whole IRIs, as in errors: the answer comes without a @context that would say what a short one means.
    """
    if not failed:
        return Answer(status=204)
    refused = [{"attributeName": name, "reason": reason} for name, reason in failed.items()]
    return Answer(status=207, body={"updated": updated, "notUpdated": refused}, data=False)


async def append(broker: Broker, request: Request) -> Answer:
    """Append Attributes (5.6.3)."""
    draft = Reader(request.context.terms).entity(request.body, whole=False)
    overwrite = "noOverwrite" not in request.options
    updated: list[str] = []
    failed: dict[str, str] = {}

    def act(entity: Entity | None, now: str) -> Editor:
        editor = Editor(present(request, entity), now)
        check_same_id(draft, editor.entity.id)
        editor.head(draft, overwrite=overwrite)
        updated.clear()
        failed.clear()
        for iri, instances in draft.attributes.items():
            if editor.append(iri, instances, overwrite=overwrite):
                updated.append(iri)
            else:
                failed[iri] = "the attribute exists already"
        return editor

    await broker.edit(request.tenant, entity_id(request), act=act)
    return update_result(updated, failed)


async def update(broker: Broker, request: Request) -> Answer:
    """Update Attributes (5.6.2); a scope is updated where there is one, and never added (4.18)."""
    draft = Reader(request.context.terms, fragment=True).entity(request.body, whole=False)
    compact = request.context.terms.compact
    for iri, instances in draft.attributes.items():
        if not all("type" in each for each in instances):
            raise BadRequestData(f"{compact(iri)}: the attribute has no value")
    failed: dict[str, str] = {}

    def act(entity: Entity | None, now: str) -> Editor:
        editor = Editor(present(request, entity), now)
        check_same_id(draft, editor.entity.id)
        failed.clear()
        told = draft
        if draft.scopes and not editor.entity.scopes:
            failed[SCOPE] = "the entity has no scope"
            told = msgspec.structs.replace(draft, scopes=None)
        editor.head(told)
        for iri, instances in draft.attributes.items():
            editor.append(iri, instances)
        return editor

    await broker.edit(request.tenant, entity_id(request), act=act)
    return update_result(list(draft.attributes), failed)


def _one_fragment(request: Request, *, fragment: bool) -> dict[str, Any]:
    """The instance in the body; a whole one may stand under its name, as in an entity."""
    payload = request.body
    if isinstance(payload, dict):
        payload = {key: value for key, value in payload.items() if key != "@context"}
        if not fragment and set(payload) == {request.args[1]}:
            payload = payload[request.args[1]]
    if payload in ({}, []):
        raise BadRequestData("the attribute is empty")
    reader = Reader(request.context.terms, fragment=fragment)
    instances = reader.instances(request.args[1], payload)
    if len(instances) != 1:
        raise BadRequestData("one instance of the attribute is expected")
    return instances[0]


async def partial(broker: Broker, request: Request) -> Answer:
    """Partial Attribute Update (5.6.4)."""
    iri = attribute_iri(request)
    fragment = _one_fragment(request, fragment=True)

    def act(entity: Entity | None, now: str) -> Editor:
        editor = Editor(present(request, entity), now)
        editor.partial(iri, fragment)
        return editor

    await broker.edit(request.tenant, entity_id(request), act=act)
    return Answer(status=204)


async def replace(broker: Broker, request: Request) -> Answer:
    """Replace Attribute (5.6.19): the whole instance, which may be of another type than before."""
    iri = attribute_iri(request)
    if iri == SCOPE:
        raise BadRequestData(
            "a scope is no attribute: append or update the attributes to replace it"
        )
    instance = _one_fragment(request, fragment=False)

    def act(entity: Entity | None, now: str) -> Editor:
        editor = Editor(present(request, entity), now)
        held = editor.entity.attributes.get(iri, [])
        dataset = instance.get("datasetId", "")
        before = [each for each in held if each.get("datasetId", "") == dataset]
        if not before:
            raise ResourceNotFound(
                "the attribute, or its instance of this datasetId, does not exist"
            )
        editor.put(iri, instance)
        return editor

    await broker.edit(request.tenant, entity_id(request), act=act)
    return Answer(status=204)


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete Attribute (5.6.5)."""
    iri = attribute_iri(request)
    everything, dataset = which_instances(request)

    def act(entity: Entity | None, now: str) -> Editor:
        editor = Editor(present(request, entity), now)
        if not editor.remove(iri, dataset, everything=everything):
            raise ResourceNotFound(
                "the attribute, or its instance of this datasetId, does not exist"
            )
        return editor

    try:
        await broker.edit(request.tenant, entity_id(request), act=act)
    except ResourceNotFound:
        if not await _deleted_from_evolution(broker, request, iri=iri):
            raise
    return Answer(status=204)


async def _deleted_from_evolution(broker: Broker, request: Request, *, iri: str) -> bool:
    """Tell the evolution of an entity that has no present state that an attribute was deleted."""
    name, now = entity_id(request), now_text()
    everything, dataset = which_instances(request)
    where = {"id": name, "attribute": iri, "everything": everything, "dataset": dataset}
    async with broker.store.change(request.tenant) as change:
        held, _ = await change.hold([name])
        last = [] if name in held else await change.run("last_instances", **where)
        rows = [evolution_row(name, iri, instance=doc, deleted=now) for (doc,) in last]
        if iri == SCOPE and name not in held:
            rows = await _plain_scope(change, name, now=now) + rows
        await change.run("evolve", rows=as_json(rows))
    return bool(rows)


async def _plain_scope(change: Change, name: str, *, now: str) -> list[dict[str, Any]]:
    """What the scope was that an evolution held as plain names, and that it was deleted (4.18)."""
    found = await change.run("drop_scope", id=name)
    if not found:
        return []
    scopes, since = found[0]
    told = {"type": "Property", "value": scopes[0] if len(scopes) == 1 else scopes}
    told |= {"createdAt": since, "modifiedAt": since, "observedAt": since}
    return [
        evolution_row(name, SCOPE, instance=told, deleted=""),
        evolution_row(name, SCOPE, instance=told, deleted=now),
    ]


def which_instances(request: Request) -> tuple[bool, str]:
    """``deleteAll`` and ``datasetId``. Raises BadRequestData."""
    dataset = request.params.get("datasetId", "")
    if "datasetId" in request.params and dataset != "@none" and not is_uri(dataset):
        raise BadRequestData("datasetId is a URI")
    return request.flag("deleteAll"), "" if dataset == "@none" else dataset

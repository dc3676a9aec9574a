"""Entities: create, retrieve, query, merge, replace, delete, purge (clauses 5.6, 5.7; 6.4, 6.5)."""

from typing import Any

import msgspec

from clapas.context.broker import Broker, entity_of
from clapas.context.door.http import Answer, Request
from clapas.context.door.queries import joined, query_of, run_query
from clapas.context.door.reply import Replier, read_projection
from clapas.context.editing import Editor, created, deleted
from clapas.context.entity_maps import chosen_map, map_made, wished
from clapas.context.errors import AlreadyExists, BadRequestData, ResourceNotFound
from clapas.context.federation.reads import Retrieved, retrieved
from clapas.context.model import Entity, is_date_time, is_uri
from clapas.context.query.select import type_matches
from clapas.context.reading import Draft, Reader
from clapas.context.search import find
from clapas.context.simplified import read_simplified

MOST_PURGED = 100_000


def entity_id(request: Request) -> str:
    """The id in the path. Raises BadRequestData."""
    name = request.args[0]
    if not is_uri(name):
        raise BadRequestData(f"the id {name!r} is not a URI")
    return name


async def create(broker: Broker, request: Request) -> Answer:
    """Create Entity (5.6.1)."""
    draft = Reader(request.context.terms).entity(request.body)

    def act(entity: Entity | None, now: str) -> Editor:
        if entity is not None:
            raise AlreadyExists(f"{draft.id} exists already")
        return created(draft, now)

    await broker.edit(request.tenant, draft.id or "", act=act)
    return created_at(f"/ngsi-ld/v1/entities/{draft.id}")


def created_at(location: str) -> Answer:
    """The answer of a creation."""
    return Answer(status=201, headers=[("Location", location)])


async def held(broker: Broker, request: Request) -> Entity:
    """The entity that the path names, as this caller may see it. Raises ResourceNotFound."""
    name = entity_id(request)
    doc = await broker.store.one(request.tenant, name, rows=request.rows)
    entity = entity_of(doc) if doc is not None else None
    kind = request.params.get("type")
    if entity is None or (
        kind and not type_matches(kind, entity.types, terms=request.context.terms)
    ):
        raise ResourceNotFound(f"{name} does not exist")
    return entity


async def retrieve(broker: Broker, request: Request) -> Answer:
    """Retrieve Entity (5.7.1)."""
    replier = Replier(request)
    chosen = await chosen_map(broker, request)
    asking = request if chosen is None else chosen.request(request, entity_id(request))
    mapping = chosen is None and wished(request)
    found = await gathered(broker, msgspec.structs.replace(asking, mapping=mapping))
    answer = await _retrieved(broker, request, found=found, replier=replier)
    if chosen is not None:
        answer.headers.append(await chosen.used(broker, request, where=found.where, whole=False))
    elif mapping:
        answer.headers.append(await map_made(broker, request, where=found.where))
    return answer


async def _retrieved(
    broker: Broker, request: Request, *, found: Retrieved, replier: Replier
) -> Answer:
    """What was found of an entity, as it was asked for. Raises ResourceNotFound."""
    entity, warnings, style = found.entity, found.headers, replier.style
    if entity is None:
        raise ResourceNotFound(f"{entity_id(request)} does not exist")
    if "attrs" in request.params:
        wanted = [request.context.terms.expand(each) for each in request.words("attrs")]
        if not any(each in entity.attributes for each in wanted):
            raise ResourceNotFound(f"{entity.id} has none of the attributes")
    if style.datasets is not None and not any(
        each.get("datasetId", "") in style.datasets
        for instances in entity.attributes.values()
        for each in instances
    ):
        raise ResourceNotFound(f"{entity.id} has no such datasetId")
    shown = await joined(broker, request, entities=[entity], replier=replier)
    if not shown[0][1]:
        raise ResourceNotFound(f"nothing of {entity.id} is asked for")
    if request.params.get("join") == "flat" and len(shown) > 1:
        return replier.many(shown, headers=warnings)
    return replier.one(entity, shown[0][1], headers=warnings)


async def gathered(broker: Broker, request: Request) -> Retrieved:
    """The entity that the path names, with what other sources say of it. Raises ResourceNotFound."""
    local, missing = None, ResourceNotFound(f"{request.args[0]} does not exist")
    try:
        local = await held(broker, request)
    except ResourceNotFound as error:
        missing = error
    found = await retrieved(broker, request, name=entity_id(request), local=local)
    if found.entity is None:
        missing.headers = tuple(found.headers)
        raise missing
    return found


async def query(broker: Broker, request: Request) -> Answer:
    """Query Entities (5.7.2)."""
    return await run_query(broker, request, params=request.params)


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete Entity (5.6.6)."""

    def act(entity: Entity | None, now: str) -> Editor:
        return deleted(present(request, entity), now)

    await broker.edit(request.tenant, entity_id(request), act=act)
    return Answer(status=204)


def present(request: Request, entity: Entity | None) -> Entity:
    """The entity that a write is about. Raises ResourceNotFound when there is none of the type."""
    kind = request.params.get("type")
    if entity is None or (
        kind and not type_matches(kind, entity.types, terms=request.context.terms)
    ):
        raise ResourceNotFound(f"{request.args[0]} does not exist")
    return entity


async def merge(broker: Broker, request: Request) -> Answer:
    """Merge Entity (5.6.17)."""
    name = entity_id(request)
    observed = request.params.get("observedAt", "")
    if observed and not is_date_time(observed):
        raise BadRequestData("observedAt is not a DateTime")

    def act(entity: Entity | None, now: str) -> Editor:
        held = present(request, entity)
        draft = read_fragment(request, request.body, entity=held)
        check_same_id(draft, name)
        editor = Editor(held, now)
        merge_into(editor, draft, observed=observed)
        return editor

    await broker.edit(request.tenant, name, act=act)
    return Answer(status=204)


def read_fragment(request: Request, payload: Any, *, entity: Entity | None) -> Draft:
    """The fragment of a merge: normalized, concise, or simplified when the request says so."""
    formats = {request.params.get("format"), *request.options}
    if formats & {"simplified", "keyValues"}:
        lang = request.params.get("lang", "")
        return read_simplified(payload, request.context.terms, entity=entity, lang=lang)
    return Reader(request.context.terms, merge=True).entity(payload, whole=False)


def check_same_id(draft: Draft, name: str) -> None:
    """Raise BadRequestData when the body speaks of another entity."""
    if draft.id is not None and draft.id != name:
        raise BadRequestData("the id in the body is not that of the path")


def merge_into(editor: Editor, draft: Draft, *, observed: str = "") -> None:
    """Apply a merge to an entity."""
    editor.head(draft)
    for iri, instances in draft.attributes.items():
        editor.merge(iri, instances, observed=observed)


async def replace(broker: Broker, request: Request) -> Answer:
    """Replace Entity (5.6.18)."""
    name = entity_id(request)
    payload = request.body
    if isinstance(payload, dict):
        payload = {"id": name, **payload}
    draft = Reader(request.context.terms).entity(payload, whole=False)
    check_same_id(draft, name)

    def act(entity: Entity | None, now: str) -> Editor:
        held = present(request, entity)
        editor = Editor(held, now)
        editor.replace(msgspec.structs.replace(draft, types=draft.types or held.types))
        editor.touched = True
        return editor

    await broker.edit(request.tenant, name, act=act)
    return Answer(status=204)


async def purge(broker: Broker, request: Request) -> Answer:
    """Purge Entities (5.6.21): whole entities, or only some of their attributes."""
    params, terms = request.params, request.context.terms
    if "drop" in params and "keep" in params:
        raise BadRequestData("drop and keep cannot be used together")
    asked = query_of(request, params)
    drop = list(read_projection(params["drop"], terms)) if "drop" in params else []
    keep = list(read_projection(params["keep"], terms)) if "keep" in params else []
    if "{" in params.get("drop", "") + params.get("keep", ""):
        raise BadRequestData("drop and keep name attributes of the entity itself")
    found = await find(
        broker, request.tenant, query=asked, terms=terms, limit=MOST_PURGED, rows=request.rows
    )
    async with broker.write(request.tenant) as write:
        entities = await write.take([each.id for each in found.entities])
        if not drop and not keep:
            await write.save([deleted(each, write.now) for each in entities.values()])
        else:
            editors: list[Editor] = []
            for entity in entities.values():
                editor = Editor(entity, write.now)
                for iri in list(entity.attributes):
                    if iri in drop or (keep and iri not in keep):
                        editor.remove(iri, everything=True)
                editors.append(editor)
            await write.save(editors)
    return Answer(status=204)

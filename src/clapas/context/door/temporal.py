"""Temporal operations (clauses 5.6.11 to 5.6.16, 5.7.3, 5.7.4; 6.18 to 6.22, 6.24)."""

from typing import Any

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.attributes import attribute_iri, which_instances
from clapas.context.door.entities import check_same_id, created_at, entity_id
from clapas.context.door.http import LD, Answer, Headers, Request
from clapas.context.door.queries import orders_of, query_of
from clapas.context.door.queryform import request_of_body
from clapas.context.door.reply import page_links, page_of, style_of
from clapas.context.editing import overlaid, stamped
from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.model import Entity, Instance, is_uri, now_text
from clapas.context.query.select import type_matches
from clapas.context.reading import Draft, Reader
from clapas.context.rendering import Renderer, Style
from clapas.context.search import Query
from clapas.context.temporal import (
    PLURAL,
    Row,
    Window,
    check_format,
    cut_page,
    grouped,
    read_aggregation,
    read_window,
)
from clapas.context.timeline import aggregate, evolved, heads, instances_of
from clapas.store.context import Change, as_json

INSTANCE = "urn:ngsi-ld:Instance:"
HEAD = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})


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
            "doc": stamped(each, None, now),
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
        if not await change.run("drop_evolution", id=name):
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
    if not gone:
        raise ResourceNotFound("the attribute does not exist")
    return Answer(status=204)


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
        after = stamped(overlaid(before, fragment), before, now_text())
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


class _Shape(msgspec.Struct, kw_only=True):
    """How a temporal request wants its answer."""

    form: str
    style: Style
    window: Window
    attributes: list[str] | None
    params: dict[str, Any]


def _shape(request: Request, params: dict[str, Any] | None = None) -> _Shape:
    given = params if params is not None else dict(request.params)
    forms = [each for each in request.words("options") if each.endswith("Values")]
    form = check_format(request.params.get("format", forms[0] if forms else ""))
    if len(set(forms)) > 1 and "format" not in request.params:
        raise BadRequestData("options name two formats")
    style = style_of(request)
    pick = style.projection.pick
    names = [each for each in pick or () if each not in HEAD]
    return _Shape(
        form=form,
        style=style,
        window=read_window(given),
        attributes=names if pick is not None and names else None,
        params=given,
    )


async def retrieve(broker: Broker, request: Request) -> Answer:
    """Retrieve Temporal Evolution of an Entity (5.7.3)."""
    shape = _shape(request)
    aggregation = read_aggregation(shape.params) if shape.form == "aggregatedValues" else None
    name = entity_id(request)
    found = await heads(broker, request.tenant, [name], request.rows)
    kind = request.params.get("type")
    if not found or (kind and not type_matches(kind, found[0].types, request.context.terms)):
        raise ResourceNotFound(f"{name} has no temporal evolution")
    if aggregation is not None:
        body = await _aggregated(broker, request, shape, found)
        return _reply(request, body[0])
    rows = await _rows_of(broker, request, shape, [name])
    if "attrs" in request.params and not rows and not shape.window.relation:
        raise ResourceNotFound(f"{name} has none of the attributes")
    cut = cut_page(rows, shape.window, broker.settings.temporal_page)
    names = {name: list(dict.fromkeys(row.attribute for row in rows))}
    body = _shown(request, shape, found, cut.rows, names if cut.range else {})
    answer = _reply(request, body[0])
    if cut.range:
        answer.status = 206
        answer.headers = [*answer.headers, ("Content-Range", cut.range)]
    return answer


async def _rows_of(broker: Broker, request: Request, shape: _Shape, ids: list[str]) -> list[Row]:
    datasets = shape.style.datasets
    return await instances_of(
        broker,
        request.tenant,
        ids,
        shape.window,
        attributes=shape.attributes,
        datasets=sorted(datasets) if datasets is not None else None,
        visible=request.rows,
    )


async def query(broker: Broker, request: Request) -> Answer:
    """Query Temporal Evolution of Entities (5.7.4)."""
    asked = query_of(request, request.params)
    _check_orders(request)
    return await _query(broker, request, asked, _shape(request))


def _check_orders(request: Request) -> None:
    for order in orders_of(request, request.params):
        if order.iri != "@id":
            raise BadRequestData("temporal queries are ordered by id only")


async def query_by_post(broker: Broker, request: Request) -> Answer:
    """The same with a Query body (6.24)."""
    made, asked = request_of_body(request, temporal=True)
    body = request.body
    temporal = body.get("temporalQ")
    if temporal is not None and not isinstance(temporal, dict):
        raise BadRequestData("temporalQ is an object")
    inner = dict(temporal or {})
    aggregates = body.get("aggrParams", {})
    if not isinstance(aggregates, dict):
        raise BadRequestData("aggrParams is an object")
    params = {**made.params, **aggregates, **inner}
    return await _query(broker, made, asked, _shape(made, params))


async def _query(broker: Broker, request: Request, asked: Query, shape: _Shape) -> Answer:
    if not shape.window.relation:
        raise BadRequestData("a temporal query needs timerel and timeAt")
    aggregating = shape.form == "aggregatedValues"
    if aggregating:
        read_aggregation(shape.params)
    limit, offset, count = page_of(request, broker.settings.default_limit, broker.settings.most)
    ids = await evolved(broker, request, asked, shape.window)
    if asked.orders and asked.orders[0].descending:
        ids.reverse()
    wanted = ids[offset : offset + limit] if limit else []
    found = await heads(broker, request.tenant, wanted, request.rows)
    headers: Headers = page_links(request, limit, offset, more=len(ids) > offset + limit)
    if count:
        headers.append(("NGSILD-Results-Count", str(len(ids))))
    status = 200
    if aggregating:
        bodies = await _aggregated(broker, request, shape, found)
    else:
        rows = await _rows_of(broker, request, shape, wanted)
        cut = cut_page(rows, shape.window, broker.settings.temporal_page)
        names: dict[str, list[str]] = {}
        if cut.range:
            status = 206
            headers.append(("Content-Range", cut.range))
            for row in rows:
                if row.attribute not in names.setdefault(row.entity, []):
                    names[row.entity].append(row.attribute)
        bodies = _shown(request, shape, found, cut.rows, names)
    if request.media == LD:
        bodies = [{**each, "@context": request.context.embedded} for each in bodies]
    return Answer(status=status, body=bodies, headers=headers)


def _reply(request: Request, body: dict[str, Any]) -> Answer:
    if request.media == LD:
        body = {**body, "@context": request.context.embedded}
    return Answer(body=body)


def _head(request: Request, shape: _Shape, entity: Entity) -> dict[str, Any]:
    bare = Entity(
        id=entity.id,
        types=entity.types,
        scopes=entity.scopes,
        created=entity.created,
        modified=entity.modified,
        deleted=entity.deleted,
    )
    return Renderer(request.context.terms, shape.style).entity(bare)


def _shown(
    request: Request,
    shape: _Shape,
    found: list[Entity],
    rows: list[Row],
    names: dict[str, list[str]],
) -> list[dict[str, Any]]:
    """Entities with their instances; ``names``: attributes that stay, empty, when the page was cut."""
    renderer = Renderer(request.context.terms, shape.style)
    by_entity = grouped(rows)
    bodies: list[dict[str, Any]] = []
    for entity in found:
        body = _head(request, shape, entity)
        held = by_entity.get(entity.id, {})
        for iri in names.get(entity.id, list(held)):
            if not shape.style.projection.wants(iri):
                continue
            shown = _attribute(renderer, shape, held.get(iri, []))
            body[request.context.terms.compact(iri)] = shown
        bodies.append(body)
    return bodies


def _instance(renderer: Renderer, row: Row) -> Any:
    shown = renderer.instance({**row.doc, "instanceId": row.instance})
    if "deletedAt" in row.doc and isinstance(shown, dict):
        shown["deletedAt"] = row.doc["deletedAt"]
    return shown


def _attribute(renderer: Renderer, shape: _Shape, rows: list[Row]) -> Any:
    if shape.form != "temporalValues":
        return [_instance(renderer, row) for row in rows]
    if not rows:
        return {"type": "Property", "values": []}
    series: dict[str, dict[str, Any]] = {}
    for row in rows:
        kind = row.doc["type"]
        if row.dataset not in series:
            series[row.dataset] = {"type": kind}
            if row.dataset:
                series[row.dataset]["datasetId"] = row.dataset
            series[row.dataset][PLURAL[kind]] = []
        at = row.doc.get(shape.window.timeproperty, "")
        pairs = series[row.dataset].setdefault(PLURAL[kind], [])
        pairs.append([renderer.simple(row.doc), at])
    found = list(series.values())
    return found[0] if len(found) == 1 else found


async def _aggregated(
    broker: Broker, request: Request, shape: _Shape, found: list[Entity]
) -> list[dict[str, Any]]:
    aggregation = read_aggregation(shape.params)
    datasets = shape.style.datasets
    values = await aggregate(
        broker,
        request.tenant,
        [each.id for each in found],
        shape.window,
        aggregation,
        attributes=shape.attributes,
        datasets=sorted(datasets) if datasets is not None else None,
        visible=request.rows,
    )
    bodies: list[dict[str, Any]] = []
    for entity in found:
        body = _head(request, shape, entity)
        for iri, shown in values.get(entity.id, {}).items():
            if shape.style.projection.wants(iri):
                body[request.context.terms.compact(iri)] = shown[0] if len(shown) == 1 else shown
        bodies.append(body)
    return bodies

"""Reading temporal evolutions (clauses 5.7.3, 5.7.4; 6.18, 6.19, 6.24)."""

from typing import Any

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.entities import entity_id
from clapas.context.door.http import LD, Answer, Headers, Request
from clapas.context.door.queries import query_of
from clapas.context.door.queryform import request_of_body
from clapas.context.door.reply import page_links, page_of, style_of
from clapas.context.entity_maps import HEADER, HERE, PATH, chosen_map, map_made, wished
from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.federation.reads import Located
from clapas.context.model import SCOPE, Entity
from clapas.context.query.select import type_matches
from clapas.context.rendering import Renderer, Style
from clapas.context.scope_times import evolved, kept_by_scope, valid_scopes
from clapas.context.search import Query, in_order
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
from clapas.context.timeline import aggregate, heads, instances_of

HEAD = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})


class _Shape(msgspec.Struct, kw_only=True):
    """How a temporal request wants its answer."""

    form: str
    style: Style
    window: Window
    attributes: list[str] | None
    params: dict[str, Any]
    scope: str = ""
    """The scope query, which leaves only instances of the times in which it held."""


def _shape(request: Request, params: dict[str, Any] | None = None) -> _Shape:
    given = params if params is not None else dict(request.params)
    forms = [each for each in request.words("options") if each.endswith("Values")]
    form = check_format(request.params.get("format", forms[0] if forms else ""))
    if params is not None and "aggrMethods" in given and not form:
        form = "aggregatedValues"
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
    if shape.form == "aggregatedValues":
        read_aggregation(shape.params)
    name = entity_id(request)
    found = await heads(broker, request.tenant, ids=[name], rows=request.rows)
    kind = request.params.get("type")
    if not found or (kind and not type_matches(kind, found[0].types, terms=request.context.terms)):
        raise ResourceNotFound(f"{name} has no temporal evolution")
    answer = await _retrieved(broker, request, shape=shape, found=found)
    chosen = await chosen_map(broker, request)
    if chosen is not None:
        answer.headers.append((HEADER, PATH + chosen.body["id"]))
    elif wished(request):
        where = Located(sources={name: [HERE]})
        answer.headers.append(await map_made(broker, request, where=where))
    return answer


async def _retrieved(
    broker: Broker, request: Request, *, shape: _Shape, found: list[Entity]
) -> Answer:
    name = found[0].id
    if shape.form == "aggregatedValues":
        body = await _aggregated(broker, request, shape=shape, found=found)
        return _reply(request, body[0])
    rows = await _rows_of(broker, request, shape=shape, ids=[name])
    if "attrs" in request.params and not rows and not shape.window.relation:
        raise ResourceNotFound(f"{name} has none of the attributes")
    cut = cut_page(rows, shape.window, most=broker.settings.temporal_page)
    names = {name: list(dict.fromkeys(row.attribute for row in rows))}
    body = _shown(request, shape, found=found, rows=cut.rows, names=names if cut.range else {})
    answer = _reply(request, body[0])
    if cut.range:
        answer.status = 206
        answer.headers = [*answer.headers, ("Content-Range", cut.range)]
    return answer


async def _rows_of(broker: Broker, request: Request, *, shape: _Shape, ids: list[str]) -> list[Row]:
    datasets = shape.style.datasets
    rows = await instances_of(
        broker,
        request.tenant,
        ids=ids,
        window=shape.window,
        attributes=shape.attributes,
        datasets=sorted(datasets) if datasets is not None else None,
        visible=request.rows,
    )
    if not shape.scope:
        return rows
    valid = await valid_scopes(broker, request, ids=ids, text=shape.scope, window=shape.window)
    kept = kept_by_scope(rows, valid, window=shape.window)
    measured = {row.entity for row in rows} - {*valid}
    return kept + [row for row in rows if row.entity in measured]


async def query(broker: Broker, request: Request) -> Answer:
    """Query Temporal Evolution of Entities (5.7.4)."""
    asked = query_of(request, request.params)
    return await _query(broker, request, asked=asked, shape=_shape(request))


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
    return await _query(broker, made, asked=asked, shape=_shape(made, params))


def _check_orders(broker: Broker, asked: Query) -> None:
    if not broker.settings.temporal_orders and any(each.iri != "@id" for each in asked.orders):
        raise BadRequestData("temporal queries are ordered by id only")


async def _query(broker: Broker, request: Request, *, asked: Query, shape: _Shape) -> Answer:
    if not shape.window.relation:
        raise BadRequestData("a temporal query needs timerel and timeAt")
    if shape.form == "aggregatedValues":
        read_aggregation(shape.params)
    shape = msgspec.structs.replace(shape, scope=asked.scope)
    limit, offset, count = page_of(
        request, broker.settings.default_limit, most=broker.settings.most
    )
    ids = await evolved(broker, request, asked=asked, window=shape.window)
    chosen = await chosen_map(broker, request)
    headers: Headers = []
    if chosen is not None:
        headers = [(HEADER, PATH + chosen.body["id"])]
        fit = set(ids)
        ids = [each for each in chosen.ids if each in fit]
    elif wished(request):
        where = Located(sources={each: [HERE] for each in ids})
        headers = [await map_made(broker, request, where=where)]
    if asked.orders:
        _check_orders(broker, asked)
        ids = await in_order(broker, request.tenant, ids=ids, orders=asked.orders)
    wanted = ids[offset : offset + limit] if limit else []
    kept = {
        each.id: each for each in await heads(broker, request.tenant, ids=wanted, rows=request.rows)
    }
    found = [kept[each] for each in wanted if each in kept]
    headers += page_links(request, limit, offset=offset, more=len(ids) > offset + limit)
    if count:
        headers.append(("NGSILD-Results-Count", str(len(ids))))
    status, bodies = await _page(broker, request, shape=shape, found=found, headers=headers)
    if chosen is None and wished(request):
        status = 201
    if request.media == LD:
        bodies = [{**each, "@context": request.context.embedded} for each in bodies]
    return Answer(status=status, body=bodies, headers=headers)


async def _page(
    broker: Broker, request: Request, *, shape: _Shape, found: list[Entity], headers: Headers
) -> tuple[int, list[dict[str, Any]]]:
    """The evolutions of a page; 206, with their range among the headers, when instances are left out."""
    if shape.form == "aggregatedValues":
        return 200, await _aggregated(broker, request, shape=shape, found=found)
    status = 200
    rows = await _rows_of(broker, request, shape=shape, ids=[each.id for each in found])
    cut = cut_page(rows, shape.window, most=broker.settings.temporal_page)
    names: dict[str, list[str]] = {}
    if cut.range:
        status = 206
        headers.append(("Content-Range", cut.range))
        for row in rows:
            if row.attribute not in names.setdefault(row.entity, []):
                names[row.entity].append(row.attribute)
    return status, _shown(request, shape, found=found, rows=cut.rows, names=names)


def _reply(request: Request, body: dict[str, Any]) -> Answer:
    """One evolution. Raises ResourceNotFound when pick and omit leave nothing of it (4.21)."""
    if not body:
        raise ResourceNotFound(f"nothing of {request.args[0]} is asked for")
    if request.media == LD:
        body = {**body, "@context": request.context.embedded}
    return Answer(body=body)


def _head(request: Request, shape: _Shape, *, entity: Entity) -> dict[str, Any]:
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
    *,
    found: list[Entity],
    rows: list[Row],
    names: dict[str, list[str]],
) -> list[dict[str, Any]]:
    """Entities with their instances; ``names``: attributes that stay, empty, when the page was cut."""
    renderer = Renderer(request.context.terms, shape.style)
    by_entity = grouped(rows)
    bodies: list[dict[str, Any]] = []
    for entity in found:
        body = _head(request, shape, entity=entity)
        held = by_entity.get(entity.id, {})
        for iri in names.get(entity.id, list(held)):
            if not shape.style.projection.wants(_member(iri)):
                continue
            shown = _attribute(renderer, shape, rows=held.get(iri, []))
            body[request.context.terms.compact(iri)] = shown
        bodies.append(body)
    return bodies


def _member(iri: str) -> str:
    """What a projection calls it: the scope by its name, an attribute by its IRI."""
    return "scope" if iri == SCOPE else iri


def _instance(renderer: Renderer, row: Row) -> Any:
    shown = renderer.instance({**row.doc, "instanceId": row.instance})
    if "deletedAt" in row.doc and isinstance(shown, dict):
        shown["deletedAt"] = row.doc["deletedAt"]
    return shown


def _attribute(renderer: Renderer, shape: _Shape, *, rows: list[Row]) -> Any:
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
    broker: Broker, request: Request, *, shape: _Shape, found: list[Entity]
) -> list[dict[str, Any]]:
    aggregation = read_aggregation(shape.params)
    datasets = shape.style.datasets
    values = await aggregate(
        broker,
        request.tenant,
        ids=[each.id for each in found],
        window=shape.window,
        aggregation=aggregation,
        attributes=shape.attributes,
        datasets=sorted(datasets) if datasets is not None else None,
        visible=request.rows,
    )
    bodies: list[dict[str, Any]] = []
    for entity in found:
        body = _head(request, shape, entity=entity)
        for iri, shown in values.get(entity.id, {}).items():
            if shape.style.projection.wants(_member(iri)):
                body[request.context.terms.compact(iri)] = shown[0] if len(shown) == 1 else shown
        bodies.append(body)
    return bodies

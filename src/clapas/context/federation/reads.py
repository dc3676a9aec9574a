"""Retrieving and querying entities over several sources (clauses 5.7.1, 5.7.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from clapas.context.broker import Broker, document
from clapas.context.door.http import Headers, Request
from clapas.context.errors import BadRequestData
from clapas.context.federation.asking import Call
from clapas.context.federation.federation import fail
from clapas.context.federation.merging import Part, merged
from clapas.context.federation.shares import Share
from clapas.context.model import Entity
from clapas.context.query.select import type_words
from clapas.context.search import Found, Query, compile_query, find
from clapas.store.context import as_json

MOST = 5_000
"""Entities of one source, or of this broker, that one distributed query may merge."""
PAGE = 1_000
FORWARDED = (
    *("type", "id", "idPattern", "attrs", "q", "scopeQ", "georel", "geometry"),
    *("coordinates", "geoproperty", "expandValues", "jsonKeys", "datasetId"),
)
FILTERS = ("attrs", "q", "scopeQ", "georel", "geometry", "coordinates", "geoproperty")
SYSTEM = ("options", "sysAttrs")
Params = list[tuple[str, str]]


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What a distributed read found, and what was not as it should be."""

    found: Found
    headers: Headers = []


async def retrieved(
    broker: Broker, request: Request, name: str, local: Entity | None
) -> tuple[Entity | None, Headers]:
    """An entity with what other sources say of it. Raises SourceFailed."""
    wanted = [request.context.terms.expand(each) for each in request.words("attrs")] or None
    kind = request.params.get("type")
    types = types_asked(request, kind) if kind else (local.types if local is not None else None)
    shares = await broker.federation.shares(request, ids=[name], types=types, attributes=wanted)
    calls = [
        (share, call) for share in shares if (call := _retrieval(request, share, name)) is not None
    ]
    if not calls:
        return local, []
    replies = await broker.federation.ask(request, calls)
    parts, warnings = await broker.federation.parts(request, replies)
    entity = merged(local, [each for each in parts if each.entity.id == name])
    if entity is None:
        fail(replies)
    return entity, warnings


def types_asked(request: Request, kind: str) -> set[str] | None:
    """The types that a selection names; None when any will do."""
    if not kind or kind == "*":
        return None
    return {request.context.terms.expand(word) for word in type_words(kind)}


def _retrieval(request: Request, share: Share, name: str) -> Call | None:
    """How a source is asked for one entity, with the operations that it has."""
    names = _attributes(request, share, request.words("attrs"))
    kinds = ",".join(request.context.terms.compact(each) for each in share.types)
    if "retrieveEntity" in share.operations:
        params: Params = [("attrs", ",".join(names))] if names else []
        return Call(method="GET", path=f"entities/{name}", params=(*params, SYSTEM))
    if "queryEntity" in share.operations:
        params = [("id", name), *([("type", kinds)] if kinds else [])]
        params += [("attrs", ",".join(names))] if names else []
        return Call(method="GET", path="entities", params=(*params, SYSTEM))
    if "queryBatch" in share.operations:
        selector = {"id": name, **({"type": kinds} if kinds else {})}
        body: dict[str, Any] = {"type": "Query", "entities": [selector]}
        if names:
            body["attrs"] = names
        return Call(method="POST", path="entityOperations/query", params=(SYSTEM,), body=body)
    return None


def _attributes(request: Request, share: Share, asked: Sequence[str]) -> list[str]:
    """The attributes to ask of a source, in the request's words; none: all."""
    terms = request.context.terms
    if share.attributes is None:
        return list(asked)
    if not asked:
        return sorted(terms.compact(each) for each in share.attributes)
    return [each for each in asked if terms.expand(each) in share.attributes]


async def queried(
    broker: Broker,
    request: Request,
    asked: Query,
    *,
    limit: int,
    offset: int = 0,
    count: bool = False,
) -> Gathered:
    """A page of a query over this broker and the sources it concerns. Raises BadRequestData."""
    shares = await _asked_shares(broker, request, asked)
    calls = [(share, call) for share in shares if (call := _query(request, share)) is not None]
    terms = request.context.terms
    if not calls:
        found = await find(
            broker,
            request.tenant,
            asked,
            terms=terms,
            limit=limit,
            offset=offset,
            count=count,
            rows=request.rows,
        )
        return Gathered(found=found)
    if asked.orders:
        raise BadRequestData("a distributed query is not ordered: ask with local=true")
    whole = await _everything(broker, request, asked, calls)
    entities = whole.entities
    page = entities[offset : offset + limit] if limit else []
    more = len(entities) > offset + limit
    return Gathered(
        found=Found(entities=page, more=more, count=len(entities) if count else None),
        headers=whole.headers,
    )


class _Whole(msgspec.Struct, frozen=True, kw_only=True):
    """All that a distributed query found, and which sources gave each entity."""

    entities: list[Entity]
    sources: dict[str, list[str]]
    headers: Headers


async def _everything(
    broker: Broker, request: Request, asked: Query, calls: Sequence[tuple[Share, Call]]
) -> _Whole:
    split = request.flag("splitEntities")
    own = _unfiltered(asked) if split else asked
    held = await find(
        broker,
        request.tenant,
        own,
        terms=request.context.terms,
        limit=MOST,
        rows=request.rows,
    )
    replies = await broker.federation.ask(request, calls)
    parts, warnings = await broker.federation.parts(request, replies)
    entities = _united(held.entities, parts)
    if split:
        entities = await _filtered(broker, request, asked, entities)
    if not entities:
        fail(replies)
    sources: dict[str, list[str]] = {each.id: ["@none"] for each in held.entities}
    for part in parts:
        sources.setdefault(part.entity.id, []).append(part.share.id)
    return _Whole(entities=entities, sources=sources, headers=warnings)


async def located(broker: Broker, request: Request, asked: Query) -> dict[str, list[str]]:
    """The ids of all that a query finds, each with its sources ('@none': this broker)."""
    shares = await _asked_shares(broker, request, asked)
    calls = [(share, call) for share in shares if (call := _query(request, share)) is not None]
    if calls:
        whole = await _everything(broker, request, asked, calls)
        return {each.id: whole.sources[each.id] for each in whole.entities}
    terms = request.context.terms
    found = await find(broker, request.tenant, asked, terms=terms, limit=MOST, rows=request.rows)
    return {each.id: ["@none"] for each in found.entities}


async def _asked_shares(broker: Broker, request: Request, asked: Query) -> list[Share]:
    ids = {each for selector in asked.selectors for each in selector.ids}
    if any(not selector.ids for selector in asked.selectors):
        ids = set()
    kinds = [types_asked(request, selector.kind) for selector in asked.selectors]
    types = {t for held in kinds if held for t in held} if kinds and all(kinds) else None
    pattern = asked.selectors[0].pattern if len(asked.selectors) == 1 else ""
    shares = await broker.federation.shares(
        request,
        ids=ids,
        types=types,
        attributes=asked.attributes or None,
        pattern=pattern,
    )
    csf = request.params.get("csf", "")
    return [each for each in shares if not csf or await passes(broker, request, csf, each)]


async def passes(broker: Broker, request: Request, csf: str, share: Share) -> bool:
    """Whether a registration's own properties satisfy a context source filter (``csf``)."""
    query = Query(q=csf)
    search = await compile_query(broker, request.tenant, query, request.context.terms)
    doc = {
        request.context.terms.expand(name): [
            value if isinstance(value, dict) else {"type": "Property", "value": value}
        ]
        for name, value in share.body.items()
        if name not in {"id", "type", "information", "endpoint", "@context"}
    }
    rows = await broker.store.rows(
        "matches",
        pairs=as_json([{"place": 0, "document": 0, "path": search.values["path"]}]),
        docs=as_json([doc]),
    )
    return bool(rows and rows[0][1])


def _unfiltered(asked: Query) -> Query:
    """The query without what must be asked of whole entities only (5.7.2.4, split entities)."""
    return Query(selectors=asked.selectors, datasets=asked.datasets)


def _united(local: Sequence[Entity], parts: Sequence[Part]) -> list[Entity]:
    """Entities by id, each made of what every source says."""
    by_id: dict[str, list[Part]] = {}
    for part in parts:
        by_id.setdefault(part.entity.id, []).append(part)
    own = {each.id: each for each in local}
    found = [merged(own.get(name), by_id.get(name, [])) for name in sorted({*own, *by_id})]
    return [each for each in found if each is not None]


async def _filtered(
    broker: Broker, request: Request, asked: Query, entities: list[Entity]
) -> list[Entity]:
    """The entities that satisfy a query as a whole."""
    search = await compile_query(broker, request.tenant, asked, request.context.terms)
    docs = [document(each) for each in entities]
    pairs = [
        {"place": place, "document": place, "path": search.values["path"]}
        for place in range(len(docs))
    ]
    rows = await broker.store.rows("matches", pairs=as_json(pairs), docs=as_json(docs))
    kept = {place for place, holds in rows if holds}
    geo = asked.geo
    return [
        each
        for place, each in enumerate(entities)
        if place in kept and (geo is None or geo.holds(each.attributes.get(geo.attribute, [])))
    ]


def _query(request: Request, share: Share) -> Call | None:
    """How a source is asked a query: as it came when the source can, else in the other way."""
    batch = "queryBatch" in share.operations
    single = "queryEntity" in share.operations
    if batch and (request.method == "POST" or not single):
        return _by_post(request, share)
    return _by_get(request, share) if single else None


def narrowed(request: Request, share: Share) -> dict[str, str]:
    """The request's own filters, in their order, narrowed to what is registered."""
    split = request.flag("splitEntities")
    found = {
        name: value
        for name, value in request.params.items()
        if name in FORWARDED and not (split and name in FILTERS)
    }
    selectors = _selectors(request)
    found |= {key: value for key, value in selectors.items() if value and key not in found}
    if found.get("type", "*") == "*" and share.types:
        found["type"] = ",".join(request.context.terms.compact(each) for each in share.types)
    if share.ids:
        given = [each for each in found.get("id", "").split(",") if each]
        found["id"] = ",".join(each for each in share.ids if not given or each in given)
    asked = [] if split else [each for each in found.get("attrs", "").split(",") if each]
    names = _attributes(request, share, asked)
    if names:
        found["attrs"] = ",".join(names)
    return found


def _selectors(request: Request) -> Mapping[str, str]:
    """Types and ids of a Query body's one selector, in the request's words."""
    body = request.body
    entities = body.get("entities") if isinstance(body, dict) else None
    if not isinstance(entities, list) or len(entities) != 1:
        return {}
    kind, ids = entities[0].get("type", ""), entities[0].get("id", [])
    geo = body.get("geoQ") if isinstance(body, dict) else None
    place = {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in (geo or {}).items()
    }
    return place | {
        "type": ",".join(kind) if isinstance(kind, list) else kind,
        "id": ids if isinstance(ids, str) else ",".join(ids),
    }


def _by_get(request: Request, share: Share) -> Call:
    params = [*narrowed(request, share).items(), SYSTEM, ("limit", str(PAGE))]
    return Call(method="GET", path="entities", params=tuple(params))


def _by_post(request: Request, share: Share) -> Call:
    filters = narrowed(request, share)
    body: dict[str, Any] = {"type": "Query"}
    if isinstance(request.body, dict):
        kept = {"entities", "attrs", "q", "geoQ", "scopeQ", "expandValues", "jsonKeys", "datasetId"}
        kept |= {"@context"}
        body |= {name: value for name, value in request.body.items() if name in kept}
    if len(body.get("entities", [])) <= 1:
        selector = {
            name: filters[key].split(",") if "," in filters[key] and name == "id" else filters[key]
            for name, key in (("id", "id"), ("type", "type"), ("idPattern", "idPattern"))
            if filters.get(key)
        }
        if selector:
            body["entities"] = [selector]
    if filters.get("attrs"):
        body["attrs"] = filters["attrs"].split(",")
    if request.flag("splitEntities"):
        body = {name: value for name, value in body.items() if name not in {"q", "geoQ", "scopeQ"}}
    elif filters.get("q"):
        body["q"] = filters["q"]
    params = (SYSTEM, ("limit", str(PAGE)))
    return Call(method="POST", path="entityOperations/query", params=params, body=body)

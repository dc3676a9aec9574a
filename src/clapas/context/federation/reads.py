"""Retrieving and querying entities over several sources (clauses 5.7.1, 5.7.2)."""

from collections.abc import Sequence

import msgspec

from clapas.context.broker import Broker, document
from clapas.context.door.http import Headers, Request
from clapas.context.errors import BadRequestData
from clapas.context.federation.asking import Call, Reply
from clapas.context.federation.contests import dated
from clapas.context.federation.merging import Part, merged
from clapas.context.federation.paging import every_page
from clapas.context.federation.questions import map_call, query_call, retrieval, types_asked
from clapas.context.federation.shares import Share
from clapas.context.model import Entity, is_uri
from clapas.context.search import Found, Query, compile_query, find
from clapas.store.context import as_json

MOST = 5_000
"""Entities of one source, or of this broker, that one distributed query may merge."""


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where entities are: the registrations of their sources ('@none': here), and the sources' own maps."""

    sources: dict[str, list[str]]
    maps: dict[str, str] = {}


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What a distributed read found, and what was not as it should be."""

    found: Found
    headers: Headers = []
    where: Located | None = None
    """None when it is all here."""


class Retrieved(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one entity, where, and what was not as it should be."""

    entity: Entity | None
    headers: Headers
    where: Located


async def retrieved(
    broker: Broker, request: Request, *, name: str, local: Entity | None
) -> Retrieved:
    """An entity with what other sources say of it; a source that fails is told in the headers (6.3.17)."""
    wanted = [request.context.terms.expand(each) for each in request.words("attrs")] or None
    kind = request.params.get("type")
    types = types_asked(request, kind) if kind else (local.types if local is not None else None)
    shares = await broker.federation.shares(request, ids=[name], types=types, attributes=wanted)
    calls = [
        (share, call)
        for share in shares
        if (call := retrieval(request, share, name=name)) is not None
    ]
    held = {name: ["@none"] if local is not None else []}
    if not calls:
        return Retrieved(entity=local, headers=[], where=Located(sources=held))
    replies = await broker.federation.ask(request, calls)
    own = [local] if local is not None else []
    parts, warnings = await dated(broker.federation, request, calls=calls, replies=replies, own=own)
    mine = [each for each in parts if each.entity.id == name]
    held[name] += [each.share.id for each in mine]
    where = Located(sources=held, maps=_maps(replies))
    return Retrieved(entity=merged(local, mine), headers=warnings, where=where)


def _maps(replies: Sequence[Reply]) -> dict[str, str]:
    return {each.share.id: each.map for each in replies if each.ok and each.map}


async def queried(
    broker: Broker,
    request: Request,
    *,
    asked: Query,
    limit: int,
    offset: int = 0,
    count: bool = False,
) -> Gathered:
    """A page of a query over this broker and the sources it concerns. Raises BadRequestData."""
    shares = await _asked_shares(broker, request, asked=asked)
    calls = [(share, call) for share in shares if (call := query_call(request, share)) is not None]
    terms = request.context.terms
    if not calls:
        found = await find(
            broker,
            request.tenant,
            query=asked,
            terms=terms,
            limit=limit,
            offset=offset,
            count=count,
            rows=request.rows,
        )
        return Gathered(found=found)
    if asked.orders:
        raise BadRequestData("a distributed query is not ordered: ask with local=true")
    whole = await _everything(broker, request, asked=asked, calls=calls)
    entities = whole.entities
    page = entities[offset : offset + limit] if limit else []
    more = len(entities) > offset + limit
    return Gathered(
        found=Found(entities=page, more=more, count=len(entities) if count else None),
        headers=whole.headers,
        where=Located(sources=whole.sources, maps=whole.maps),
    )


class _Whole(msgspec.Struct, frozen=True, kw_only=True):
    """All that a distributed query found, and which sources gave each entity."""

    entities: list[Entity]
    sources: dict[str, list[str]]
    headers: Headers
    maps: dict[str, str]


async def _everything(
    broker: Broker, request: Request, *, asked: Query, calls: Sequence[tuple[Share, Call]]
) -> _Whole:
    split = request.flag("splitEntities")
    own = _unfiltered(asked) if split else asked
    held = await find(
        broker,
        request.tenant,
        query=own,
        terms=request.context.terms,
        limit=MOST,
        rows=request.rows,
    )
    replies = await every_page(broker.federation, request, calls=calls, most=MOST)
    parts, warnings = await dated(
        broker.federation, request, calls=calls, replies=replies, own=held.entities
    )
    entities = _united(held.entities, parts)
    if split:
        entities = await _filtered(broker, request, asked=asked, entities=entities)
    sources: dict[str, list[str]] = {each.id: ["@none"] for each in held.entities}
    for part in parts:
        sources.setdefault(part.entity.id, []).append(part.share.id)
    kept = {each.id: sources[each.id] for each in entities}
    return _Whole(entities=entities, sources=kept, headers=warnings, maps=_maps(replies))


async def located(broker: Broker, request: Request, *, asked: Query) -> Located:
    """The ids of all that a query finds, each with its sources; those that make maps are asked for theirs (5.14.4)."""
    shares = await _asked_shares(broker, request, asked=asked)
    linked = await _linked(broker, request, shares=shares)
    others = [each for each in shares if each.id not in linked.maps]
    calls = [(share, call) for share in others if (call := query_call(request, share)) is not None]
    if calls:
        sources = (await _everything(broker, request, asked=asked, calls=calls)).sources
    else:
        terms = request.context.terms
        own = _unfiltered(asked) if shares and request.flag("splitEntities") else asked
        found = await find(
            broker, request.tenant, query=own, terms=terms, limit=MOST, rows=request.rows
        )
        sources = {each.id: ["@none"] for each in found.entities}
    for name, held in linked.sources.items():
        sources[name] = [*sources.get(name, []), *held]
    return Located(sources={name: sources[name] for name in sorted(sources)}, maps=linked.maps)


async def with_sources(broker: Broker, request: Request, *, asked: Query, here: Located) -> Located:
    """Where the evolutions that a temporal query finds are, with what the sources' own maps say (5.14.5)."""
    shares = await _asked_shares(broker, request, asked=asked)
    linked = await _linked(broker, request, shares=shares, temporal=True)
    for name, held in linked.sources.items():
        here.sources[name] = [*here.sources.get(name, []), *held]
    return Located(sources=here.sources, maps=linked.maps)


async def _linked(
    broker: Broker, request: Request, *, shares: Sequence[Share], temporal: bool = False
) -> Located:
    """What the sources' own maps of a query hold; a source that makes none is not among them."""
    made = ((share, map_call(request, share, temporal=temporal)) for share in shares)
    calls = [(share, call) for share, call in made if call is not None]
    found = Located(sources={})
    for reply in await broker.federation.ask(request, calls):
        body = reply.body if reply.ok and isinstance(reply.body, dict) else {}
        held = body.get("entityMap")
        if not isinstance(held, dict) or not is_uri(body.get("id")):
            continue
        found.maps[reply.share.id] = body["id"]
        for name in list(held)[:MOST]:
            if is_uri(name):
                found.sources.setdefault(name, []).append(reply.share.id)
    return found


async def _asked_shares(broker: Broker, request: Request, *, asked: Query) -> list[Share]:
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
    return [
        each for each in shares if not csf or await passes(broker, request, csf=csf, share=each)
    ]


async def passes(broker: Broker, request: Request, *, csf: str, share: Share) -> bool:
    """Whether a registration's own properties satisfy a context source filter (``csf``)."""
    query = Query(q=csf)
    search = await compile_query(broker, request.tenant, query=query, terms=request.context.terms)
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
    broker: Broker, request: Request, *, asked: Query, entities: list[Entity]
) -> list[Entity]:
    """The entities that satisfy a query as a whole."""
    search = await compile_query(broker, request.tenant, query=asked, terms=request.context.terms)
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

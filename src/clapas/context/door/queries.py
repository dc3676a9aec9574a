"""Reading a query from parameters or from a Query body, running it, and joining linked entities."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from clapas.context.broker import Broker, entity_of
from clapas.context.door.http import Answer, Headers, Request
from clapas.context.door.reply import Replier, check_hops, datasets_of, page_links, page_of
from clapas.context.entity_maps import chosen_map, map_made, wished
from clapas.context.errors import BadRequestData
from clapas.context.federation.reads import located, queried
from clapas.context.linked import Inliner, Shown, beside, gather
from clapas.context.model import Entity
from clapas.context.ordering import read_orders
from clapas.context.query import q as language
from clapas.context.query.geo import read_geo
from clapas.context.search import Found, Query, Selector, check_ids

ENOUGH = ("type", "attrs", "q", "georel", "id", "idPattern", "scopeQ", "datasetId")
JOINS = ("flat", "inline", "@none")
SYSTEM_TIMES = ("createdAt", "modifiedAt", "deletedAt", "expiresAt")


def query_of(request: Request, params: Mapping[str, str]) -> Query:
    """The query of GET parameters. Raises BadRequestData."""
    terms = request.context.terms
    local = request.flag("local")
    if not any(name in params for name in ("type", "attrs", "q", "georel")) and not local:
        raise BadRequestData("a query needs one of type, attrs, q, georel, or local=true")
    if params.get("type") == "*" and "local" in params and not local:
        raise BadRequestData("type=* is local")
    for name in ("type", "attrs", "q", "id", "scopeQ", "idPattern"):
        if name in params and not params[name].strip():
            raise BadRequestData(f"{name} is empty")
    selector = Selector(
        kind=params.get("type", ""),
        ids=check_ids(request.words("id")),
        pattern=params.get("idPattern", ""),
    )
    asked = Query(
        selectors=(selector,),
        attributes=tuple(terms.expand(each) for each in request.words("attrs")),
        q=params.get("q", ""),
        expanded=tuple(request.words("expandValues")),
        scope=params.get("scopeQ", ""),
        geo=read_geo(
            georel=params.get("georel"),
            geometry=params.get("geometry"),
            coordinates=params.get("coordinates"),
            geoproperty=params.get("geoproperty"),
            terms=terms,
        ),
        datasets=datasets_of(request),
        orders=orders_of(request, params),
    )
    check_width(request, asked)
    return asked


def check_width(request: Request, asked: Query) -> None:
    """Raise BadRequestData for a query that is too wide or too deep, or a wrong ``csf`` (5.7.2.4)."""
    tree = language.parse(asked.q) if asked.q else None
    if tree is not None:
        check_hops(request, language.depth(tree))
    if "csf" in request.params:
        language.parse(request.params["csf"])
    expand = request.context.terms.expand
    system = {expand(name) for name in SYSTEM_TIMES}
    named = set(asked.attributes) - system
    spoken = {expand(name) for name in language.names_of(tree)} - system if tree else set()
    kinds = any(each.kind for each in asked.selectors)
    if not (kinds or named or spoken or asked.geo or request.flag("local")):
        raise BadRequestData("a query needs a type, an attribute that is not a time, or a place")


def orders_of(request: Request, params: Mapping[str, str]) -> Any:
    """The ordering of a query. Raises BadRequestData."""
    if "orderBy" not in params:
        return ()
    origin = None
    if "orderFrom" in params:
        try:
            origin = orjson.loads(params["orderFrom"])
        except orjson.JSONDecodeError as error:
            raise BadRequestData("orderFrom is not JSON") from error
    return read_orders(
        params["orderBy"],
        request.context.terms,
        origin=origin,
        geometry=params.get("orderGeometry"),
        collation=params.get("collation"),
    )


async def run_query(broker: Broker, request: Request, *, params: Mapping[str, str]) -> Answer:
    """Query Entities with GET parameters (5.7.2)."""
    replier = Replier(request)
    asked = query_of(request, params)
    return await answer_query(broker, request, asked=asked, replier=replier)


async def answer_query(
    broker: Broker, request: Request, *, asked: Query, replier: Replier
) -> Answer:
    """Run a query and answer its page."""
    settings = broker.settings
    limit, offset, count = page_of(request, settings.default_limit, most=settings.most)
    chosen = await chosen_map(broker, request)
    if chosen is not None:
        asked = msgspec.structs.replace(asked, selectors=chosen.selectors(asked))
        request = chosen.request(request)
    elif wished(request):
        request = msgspec.structs.replace(request, mapping=True)
    gathered = await queried(broker, request, asked=asked, limit=limit, offset=offset, count=count)
    found = gathered.found
    headers = (
        page_headers(request, found, limit=limit, offset=offset, count=count) + gathered.headers
    )
    shown = await joined(broker, request, entities=found.entities, replier=replier)
    kept = [each for each in shown if each[1]]
    answer = replier.many(kept, headers=headers)
    if chosen is None and not request.mapping:
        return answer
    where = gathered.where or await located(broker, request, asked=asked)
    if chosen is not None:
        whole = not request.words("id")
        answer.headers.append(await chosen.used(broker, request, where=where, whole=whole))
    else:
        answer.status = 201
        answer.headers.append(await map_made(broker, request, where=where))
    return answer


def page_headers(
    request: Request, found: Found, *, limit: int, offset: int, count: bool
) -> Headers:
    """Paging links, and the count when it was asked for."""
    headers = page_links(request, limit, offset=offset, more=found.more)
    if count:
        headers.append(("NGSILD-Results-Count", str(found.count)))
    return headers


async def joined(
    broker: Broker, request: Request, *, entities: Sequence[Entity], replier: Replier
) -> list[Shown]:
    """Entities as shown, with those they lead to when the request asks for a join (4.5.23)."""
    join = request.params.get("join", "@none")
    if join not in JOINS:
        raise BadRequestData("join is flat, inline or @none")
    level = request.number("joinLevel", 1, least=1)
    if join == "@none":
        if "joinLevel" in request.params:
            raise BadRequestData("joinLevel needs join")
        return [(each, replier.shown(each)) for each in entities]
    projection = replier.style.projection

    async def fetch(ids: Sequence[str]) -> dict[str, Entity]:
        docs = await broker.store.many(request.tenant, ids, rows=request.rows)
        return {doc["@id"]: entity_of(doc) for doc in docs}

    linked = await gather(entities, level, projection=projection, fetch=fetch)
    held = set(request.words("containedBy"))
    linked = {key: value for key, value in linked.items() if key not in held}
    if join == "flat":
        return beside(replier.renderer, entities, linked=linked)
    simplified = replier.style.format == "simplified"
    inliner = Inliner(replier.renderer, linked, simplified=simplified)
    return [
        (each, inliner.entity(each, projection, level=level, seen=frozenset())) for each in entities
    ]

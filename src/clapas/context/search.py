"""A query as a value, compiled to one search of the store and paged (clauses 4.9, 4.10, 4.17, 4.19, 5.7.2)."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from clapas.context.broker import Broker, entity_of
from clapas.context.errors import BadRequestData, TooManyResults
from clapas.context.model import Entity, is_uri
from clapas.context.ordering import Order, sorted_by
from clapas.context.patterns import check_pattern
from clapas.context.query import q as language
from clapas.context.query.geo import GeoQuery
from clapas.context.query.predicate import Compiler, as_text
from clapas.context.query.select import (
    attribute_predicate,
    dataset_predicate,
    scope_predicate,
    type_predicate,
)
from clapas.context.terms import Terms
from clapas.domain.access import RowFilter
from clapas.store.context import EVERYTHING, PathRefused, Search, as_json

MOST_CANDIDATES = 200_000
MOST_LINKED = 5_000
SIMPLE = re.compile(r"^[^\s();,|*]+$")


class Selector(msgspec.Struct, frozen=True, kw_only=True):
    """One EntitySelector: types, ids, id pattern; what is given must hold together."""

    kind: str = ""
    ids: tuple[str, ...] = ()
    pattern: str = ""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. ``attributes`` are IRIs, '' among ``datasets`` the default instance."""

    selectors: tuple[Selector, ...] = ()
    attributes: tuple[str, ...] = ()
    q: str = ""
    encoded: bool = False
    """Texts in ``q`` may be percent-encoded."""
    expanded: tuple[str, ...] = ()
    """Attributes whose values in ``q`` are words of the @context (expandValues)."""
    scope: str = ""
    geo: GeoQuery | None = None
    datasets: frozenset[str] | None = None
    orders: tuple[Order, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A page: entities, whether there are more after it, how many in all (when asked)."""

    entities: list[Entity]
    more: bool = False
    count: int | None = None


async def compile_query(
    broker: Broker, tenant: str, *, query: Query, terms: Terms, rows: RowFilter = EVERYTHING
) -> Search:
    """The search of a query; paths into linked entities are looked up first."""
    tests: list[str] = []
    ids: Sequence[str] | None = None
    pattern = ""
    if len(query.selectors) == 1:
        only = query.selectors[0]
        ids, pattern = only.ids or None, only.pattern
        if only.kind:
            tests.append(type_predicate(only.kind, terms))
    elif query.selectors:
        tests.append("(" + " || ".join(_selected(each, terms) for each in query.selectors) + ")")
    if query.attributes:
        tests.append(attribute_predicate(query.attributes))
    if query.datasets is not None:
        tests.append(dataset_predicate(sorted(query.datasets)))
    if query.scope:
        tests.append(scope_predicate(query.scope))
    if query.geo is not None:
        tests.append(query.geo.predicate())
    sharp = False
    if query.q:
        tree = language.parse(query.q, encoded=query.encoded)
        sharp = language.is_sharp(tree)
        tests.append(
            await predicate(broker, tenant, tree=tree, terms=terms, expanded=query.expanded)
        )
    if pattern:
        check_pattern(pattern)
    path = " && ".join(tests) or "1 == 1"
    return Search(
        path=path, ids=ids, pattern=pattern, rows=rows, kind=_only_kind(query, terms), sharp=sharp
    )


def _only_kind(query: Query, terms: Terms) -> str:
    """The IRI of the type when exactly one is asked for, else ''."""
    if len(query.selectors) != 1 or not SIMPLE.match(query.selectors[0].kind):
        return ""
    return terms.expand(query.selectors[0].kind)


def _selected(selector: Selector, terms: Terms) -> str:
    tests: list[str] = []
    if selector.kind:
        tests.append(type_predicate(selector.kind, terms))
    if selector.ids:
        tests.append(
            "(" + " || ".join(f'$."@id" == {as_text(each)}' for each in selector.ids) + ")"
        )
    elif selector.pattern:
        check_pattern(selector.pattern)
        tests.append(f'$."@id" like_regex {as_text(selector.pattern)}')
    return "(" + (" && ".join(tests) or "1 == 1") + ")"


async def predicate(
    broker: Broker, tenant: str, *, tree: language.Node, terms: Terms, expanded: Sequence[str] = ()
) -> str:
    """``q`` as a predicate; what it asks of linked entities is looked up now."""
    linked: dict[language.Path, list[str]] = {}
    for path in language.linked_paths(tree):
        if path.linked is not None:
            inner = Compiler(terms, expanded=expanded).predicate(path.linked)
            if path.kinds:
                inner = f"{type_predicate(','.join(path.kinds), terms)} && {inner}"
            found = await broker.store.members(
                tenant, Search(path=inner), members=[], limit=MOST_LINKED + 1
            )
            if len(found) > MOST_LINKED:
                raise TooManyResults("the linked entities are too many")
            linked[path] = [each for each, _ in found]
    return Compiler(terms, linked, expanded=expanded).predicate(tree)


async def check_predicate(broker: Broker, path: str) -> None:
    """Raise BadRequestData when the database cannot evaluate a predicate (a wrong pattern)."""
    try:
        pairs = [{"place": 0, "document": 0, "path": path}]
        await broker.store.rows("matches", pairs=as_json(pairs), docs=as_json([{}]))
    except PathRefused as error:
        raise BadRequestData(f"the query cannot be evaluated: {error}") from error


async def find(
    broker: Broker,
    tenant: str,
    *,
    query: Query,
    terms: Terms,
    limit: int,
    offset: int = 0,
    count: bool = False,
    rows: RowFilter = EVERYTHING,
) -> Found:
    """A page of a query. Raises BadRequestData, TooComplexQuery, TooManyResults."""
    search = await compile_query(broker, tenant, query=query, terms=terms, rows=rows)
    try:
        if query.geo is not None or query.orders:
            return await _sifted(
                broker, tenant, query=query, search=search, limit=limit, offset=offset
            )
        total = await broker.store.count(tenant, search) if count else None
        if not limit:
            return Found(entities=[], count=total, more=False)
        docs = await broker.store.page(tenant, search, limit=limit + 1, offset=offset)
    except PathRefused as error:
        raise BadRequestData(f"the query cannot be evaluated: {error}") from error
    entities = [entity_of(doc) for doc in docs[:limit]]
    return Found(entities=entities, more=len(docs) > limit, count=total)


async def in_order(
    broker: Broker, tenant: str, *, ids: Sequence[str], orders: Sequence[Order]
) -> list[str]:
    """Known entities by what they are now (4.23); what is kept of none comes last, by id."""
    everywhere = Search(path="1 == 1", ids=list(ids))
    members = [order.iri for order in orders]
    found = await broker.store.members(tenant, everywhere, members=members, limit=len(ids))
    held = dict(found)
    pairs = [(each, held.get(each, {})) for each in sorted(ids)]
    return [each for each, _ in await asyncio.to_thread(sorted_by, orders, pairs)]


async def _sifted(
    broker: Broker, tenant: str, *, query: Query, search: Search, limit: int, offset: int
) -> Found:
    """Exact geometry and ordering, over the candidates' few members only."""
    members = [order.iri for order in query.orders]
    if query.geo is not None:
        members.append(query.geo.attribute)
    found = await broker.store.members(tenant, search, members=members, limit=MOST_CANDIDATES + 1)
    if len(found) > MOST_CANDIDATES:
        raise TooManyResults("the query has too many candidates")
    ids = await asyncio.to_thread(_kept, query, found)
    wanted = ids[offset : offset + limit] if limit else []
    docs = {doc["@id"]: doc for doc in await broker.store.many(tenant, wanted)}
    entities = [entity_of(docs[each]) for each in wanted if each in docs]
    return Found(entities=entities, more=len(ids) > offset + limit, count=len(ids))


def _kept(query: Query, found: list[tuple[str, dict[str, Any]]]) -> list[str]:
    geo = query.geo
    if geo is not None:
        found = [each for each in found if geo.holds(each[1].get(geo.attribute, []))]
    return [each for each, _ in sorted_by(query.orders, found)]


def check_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """Ids that are URIs. Raises BadRequestData."""
    for each in ids:
        if not is_uri(each):
            raise BadRequestData(f"the id {each!r} is not a URI")
    return tuple(ids)

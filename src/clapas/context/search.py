"""A query as a value, compiled to one search of the store, ordered and paged (clauses 4.9, 4.10, 4.17, 4.19, 4.23, 5.7.2)."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from shapely.geometry import shape

from clapas.context.broker import Broker, entity_of
from clapas.context.collation import check_collation, collation_key
from clapas.context.editing import value_of
from clapas.context.errors import BadRequestData, TooManyResults
from clapas.context.geometry import check_geometry
from clapas.context.model import GEOMETRIES, Entity, is_uri
from clapas.context.patterns import check_pattern
from clapas.context.query import q as language
from clapas.context.query.geo import GeoQuery, distance
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
ORDERS = ("asc", "desc", "dist-asc", "dist-desc")
SIMPLE = re.compile(r"^[^\s();,|*]+$")
SYSTEM = {"createdAt": "@created", "modifiedAt": "@modified", "expiresAt": "@expires"}


class Selector(msgspec.Struct, frozen=True, kw_only=True):
    """One EntitySelector: types, ids, id pattern; what is given must hold together."""

    kind: str = ""
    ids: tuple[str, ...] = ()
    pattern: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One key of an ordering: a member of the document, or a path below it."""

    iri: str
    path: tuple[str, ...] = ()
    descending: bool = False
    origin: Any = None
    collated: bool = False
    """Texts in the order of words, not of code points."""


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
    for order in reversed(query.orders):
        keyed = [(_key(order, each), each) for each in found]
        present = [each for each in keyed if each[0] is not None]
        absent = [each for key, each in keyed if key is None]
        present.sort(key=lambda pair: pair[0] or (), reverse=order.descending)
        found = [each for _, each in present] + absent
    return [each for each, _ in found]


def _key(order: Order, found: tuple[str, dict[str, Any]]) -> tuple[int, Any] | None:
    """What an entity is sorted by: numbers before texts before the rest; None when it has nothing."""
    name, members = found
    if order.iri == "@id":
        return 1, name
    held = members.get(order.iri)
    if order.iri[0] == "@":
        return None if held is None else (1, held[0] if isinstance(held, list) else held)
    if not held:
        return None
    value = _followed(held[0], order.path)
    if order.origin is not None:
        if not isinstance(value, dict) or value.get("type") not in GEOMETRIES:
            return None
        return 0, distance(shape(value), order.origin)
    return _sortable(value, collated=order.collated)


def _followed(instance: dict[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        inner = instance.get(name)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            instance = inner[0]
        elif name in instance:
            return inner
        else:
            value = value_of(instance)
            return value.get(name) if isinstance(value, dict) else None
    return value_of(instance)


def _sortable(value: Any, *, collated: bool) -> tuple[int, Any] | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, collation_key(value) if collated else value
    return 3, str(value)


def read_orders(
    text: str,
    terms: Terms,
    *,
    origin: Any = None,
    geometry: str | None = None,
    collation: str | None = None,
) -> tuple[Order, ...]:
    """``orderBy``: keys by comma, each with an optional direction after ';'. Raises BadRequestData."""
    if collation is not None:
        check_collation(collation)
    found: list[Order] = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(";")
        if not name or (direction and direction not in ORDERS):
            raise BadRequestData(f"orderBy: {part!r} cannot be understood")
        head, *rest = name.replace("[", ".").replace("]", "").split(".")
        start = None
        if direction.startswith("dist-"):
            if origin is None:
                raise BadRequestData("ordering by distance needs orderFrom")
            wanted = {"type": geometry or "Point", "coordinates": origin}
            check_geometry(wanted, "orderFrom")
            start = shape(wanted)
        path = tuple(each if each in language.MEMBERS else terms.expand(each) for each in rest)
        iri = {"id": "@id", "type": "@type", "scope": "@scope", **SYSTEM}.get(head)
        found.append(
            Order(
                iri=iri or terms.expand(head),
                path=path,
                descending=direction.endswith("desc"),
                origin=start,
                collated=collation is not None,
            )
        )
    return tuple(found)


def check_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """Ids that are URIs. Raises BadRequestData."""
    for each in ids:
        if not is_uri(each):
            raise BadRequestData(f"the id {each!r} is not a URI")
    return tuple(ids)

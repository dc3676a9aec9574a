"""The Query data type (clause 5.2.23) of queries by POST: its members become what parameters are elsewhere."""

from typing import Any

import msgspec
import orjson

from clapas.context.door.http import Request
from clapas.context.door.queries import check_width, orders_of
from clapas.context.door.reply import datasets_of
from clapas.context.errors import BadRequestData
from clapas.context.patterns import check_pattern
from clapas.context.query.geo import GeoQuery, read_geo
from clapas.context.reading import FORBIDDEN
from clapas.context.search import Query, Selector, check_ids
from clapas.context.terms import Terms

MEMBERS = frozenset(
    {"type", "@context", "entities", "attrs", "pick", "omit", "q", "geoQ", "scopeQ", "csf", "lang"}
    | {"temporalQ", "join", "joinLevel", "containedBy", "datasetId", "expandValues", "jsonKeys"}
    | {"entityMap", "ordering", "orderBy", "splitEntities", "geometryProperty", "local"}
    | {"entityMapLifetime", "format", "options", "aggrParams"}
)
TEXTS = ("q", "scopeQ", "csf", "lang", "join", "geometryProperty")
FLAGS = ("entityMap", "splitEntities", "local")
LISTS = ("attrs", "pick", "omit", "containedBy", "datasetId", "expandValues", "jsonKeys")


def request_of_body(request: Request, *, temporal: bool = False) -> tuple[Request, Query]:
    """The request with the body's members among its parameters, and its query. Raises BadRequestData."""
    body = request.body
    if not isinstance(body, dict) or not body:
        raise BadRequestData("a query is a JSON object")
    if body.get("type") != "Query":
        raise BadRequestData("the type of the body is Query")
    for name in body:
        if name not in MEMBERS:
            raise BadRequestData(f"a Query has no {name!r}")
    if "temporalQ" in body and not temporal:
        raise BadRequestData("temporalQ is for temporal queries")
    made = msgspec.structs.replace(request, params={**request.params, **_params(body)})
    terms = request.context.terms
    selectors = read_selectors(body.get("entities"), kinds=True)
    attributes = tuple(terms.expand(each) for each in _names(body, "attrs"))
    asked = Query(
        selectors=selectors,
        attributes=attributes,
        q=_text(body, "q"),
        expanded=tuple(_names(body, "expandValues")),
        scope=_text(body, "scopeQ"),
        geo=geo_of(body.get("geoQ"), terms),
        datasets=datasets_of(made),
        orders=orders_of(made, made.params),
    )
    check_width(made, asked)
    return made, asked


def _params(body: dict[str, Any]) -> dict[str, str]:
    found = {name: _text(body, name) for name in TEXTS if name in body}
    for name in LISTS:
        if name in body:
            found[name] = ",".join(_names(body, name))
    for name in FLAGS:
        if name in body:
            found[name] = _flag(body, name)
    if "entityMapLifetime" in body:
        found["entityMapLifetime"] = _text(body, "entityMapLifetime")
    if "joinLevel" in body:
        found["joinLevel"] = _level(body["joinLevel"])
    ordering = body.get("ordering", body if "orderBy" in body else None)
    if ordering is not None:
        if not isinstance(ordering, dict) or "orderBy" not in ordering:
            raise BadRequestData("ordering holds orderBy")
        keys = ordering["orderBy"]
        found["orderBy"] = ",".join(keys) if isinstance(keys, list) else str(keys)
        found |= _order_params(ordering)
    return found


def _level(given: Any) -> str:
    """How far to join: a number, or its digits as the GET form writes them. Raises BadRequestData."""
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise BadRequestData("joinLevel is a number")
    return str(given)


def _order_params(ordering: dict[str, Any]) -> dict[str, str]:
    """The members of OrderingParams (5.2.43). Raises BadRequestData."""
    found: dict[str, str] = {}
    origin = ordering.get("coordinates", ordering.get("orderFrom"))
    if origin is not None:
        if not isinstance(origin, list):
            raise BadRequestData("coordinates is an array")
        found["orderFrom"] = orjson.dumps(origin).decode()
    if "geometry" in ordering:
        found["orderGeometry"] = _text(ordering, "geometry")
    if "collation" in ordering:
        found["collation"] = _text(ordering, "collation")
    return found


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or (name in body and not value):
        raise BadRequestData(f"{name} is a text")
    return value


def _flag(body: dict[str, Any], name: str) -> str:
    if not isinstance(body[name], bool):
        raise BadRequestData(f"{name} is true or false")
    return "true" if body[name] else "false"


def _names(body: dict[str, Any], name: str) -> list[str]:
    if name not in body:
        return []
    value = body[name]
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value or not all(isinstance(e, str) and e for e in value):
        raise BadRequestData(f"{name} is an array of names")
    return value


def read_selectors(entities: Any, *, kinds: bool = False) -> tuple[Selector, ...]:
    """EntitySelectors (5.2.33). ``kinds``: each must have a type. Raises BadRequestData."""
    if entities is None:
        return ()
    if not isinstance(entities, list) or not entities:
        raise BadRequestData("entities is an array of entity selectors")
    found: list[Selector] = []
    for each in entities:
        if not isinstance(each, dict) or not each:
            raise BadRequestData("an entity selector is an object")
        for name in each:
            if name not in {"id", "idPattern", "type"}:
                raise BadRequestData(f"an entity selector has no {name!r}")
        found.append(_selector(each, kinds=kinds))
    return tuple(found)


def _selector(each: dict[str, Any], *, kinds: bool) -> Selector:
    kind, ids, pattern = each.get("type", ""), each.get("id", []), each.get("idPattern", "")
    if isinstance(kind, list) and all(isinstance(name, str) for name in kind):
        kind = ",".join(kind)
    if not isinstance(kind, str) or ("type" in each and not kind) or (kinds and not kind):
        raise BadRequestData("an entity selector has a type")
    if kind and FORBIDDEN.search(
        kind.replace("(", "").replace(")", "").replace(";", "").replace("*", "")
    ):
        raise BadRequestData(f"{kind!r} is not a type")
    if not isinstance(ids, str | list) or not all(isinstance(one, str) for one in ids):
        raise BadRequestData("id is a URI, or an array of them")
    if not isinstance(pattern, str):
        raise BadRequestData("idPattern is a text")
    if pattern:
        check_pattern(pattern)
    return Selector(
        kind=kind,
        ids=check_ids([ids] if isinstance(ids, str) else list(ids)),
        pattern="" if ids else pattern,
    )


def geo_of(geo: Any, terms: Terms) -> GeoQuery | None:
    """A GeoQuery (5.2.13). Raises BadRequestData."""
    if geo is None:
        return None
    if not isinstance(geo, dict) or "georel" not in geo:
        raise BadRequestData("geoQ holds georel, geometry and coordinates")
    for name in geo:
        if name not in {"georel", "geometry", "coordinates", "geoproperty"}:
            raise BadRequestData(f"geoQ has no {name!r}")
    return read_geo(
        georel=geo["georel"],
        geometry=geo.get("geometry"),
        coordinates=geo.get("coordinates"),
        geoproperty=geo.get("geoproperty"),
        terms=terms,
    )

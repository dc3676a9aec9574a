"""How sources are asked for entities: narrowed to what is registered, in the way that each can answer (5.7.1, 5.7.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from clapas.context.door.http import Request
from clapas.context.federation.asking import Call
from clapas.context.federation.shares import Share
from clapas.context.query.select import type_words

FORWARDED = (
    *("type", "id", "idPattern", "attrs", "q", "scopeQ", "georel", "geometry"),
    *("coordinates", "geoproperty", "expandValues", "jsonKeys", "datasetId"),
)
FILTERS = ("attrs", "q", "scopeQ", "georel", "geometry", "coordinates", "geoproperty")
SYSTEM = ("options", "sysAttrs")
MAPS, TEMPORAL_MAPS = "createEntityMapQueryEntity", "createEntityMapQueryTemporal"
TIMES = ("timerel", "timeAt", "endTimeAt", "timeproperty")
Params = list[tuple[str, str]]


def types_asked(request: Request, kind: str) -> set[str] | None:
    """The types that a selection names; None when any will do."""
    if not kind or kind == "*":
        return None
    return {request.context.terms.expand(word) for word in type_words(kind)}


def retrieval(request: Request, share: Share, *, name: str) -> Call | None:
    """How a source is asked for one entity, with the operations that it has."""
    names = _attributes(request, share, asked=request.words("attrs"))
    system: Params = [*_timed(request), *_mapped(request, share)]
    kinds = ",".join(request.context.terms.compact(each) for each in share.types)
    if "retrieveEntity" in share.operations:
        params: Params = [("attrs", ",".join(names))] if names else []
        return Call(method="GET", path=f"entities/{name}", params=(*params, *system))
    if "queryEntity" in share.operations:
        params = [("id", name), *([("type", kinds)] if kinds else [])]
        params += [("attrs", ",".join(names))] if names else []
        return Call(method="GET", path="entities", params=(*params, *system))
    if "queryBatch" in share.operations:
        selector = {"id": name, **({"type": kinds} if kinds else {})}
        body: dict[str, Any] = {"type": "Query", "entities": [selector]}
        if names:
            body["attrs"] = names
        return Call(method="POST", path="entityOperations/query", params=tuple(system), body=body)
    return None


def _timed(request: Request) -> Params:
    """System times are asked for when the caller wants them; else only of whom they must decide (4.5.5.3)."""
    return [SYSTEM] if "sysAttrs" in request.options else []


def _mapped(request: Request, share: Share) -> Params:
    """What asks a source for its own entity map, when one is made here and it can (5.7.2.4)."""
    wanted = request.mapping and MAPS in share.operations
    return [("entityMap", "true")] if wanted else []


def map_call(request: Request, share: Share, *, temporal: bool = False) -> Call | None:
    """How a source is asked for its own map of a query (5.14.4.4, 5.14.5.4), None when it makes none."""
    if (TEMPORAL_MAPS if temporal else MAPS) not in share.operations:
        return None
    params = narrowed(request, share)
    if temporal:
        given = request.body.get("temporalQ", {}) if isinstance(request.body, dict) else {}
        asked = {**request.params, **given}
        params |= {name: str(asked[name]) for name in TIMES if name in asked}
    path = "temporal/entityMaps" if temporal else "entityMaps"
    return Call(method="GET", path=path, params=tuple(params.items()))


def _attributes(request: Request, share: Share, *, asked: Sequence[str]) -> list[str]:
    """The attributes to ask of a source, in the request's words; none: all."""
    terms = request.context.terms
    if share.attributes is None:
        return list(asked)
    if not asked:
        return sorted(terms.compact(each) for each in share.attributes)
    return [each for each in asked if terms.expand(each) in share.attributes]


def query_call(request: Request, share: Share) -> Call | None:
    """How a source is asked a query: as it came when the source can, else in the other way."""
    batch = "queryBatch" in share.operations
    single = "queryEntity" in share.operations
    if batch and (request.method == "POST" or not single):
        return _by_post(request, share)
    return _by_get(request, share) if single else None


def forwarded(request: Request) -> dict[str, str]:
    """The request's own filters, in their order."""
    return {name: value for name, value in request.params.items() if name in FORWARDED}


def narrowed(request: Request, share: Share) -> dict[str, str]:
    """The request's own filters, in their order, narrowed to what is registered."""
    split = request.flag("splitEntities")
    found = {k: v for k, v in forwarded(request).items() if not (split and k in FILTERS)}
    selectors = _selectors(request)
    found |= {key: value for key, value in selectors.items() if value and key not in found}
    if found.get("type", "*") == "*" and share.types:
        found["type"] = ",".join(request.context.terms.compact(each) for each in share.types)
    if share.ids:
        given = [each for each in found.get("id", "").split(",") if each]
        found["id"] = ",".join(each for each in share.ids if not given or each in given)
    asked = [] if split else [each for each in found.get("attrs", "").split(",") if each]
    names = _attributes(request, share, asked=asked)
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
    params = [*narrowed(request, share).items(), *_timed(request), *_mapped(request, share)]
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
    params = (*_timed(request), *_mapped(request, share))
    return Call(method="POST", path="entityOperations/query", params=params, body=body)

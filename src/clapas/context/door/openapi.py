"""The broker's API as an OpenAPI 3.1 description, made from the table of its operations."""

from collections.abc import Sequence
from typing import Any

from clapas.context.door.http import GEO, JSON, LD, MERGE, Spec
from clapas.context.door.route import Route

NUMBERS = frozenset({"limit", "offset", "lastN", "joinLevel"})
FLAGS = frozenset({"count", "local", "details", "deleteAll", "splitEntities", "reload"})
ENTITY = {"$ref": "#/components/schemas/Entity"}
ENTITIES = {"type": "array", "items": ENTITY}
ATTRIBUTE = {
    "type": "object",
    "properties": {
        "type": {"enum": ["Property", "Relationship", "GeoProperty", "LanguageProperty"]},
        "value": {},
        "object": {"type": "string"},
        "languageMap": {"type": "object"},
        "observedAt": {"type": "string", "format": "date-time"},
        "datasetId": {"type": "string"},
        "unitCode": {"type": "string"},
    },
}
SCHEMAS: dict[str, Any] = {
    "Entity": {
        "type": "object",
        "required": ["id", "type"],
        "properties": {
            "id": {"type": "string", "format": "uri"},
            "type": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "scope": {"type": "string"},
        },
        "additionalProperties": ATTRIBUTE,
    },
    "Fragment": {"type": "object", "additionalProperties": ATTRIBUTE},
    "Ids": {"type": "array", "items": {"type": "string", "format": "uri"}},
    "Query": {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"const": "Query"},
            "entities": {"type": "array", "items": {"$ref": "#/components/schemas/Selector"}},
            "attrs": {"type": "array", "items": {"type": "string"}},
            "q": {"type": "string"},
            "geoQ": {"$ref": "#/components/schemas/GeoQuery"},
            "scopeQ": {"type": "string"},
            "temporalQ": {"type": "object"},
        },
    },
    "Selector": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uri"},
            "idPattern": {"type": "string"},
            "type": {"type": "string"},
        },
    },
    "GeoQuery": {
        "type": "object",
        "properties": {
            "georel": {"type": "string"},
            "geometry": {"enum": ["Point", "LineString", "Polygon"]},
            "coordinates": {"type": "array"},
            "geoproperty": {"type": "string"},
        },
    },
    "Subscription": {
        "type": "object",
        "required": ["type", "notification"],
        "properties": {
            "id": {"type": "string", "format": "uri"},
            "type": {"const": "Subscription"},
            "entities": {"type": "array", "items": {"$ref": "#/components/schemas/Selector"}},
            "watchedAttributes": {"type": "array", "items": {"type": "string"}},
            "q": {"type": "string"},
            "geoQ": {"$ref": "#/components/schemas/GeoQuery"},
            "notification": {"type": "object"},
        },
    },
    "Registration": {
        "type": "object",
        "required": ["type", "information", "endpoint"],
        "properties": {
            "id": {"type": "string", "format": "uri"},
            "type": {"const": "ContextSourceRegistration"},
            "information": {"type": "array", "items": {"type": "object"}},
            "endpoint": {"type": "string", "format": "uri"},
            "mode": {"enum": ["inclusive", "exclusive", "redirect", "auxiliary"]},
        },
    },
    "Context": {"type": "object", "required": ["@context"], "properties": {"@context": {}}},
    "Object": {"type": "object"},
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "entities"): ENTITY,
    ("PUT", "entities/*"): ENTITY,
    ("POST", "temporal/entities"): ENTITY,
    ("POST", "entityOperations/delete"): {"$ref": "#/components/schemas/Ids"},
    **{("POST", f"entityOperations/{each}"): ENTITIES for each in ("create", "upsert", "update")},
    ("POST", "entityOperations/merge"): ENTITIES,
    ("POST", "entityOperations/query"): {"$ref": "#/components/schemas/Query"},
    ("POST", "temporal/entityOperations/query"): {"$ref": "#/components/schemas/Query"},
    ("POST", "subscriptions"): {"$ref": "#/components/schemas/Subscription"},
    ("POST", "csourceSubscriptions"): {"$ref": "#/components/schemas/Subscription"},
    ("POST", "csourceRegistrations"): {"$ref": "#/components/schemas/Registration"},
    ("POST", "jsonldContexts"): {"$ref": "#/components/schemas/Context"},
}
"""What a body is, by method and path; elsewhere a fragment of an entity, or any object."""


def description(routes: Sequence[Route], base: str) -> dict[str, Any]:
    """The description of the operations, with ``base`` as the server's address."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        parts: list[str] = []
        names: list[str] = []
        for part in route.path:
            names += [f"part{len(names) + 1}"] if part == "*" else []
            parts.append("{" + names[-1] + "}" if part == "*" else part)
        operation = _operation(route, names)
        paths.setdefault("/" + "/".join(parts), {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "NGSI-LD (ETSI GS CIM 009)", "version": "1.9.1"},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _operation(route: Route, names: Sequence[str]) -> dict[str, Any]:
    story = (route.handler.__doc__ or "").strip().partition("\n")[0]
    found: dict[str, Any] = {
        "summary": story or " ".join((route.method, *route.path)),
        "parameters": [*map(_part, names), *_parameters(route.spec)],
        "responses": {"default": {"description": "An answer, or ProblemDetails (RFC 7807)."}},
    }
    if route.spec.body:
        schema = BODIES.get((route.method, "/".join(route.path)), _other(route))
        kinds = (JSON, LD, MERGE) if route.spec.body == "merge" else (JSON, LD)
        content = {kind: {"schema": schema} for kind in kinds}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _other(route: Route) -> dict[str, Any]:
    kind = "Fragment" if "entities" in route.path else "Object"
    return {"$ref": f"#/components/schemas/{kind}"}


def _part(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _parameters(spec: Spec) -> list[dict[str, Any]]:
    found = [{"name": name, "in": "query", "schema": _value(name)} for name in sorted(spec.params)]
    if spec.data:
        media = [JSON, LD, GEO] if spec.geo else [JSON, LD]
        found.append({"name": "Accept", "in": "header", "schema": {"enum": media}})
    return found


def _value(name: str) -> dict[str, Any]:
    if name in NUMBERS:
        return {"type": "integer"}
    return {"type": "boolean"} if name in FLAGS else {"type": "string"}

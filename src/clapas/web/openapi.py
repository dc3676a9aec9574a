"""OpenAPI 3.1: what the framework derives from handlers, and by hand what is mounted outside of it."""

from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, Reference, SecurityScheme

from clapas.web.discovery import handlers
from clapas.web.errors import Problem

ABOUT = (
    "The open platform of a connected territory. Sign in by cookie session (state-changing calls "
    "repeat X-Clapas-CSRF), or send a service key. Errors are RFC 9457 problems. Lists are paged by "
    "`after` and `limit`; `Accept: text/csv` gives lists and histories as CSV."
)

_SAMPLE = {
    "type": "object",
    "required": ["device", "values"],
    "properties": {
        "device": {"type": "string", "maxLength": 128},
        "time": {"type": ["string", "number"]},
        "values": {"type": "object", "additionalProperties": True, "minProperties": 1},
    },
}
_ACCEPTED = {
    "202": {
        "description": "The durable log has the message.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "accepted": {"type": "integer"},
                        "sequence": {"type": ["integer", "null"]},
                    },
                }
            }
        },
    }
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 256},
}
IN_SCHEMAS = "#/components/schemas/{name}"
WRONG = {
    "description": "What went wrong",
    "content": {
        "application/problem+json": {"schema": {"$ref": IN_SCHEMAS.format(name="Problem")}}
    },
}
MOUNTED: dict[str, Any] = {
    "/api/v1/uplinks": {
        "post": {
            "tags": ["uplinks"],
            "operationId": "PushUplinks",
            "summary": "Send measurements",
            "description": "One moment of a device, an array of them, or SenML (RFC 8428).",
            "parameters": [_KEY],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"oneOf": [_SAMPLE, {"type": "array", "items": _SAMPLE}]}
                    },
                    "application/senml+json": {
                        "schema": {"type": "array", "items": {"type": "object"}}
                    },
                },
            },
            "responses": _ACCEPTED,
        }
    },
    "/in/{connector}": {
        "post": {
            "tags": ["uplinks"],
            "operationId": "PushToConnector",
            "summary": "A connector's own door",
            "description": "A message in the wire form of a connector: a network server's webhook.",
            "parameters": [
                {"name": "connector", "in": "path", "required": True, "schema": {"type": "string"}},
                _KEY,
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
            "responses": _ACCEPTED,
        }
    },
}


def config(version: str) -> OpenAPIConfig:
    """How the framework derives the description."""
    schemes: dict[str, SecurityScheme | Reference] = {
        "session": SecurityScheme(
            type="apiKey", name="clapas_session", security_scheme_in="cookie"
        ),
        "key": SecurityScheme(type="http", scheme="bearer"),
        "header": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
    }
    return OpenAPIConfig(
        title="Clapas",
        version=version,
        description=ABOUT,
        components=Components(security_schemes=schemes),
        security=[{"session": []}, {"key": []}, {"header": []}],
        use_handler_docstrings=True,
    )


def description(version: str) -> dict[str, Any]:
    """The whole description, from an application that is never served.

    The one that is served has no documentation routes of the framework's, which would ask nobody.
    """
    described = Litestar(route_handlers=handlers(), openapi_config=config(version))
    derived: dict[str, Any] = described.openapi_schema.to_schema()
    derived["paths"] = {**derived.get("paths", {}), **MOUNTED}
    _, problem = msgspec.json.schema_components((Problem,), ref_template=IN_SCHEMAS)
    derived["components"]["schemas"] |= problem
    for path, methods in derived["paths"].items():
        for operation in methods.values():
            if isinstance(operation, dict) and "responses" in operation:
                responses = {k: v for k, v in operation["responses"].items() if k != "400"}
                operation["responses"] = {**responses, "default": WRONG}
                operation.setdefault("tags", [_room(path)])
    return derived


def _room(path: str) -> str:
    """The tag of an operation that names none: the first word of its path that is not the API's."""
    words = path.removeprefix("/api/v1").strip("/").partition("/")
    return words[0]

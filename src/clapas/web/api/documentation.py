"""The API's own description: OpenAPI 3.1 as JSON, and a page that shows it without any script."""

from functools import cache
from html import escape
from typing import Any

import msgspec
from litestar import Response, get

from clapas.web.guard import asks
from clapas.web.services import Call, services_of

STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:62rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem}h2{margin-top:2rem;border-bottom:1px solid}
article{margin:1rem 0;padding:.75rem 1rem;border:1px solid;border-radius:.4rem}
code{font:.9rem/1.4 ui-monospace,monospace}
.method{display:inline-block;min-width:4.5rem;font-weight:700}
table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top}
"""

OTHER_DOORS = (
    'NGSI-LD 1.9.1 (<code>/ngsi-ld/v1</code>: <a href="/ngsi-ld/v1/openapi.json">OpenAPI 3.1, JSON</a>), '
    'OGC SensorThings 1.1 (<a href="/sta/v1.1"><code>/sta/v1.1</code></a>).'
)


@cache
def schema(version: str) -> dict[str, Any]:
    """The description, made once; it imports every route, so not before it is asked for."""
    from clapas.web.openapi import description

    return description(version)


@get("/api/openapi.json", tags=["platform"], opt=asks("read", "entrance"), summary="OpenAPI 3.1")
async def openapi(request: Call) -> Response[bytes]:
    """The description for machines."""
    body = msgspec.json.encode(schema(services_of(request).version))
    return Response(body, media_type="application/json")


@get("/api", opt=asks("read", "entrance"), include_in_schema=False)
async def page(request: Call) -> Response[str]:
    """The description for people."""
    return Response(render(schema(services_of(request).version)), media_type="text/html")


@get("/api/style.css", opt=asks("read", "entrance"), include_in_schema=False)
async def style() -> Response[str]:
    """The style of that page."""
    return Response(STYLE, media_type="text/css")


def render(api: dict[str, Any]) -> str:
    """The whole description as one HTML page."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict):
                tag = (operation.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_operation(path, method, operation=operation))
    sections = "".join(
        f"<section><h2>{escape(tag)}</h2>{''.join(parts)}</section>"
        for tag, parts in sorted(by_tag.items())
    )
    title = escape(api["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="/clapas.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/api/style.css"></head><body><main>'
        f"<h1>{title} {escape(api['info']['version'])}</h1>"
        f"<p>{escape(api['info'].get('description') or '')}</p>"
        '<p><a href="/api/openapi.json">OpenAPI 3.1 (JSON)</a></p>'
        f"<p>Other doors over the same data: {OTHER_DOORS}</p>"
        f"{sections}</main></body></html>"
    )


def _operation(path: str, method: str, *, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{'required' if each.get('required') else ''}</td></tr>"
        for each in operation.get("parameters", ())
    )
    table = f"<table>{rows}</table>" if rows else ""
    said = escape(operation.get("description") or operation.get("summary") or "")
    return (
        f'<article><span class="method">{escape(method.upper())}</span> '
        f"<code>{escape(path)}</code><p>{said}</p>{table}</article>"
    )


HANDLERS = (openapi, page, style)

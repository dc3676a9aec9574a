"""Cross-origin calls (WHATWG Fetch, CORS protocol): which pages of other sites may read the API.

Cookies never travel across origins, so an answer is the one that a stranger or the key given gets.
"""

from typing import TYPE_CHECKING

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType

if TYPE_CHECKING:
    from collections.abc import Collection

    from litestar.types import ASGIApp, Message, Receive, Scope, Send

PATHS = ("/api/", "/ngsi-ld/")
METHODS = "GET, HEAD, OPTIONS"
ASKED = "Authorization, X-API-Key, Accept, Content-Type, If-None-Match, X-Clapas-Purpose, Link, NGSILD-Tenant"
SHOWN = (
    "ETag, Link, Retry-After, X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Deprecation, Sunset, NGSILD-Results-Count"
)
AGE_S = "600"


class Cors:
    """Answers preflights, and marks answers to pages of the origins that are allowed ('*' = any)."""

    def __init__(self, app: "ASGIApp", *, origins: "Collection[str]") -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a preflight, or pass on and mark."""
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith(PATHS):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        origin = given.get(b"origin", b"").decode("latin-1")
        allowed = self._allowed(origin)
        if scope["method"] == "OPTIONS" and given.get(b"access-control-request-method"):
            await _preflight(send, allowed)
            return
        if not origin:
            await self._app(scope, receive, send)
            return

        async def answer(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                headers.add("Vary", "Origin")
                if allowed:
                    headers["Access-Control-Allow-Origin"] = allowed
                    headers["Access-Control-Expose-Headers"] = SHOWN
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        await self._app(scope, receive, answer)

    def _allowed(self, origin: str) -> str:
        if not origin or origin == "null":
            return ""
        if "*" in self._origins:
            return "*"
        return origin if origin in self._origins else ""


async def _preflight(send: "Send", allowed: str) -> None:
    headers = [(b"content-length", b"0"), (b"vary", b"Origin")]
    if allowed:
        headers += [
            (b"access-control-allow-origin", allowed.encode()),
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", ASKED.encode()),
            (b"access-control-max-age", AGE_S.encode()),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})

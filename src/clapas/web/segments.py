"""A name in an address may hold a slash, written %2F: it stays inside its segment (RFC 3986, 2.2).

The server hands over a path that is already decoded, where such a slash cannot be told from a separator. Before
the route is chosen it is set aside under a character for private use; the route's parameters get it back.
"""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from litestar.enums import ScopeType

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

ASIDE = "\ue02f"


class Segments:
    """The layer in front of the routes."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Decode segment by segment when a slash is written inside one."""
        raw = bytes(scope.get("raw_path") or b"").partition(b"?")[0]
        if scope["type"] == ScopeType.HTTP and b"%2f" in raw.lower():
            segments = raw.decode("latin-1").split("/")
            scope["path"] = "/".join(unquote(each).replace("/", ASIDE) for each in segments)
        await self._app(scope, receive, send)


class Names:
    """The layer behind the choice of the route: parameters as they were meant."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Give the slashes back."""
        parameters = scope["path_params"]
        for name, value in parameters.items():
            if isinstance(value, str) and ASIDE in value:
                parameters[name] = value.replace(ASIDE, "/")
        await self._app(scope, receive, send)

"""Applications of other rooms that speak HTTP by themselves, by the path they answer under."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send


class Mounts:
    """Hands a request to the application of its path, else to the platform's own."""

    def __init__(self, mounts: Mapping[str, Any], rest: "ASGIApp") -> None:
        self._mounts = {path + "/": app for path, app in mounts.items()}
        self._rest = rest

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer."""
        if str(scope["type"]) == "http":
            for path, app in self._mounts.items():
                if scope["path"].startswith(path) or scope["path"] + "/" == path:
                    await app(scope, receive, send)
                    return
        await self._rest(scope, receive, send)

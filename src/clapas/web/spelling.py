"""Names of headers on the wire, spelled as the standards write them."""

from typing import TYPE_CHECKING

from litestar.enums import ScopeType

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

MADE = 201


class Spelled(bytes):
    """A name that a server does not write small."""

    __slots__ = ()

    def lower(self) -> "Spelled":
        """Itself."""
        return self


LOCATION = Spelled(b"Location")


class Spelling:
    """Around the whole application, next to the server: says ``Location`` where something was made.

    Names of headers have no case (RFC 9110, 5.1) and the server writes them small; yet there are
    clients of brokers that look for this one to the letter.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def spelled(message: "Message") -> None:
            if message["type"] == "http.response.start" and message["status"] == MADE:
                message["headers"] = [
                    (LOCATION if name == b"location" else name, value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._app(scope, receive, spelled)

"""Security headers and the request's id, on every answer (OWASP secure headers; MDN CSP).

The page loads nothing from elsewhere and has no inline script or style, so the policy needs no
``unsafe-*``; MapLibre's worker and images are blobs of the page itself.
"""

from typing import TYPE_CHECKING
from uuid import uuid4

from litestar.enums import ScopeType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litestar.types import ASGIApp, Message, Receive, Scope, Send

CSP = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "worker-src 'self' blob:; connect-src 'self'; font-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
FIXED = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000; includeSubDomains"
SENT = "clapas_sent"
"""Where a call's scope keeps its :class:`Sent`."""
SHARED, CACHE, IDENTIFIER = b"cross-origin-resource-policy", b"cache-control", b"x-request-id"


class Sent:
    """What goes out for one call: headers to add to whatever answers; its status and its size on the wire."""

    __slots__ = ("headers", "size", "status")

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.status, self.size = 200, 0


def sent_of(scope: "Scope") -> Sent:
    """What goes out for this call."""
    found: Sent = scope.setdefault(SENT, Sent())  # type: ignore[misc]
    return found


class Headers:
    """The outermost layer of the application."""

    def __init__(self, app: "ASGIApp", *, https: bool) -> None:
        self._app = app
        fixed = {**FIXED, **({"Strict-Transport-Security": HSTS} if https else {})}
        self._fixed = [(name.lower().encode(), value.encode()) for name, value in fixed.items()]
        self._unshared = [each for each in self._fixed if each[0] != SHARED]
        self._replaced = {name for name, _ in self._fixed} - {SHARED} | {IDENTIFIER}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer with the headers added."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        identifier = uuid4().hex
        scope["clapas_request_id"] = identifier  # type: ignore[typeddict-unknown-key]
        sent = Sent()
        scope[SENT] = sent  # type: ignore[literal-required]

        async def answer(message: "Message") -> None:
            if message["type"] == "http.response.start":
                sent.status = message["status"]
                given = self._with_ours(message["headers"], identifier.encode())
                message["headers"] = given + sent.headers
            elif message["type"] == "http.response.body":
                sent.size += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, answer)

    def _with_ours(
        self, given: "Iterable[tuple[bytes, bytes]]", identifier: bytes
    ) -> list[tuple[bytes, bytes]]:
        """The headers of an answer (names in lower case, as ASGI wants them) and ours.

        A handler may only say by itself who shares its answer and who keeps it.
        """
        kept = [each for each in given if each[0] not in self._replaced]
        said = {name for name, _ in kept}
        kept += self._fixed if SHARED not in said else self._unshared
        kept.append((IDENTIFIER, identifier))
        if CACHE not in said:
            kept.append((CACHE, b"no-cache, private"))
        return kept

"""Security headers and the request's id, on every answer (OWASP secure headers; MDN CSP).

The page loads nothing from elsewhere and has no inline script or style, so the policy needs no
``unsafe-*``; MapLibre's worker and images are blobs of the page itself.
"""

from typing import TYPE_CHECKING
from uuid import uuid4

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType

if TYPE_CHECKING:
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


class Headers:
    """The outermost layer of the application."""

    def __init__(self, app: "ASGIApp", *, https: bool) -> None:
        self._app = app
        self._fixed = {**FIXED, **({"Strict-Transport-Security": HSTS} if https else {})}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer with the headers added."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        identifier = uuid4().hex
        scope["clapas_request_id"] = identifier  # type: ignore[typeddict-unknown-key]

        async def answer(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                for name, value in self._fixed.items():
                    if name != "Cross-Origin-Resource-Policy" or name.lower() not in headers:
                        headers[name] = value
                headers["X-Request-ID"] = identifier
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-cache, private"
            await send(message)

        await self._app(scope, receive, answer)

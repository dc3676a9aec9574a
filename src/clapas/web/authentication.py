"""Who calls: a service key or a device's token in a header, else the session's cookie, else nobody.

A call that brings a session and changes something repeats the session's CSRF value in
``X-Clapas-CSRF``; one without cookies has nothing to forge.
"""

from typing import TYPE_CHECKING, Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from clapas.domain.access import ANONYMOUS, Principal
from clapas.domain.errors import Unauthenticated
from clapas.identity import Identity, NewSession, principal_of
from clapas.store.identity import OpenSession
from clapas.web.errors import CsrfRefused

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

SESSION = "clapas_session"
CSRF = "clapas_csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Connection = ASGIConnection[Any, Any, Any, Any]


class Authentication:
    """Middleware that sets ``user`` (the principal) and ``auth`` (the session) of a request."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Recognise, then go on; an invalid credential is refused, never taken for nobody."""
        connection: Connection = ASGIConnection(scope, receive, send)
        user, session = await recognise(connection)
        scope["user"], scope["auth"] = user, session
        await self._app(scope, receive, send)


async def recognise(connection: Connection) -> tuple[Principal, OpenSession | None]:
    """The caller and their session. Raises Unauthenticated, CsrfRefused."""
    identity: Identity = connection.app.state.services.identity
    given = credential(connection)
    if given:
        principal = await identity.recognise(given)
        if principal is None:
            raise Unauthenticated("this key is unknown, expired or revoked")
        return principal, None
    method = str(connection.scope.get("method", "GET"))
    if method not in SAFE and connection.headers.get("sec-fetch-site") == "cross-site":
        raise CsrfRefused
    token = connection.cookies.get(SESSION, "")
    session = await identity.sessions.find(token) if token else None
    if session is None:
        return ANONYMOUS, None
    exempt = connection.route_handler.opt.get("csrf") is False
    if method not in SAFE and not exempt:
        given = connection.headers.get("x-clapas-csrf", "")
        if not identity.sessions.csrf_matches(token, given):
            raise CsrfRefused
    return principal_of(session.account, mfa=session.mfa), session


def credential(connection: Connection) -> str:
    """The key or token that a call brings in its headers, '' when none; never in the address."""
    key = connection.headers.get("x-api-key", "") or connection.headers.get("apikey", "")
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return value.strip()
    return key


def session_cookies(session: NewSession, *, https: bool) -> list[Cookie]:
    """The two cookies of a session; the page reads the second to repeat it."""
    shared: dict[str, Any] = {
        "path": "/",
        "samesite": "lax",
        "secure": https,
        "expires": None,
    }
    return [
        Cookie(key=SESSION, value=session.token, httponly=True, **shared),
        Cookie(key=CSRF, value=session.csrf, httponly=False, **shared),
    ]


def no_cookies(*, https: bool) -> list[Cookie]:
    """Cookies that take the session's away."""
    return [
        Cookie(key=name, value="", path="/", max_age=0, samesite="lax", secure=https, httponly=only)
        for name, only in ((SESSION, True), (CSRF, False))
    ]

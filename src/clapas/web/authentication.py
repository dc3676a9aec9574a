"""Who calls: a service key or a device's token in a header, else the session's cookie, else nobody.

A call that brings a session and changes something repeats the session's CSRF value in
``X-Clapas-CSRF``; one without cookies has nothing to forge.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from clapas.domain.access import ANONYMOUS, Principal
from clapas.domain.errors import Unauthenticated
from clapas.identity import Identity, NewSession, principal_of
from clapas.store.identity import KeyRow, OpenSession
from clapas.web.errors import CsrfRefused

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

    from clapas.web.services import Services

SESSION = "clapas_session"
CSRF = "clapas_csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KEY = "clapas_key"
"""Where a call's scope says which service key was recognised."""
HEADERS = "clapas_headers"
"""Where it keeps its headers by name."""
Connection = ASGIConnection[Any, Any, Any, Any]


class Authentication:
    """Middleware that sets ``user`` (the principal), ``auth`` (the session) and the key of a request."""

    def __init__(self, app: "ASGIApp", services: "Services") -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Recognise, then go on; an invalid credential is refused, never taken for nobody."""
        identity = self._services.identity
        key: KeyRow | None = None
        given = _credential(headers_of(scope))
        if given:
            scope["user"], key = identity.keys.remembered(given) or await _holder(identity, given)
            scope["auth"] = None
        else:
            connection: Connection = ASGIConnection(scope, receive, send)
            scope["user"], scope["auth"] = await _visitor(identity, connection)
        scope[KEY] = key  # type: ignore[literal-required]
        await self._app(scope, receive, send)


async def recognise(connection: Connection) -> tuple[Principal, OpenSession | None]:
    """The caller and their session. Raises Unauthenticated, CsrfRefused."""
    identity: Identity = connection.app.state.services.identity
    given = credential(connection)
    if given:
        return (await _holder(identity, given))[0], None
    return await _visitor(identity, connection)


async def named_by(identity: Identity, scope: "Scope") -> tuple[Principal, KeyRow | None]:
    """Whom a call's key, token or session names, for counting alone. Raises Unauthenticated."""
    given = _credential(headers_of(scope))
    if given:
        return identity.keys.remembered(given) or await _holder(identity, given)
    token = ASGIConnection(scope).cookies.get(SESSION, "")
    session = await identity.sessions.find(token) if token else None
    return (principal_of(session.account, mfa=session.mfa) if session else ANONYMOUS), None


async def _holder(identity: Identity, given: str) -> tuple[Principal, KeyRow | None]:
    principal, key = await identity.holder(given)
    if principal is None:
        raise Unauthenticated("this key is unknown, expired or revoked")
    return principal, key


async def _visitor(
    identity: Identity, connection: Connection
) -> tuple[Principal, OpenSession | None]:
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
    return _credential(headers_of(connection.scope))


def _credential(given: Mapping[bytes, bytes]) -> str:
    scheme, _, value = given.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return value.strip()
    return (given.get(b"x-api-key") or given.get(b"apikey") or b"").decode("latin-1")


def headers_of(scope: "Scope") -> Mapping[bytes, bytes]:
    """The headers of a call by name (ASGI gives names in lower case), read once; of several, the first counts."""
    found: Mapping[bytes, bytes] | None = scope.get(HEADERS)  # type: ignore[assignment]
    if found is None:
        found = dict(reversed([*scope["headers"]]))
        scope[HEADERS] = found  # type: ignore[literal-required]
    return found


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

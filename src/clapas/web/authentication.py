"""Who calls: a service key or a device's token in a header, else the session's cookie, else nobody.

A call that brings a session and changes something repeats the session's CSRF value in
``X-Clapas-CSRF``; one without cookies has nothing to forge.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from clapas.domain.access import ANONYMOUS, Principal
from clapas.domain.errors import Unauthenticated
from clapas.identity import Identity, NewSession, principal_of
from clapas.store.identity import KeyRow, OpenSession
from clapas.web.errors import CsrfRefused

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

SESSION = "clapas_session"
CSRF = "clapas_csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KEY = "clapas_key"
"""Where a call's scope says which service key was recognised."""
Connection = ASGIConnection[Any, Any, Any, Any]


class Authentication:
    """Middleware that sets ``user`` (the principal), ``auth`` (the session) and the key of a request."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Recognise, then go on; an invalid credential is refused, never taken for nobody."""
        given = _credential(scope["headers"])
        key: KeyRow | None = None
        if given:
            scope["user"], key = await _holder(scope["litestar_app"], given)
            scope["auth"] = None
        else:
            scope["user"], scope["auth"] = await _visitor(ASGIConnection(scope, receive, send))
        scope[KEY] = key  # type: ignore[literal-required]
        await self._app(scope, receive, send)


async def recognise(connection: Connection) -> tuple[Principal, OpenSession | None]:
    """The caller and their session. Raises Unauthenticated, CsrfRefused."""
    given = credential(connection)
    if given:
        return (await _holder(connection.app, given))[0], None
    return await _visitor(connection)


async def _holder(app: Litestar, given: str) -> tuple[Principal, KeyRow | None]:
    identity: Identity = app.state.services.identity
    principal, key = await identity.holder(given)
    if principal is None:
        raise Unauthenticated("this key is unknown, expired or revoked")
    return principal, key


async def _visitor(connection: Connection) -> tuple[Principal, OpenSession | None]:
    identity: Identity = connection.app.state.services.identity
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
    return _credential(connection.scope["headers"])


def _credential(raw: Iterable[tuple[bytes, bytes]]) -> str:
    given = first_headers(raw)
    scheme, _, value = given.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return value.strip()
    return (given.get(b"x-api-key") or given.get(b"apikey") or b"").decode("latin-1")


def first_headers(raw: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """The headers of a call by name (ASGI gives names in lower case); of several, the first counts."""
    return dict(reversed([*raw]))


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

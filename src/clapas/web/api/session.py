"""Signing in and out, one's own account and sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from clapas.charter import Charter
from clapas.domain.access import Principal, Resource
from clapas.domain.errors import NotFound, Unauthenticated
from clapas.identity import principal_of
from clapas.store.identity import AccountRow, OpenSession
from clapas.web.authentication import SESSION, no_cookies, session_cookies
from clapas.web.errors import CsrfRefused
from clapas.web.guard import asks, require
from clapas.web.offers import offered
from clapas.web.services import Call, services_of


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a person types."""

    login: str
    password: str
    totp: str = ""
    """The code of the second factor, when the account has one."""


class OneTime(msgspec.Struct, frozen=True, kw_only=True):
    """The token of a one-time link, and a code when the account has a second factor."""

    token: str
    totp: str = ""


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """The password chosen; the present one too, unless the account comes from a one-time link."""

    password: str
    current: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in."""

    kind: str
    id: str
    name: str
    roles: list[str]
    language: str
    service: str
    purposes: list[str] = []
    """What they may declare that they read personal data for."""
    must_set_password: bool = False
    login: str = ""
    """What a person types to sign in."""
    may: list[str] = []
    """What the page may offer them, as 'action kind'."""


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """What a one-time link opens."""

    user: User
    must_set_password: bool


class OwnSession(msgspec.Struct, frozen=True, kw_only=True):
    """One of one's own sessions; ``current`` is the one that asks."""

    id: UUID
    created: datetime
    seen: datetime
    expires: datetime
    address: str
    agent: str
    current: bool


def user_of(account: AccountRow) -> User:
    """A person as the page shows them."""
    return User(
        kind="user",
        id=str(account.id),
        name=account.name or account.login,
        roles=sorted(account.roles),
        language=account.language,
        service=account.service,
        purposes=sorted(account.purposes),
        must_set_password=account.must_set,
        login=account.login,
    )


def address_of(request: Request[Any, Any, Any]) -> str:
    """The caller's address ('' when the server does not know it)."""
    return request.client.host if request.client else ""


def own_site(request: Request[Any, Any, Any]) -> None:
    """Refuse a sign-in form that another site posts (login CSRF)."""
    origin = request.headers.get("origin", "")
    host = request.headers.get("host", "")
    if origin and origin.partition("://")[2] != host:
        raise CsrfRefused


async def open_session(request: Call, account: AccountRow, *, mfa: bool = False) -> list[Any]:
    """A new session for an account; the one that the browser had ends (session fixation)."""
    services = services_of(request)
    planted = request.cookies.get(SESSION, "")
    if planted:
        await services.identity.sessions.end(planted)
    session = await services.identity.sessions.open(
        account, address=address_of(request), agent=request.headers.get("user-agent", ""), mfa=mfa
    )
    return session_cookies(session, https=services.settings.https)


@post(
    "/api/v1/session",
    status_code=200,
    tags=["session"],
    opt=asks("write", "session", csrf=False),
    summary="Sign in",
)
async def sign_in(request: Call, data: JSONBody[Credentials]) -> Response[User]:
    """Sign in with a login and a password."""
    own_site(request)
    identity, address = services_of(request).identity, address_of(request)
    account = await identity.sign_in(login=data.login, password=data.password, address=address)
    proven = await identity.factors.demand(account, data.totp[:40], address=address)
    return Response(user_of(account), cookies=await open_session(request, account, mfa=proven))


@post(
    "/api/v1/session/one-time",
    status_code=200,
    tags=["session"],
    opt=asks("write", "session", csrf=False),
    summary="Enter by a one-time link",
)
async def enter(request: Call, data: JSONBody[OneTime]) -> Response[Entered]:
    """Spend a one-time link; a password is chosen next."""
    own_site(request)
    identity, address = services_of(request).identity, address_of(request)
    named = await identity.accounts.named_by(data.token)
    proven = False
    if named is not None:
        proven = await identity.factors.demand(named, data.totp[:40], address=address)
    account = await identity.accounts.enter(data.token, address=address)
    answer = Entered(user=user_of(account), must_set_password=True)
    return Response(answer, cookies=await open_session(request, account, mfa=proven))


@delete(
    "/api/v1/session",
    status_code=204,
    tags=["session"],
    opt=asks("write", "session"),
    summary="Sign out",
)
async def sign_out(request: Call) -> Response[None]:
    """Close the session; without one, nothing happens."""
    services = services_of(request)
    token = request.cookies.get(SESSION, "")
    if token:
        await services.identity.sessions.end(token)
    return Response(None, status_code=204, cookies=no_cookies(https=services.settings.https))


@get("/api/v1/me", tags=["session"], opt=asks("read", "entrance"), summary="Who am I")
async def me(request: Call) -> User:
    """The caller: a person, a service key, a device, or nobody ('anonymous')."""
    principal: Principal = request.user
    may = offered(services_of(request).charter, principal)
    if request.auth is not None:
        return msgspec.structs.replace(user_of(request.auth.account), may=may)
    return User(
        kind=principal.kind,
        id=principal.id,
        name=principal.name,
        roles=sorted(principal.roles | principal.scopes),
        language="fr",
        service=principal.service,
        may=may,
    )


def own_account(request: Call) -> OpenSession:
    """The caller's session, once the charter lets them dispose of their account."""
    charter: Charter = services_of(request).charter
    if request.auth is None:
        raise Unauthenticated
    owner = str(request.auth.account.id)
    mine = Resource(kind="account", id=owner, attributes={"owner": owner})
    require(charter, principal_of(request.auth.account), action="write", resource=mine)
    return request.auth


@put(
    "/api/v1/me/password",
    status_code=204,
    tags=["session"],
    opt=asks("write", "account"),
    summary="Choose a password",
)
async def set_password(request: Call, data: JSONBody[NewPassword]) -> None:
    """Choose a password; every other session of the account ends."""
    session = own_account(request)
    accounts = services_of(request).identity.accounts
    account = await accounts.get(session.account.id)
    if not account.must_set:
        await accounts.verify(account, data.current, address=address_of(request))
    await accounts.set_password(account.id, data.password)
    await services_of(request).identity.sessions.revoke_others(account.id, but=session.id)


@get("/api/v1/me/sessions", tags=["session"], opt=asks("read", "account"), summary="My sessions")
async def sessions(request: Call) -> list[OwnSession]:
    """One's own open sessions, newest first."""
    session = own_account(request)
    found = await services_of(request).identity.sessions.list_of(session.account.id)
    return [
        OwnSession(
            id=each.id,
            created=each.created,
            seen=each.seen,
            expires=each.expires,
            address=each.address,
            agent=each.agent,
            current=each.id == session.id,
        )
        for each in found
    ]


@delete(
    "/api/v1/me/sessions/{session:uuid}",
    status_code=204,
    tags=["session"],
    opt=asks("write", "account"),
    summary="Close one of my sessions",
)
async def revoke(request: Call, session: FromPath[UUID]) -> None:
    """Close one of one's own sessions; somebody else's is not found."""
    mine = own_account(request)
    if not await services_of(request).identity.sessions.revoke(mine.account.id, session):
        raise NotFound(session=str(session))


HANDLERS = (sign_in, enter, sign_out, me, set_password, sessions, revoke)

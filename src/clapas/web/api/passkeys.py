"""One's own passkeys, and signing in with one."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from clapas.identity import PasskeyRefused
from clapas.identity.passkeys import Asked, readable
from clapas.store.identity_federation import PasskeyRow
from clapas.web.api.federation import origin_of
from clapas.web.api.session import User, address_of, open_session, own_account, own_site, user_of
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


class PasskeyOut(msgspec.Struct, frozen=True, kw_only=True):
    """One of one's passkeys."""

    id: str
    name: str
    created: datetime | None
    used: datetime | None


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser answered, with the ticket of the question."""

    ticket: str
    credential: dict[str, Any]
    name: str = ""


def _out(row: PasskeyRow) -> PasskeyOut:
    return PasskeyOut(id=readable(row.id), name=row.name, created=row.created, used=row.used)


@get("/api/v1/me/passkeys", tags=["session"], opt=asks("read", "account"), summary="My passkeys")
async def mine(request: Call) -> list[PasskeyOut]:
    """One's own passkeys."""
    session = own_account(request)
    found = await services_of(request).identity.passkeys.list(session.account.id)
    return [_out(each) for each in found]


@post(
    "/api/v1/me/passkeys/ask",
    status_code=200,
    tags=["session"],
    opt=asks("write", "account"),
    summary="Ask for a passkey",
)
async def ask(request: Call) -> Asked:
    """The question for the browser (``navigator.credentials.create``)."""
    session, identity = own_account(request), services_of(request).identity
    return await identity.passkeys.ask_registration(session.account, origin=origin_of(request))


@post("/api/v1/me/passkeys", tags=["session"], opt=asks("write", "account"), summary="Keep it")
async def keep(request: Call, data: JSONBody[Made]) -> PasskeyOut:
    """Keep the passkey that the browser made."""
    session, identity = own_account(request), services_of(request).identity
    return _out(
        await identity.passkeys.register(
            session.account,
            data.credential,
            ticket=data.ticket,
            origin=origin_of(request),
            name=data.name,
        )
    )


@delete(
    "/api/v1/me/passkeys/{id:str}",
    status_code=204,
    tags=["session"],
    opt=asks("write", "account"),
    summary="Remove a passkey",
)
async def remove(request: Call, id: FromPath[str]) -> None:  # noqa: A002
    """A passkey of one's own works no more."""
    session = own_account(request)
    await services_of(request).identity.passkeys.remove(session.account.id, id)


@post(
    "/api/v1/session/passkey/ask",
    status_code=200,
    tags=["session"],
    opt=asks("write", "session", csrf=False),
    summary="Ask for a sign-in by passkey",
)
async def ask_sign_in(request: Call) -> Asked:
    """The question for the browser (``navigator.credentials.get``)."""
    own_site(request)
    return services_of(request).identity.passkeys.ask_sign_in(origin=origin_of(request))


@post(
    "/api/v1/session/passkey",
    status_code=200,
    tags=["session"],
    opt=asks("write", "session", csrf=False),
    summary="Sign in by passkey",
)
async def sign_in(request: Call, data: JSONBody[Made]) -> Response[User]:
    """Open a session on the answer of a passkey, which counts as two factors."""
    own_site(request)
    identity = services_of(request).identity
    found = await identity.passkeys.sign_in(
        data.credential,
        ticket=data.ticket,
        origin=origin_of(request),
        address=address_of(request),
    )
    account = await identity.accounts.get(found)
    if not account.enabled:
        raise PasskeyRefused
    return Response(user_of(account), cookies=await open_session(request, account, mfa=True))


HANDLERS = (mine, ask, keep, remove, ask_sign_in, sign_in)

"""One's own second factor: enrol, confirm, remove."""

import msgspec
from litestar import delete, get, post
from litestar.params import JSONBody

from clapas.web.api.session import address_of, own_account
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


class FactorState(msgspec.Struct, frozen=True, kw_only=True):
    """Does a second factor work, and was it given in this session?"""

    enabled: bool
    given: bool


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What the telephone needs, once."""

    secret: str
    address: str


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A code of six digits, and the password when something is taken away."""

    code: str = ""
    password: str = ""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Codes to keep on paper, told once; each works once."""

    codes: list[str]


@get("/api/v1/me/factor", tags=["session"], opt=asks("read", "account"), summary="My factor")
async def state(request: Call) -> FactorState:
    """One's own second factor."""
    session = own_account(request)
    works = await services_of(request).identity.factors.works(session.account.id)
    return FactorState(enabled=works, given=session.mfa)


@post("/api/v1/me/factor", tags=["session"], opt=asks("write", "account"), summary="Enrol")
async def enrol(request: Call) -> Enrolled:
    """A new secret; it works once a first code has confirmed it."""
    session = own_account(request)
    made = await services_of(request).identity.factors.enrol(session.account)
    return Enrolled(secret=made.secret, address=made.address)


@post(
    "/api/v1/me/factor/confirm",
    status_code=200,
    tags=["session"],
    opt=asks("write", "account"),
    summary="Confirm",
)
async def confirm(request: Call, data: JSONBody[Code]) -> Recovery:
    """The first code; this session counts as proven from then on."""
    session = own_account(request)
    identity = services_of(request).identity
    codes = await identity.factors.confirm(session.account, data.code[:20], session=session.id)
    identity.sessions.forget()
    return Recovery(codes=codes)


@delete(
    "/api/v1/me/factor",
    status_code=204,
    tags=["session"],
    opt=asks("write", "account"),
    summary="Remove",
)
async def remove(request: Call) -> None:
    """Take one's factor away; the session must have given it."""
    session = own_account(request)
    identity = services_of(request).identity
    if not session.mfa:
        code = request.headers.get("x-clapas-code", "")[:40]
        await identity.factors.demand(session.account, code, address=address_of(request))
    await identity.factors.remove(session.account.id)
    await identity.sessions.revoke_others(session.account.id, but=session.id)


HANDLERS = (state, enrol, confirm, remove)

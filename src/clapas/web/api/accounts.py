"""People's accounts and lent rights, as an administrator sees them."""

import re
from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.errors import Conflict, InvalidInput, Unauthenticated
from clapas.governance.reorganise import all_accounts
from clapas.identity import OwnRole
from clapas.store.identity import AccountRow, IdentityStore
from clapas.store.identity_federation import OrganisationRow
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.session import own_account
from clapas.web.guard import asks
from clapas.web.services import Call, Services, services_of

ORGANISATION = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
ADMINISTRATOR, EVERYBODYS = "operator", "reader"
KINDS = frozenset({"commune", "direction", "trade", "partner", "operator"})


class AccountOut(msgspec.Struct, frozen=True, kw_only=True):
    """An account, without its password."""

    id: UUID
    login: str
    name: str
    roles: list[str]
    organisation: str
    service: str
    communes: list[str]
    purposes: list[str]
    language: str
    enabled: bool
    created: datetime | None


class AccountIn(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator says of an account; ``login`` only when it is made."""

    login: str = ""
    name: str = ""
    roles: list[str] = []
    organisation: str = ""
    service: str = ""
    communes: list[str] = []
    purposes: list[str] = []
    language: str = "fr"
    enabled: bool = True


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """The new account, and the one-time link that opens it, told once."""

    account: AccountOut
    link: str


class GlassIn(msgspec.Struct, frozen=True, kw_only=True):
    """A role wanted for a short time, and why."""

    role: str
    reason: str
    seconds: int = 3600


class GlassOut(msgspec.Struct, frozen=True, kw_only=True):
    """A role lent, or asked for."""

    id: UUID
    account: UUID
    who: str
    """The name of who asks."""
    role: str
    reason: str
    asked: datetime
    approver: UUID | None
    until: datetime | None
    ended: datetime | None


def _out(row: AccountRow) -> AccountOut:
    return AccountOut(**{name: getattr(row, name) for name in AccountOut.__struct_fields__})


def _with(row: AccountRow, data: AccountIn) -> AccountRow:
    said = msgspec.structs.asdict(data)
    del said["login"]
    return msgspec.structs.replace(row, **said)


async def known_organisation(services: Services, name: str) -> None:
    """Raises InvalidInput: people and applications belong to an organisation that is described, or to none."""
    if name and not await services.identity.federation.store.knows_organisation(name):
        raise InvalidInput("no such organisation", field="organisation")


def administers(account: AccountRow) -> bool:
    """May this account sign in and administer?"""
    return account.enabled and ADMINISTRATOR in account.roles


async def _another_administers(services: Services, but: AccountRow) -> None:
    """Raises Conflict: an installation keeps at least one administrator."""
    accounts = await all_accounts(IdentityStore(services.store.postgres))
    if not any(administers(each) for each in accounts if each.id != but.id):
        raise Conflict("the last administrator stays one", login=but.login)


@get("/api/v1/accounts", tags=["accounts"], opt=asks("administer", "account"), summary="Accounts")
async def accounts(
    request: Call, after: FromQuery[str | None] = None, limit: FromQuery[int] = 50
) -> Response[Listed[AccountOut]]:
    """Accounts by login."""
    size = page_size(limit)
    found = await services_of(request).identity.accounts.list(after=after or "", limit=size)
    following = found[-1].login.lower() if len(found) == size else None
    return listing(request, [_out(each) for each in found], after=following)


@post("/api/v1/accounts", tags=["accounts"], opt=asks("administer", "account"), summary="Invite")
async def invite(request: Call, data: JSONBody[AccountIn]) -> Invited:
    """Make an account; its one-time link is told once."""
    people = services_of(request).identity.accounts
    await known_organisation(services_of(request), data.organisation)
    row = await people.add(login=data.login, name=data.name, roles=tuple(data.roles))
    row = await people.change(_with(row, data))
    token = await people.one_time(row.login)
    return Invited(account=_out(row), link=f"/entrer?jeton={token}")


@put(
    "/api/v1/accounts/{id:uuid}",
    tags=["accounts"],
    opt=asks("administer", "account"),
    summary="Change an account",
)
async def change(request: Call, id: FromPath[UUID], data: JSONBody[AccountIn]) -> AccountOut:  # noqa: A002
    """Its name, roles, service, territory, purposes; its sessions obey within seconds."""
    await known_organisation(services_of(request), data.organisation)
    identity = services_of(request).identity
    row = await identity.accounts.get(id)
    changed = _with(row, data)
    if request.user.id == str(id) and not set(changed.roles) <= {*row.roles, EVERYBODYS}:
        raise OwnRole(login=row.login)
    if administers(row) and not administers(changed):
        await _another_administers(services_of(request), row)
    changed = await identity.accounts.change(changed)
    identity.sessions.forget()
    return _out(changed)


@post(
    "/api/v1/accounts/{id:uuid}/link",
    tags=["accounts"],
    opt=asks("administer", "account"),
    summary="A new one-time link",
)
async def link(request: Call, id: FromPath[UUID]) -> Invited:  # noqa: A002
    """For somebody who lost their password or their telephone: both are chosen again, nothing old opens."""
    identity = services_of(request).identity
    row = await identity.accounts.get(id)
    token = await identity.readmit(row)
    return Invited(account=_out(row), link=f"/entrer?jeton={token}")


@get("/api/v1/glass", tags=["accounts"], opt=asks("administer", "glass"), summary="Lent roles")
async def glasses(request: Call) -> list[GlassOut]:
    """Roles asked and lent for a short time, newest first."""
    services = services_of(request)
    people = await all_accounts(IdentityStore(services.store.postgres))
    names = {each.id: each.name or each.login for each in people}
    copied = [name for name in GlassOut.__struct_fields__ if name != "who"]
    return [
        GlassOut(who=names.get(each.account, ""), **{name: getattr(each, name) for name in copied})
        for each in await services.identity.glass.list()
    ]


@post("/api/v1/glass", tags=["accounts"], opt=asks("write", "glass"), summary="Ask for a role")
async def ask(request: Call, data: JSONBody[GlassIn]) -> dict[str, str]:
    """Ask for a role for a short time; somebody else grants it."""
    session = own_account(request)
    made = await services_of(request).identity.glass.ask(
        session.account.id, role=data.role, reason=data.reason, seconds=data.seconds
    )
    return {"id": str(made)}


@post(
    "/api/v1/glass/{id:uuid}/approve",
    status_code=204,
    tags=["accounts"],
    opt=asks("administer", "glass"),
    summary="Grant a role",
)
async def approve(request: Call, id: FromPath[UUID]) -> None:  # noqa: A002
    """Grant what somebody else asked for."""
    if request.auth is None:
        raise Unauthenticated("a person grants, not a key")
    await services_of(request).identity.glass.approve(id, approver=request.auth.account.id)


@delete(
    "/api/v1/glass/{id:uuid}",
    status_code=204,
    tags=["accounts"],
    opt=asks("administer", "glass"),
    summary="End a lent role",
)
async def end(request: Call, id: FromPath[UUID]) -> None:  # noqa: A002
    """End it before its time."""
    await services_of(request).identity.glass.end(id)


@get(
    "/api/v1/organisations",
    tags=["accounts"],
    opt=asks("administer", "account"),
    summary="Organisations",
)
async def organisations(request: Call) -> list[OrganisationRow]:
    """Communes, directions, trades, partners and operators, by id."""
    return await services_of(request).identity.federation.store.organisations()


@put(
    "/api/v1/organisations/{id:str}",
    tags=["accounts"],
    opt=asks("administer", "account"),
    summary="Keep an organisation",
)
async def organise(
    request: Call,
    id: FromPath[str],  # noqa: A002
    data: JSONBody[OrganisationRow],
) -> OrganisationRow:
    """Keep an organisation; one that ended keeps its history."""
    if data.id != id or not ORGANISATION.fullmatch(id) or not data.name.strip():
        raise InvalidInput("small letters, digits and hyphens, and a name", field="id")
    if data.kind not in KINDS:
        raise InvalidInput("unknown kind", field="kind", accepted=sorted(KINDS))
    await services_of(request).identity.federation.store.put_organisation(data)
    return data


HANDLERS = (
    accounts,
    invite,
    change,
    link,
    glasses,
    ask,
    approve,
    end,
    organisations,
    organise,
)

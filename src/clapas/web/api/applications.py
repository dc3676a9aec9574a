"""Applications: made by their owners, subscribed to datasets, approved, counted; the Kong file."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.api_gateway import PLANS, ApiGateway, Plan
from clapas.api_gateway.kong import document
from clapas.charter import collection
from clapas.domain.access import Resource
from clapas.domain.errors import InvalidInput, NotFound, Unauthenticated
from clapas.store.api_gateway import ApplicationRow, SubscriptionRow, UsageRow
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.accounts import known_organisation
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

OWN_PLANS = frozenset({"ouvert", "inscrit"})
"""Plans that an owner may choose; the others are given by an administrator."""


class ApplicationIn(msgspec.Struct, frozen=True, kw_only=True):
    """What an owner says of their application."""

    name: str
    description: str = ""
    organisation: str = ""
    plan: str = "inscrit"


class ApplicationSet(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator sets: plan, territory (INSEE codes), networks, state, what is left of the data."""

    plan: str
    communes: list[str] = []
    networks: list[str] = []
    attributes: list[str] = []
    decimals: int = -1
    delay: int = 0
    state: str = "active"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset asked for, what for, until when."""

    dataset: str
    purpose: str
    expires: datetime | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A decision on a subscription: approved, rejected, suspended, revoked."""

    state: str
    reason: str = ""
    expires: datetime | None = None


class KeyTold(msgspec.Struct, frozen=True, kw_only=True):
    """A key of an application: its secret is told this once."""

    id: str
    secret: str
    expires: datetime


def gateway_of(request: Call) -> ApiGateway:
    """The gateway over this installation's store."""
    services = services_of(request)
    return ApiGateway(services.store.api_gateway, services.identity.keys, charter=services.charter)


def _administers(request: Call) -> bool:
    charter = services_of(request).charter
    return charter.decide(request.user, "administer", resource=collection("application")).allow


async def own(request: Call, id: UUID) -> ApplicationRow:  # noqa: A002
    """An application that the caller owns or administers; another one is not found."""
    found = await gateway_of(request).get(id)
    thing = Resource(kind="application", id=str(id), attributes={"owner": str(found.owner)})
    if not (
        services_of(request).charter.decide(request.user, "write", resource=thing).allow
        or _administers(request)
    ):
        raise NotFound(application=str(id))
    return found


def _person(request: Call) -> UUID:
    if request.auth is None:
        raise Unauthenticated("a person does this, not a key")
    return request.auth.account.id


def _own_organisation(request: Call) -> str:
    """The one of the person signed in: an application is of its owner's organisation unless another one is named."""
    return request.auth.account.organisation if request.auth is not None else ""


@get("/api/v1/plans", tags=["applications"], opt=asks("read", "application"), summary="Plans")
async def plans() -> list[Plan]:
    """The plans with their limits."""
    return list(PLANS.values())


@get("/api/v1/applications", tags=["applications"], opt=asks("read", "application"), summary="Mine")
async def applications(
    request: Call, after: FromQuery[UUID | None] = None, limit: FromQuery[int] = 50
) -> Response[Listed[ApplicationRow]]:
    """One's own applications; all of them for an administrator."""
    size = page_size(limit)
    owner = None if _administers(request) else _person(request)
    found = await gateway_of(request).store.applications(
        owner=owner, after=after or UUID(int=0), limit=size
    )
    return listing(request, found, after=str(found[-1].id) if len(found) == size else None)


@post(
    "/api/v1/applications", tags=["applications"], opt=asks("write", "application"), summary="New"
)
async def create(request: Call, data: JSONBody[ApplicationIn]) -> ApplicationRow:
    """A new application of the person signed in."""
    if data.plan not in OWN_PLANS and not _administers(request):
        raise InvalidInput("this plan is given by an administrator", field="plan")
    said = msgspec.structs.asdict(data)
    said["organisation"] = data.organisation or _own_organisation(request)
    await known_organisation(services_of(request), said["organisation"])
    row = ApplicationRow(id=UUID(int=0), owner=_person(request), **said)
    return await gateway_of(request).create(row)


@put(
    "/api/v1/applications/{id:uuid}",
    tags=["applications"],
    opt=asks("administer", "application"),
    summary="Set an application",
)
async def change(
    request: Call,
    id: FromPath[UUID],  # noqa: A002
    data: JSONBody[ApplicationSet],
) -> ApplicationRow:
    """Its plan, territory, networks, state."""
    if data.state not in {"active", "suspended", "closed"}:
        raise InvalidInput("unknown state", field="state")
    row = await gateway_of(request).get(id)
    return await gateway_of(request).change(
        msgspec.structs.replace(row, **msgspec.structs.asdict(data))
    )


@get(
    "/api/v1/applications/{id:uuid}/subscriptions",
    tags=["applications"],
    opt=asks("read", "application"),
    summary="Subscriptions of an application",
)
async def subscriptions(request: Call, id: FromPath[UUID]) -> list[SubscriptionRow]:  # noqa: A002
    """What it asked for, and what was decided."""
    await own(request, id)
    return await gateway_of(request).store.subscriptions(application=id)


@post(
    "/api/v1/applications/{id:uuid}/subscriptions",
    tags=["applications"],
    opt=asks("write", "application"),
    summary="Ask for a dataset",
)
async def subscribe(request: Call, id: FromPath[UUID], data: JSONBody[Wanted]) -> SubscriptionRow:  # noqa: A002
    """Ask for a dataset, with a purpose."""
    row = await own(request, id)
    return await gateway_of(request).subscribe(
        row, data.dataset, purpose=data.purpose, expires=data.expires
    )


@get(
    "/api/v1/subscriptions",
    tags=["applications"],
    opt=asks("administer", "application"),
    summary="Subscriptions to decide",
)
async def waiting(request: Call, state_: FromQuery[str] = "pending") -> list[SubscriptionRow]:
    """Subscriptions in a state, newest first."""
    return await gateway_of(request).store.subscriptions(state=state_)


@post(
    "/api/v1/subscriptions/{id:uuid}",
    status_code=204,
    tags=["applications"],
    opt=asks("administer", "application"),
    summary="Decide",
)
async def decide(request: Call, id: FromPath[UUID], data: JSONBody[Said]) -> None:  # noqa: A002
    """Approve, reject, suspend or revoke; obeyed within seconds."""
    await gateway_of(request).decide(
        id, state=data.state, by=request.user.id, reason=data.reason, expires=data.expires
    )


@post(
    "/api/v1/applications/{id:uuid}/keys",
    tags=["applications"],
    opt=asks("write", "application"),
    summary="A key of an application",
)
async def key(request: Call, id: FromPath[UUID]) -> KeyTold:  # noqa: A002
    """A key; its secret is told this once."""
    row = await own(request, id)
    made = await gateway_of(request).key(row, owner=_person(request))
    return KeyTold(id=made.row.id, secret=made.secret, expires=made.row.expires)


@get(
    "/api/v1/applications/{id:uuid}/usage",
    tags=["applications"],
    opt=asks("read", "application"),
    summary="What an application used",
)
async def usage(request: Call, id: FromPath[UUID]) -> list[UsageRow]:  # noqa: A002
    """Calls and bytes by day, kind and status over three months."""
    await own(request, id)
    since = (datetime.now(UTC) - timedelta(days=92)).date()
    return await gateway_of(request).store.usage(f"application:{id}", since)


@get(
    "/api/v1/gateway/kong.yaml",
    tags=["applications"],
    opt=asks("administer", "application"),
    summary="The gateway's file for Kong OSS 3.9",
)
async def kong(request: Call, upstream: FromQuery[str] = "http://clapas:8000") -> Response[Any]:
    """DecK declarative file; keys are placeholders."""
    if not upstream.startswith(("http://", "https://")) or len(upstream) > 200:
        raise InvalidInput("an address", field="upstream")
    found = await gateway_of(request).store.applications(limit=1000)
    return Response(document(found, upstream=upstream).encode(), media_type="application/yaml")


HANDLERS = (
    plans,
    applications,
    create,
    change,
    subscriptions,
    subscribe,
    waiting,
    decide,
    key,
    usage,
    kong,
)

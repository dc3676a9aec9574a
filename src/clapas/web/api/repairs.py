"""What the platform found wrong with the fleet, with what mends it."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.domain.errors import InvalidInput
from clapas.fleet.health import sweep
from clapas.store.fleet_health import Repair
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of

TO_MAINTENANCE = frozenset(
    {"device_silent", "never_heard", "battery", "frozen", "implausible", "loss", "clock"}
)


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days."""

    days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: 'maintenance', or the job that mends."""

    done: str
    job: int | None = None


@get("/api/v1/repairs", tags=["fleet"], opt=asks("read", "repair"), summary="What is wrong")
async def repairs(
    request: Call,
    kind: Annotated[str, QueryParameter(max_length=40)] = "",
    muted: FromQuery[bool] = False,  # noqa: FBT002
    skip: FromQuery[int] = 0,
    limit: FromQuery[int] = 100,
) -> Response[Listed[Repair]]:
    """Problems, what touches most devices first."""
    found = await services_of(request).store.health.repairs(
        rows_of(request, "device"),
        kind=kind,
        muted=muted,
        skip=max(0, min(skip, 1_000_000)),
        limit=page_size(limit),
    )
    return listing(request, found)


@get("/api/v1/repairs/count", tags=["fleet"], opt=asks("read", "repair"), summary="How many")
async def count(request: Call) -> dict[str, int]:
    """How many problems of each kind."""
    return await services_of(request).store.health.repair_counts(rows_of(request, "device"))


@post("/api/v1/repairs/look", status_code=200, tags=["fleet"], opt=asks("write", "repair"))
async def look(request: Call) -> dict[str, int]:
    """Look at the fleet now."""
    return await sweep(services_of(request).store)


@post(
    "/api/v1/repairs/{number:int}/mend",
    status_code=200,
    tags=["fleet"],
    opt=asks("write", "repair"),
)
async def mend(request: Call, number: FromPath[int]) -> Mended:
    """Do what mends it: a device goes to maintenance, missing communes are filled."""
    store = services_of(request).store
    problem = await store.health.repair(number)
    actor = request.user.id
    if problem.kind == "no_commune":
        job = await store.jobs.add("fleet.communes", {}, actor=actor)
        return Mended(done="job", job=job.id)
    if problem.kind in TO_MAINTENANCE:
        await store.fleet.move([problem.subject], "maintenance", actor=actor, note=problem.kind)
        await sweep(store)
        return Mended(done="maintenance")
    raise InvalidInput("this needs a person", kind=problem.kind)


@post(
    "/api/v1/repairs/{number:int}/mute",
    status_code=200,
    tags=["fleet"],
    opt=asks("write", "repair"),
)
async def mute(request: Call, number: FromPath[int], data: JSONBody[Mute]) -> Repair:
    """Do not show it for some days."""
    health = services_of(request).store.health
    await health.mute(number, data.days)
    return await health.repair(number)


HANDLERS = (repairs, count, look, mend, mute)

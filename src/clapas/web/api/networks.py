"""The registries of network servers: which are set, and both ways with each."""

import msgspec
from litestar import get, post
from litestar.params import JSONBody

from clapas.store.jobs import Job
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


class NetworkOut(msgspec.Struct, frozen=True, kw_only=True):
    """A network server that Clapas knows how to speak to; ``set``: the platform's settings name one."""

    id: str
    set: bool


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """A dry run only says what would be done."""

    dry: bool = True


@get(
    "/api/v1/fleet/networks",
    tags=["fleet"],
    opt=asks("administer", "device"),
    summary="Network servers",
)
async def networks(request: Call) -> list[NetworkOut]:
    """Which registries can be compared with ours, and which of them are set."""
    known = services_of(request).networks
    return [NetworkOut(id=name, set=ready) for name, ready in known.items()]


@post("/api/v1/fleet/chirpstack", tags=["fleet"], opt=asks("administer", "device"))
async def chirpstack(request: Call, data: JSONBody[Sync]) -> Job:
    """Compare with the ChirpStack of the settings, as a job; without ``dry``, bring each side what it lacks."""
    jobs = services_of(request).store.jobs
    return await jobs.add("fleet.chirpstack", {"dry": data.dry}, actor=request.user.id)


@post("/api/v1/fleet/things-stack", tags=["fleet"], opt=asks("administer", "device"))
async def things_stack(request: Call, data: JSONBody[Sync]) -> Job:
    """Compare with The Things Stack of the settings, as a job; without ``dry``, bring each side what it lacks."""
    jobs = services_of(request).store.jobs
    return await jobs.add("fleet.things_stack", {"dry": data.dry}, actor=request.user.id)


HANDLERS = (networks, chirpstack, things_stack)

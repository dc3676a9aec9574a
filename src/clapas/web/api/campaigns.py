"""Firmware over the air: a file for many devices at once, through the embedded network server."""

from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from clapas.domain.errors import InvalidInput
from clapas.domain.identifiers import normalise_device
from clapas.web.answers import Listed, listing
from clapas.web.guard import asks
from clapas.web.radio import ask, ask_if_any, hidden
from clapas.web.services import Call, services_of


class CampaignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign to start: ``block`` is the file (base 64), ``start_in_s`` when the session opens."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
    block: Annotated[bytes, msgspec.Meta(min_length=1, max_length=400_000)]
    devices: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10_000)]
    start_in_s: Annotated[int, msgspec.Meta(ge=60, le=30 * 86_400)] = 3600
    fragment_size: Annotated[int, msgspec.Meta(ge=1, le=222)] = 48
    redundancy: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.3
    version: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1
    dr: Annotated[int, msgspec.Meta(ge=0, le=15)] | None = None


@get("/api/v1/radio/campaigns", tags=["radio"], opt=asks("read", "gateway"), summary="Campaigns")
async def campaigns(request: Call) -> Response[Listed[dict[str, Any]]]:
    """Firmware campaigns, the newest first, with the step of each member that the caller may see."""
    rows: list[dict[str, Any]] = await ask_if_any(services_of(request), "campaigns", otherwise=[])
    closed = await hidden(request, {each["device"] for row in rows for each in row["members"]})
    for row in rows:
        row["members"] = [each for each in row["members"] if each["device"] not in closed]
    return listing(request, rows)


@post("/api/v1/radio/campaigns", tags=["radio"], opt=asks("administer", "device"), summary="Start")
async def start(request: Call, data: JSONBody[CampaignIn]) -> dict[str, Any]:
    """Invite the members; the server carries the campaign on by itself, across restarts."""
    services = services_of(request)
    members = sorted({normalise_device(each) for each in data.devices})
    if await hidden(request, members, action="administer"):
        raise InvalidInput("some of these devices are not yours to update", field="devices")
    wish = {
        "name": data.name,
        "block": data.block,
        "members": members,
        "start_in_s": data.start_in_s,
        "fragment_size": data.fragment_size,
        "redundancy": data.redundancy,
        "version": data.version,
        "dr": data.dr,
    }
    said: dict[str, Any] = await ask(services, "campaign_start", campaign=wish)
    return said


@delete(
    "/api/v1/radio/campaigns/{name:str}", tags=["radio"], opt=asks("administer", "device"), summary="End"
)  # fmt: skip
async def end(request: Call, name: FromPath[str]) -> None:
    """End a campaign: what was not sent never is."""
    await ask(services_of(request), "campaign_remove", id=name[:40])


HANDLERS = (campaigns, start, end)

"""Multicast groups of the embedded network server: one downlink for many devices (TS001 clause 17, TS005)."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.identifiers import normalise_device
from clapas.web.answers import Listed, listing
from clapas.web.api.device_radio import Counter, Hex, RootKey
from clapas.web.guard import asks
from clapas.web.radio import ask, ask_if_any, hidden
from clapas.web.services import Call, services_of

Eui = Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{16}$")]


class GroupIn(msgspec.Struct, frozen=True, kw_only=True, rename={"group_class": "class"}):
    """A group, hexadecimal. Its keys: ``mc_key`` (TS005), or the two session keys that its devices were made with."""

    mc_addr: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{8}$")]
    mc_key: RootKey = ""
    nwk_s_key: RootKey = ""
    app_s_key: RootKey = ""
    f_cnt_down: Counter = 0
    """The next counter, of a group that another server has spoken to."""
    group_class: Literal["B", "C"] = "C"
    frequency: Annotated[int, msgspec.Meta(ge=0, le=3_000_000_000)] = 0
    """Hz; 0: the region's RX2."""
    dr: Annotated[int, msgspec.Meta(ge=0, le=15)] | None = None
    ping_periodicity: Annotated[int, msgspec.Meta(ge=0, le=7)] = 7
    devices: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10_000)]
    gateways: Annotated[list[Eui], msgspec.Meta(max_length=100)] = []
    """Send through these; none: few that cover the members."""
    invite: bool = False
    """Send each member the group's key, wrapped for it alone (McGroupSetupReq): needs ``mc_key``."""


class GroupDownlinkIn(msgspec.Struct, frozen=True, kw_only=True):
    """A downlink for every member: bytes in hexadecimal, port 1 to 223. It is never confirmed."""

    f_port: Annotated[int, msgspec.Meta(ge=1, le=223)]
    payload: Hex


@get(
    "/api/v1/radio/groups", tags=["radio"], opt=asks("read", "gateway"), summary="Multicast groups"
)
async def groups(request: Call) -> Response[Listed[dict[str, Any]]]:
    """The multicast groups, without their keys, with the members that the caller may see."""
    rows: list[dict[str, Any]] = await ask_if_any(services_of(request), "groups", otherwise=[])
    closed = await hidden(request, {member for row in rows for member in row["members"]})
    for row in rows:
        row["members"] = [member for member in row["members"] if member not in closed]
    return listing(request, rows)


@put("/api/v1/radio/groups/{name:str}", tags=["radio"], opt=asks("administer", "device"))
async def set_group(request: Call, name: FromPath[str], data: JSONBody[GroupIn]) -> dict[str, Any]:
    """Make a group or change it; under the same keys its counter goes on."""
    members = await _permitted(request, data.devices)
    if not data.mc_key and not (data.nwk_s_key and data.app_s_key):
        raise InvalidInput("a group has its mc_key, or its two session keys", field="mc_key")
    if data.invite and not data.mc_key:
        raise InvalidInput("an invitation carries the mc_key", field="mc_key")
    plan = {
        "name": _name(name),
        "mc_addr": int(data.mc_addr, 16),
        "mc_key": bytes.fromhex(data.mc_key),
        "nwk_s_key": bytes.fromhex(data.nwk_s_key),
        "app_s_key": bytes.fromhex(data.app_s_key),
        "f_cnt_down": data.f_cnt_down,
        "group_class": data.group_class,
        "frequency": data.frequency,
        "dr": data.dr,
        "ping_periodicity": data.ping_periodicity,
        "members": members,
        "gateways": [each.lower() for each in data.gateways],
    }
    said: dict[str, Any] = await ask(
        services_of(request), "group_set", group=plan, invite=data.invite
    )
    return said


@post("/api/v1/radio/groups/{name:str}/downlinks", tags=["radio"], opt=asks("administer", "device"))
async def group_downlink(
    request: Call, name: FromPath[str], data: JSONBody[GroupDownlinkIn]
) -> dict[str, Any]:
    """Queue a downlink for a whole group; it is on the disk when this answers."""
    await _whole(request, _name(name))
    said: dict[str, Any] = await ask(
        services_of(request),
        "group_enqueue",
        id=name,
        f_port=data.f_port,
        data=bytes.fromhex(data.payload),
    )
    return said


@delete("/api/v1/radio/groups/{name:str}", tags=["radio"], opt=asks("administer", "device"))
async def remove_group(request: Call, name: FromPath[str]) -> None:
    """Take a group away, with what waits for it."""
    await _whole(request, _name(name))
    await ask(services_of(request), "group_remove", id=name)


def _name(text: str) -> str:
    if not 1 <= len(text) <= 40 or not text.isascii() or not text.replace("-", "").isalnum():
        raise InvalidInput("a group's name has letters, digits and dashes", field="name")
    return text


async def _permitted(request: Call, devices: list[str]) -> list[str]:
    """The members by their keys. Raises InvalidInput when one is not the caller's to command."""
    members = sorted({normalise_device(each) for each in devices})
    if await hidden(request, members, action="administer"):
        raise InvalidInput("some of these devices are not yours to command", field="devices")
    return members


async def _whole(request: Call, name: str) -> None:
    """Whoever speaks to a group may command every member. Raises NotFound."""
    rows: list[dict[str, Any]] = await ask(services_of(request), "groups")
    members: list[str] = next((row["members"] for row in rows if row["name"] == name), [])
    if not members or await hidden(request, members, action="administer"):
        raise NotFound(group=name)


HANDLERS = (groups, set_group, group_downlink, remove_group)

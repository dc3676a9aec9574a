"""What pages and other processes may ask of a running network server: one JSON request, one JSON answer.

The composition root carries the bytes (request and reply on the bus, or a local socket) and decides who may ask; a
request says what it wants in ``ask``. Keys never leave: of a session only its counters and radio settings are told.
An error comes back as ``{"error": code, "detail": …, "values": …}``.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from clapas.domain.errors import ClapasError, Conflict, InvalidInput
from clapas.lorawan import handover, multicast
from clapas.lorawan.campaigns import Wish
from clapas.lorawan.errors import UnknownDevice
from clapas.lorawan.multicast import GroupPlan
from clapas.lorawan.network import FrameLog
from clapas.lorawan.personal import personalise
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.session import GROUP, QueueItem
from clapas.lorawan.told import (
    Doors,
    device_row,
    downlink_rows,
    gateway_row,
    group_row,
    session_row,
)

MAX_REQUEST: Final = 700_000
MAX_ROWS: Final = 500
MAX_GATEWAYS: Final = 1000


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request: what is asked, of which device, and the downlink when one is queued."""

    ask: str
    device: str = ""
    """A device's EUI; for 'frames' and 'follow' also a gateway's."""
    id: str = ""
    """A downlink's: chosen by who queues it (the same id is queued once), or the one to cancel; a file's name."""
    f_port: int = 0
    data: bytes = b""
    confirmed: bool = False
    priority: int = 0
    expires: int = 0
    """Milliseconds since 1970 UTC; 0: never."""
    after: int = 0
    """'follow': the number of the last frame that is known already."""
    limit: int = 100
    campaign: Wish | None = None
    group: GroupPlan | None = None
    invite: bool = False
    """'group_set': send each member the group's key."""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """Frames shown since a number, oldest first, and the number to go on from."""

    last: int
    frames: list[FrameLog]


_requests = msgspec.json.Decoder(Request)


async def answer(server: LorawanServer, request: bytes) -> bytes:
    """Answer a request; never raises for what the request holds."""
    try:
        if len(request) > MAX_REQUEST:
            raise InvalidInput("the request is too large")
        asked = _requests.decode(request)
        handler = _HANDLERS.get(asked.ask)
        if handler is None:
            raise InvalidInput("unknown request", ask=asked.ask, accepted=sorted(_HANDLERS))
        return msgspec.json.encode(await handler(server, asked))
    except ClapasError as wrong:
        told = {"error": wrong.code, "detail": str(wrong), "values": wrong.values}
        return msgspec.json.encode(told, enc_hook=str)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        return msgspec.json.encode({"error": InvalidInput.code, "detail": str(wrong), "values": {}})


async def _figures(server: LorawanServer, _asked: Request) -> dict[str, Any]:
    return server.figures()


async def _doors(server: LorawanServer, _asked: Request) -> Doors:
    return server.doors()


async def _gateways(server: LorawanServer, _asked: Request) -> list[dict[str, Any]]:
    """The gateways, the last heard last; beyond a thousand only those (a flood of forged EUIs)."""
    now = time.monotonic()
    return [
        gateway_row(server.network, each, now=now) for each in server.gateways()[-MAX_GATEWAYS:]
    ]


async def _frames(server: LorawanServer, asked: Request) -> list[FrameLog]:
    """The last frames, newest first; of one device or gateway when ``device`` names it."""
    found = [each for each in reversed(server.network.frames) if _concerns(each, asked)]
    return found[: min(max(asked.limit, 1), MAX_ROWS)]


async def _follow(server: LorawanServer, asked: Request) -> Followed:
    """What came since ``after``; a reader that was away too long goes on with the newest."""
    network = server.network
    found = [each for each in network.since(asked.after) if _concerns(each, asked)]
    return Followed(last=network.shown, frames=found[-min(max(asked.limit, 1), MAX_ROWS) :])


def _concerns(frame: FrameLog, asked: Request) -> bool:
    return not asked.device or asked.device in {frame.device, frame.gateway}


async def _joins(server: LorawanServer, asked: Request) -> list[Any]:
    """The last join failures by device, newest first."""
    found = sorted(server.network.rejections.joins.values(), key=lambda each: -each.at)
    return [each for each in found if asked.device in {"", each.device}][:MAX_ROWS]


async def _device(server: LorawanServer, asked: Request) -> dict[str, Any]:
    return device_row(server.device(asked.device))


async def _queue(server: LorawanServer, asked: Request) -> list[QueueItem]:
    return server.queue(asked.device)[:MAX_ROWS]


async def _downlinks(server: LorawanServer, asked: Request) -> list[Any]:
    return list(downlink_rows(server.network, min(max(asked.limit, 1), MAX_ROWS)))


async def _enqueue(server: LorawanServer, asked: Request) -> QueueItem:
    return await server.enqueue(
        asked.device,
        f_port=asked.f_port,
        data=asked.data,
        confirmed=asked.confirmed,
        priority=asked.priority,
        expires=asked.expires,
        item_id=asked.id,
    )


async def _cancel(server: LorawanServer, asked: Request) -> QueueItem:
    return await server.cancel(asked.device, asked.id)


async def _forget_nonces(server: LorawanServer, asked: Request) -> dict[str, Any]:
    await server.forget_nonces(asked.device)
    return {"done": True}


async def _activate(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """Give a device the session that the register keeps for it (ABP); its keys do not travel here."""
    network = server.network
    network.register.forget(asked.device)
    device = await network.register.joining(asked.device)
    if device is None:
        raise UnknownDevice(f"no LoRaWAN device {asked.device} is registered", device=asked.device)
    return session_row(await personalise(network, device))


async def _changed(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """The register's entry of a device (or all of them) changed."""
    server.network.register.forget(asked.device or None)
    return {"done": True}


async def _hand_over(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """Write every session in the file ``id`` of the handover folder."""
    path = handover.place(server.directory, asked.id)
    return {"devices": await handover.hand_over(server.network.state, path)}


async def _take_over(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """Adopt the sessions of the file ``id`` of the handover folder."""
    path = handover.place(server.directory, asked.id)
    taken = await handover.take_over(server.network.state, path)
    server.network.register.forget()
    return {"devices": taken}


async def _groups(server: LorawanServer, _asked: Request) -> list[dict[str, Any]]:
    """The multicast groups."""
    states = server.network.state.devices()
    rows = [
        group_row(each) for each in states if each.dev_eui.startswith(GROUP) and not each.removed
    ]
    return [row | {"campaign": server.campaigns.owns(row["name"])} for row in rows]


def _free(server: LorawanServer, name: str) -> str:
    """A group that no campaign speaks to. Raises Conflict."""
    if server.campaigns.owns(name):
        raise Conflict("this group belongs to a firmware campaign", name=name[:64])
    return name


async def _group_set(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """Make the group ``group`` or change it; its keys come in here, and are told to nobody but its members."""
    if asked.group is None:
        raise InvalidInput("say which group", field="group")
    _free(server, asked.group.name)
    row = group_row(await server.create_group(asked.group))
    invited = await multicast.invite(server.network, asked.group) if asked.invite else 0
    return {**row, "invited": invited}


async def _group_remove(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """Take the group named ``id`` away."""
    await server.remove_group(_free(server, asked.id))
    return {"done": True}


async def _group_enqueue(server: LorawanServer, asked: Request) -> QueueItem:
    """Queue a downlink for every member of the group named ``id``."""
    return await server.enqueue_group(_free(server, asked.id), f_port=asked.f_port, data=asked.data)


async def _campaigns(server: LorawanServer, _asked: Request) -> list[dict[str, Any]]:
    """The firmware campaigns, the newest first."""
    return server.campaigns.rows()


async def _campaign_start(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """Start the firmware campaign ``campaign``."""
    if asked.campaign is None:
        raise InvalidInput("say which campaign", field="campaign")
    return await server.campaigns.start(asked.campaign)


async def _campaign_remove(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """End and forget the campaign named ``id``."""
    server.campaigns.remove(asked.id)
    return {"done": True}


_HANDLERS: dict[str, Callable[[LorawanServer, Request], Awaitable[Any]]] = {
    "figures": _figures,
    "doors": _doors,
    "gateways": _gateways,
    "frames": _frames,
    "follow": _follow,
    "joins": _joins,
    "device": _device,
    "queue": _queue,
    "downlinks": _downlinks,
    "enqueue": _enqueue,
    "cancel": _cancel,
    "forget_nonces": _forget_nonces,
    "activate": _activate,
    "changed": _changed,
    "groups": _groups,
    "group_set": _group_set,
    "group_remove": _group_remove,
    "group_enqueue": _group_enqueue,
    "campaigns": _campaigns,
    "campaign_start": _campaign_start,
    "campaign_remove": _campaign_remove,
    "hand_over": _hand_over,
    "take_over": _take_over,
}

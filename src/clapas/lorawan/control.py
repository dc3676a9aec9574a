"""What pages and other processes may ask of a running network server: one JSON request, one JSON answer.

The composition root carries the bytes (request and reply on the bus, or a local socket) and decides who may ask; a
request says what it wants in ``ask``. Keys never leave: of a session only its counters and radio settings are told.
An error comes back as ``{"error": code, "detail": …, "values": …}``.
"""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

import msgspec

from clapas.domain.errors import ClapasError, InvalidInput
from clapas.lorawan.adr import packet_loss
from clapas.lorawan.gateways import ONLINE_S, Gateway
from clapas.lorawan.network import Network
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.session import DeviceState, QueueItem, Session

MAX_REQUEST: Final = 65_536
MAX_ROWS: Final = 500


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request: what is asked, of which device, and the downlink when one is queued."""

    ask: str
    device: str = ""
    f_port: int = 0
    data: bytes = b""
    confirmed: bool = False
    priority: int = 0
    expires: int = 0
    """Milliseconds since 1970 UTC; 0: never."""
    limit: int = 100


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


async def _gateways(server: LorawanServer, _asked: Request) -> list[dict[str, Any]]:
    now = monotonic()
    return [gateway_row(server.network, each, now) for each in server.gateways()]


def gateway_row(network: Network, gateway: Gateway, now: float) -> dict[str, Any]:
    """A gateway as the page shows it; ``duty_cycle`` is the share of each band's hour that is spent."""
    names = (
        "id", "door", "address", "first_seen", "last_seen", "uplinks", "crc_errors", "downlinks", "downlink_errors",
        "latitude", "longitude", "altitude", "noise", "temperature", "forwarded_share", "gps",
    )  # fmt: skip
    row: dict[str, Any] = {name: getattr(gateway, name) for name in names}
    row["online"] = now - gateway.heard_at < ONLINE_S
    row["duty_cycle"] = {
        str(band): round(share, 4)
        for band, share in network.gateways.duty_cycle(gateway.id, now).items()
    }
    return row


async def _frames(server: LorawanServer, asked: Request) -> list[Any]:
    """The last frames, newest first; of one device or gateway when ``device`` names it."""
    found = [
        each
        for each in reversed(server.network.frames)
        if not asked.device or asked.device in {each.device, each.gateway}
    ]
    return found[: min(max(asked.limit, 1), MAX_ROWS)]


async def _joins(server: LorawanServer, asked: Request) -> list[Any]:
    """The last join failures by device, newest first."""
    found = sorted(server.network.rejections.joins.values(), key=lambda each: -each.at)
    return [each for each in found if asked.device in {"", each.device}][:MAX_ROWS]


async def _device(server: LorawanServer, asked: Request) -> dict[str, Any]:
    return device_row(server.device(asked.device))


def device_row(state: DeviceState) -> dict[str, Any]:
    """A device's state without its keys."""
    row: dict[str, Any] = {
        "dev_eui": state.dev_eui,
        "join_nonce": state.join_nonce,
        "dev_nonces": len(state.dev_nonces),
    }
    if state.session is not None:
        row["session"] = session_row(state.session)
    return row


def session_row(session: Session) -> dict[str, Any]:
    """A session without its keys; ``loss`` is in percent over the last twenty uplinks."""
    names = (
        "id", "version", "f_cnt_up", "f_cnt_down", "dr", "tx_power", "nb_trans", "rx_delay", "rx2_dr", "rx2_frequency",
        "device_class", "last_seen", "last_gateways", "activated", "joined", "mac_errors",
    )  # fmt: skip
    heard = session.heard()
    row: dict[str, Any] = {name: getattr(session, name) for name in names}
    row["dev_addr"] = f"{session.dev_addr:08x}"
    row["snr"] = [each.snr for each in heard]
    row["loss"] = packet_loss([each.f_cnt for each in heard])
    return row


async def _queue(server: LorawanServer, asked: Request) -> list[QueueItem]:
    return server.queue(asked.device)[:MAX_ROWS]


async def _enqueue(server: LorawanServer, asked: Request) -> QueueItem:
    return await server.enqueue(
        asked.device,
        f_port=asked.f_port,
        data=asked.data,
        confirmed=asked.confirmed,
        priority=asked.priority,
        expires=asked.expires,
    )


async def _forget_nonces(server: LorawanServer, asked: Request) -> dict[str, Any]:
    await server.forget_nonces(asked.device)
    return {"done": True}


async def _changed(server: LorawanServer, asked: Request) -> dict[str, Any]:
    """The register's entry of a device (or all of them) changed."""
    server.network.register.forget(asked.device or None)
    return {"done": True}


_HANDLERS: dict[str, Callable[[LorawanServer, Request], Awaitable[Any]]] = {
    "figures": _figures,
    "gateways": _gateways,
    "frames": _frames,
    "joins": _joins,
    "device": _device,
    "queue": _queue,
    "enqueue": _enqueue,
    "forget_nonces": _forget_nonces,
    "changed": _changed,
}

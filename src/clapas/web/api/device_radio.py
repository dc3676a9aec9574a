"""The radio of one device: how it is heard, its session, its downlinks, its keys."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.access import Resource
from clapas.domain.errors import EngineUnavailable, InvalidInput, NotFound
from clapas.domain.window import milliseconds
from clapas.lorawan.devices import Personal
from clapas.lorawan.errors import UnknownDevice
from clapas.store.fleet import Visit
from clapas.store.radio import DeviceLinks
from clapas.web.api.devices import visible
from clapas.web.guard import asks, require
from clapas.web.radio import ask, ask_if_any, since
from clapas.web.services import Call, services_of

Hex = Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Fa-f]{2})*$", max_length=484)]
RootKey = Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{32})?$")]
FullKey = Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{32}$")]
Counter = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
EuiText = Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{16})?$")]


class DeviceRadio(msgspec.Struct, frozen=True, kw_only=True):
    """A device on the air; ``session`` is None when the embedded network server has none for it."""

    links: DeviceLinks
    session: dict[str, Any] | None
    dev_nonces: int
    join: dict[str, Any] | None
    """Its last join, when it failed."""
    keys: list[str]
    """Kinds of root keys that are kept; the keys themselves are never told."""
    downlinks: list[dict[str, Any]]


class DownlinkIn(msgspec.Struct, frozen=True, kw_only=True):
    """A downlink: bytes in hexadecimal, port 1 to 223, higher priority first."""

    f_port: Annotated[int, msgspec.Meta(ge=1, le=223)]
    payload: Hex
    confirmed: bool = False
    priority: Annotated[int, msgspec.Meta(ge=-100, le=100)] = 0
    expires: datetime | None = None


class KeysIn(msgspec.Struct, frozen=True, kw_only=True):
    """Root keys in hexadecimal; an empty one stays as it was. 1.0.x has only ``app_key``."""

    app_key: RootKey = ""
    nwk_key: RootKey = ""
    gen_app_key: RootKey = ""
    join_eui: EuiText = ""


class SessionIn(msgspec.Struct, frozen=True, kw_only=True):
    """A session by personalisation (ABP), hexadecimal. 1.1 has three network keys: ``nwk_s_key`` is FNwkSIntKey."""

    dev_addr: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{8}$")]
    nwk_s_key: FullKey
    app_s_key: FullKey
    s_nwk_s_int_key: RootKey = ""
    nwk_s_enc_key: RootKey = ""
    f_cnt_up: Counter = 0
    f_cnt_down: Counter = 0


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Which kinds of keys are kept now."""

    keys: list[str]


@get("/api/v1/devices/{key:str}/radio", tags=["radio"], opt=asks("read", "frame"))
async def device_radio(
    request: Call, key: FromPath[str], hours: FromQuery[int] = 168
) -> DeviceRadio:
    """RSSI, SNR and data rates by gateway, counter gaps by day, session, last failed join, downlinks."""
    eui = (await visible(request, key)).device.key
    services = services_of(request)
    try:
        state: dict[str, Any] = await ask(services, "device", device=eui)
    except (EngineUnavailable, UnknownDevice):
        state = {"session": None, "dev_nonces": 0}
    failed = await ask_if_any(services, "joins", otherwise=[], device=eui)
    return DeviceRadio(
        links=await services.store.radio.links(eui, since(hours)),
        session=state.get("session"),
        dev_nonces=state["dev_nonces"],
        join=failed[0] if failed else None,
        keys=sorted(await services.store.fleet.sealed_keys(eui)),
        downlinks=await ask_if_any(services, "queue", otherwise=[], device=eui),
    )


@post("/api/v1/devices/{key:str}/downlinks", tags=["radio"], opt=asks("write", "device"))
async def enqueue(request: Call, key: FromPath[str], data: JSONBody[DownlinkIn]) -> dict[str, Any]:
    """Queue a downlink; it is on the disk when this answers. Models with four eyes take commands only."""
    row = await visible(request, key, action="write")
    services = services_of(request)
    known = await services.store.registry.resolve([row.device.key])
    model = known[row.device.key].model if row.device.key in known else None
    if model and model.settings.get("commands"):
        raise InvalidInput("this model has commands: send one of them", field="f_port")
    said: dict[str, Any] = await ask(
        services,
        "enqueue",
        device=row.device.key,
        f_port=data.f_port,
        data=bytes.fromhex(data.payload),
        confirmed=data.confirmed,
        priority=data.priority,
        expires=_expiry(data.expires),
    )
    return said


def _expiry(moment: datetime | None) -> int:
    if moment is None:
        return 0
    if moment.tzinfo is None:
        raise InvalidInput("a moment needs a zone", field="expires")
    return milliseconds(moment)


@delete("/api/v1/devices/{key:str}/downlinks/{id:str}", tags=["radio"], opt=asks("write", "device"))
async def cancel(request: Call, key: FromPath[str], id: FromPath[str]) -> None:  # noqa: A002
    """Take back a downlink that was not sent yet."""
    row = await visible(request, key, action="write")
    await ask(services_of(request), "cancel", device=row.device.key, id=id[:64])


@post(
    "/api/v1/devices/{key:str}/forget-nonces",
    status_code=200,
    tags=["radio"],
    opt=asks("write", "device"),
    summary='The way out of "DevNonce already used"',
)
async def forget_nonces(request: Call, key: FromPath[str]) -> dict[str, Literal[True]]:
    """The device lost its memory or changed hands: its next join is accepted again."""
    row = await visible(request, key, action="write")
    services = services_of(request)
    await ask(services, "forget_nonces", device=row.device.key)
    await services.store.fleet.note([row.device.key], Visit(kind="nonces", actor=request.user.id))
    return {"done": True}


@put("/api/v1/devices/{key:str}/keys", tags=["radio"], opt=asks("administer", "device"))
async def set_keys(request: Call, key: FromPath[str], data: JSONBody[KeysIn]) -> Kept:
    """Keep root keys, sealed; the device's next join uses them."""
    row = await visible(request, key, action="administer")
    services, eui = services_of(request), row.device.key
    if services.sealer is None:
        raise NotFound("this installation keeps no keys")
    thing = Resource(kind="device", id=eui, commune=row.device.commune)
    require(services.charter, request.user, action="administer", resource=thing)
    rows = [
        {
            "key": eui,
            "kind": kind,
            "sealed": services.sealer.seal(eui, kind, key=bytes.fromhex(text)),
        }
        for kind in ("app_key", "nwk_key", "gen_app_key")
        if (text := getattr(data, kind))
    ]
    await services.store.fleet.save_sealed(rows)
    if data.join_eui:
        await services.store.fleet.save_files([(eui, {"join_eui": data.join_eui.lower()})])
    await services.store.fleet.note([eui], Visit(kind="keys", actor=request.user.id))
    return Kept(keys=sorted(await services.store.fleet.sealed_keys(eui)))


@put("/api/v1/devices/{key:str}/session", tags=["radio"], opt=asks("administer", "device"))
async def set_session(
    request: Call, key: FromPath[str], data: JSONBody[SessionIn]
) -> dict[str, Any]:
    """Give a device its session by personalisation (ABP); the answer tells it without its keys.

    The same keys at the same address go on with the higher counters.
    """
    row = await visible(request, key, action="administer")
    services, eui = services_of(request), row.device.key
    if services.sealer is None:
        raise NotFound("this installation keeps no keys")
    thing = Resource(kind="device", id=eui, commune=row.device.commune)
    require(services.charter, request.user, action="administer", resource=thing)
    given = Personal(
        dev_addr=int(data.dev_addr, 16),
        nwk_s_key=bytes.fromhex(data.nwk_s_key),
        app_s_key=bytes.fromhex(data.app_s_key),
        s_nwk_s_int_key=bytes.fromhex(data.s_nwk_s_int_key),
        nwk_s_enc_key=bytes.fromhex(data.nwk_s_enc_key),
        f_cnt_up=data.f_cnt_up,
        f_cnt_down=data.f_cnt_down,
    )
    sealed = services.sealer.seal(eui, "session", key=msgspec.msgpack.encode(given))
    await services.store.fleet.save_sealed([{"key": eui, "kind": "session", "sealed": sealed}])
    said: dict[str, Any] = await ask(services, "activate", device=eui)
    await services.store.fleet.note([eui], Visit(kind="keys", actor=request.user.id))
    return said


HANDLERS = (device_radio, enqueue, cancel, forget_nonces, set_keys, set_session)

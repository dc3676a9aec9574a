"""Devices, their frames, their models."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.domain.access import Resource
from clapas.domain.device import Device, Lifecycle
from clapas.domain.errors import Conflict, InvalidInput, NotFound
from clapas.domain.identifiers import DEVICE, normalise_device
from clapas.domain.window import instant
from clapas.store.values import DeviceRow, Frame
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.placing import check_model, commune_for
from clapas.web.guard import asks, require
from clapas.web.services import Call, exit_of, rows_of, services_of

DEFAULT_INTERVAL_S = 3600
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Short = Annotated[str, msgspec.Meta(max_length=200)]


class DeviceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A device as lists show it; ``state`` is online, late (> 2 intervals), silent (> 5) or never."""

    id: UUID
    key: str
    name: str
    model: str
    source: str
    lifecycle: str
    commune: str
    longitude: float | None
    latitude: float | None
    last_seen: datetime | None
    state: str
    rssi: float | None
    snr: float | None
    battery_level: float | None
    simulated: bool


class NewDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device to create. A ``proposed`` one waits in the assistant until its first message was understood."""

    key: Annotated[str, msgspec.Meta(max_length=128)]
    name: Short = ""
    model: Short = ""
    source: Short = ""
    lifecycle: Literal["proposed", "stock", "to_install", "active"] = "active"
    longitude: Longitude | None = None
    latitude: Latitude | None = None


class DeviceChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to change; what is absent stays."""

    name: Short | msgspec.UnsetType = msgspec.UNSET
    model: Short | msgspec.UnsetType = msgspec.UNSET
    source: Short | msgspec.UnsetType = msgspec.UNSET
    lifecycle: Lifecycle | msgspec.UnsetType = msgspec.UNSET
    longitude: Longitude | msgspec.UnsetType | None = msgspec.UNSET
    latitude: Latitude | msgspec.UnsetType | None = msgspec.UNSET


class FrameOut(msgspec.Struct, frozen=True, kw_only=True):
    """A raw message of a device, and what became of it."""

    log: int
    sequence: int
    received: datetime
    measured: datetime | None
    f_port: int | None
    f_cnt: int | None
    payload_hex: str
    raw_text: str
    radio: list[dict[str, Any]]
    frequency_hz: int | None
    data_rate: str
    codec: int
    outcome: str
    reason: str
    observations: int
    source: str
    topic: str


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A device's credential: MQTT user name and password (and bearer token), told once."""

    username: str
    token: str
    publish: list[str]
    subscribe: list[str]


def freshness(last: datetime | None, interval_s: int | None, *, now: datetime) -> str:
    """How recently a device was heard, in its own intervals."""
    if last is None:
        return "never"
    silence = (now - last).total_seconds() / (interval_s or DEFAULT_INTERVAL_S)
    if silence > 5:
        return "silent"
    return "late" if silence > 2 else "online"


def device_out(row: DeviceRow) -> DeviceOut:
    """A device as the page shows it."""
    device = row.device
    return DeviceOut(
        id=device.id,
        key=device.key,
        name=device.name,
        model=device.model,
        source=device.source,
        lifecycle=device.lifecycle,
        commune=device.commune,
        longitude=device.longitude,
        latitude=device.latitude,
        last_seen=device.last_seen,
        state=freshness(device.last_seen, row.interval_s, now=datetime.now(UTC)),
        rssi=row.rssi,
        snr=row.snr,
        battery_level=row.battery_level,
        simulated=row.simulated,
    )


def frame_out(frame: Frame) -> FrameOut:
    """A frame as the page shows it."""
    raw = frame.raw
    try:
        radio = msgspec.json.decode(raw.radio, type=list[dict[str, Any]]) if raw.radio else []
    except msgspec.DecodeError:
        radio = []
    return FrameOut(
        log=raw.log,
        sequence=raw.sequence,
        received=instant(raw.received),
        measured=instant(raw.measured) if raw.measured is not None else None,
        f_port=raw.f_port,
        f_cnt=raw.f_cnt,
        payload_hex=raw.frame.hex(),
        raw_text=raw.payload[:20_000].decode("utf-8", errors="replace"),
        radio=radio,
        frequency_hz=raw.frequency_hz,
        data_rate=raw.data_rate,
        codec=raw.codec,
        outcome=frame.result,
        reason=frame.reason,
        observations=frame.observations,
        source=raw.source,
        topic=raw.topic,
    )


async def visible(request: Call, key: str, *, action: str = "read") -> DeviceRow:
    """One device, once the charter permits; one that may not be seen is not found."""
    services, name = services_of(request), normalise_device(key)
    row = await services.store.registry.device(name, rows_of(request, "device"))
    if action != "read":
        try:
            await services.store.registry.device(name, rows_of(request, "device", action=action))
        except NotFound:
            thing = Resource(kind="device", id=name, dataset="?", commune=row.device.commune)
            require(services.charter, request.user, action=action, resource=thing)
            raise
    return row


@get("/api/v1/devices", tags=["devices"], opt=asks("read", "device"), summary="Devices")
async def devices(
    request: Call,
    q: Annotated[str, QueryParameter(max_length=200)] = "",
    source: FromQuery[str] = "",
    model: FromQuery[str] = "",
    lifecycle: FromQuery[str] = "",
    commune: FromQuery[str] = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[DeviceOut]]:
    """Devices by key; ``q`` looks into key and name."""
    page = await services_of(request).store.registry.devices(
        rows_of(request, "device"),
        q=q,
        source=source,
        model=model,
        lifecycle=lifecycle,
        commune=commune,
        after=after,
        limit=page_size(limit),
    )
    return listing(request, [device_out(each) for each in page.items], after=page.next)


@get("/api/v1/devices/{key:str}", tags=["devices"], opt=asks("read", "device"), summary="A device")
async def device(request: Call, key: FromPath[str]) -> DeviceOut:
    """One device."""
    return device_out(await visible(request, key))


@post("/api/v1/devices", tags=["devices"], opt=asks("write", "device"), summary="Create a device")
async def create(request: Call, data: JSONBody[NewDevice]) -> DeviceOut:
    """Create a device. A key that exists is a conflict; a model must be there."""
    services = services_of(request)
    key = normalise_device(data.key)
    if not DEVICE.match(key):
        raise InvalidInput("a device's id has no space and none of . * > / + #", field="key")
    try:
        await services.store.registry.device(key)
    except NotFound:
        pass
    else:
        raise Conflict("this device exists already", key=key)
    await check_model(request, data.model)
    wanted = Device(
        id=uuid4(),
        key=key,
        name=data.name,
        model=data.model,
        source=data.source,
        lifecycle=data.lifecycle,
        longitude=data.longitude,
        latitude=data.latitude,
        commune=await commune_for(request, key, longitude=data.longitude, latitude=data.latitude),
    )
    await services.store.registry.save_devices([wanted])
    return device_out(await services.store.registry.device(key))


@patch("/api/v1/devices/{key:str}", tags=["devices"], opt=asks("write", "device"), summary="Change")
async def change(request: Call, key: FromPath[str], data: JSONBody[DeviceChange]) -> DeviceOut:
    """Change a device; moved, it goes to its new commune."""
    return await _change(request, key, data=data)


async def _change(request: Call, key: str, *, data: DeviceChange) -> DeviceOut:
    row = await visible(request, key, action="write")
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(data).items()
        if value is not msgspec.UNSET
    }
    wanted = msgspec.structs.replace(row.device, **fields)
    if wanted.model != row.device.model:
        await check_model(request, wanted.model)
    if "longitude" in fields or "latitude" in fields:
        commune = await commune_for(
            request, wanted.key, longitude=wanted.longitude, latitude=wanted.latitude
        )
        wanted = msgspec.structs.replace(wanted, commune=commune)
    registry = services_of(request).store.registry
    await registry.save_devices([wanted], simulated=row.simulated)
    return device_out(await registry.device(wanted.key))


@post(
    "/api/v1/devices/{key:str}/approve",
    status_code=200,
    tags=["devices"],
    opt=asks("write", "device"),
    summary="Accept a proposed device",
)
async def approve(request: Call, key: FromPath[str]) -> DeviceOut:
    """A device that was heard and proposed becomes active."""
    return await _change(request, key, data=DeviceChange(lifecycle="active"))


@post(
    "/api/v1/devices/{key:str}/token",
    tags=["devices"],
    opt=asks("administer", "device"),
    summary="Make a device's credential",
)
async def token(request: Call, key: FromPath[str]) -> Token:
    """A new MQTT and HTTP credential, told once; the one before it stays alive."""
    row = await visible(request, key, action="administer")
    identity = services_of(request).identity
    secret = await identity.devices.issue(row.device.key)
    grant = await identity.authorize_mqtt(row.device.key, secret, client_id="")
    return Token(
        username=row.device.key,
        token=secret,
        publish=list(grant.publish) if grant else [],
        subscribe=list(grant.subscribe) if grant else [],
    )


@get(
    "/api/v1/devices/{key:str}/frames",
    tags=["devices"],
    opt=asks("read", "frame"),
    summary="Frames of a device",
)
async def frames(
    request: Call,
    key: FromPath[str],
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[FrameOut]]:
    """The last raw messages of a device, newest first."""
    await visible(request, key)
    store = services_of(request).store
    row = await store.registry.device(key, exit_of(request).single_rows("frame"))
    page = await store.raw.frames(row.device.key, after=after, limit=page_size(limit))
    return listing(request, [frame_out(each) for each in page.items], after=page.next)


HANDLERS = (devices, device, create, change, approve, token, frames)

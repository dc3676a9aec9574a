"""The radio network: gateways, live frames, failed joins, downlinks, coverage."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, get, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.domain.device import Gateway
from clapas.domain.errors import EngineUnavailable, InvalidInput, NotFound
from clapas.domain.identifiers import EUI
from clapas.domain.window import instant
from clapas.lorawan.told import Doors
from clapas.store.radio import HeardAt
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.devices import Latitude, Longitude
from clapas.web.guard import asks
from clapas.web.radio import ask, ask_if_any, permitted, since
from clapas.web.services import Call, rows_of, services_of

CELL = 0.0025
"""Degrees of a cell of the coverage map: about 250 m."""
FRESH = timedelta(hours=1)
Short = Annotated[str, msgspec.Meta(max_length=200)]
Key = Annotated[str, QueryParameter(max_length=128)]


class Radio(msgspec.Struct, frozen=True, kw_only=True):
    """The embedded network server: whether it runs, its counts since its start, where gateways reach it."""

    running: bool
    counts: dict[str, Any] = {}
    rejected: dict[str, int] = {}
    doors: Doors | None = None


class GatewayOut(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway: ``duty_cycle`` is the share of each band's (Hz) hour that is spent, ``noise`` in dBm."""

    id: str
    name: str
    longitude: float | None
    latitude: float | None
    last_seen: datetime | None
    state: str
    """online, silent, or never."""
    door: str = ""
    address: str = ""
    uplinks: int = 0
    ours: int = 0
    crc_errors: int = 0
    downlinks: int = 0
    downlink_errors: dict[str, int] = {}
    altitude: float | None = None
    placed_by_itself: bool = False
    noise: float | None = None
    temperature: float | None = None
    forwarded_share: float | None = None
    gps: bool = False
    duty_cycle: dict[str, float] = {}


class GatewayIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a gateway."""

    name: Short = ""
    longitude: Longitude | None = None
    latitude: Latitude | None = None


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of the coverage map: its middle, and how its devices are heard by their best gateway."""

    longitude: float
    latitude: float
    devices: int
    frames: int
    gateways: int
    rssi: float
    snr: float


@get("/api/v1/radio", tags=["radio"], opt=asks("read", "gateway"), summary="The network server")
async def radio(request: Call) -> Radio:
    """Whether the embedded LoRaWAN network server runs, what it counted, what to type into a gateway."""
    services = services_of(request)
    try:
        figures = await ask(services, "figures")
        doors = msgspec.convert(await ask(services, "doors"), Doors)
    except EngineUnavailable:
        return Radio(running=False)
    return Radio(running=True, rejected=figures.pop("rejected"), counts=figures, doors=doors)


@get("/api/v1/gateways", tags=["radio"], opt=asks("read", "gateway"), summary="Gateways")
async def gateways(request: Call) -> Response[Listed[GatewayOut]]:
    """The gateways of the registry and those that the network server hears, by name."""
    found = await _gateways(request)
    return listing(request, sorted(found.values(), key=lambda each: (each.name or "~", each.id)))


@get("/api/v1/gateways/{id:str}", tags=["radio"], opt=asks("read", "gateway"), summary="A gateway")
async def gateway(request: Call, id: FromPath[str]) -> GatewayOut:  # noqa: A002
    """One gateway."""
    found = (await _gateways(request)).get(id.lower())
    if found is None:
        raise NotFound(gateway=id[:64])
    return found


@put("/api/v1/gateways/{id:str}", tags=["radio"], opt=asks("write", "gateway"))
async def set_gateway(
    request: Call,
    id: FromPath[str],  # noqa: A002
    data: JSONBody[GatewayIn],
) -> GatewayOut:
    """Name and place a gateway; the place that it tells by itself stays the stronger one."""
    key = id.lower()
    if not EUI.match(key):
        raise InvalidInput("a gateway's id is an EUI of 16 hexadecimal digits", field="id")
    said = msgspec.structs.asdict(data)
    await services_of(request).store.models.save_gateways([Gateway(id=key, **said)])
    return (await _gateways(request))[key]


async def _gateways(request: Call) -> dict[str, GatewayOut]:
    services = services_of(request)
    live: list[dict[str, Any]] = await ask_if_any(services, "gateways", otherwise=[])
    found = {row["id"]: _heard(row) for row in live}
    for each in await services.store.models.gateways():
        known = found.get(each.id)
        found[each.id] = _named(known, each) if known else _registered(each)
    return found


def _heard(row: dict[str, Any]) -> GatewayOut:
    facts = {name: row[name] for name in GatewayOut.__struct_fields__ if name in row}
    facts["last_seen"] = instant(row["last_seen"]) if row["last_seen"] else None
    return GatewayOut(**facts, name="", state="online" if row["online"] else "silent")


def _named(live: GatewayOut, known: Gateway) -> GatewayOut:
    if live.longitude is not None and live.placed_by_itself:
        return msgspec.structs.replace(live, name=known.name)
    return msgspec.structs.replace(
        live, name=known.name, longitude=known.longitude, latitude=known.latitude
    )


def _registered(known: Gateway) -> GatewayOut:
    """A gateway of another network server, or one that was not heard since the start."""
    last = known.last_seen
    fresh = last is not None and datetime.now(UTC) - last < FRESH
    state = "never" if last is None else "online" if fresh else "silent"
    return GatewayOut(
        id=known.id,
        name=known.name,
        longitude=known.longitude,
        latitude=known.latitude,
        last_seen=last,
        state=state,
    )


@get("/api/v1/radio/frames", tags=["radio"], opt=asks("read", "frame"), summary="Last frames")
async def frames(
    request: Call, device: Key = "", gateway_: Annotated[str, QueryParameter(name="gateway", max_length=32)] = "",
    limit: FromQuery[int] = 100,
) -> Response[Listed[dict[str, Any]]]:  # fmt: skip
    """The last frames on the air, newest first; of one device or gateway."""
    about = (device or gateway_).lower()
    found = await ask(services_of(request), "frames", device=about, limit=page_size(limit))
    return listing(request, await permitted(request, found))


@get("/api/v1/radio/joins", tags=["radio"], opt=asks("read", "frame"), summary="Failed joins")
async def joins(request: Call) -> Response[Listed[dict[str, Any]]]:
    """The last join that failed of each device, newest first: ``reason`` has words for what to do."""
    found = await ask_if_any(services_of(request), "joins", otherwise=[])
    shown = await permitted(request, found)
    known = await services_of(request).store.registry.resolve([row["device"] for row in shown])
    rows = [
        {
            **row,
            "name": known[row["device"]].device.name if row["device"] in known else "",
            "registered": row["device"] in known,
        }
        for row in shown
    ]
    return listing(request, rows)


@get("/api/v1/radio/downlinks", tags=["radio"], opt=asks("read", "device"), summary="Downlinks")
async def downlinks(request: Call, limit: FromQuery[int] = 200) -> Response[Listed[dict[str, Any]]]:
    """Downlinks that wait or fly, then the last ones that ended, each with its state and reason."""
    found = await ask_if_any(
        services_of(request), "downlinks", otherwise=[], limit=page_size(limit)
    )
    rows = [{"device": row["device"], **row["item"]} for row in found]
    return listing(request, await permitted(request, rows))


@get("/api/v1/radio/coverage", tags=["radio"], opt=asks("read", "frame"), summary="Coverage")
async def coverage(
    request: Call,
    gateway_: Annotated[str, QueryParameter(name="gateway", max_length=32)] = "",
    hours: FromQuery[int] = 24,
) -> Response[Listed[Cell]]:
    """Where devices were really heard from, by cells of about 250 m."""
    heard = await services_of(request).store.radio.heard_at(
        rows_of(request, "device"), since(hours), gateway=gateway_.lower()
    )
    return listing(request, await asyncio.to_thread(_cells, heard))


def _cells(heard: Any) -> list[Cell]:
    """Group places by cell; a device counts by the gateway that hears it best."""
    best: dict[tuple[float, float], HeardAt] = {}
    around: dict[tuple[float, float], set[str]] = defaultdict(set)
    for each in heard:
        place = (each.longitude, each.latitude)
        around[place].add(each.gateway)
        if place not in best or each.snr > best[place].snr:
            best[place] = each
    groups: dict[tuple[int, int], list[HeardAt]] = defaultdict(list)
    for (longitude, latitude), each in best.items():
        groups[round(longitude / CELL), round(latitude / CELL)].append(each)
    return [
        Cell(
            longitude=round(x * CELL, 5),
            latitude=round(y * CELL, 5),
            devices=len(group),
            frames=sum(each.frames for each in group),
            gateways=len(set().union(*(around[e.longitude, e.latitude] for e in group))),
            rssi=round(sum(each.rssi for each in group) / len(group), 1),
            snr=round(sum(each.snr for each in group) / len(group), 1),
        )
        for (x, y), group in sorted(groups.items())
    ]


HANDLERS = (
    radio,
    gateways,
    gateway,
    set_gateway,
    frames,
    joins,
    downlinks,
    coverage,
)

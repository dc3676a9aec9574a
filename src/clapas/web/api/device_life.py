"""The life of one device: its file, what it measures, its steps, its successor, its log, its code."""

import base64
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.device import Binding, Lifecycle
from clapas.domain.errors import InvalidInput
from clapas.domain.identifiers import normalise_device
from clapas.fleet.labels import svg, text_of
from clapas.store.fleet import Event, Visit
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.binding import check, ready
from clapas.web.api.devices import visible
from clapas.web.api.fleet import FleetOut, fleet_out
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of

PHOTO_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
LARGEST_PHOTO = 3_000_000
Text = Annotated[str, msgspec.Meta(max_length=200)]
Long = Annotated[str, msgspec.Meta(max_length=2000)]


class FileIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Origin and money; an empty field stays as it was."""

    serial: Text = ""
    address: Text = ""
    site: Text = ""
    service: Text = ""
    supplier: Text = ""
    contract: Text = ""
    bought: date | None = None
    warranty: date | None = None
    yearly_cost: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    note: Long = ""
    join_eui: Annotated[str, msgspec.Meta(pattern="^([0-9a-fA-F]{16})?$")] = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of life."""

    lifecycle: Lifecycle
    note: Long = ""


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """The hardware that takes over, and from when (now if absent)."""

    successor: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    at: datetime | None = None


class VisitIn(msgspec.Struct, frozen=True, kw_only=True):
    """What was done; ``photo`` is a JPEG, PNG or WebP image as base 64."""

    kind: Annotated[str, msgspec.Meta(pattern="^(install|repair|battery|clean|move|other)$")]
    note: Long = ""
    photo: Annotated[str, msgspec.Meta(max_length=4_100_000)] = ""


@get("/api/v1/devices/{key:str}/file", tags=["fleet"], opt=asks("read", "device"), summary="File")
async def file(request: Call, key: FromPath[str]) -> FleetOut:
    """A device with its file and health."""
    row = await visible(request, key)
    fleet_store = services_of(request).store.fleet
    return fleet_out(await fleet_store.one(row.device.key, rows_of(request, "device")))


@put("/api/v1/devices/{key:str}/file", tags=["fleet"], opt=asks("write", "device"))
async def set_file(request: Call, key: FromPath[str], data: JSONBody[FileIn]) -> FleetOut:
    """Change origin and money of a device."""
    row = await visible(request, key, action="write")
    said = msgspec.structs.replace(data, join_eui=data.join_eui.lower())
    values = {name: value for name, value in msgspec.structs.asdict(said).items() if value}
    store = services_of(request).store.fleet
    await store.save_files([(row.device.key, values)])
    return fleet_out(await store.one(row.device.key, rows_of(request, "device")))


@get(
    "/api/v1/devices/{key:str}/bindings",
    tags=["fleet"],
    opt=asks("read", "device"),
    summary="What a device measures",
)
async def bindings(request: Call, key: FromPath[str]) -> list[Binding]:
    """Channel → attribute of an entity, with dates, scale and offset."""
    row = await visible(request, key)
    known = await services_of(request).store.registry.resolve([row.device.key])
    return list(known[row.device.key].bindings) if row.device.key in known else []


@put(
    "/api/v1/devices/{key:str}/bindings",
    tags=["fleet"],
    opt=asks("write", "device"),
    summary="Say what a device measures",
)
async def set_bindings(
    request: Call, key: FromPath[str], data: JSONBody[list[Binding]]
) -> list[Binding]:
    """Replace the bindings of a device; a thing that is named for the first time is made, at its place."""
    row = await visible(request, key, action="write")
    store = services_of(request).store
    check(data)
    await ready(request, row.device, given=data)
    await store.registry.bind(row.device.key, data)
    await store.fleet.note([row.device.key], Visit(kind="bindings", actor=request.user.id))
    return data


@post(
    "/api/v1/devices/{key:str}/step", status_code=200, tags=["fleet"], opt=asks("write", "device")
)
async def step(request: Call, key: FromPath[str], data: JSONBody[Step]) -> FleetOut:
    """Change the step of a device's life; dated and signed."""
    row = await visible(request, key, action="write")
    store = services_of(request).store.fleet
    await store.move([row.device.key], data.lifecycle, actor=request.user.id, note=data.note)
    return fleet_out(await store.one(row.device.key, rows_of(request, "device")))


@post(
    "/api/v1/devices/{key:str}/swap", status_code=200, tags=["fleet"], opt=asks("write", "device")
)
async def swap(request: Call, key: FromPath[str], data: JSONBody[Swap]) -> FleetOut:
    """Other hardware takes over: the series go on. The successor must exist."""
    row = await visible(request, key, action="write")
    other = await visible(request, normalise_device(data.successor), action="write")
    at = data.at or datetime.now(UTC)
    if at.tzinfo is None:
        raise InvalidInput("a moment needs a zone", field="at")
    store = services_of(request).store.fleet
    await store.swap(row.device.key, other.device.key, at=at, actor=request.user.id)
    return fleet_out(await store.one(other.device.key, rows_of(request, "device")))


@get("/api/v1/devices/{key:str}/events", tags=["fleet"], opt=asks("read", "device"))
async def events(
    request: Call,
    key: FromPath[str],
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[Event]]:
    """The log of a device: steps, visits, swaps, imports."""
    row = await visible(request, key)
    page = await services_of(request).store.fleet.events(
        row.device.key, after=after, limit=page_size(limit)
    )
    return listing(request, page.items, after=page.next)


@post(
    "/api/v1/devices/{key:str}/events",
    tags=["fleet"],
    opt=asks("write", "device"),
    request_max_body_size=4_200_000,
    summary="Write a visit",
)
async def visit(request: Call, key: FromPath[str], data: JSONBody[VisitIn]) -> list[Event]:
    """What a technician did, with a photo."""
    row = await visible(request, key, action="write")
    photo = _photo(data.photo)
    store = services_of(request).store.fleet
    seen = Visit(
        kind=data.kind,
        actor=request.user.id,
        note=data.note,
        photo=photo[0] if photo else None,
        photo_kind=photo[1] if photo else "",
    )
    await store.note([row.device.key], seen)
    return (await store.events(row.device.key, limit=1)).items


def _photo(text: str) -> tuple[bytes, str] | None:
    if not text:
        return None
    try:
        content = base64.b64decode(text.rpartition(",")[2], validate=True)
    except ValueError as error:
        raise InvalidInput("the photo is not base 64", field="photo") from error
    kind = next((kind for head, kind in PHOTO_KINDS.items() if content.startswith(head)), None)
    if kind is None or len(content) > LARGEST_PHOTO:
        raise InvalidInput(
            "a photo is a JPEG, PNG or WebP of at most 3 MB", field="photo", limit=LARGEST_PHOTO
        )
    return content, kind


@get(
    "/api/v1/devices/{key:str}/events/{event:int}/photo", tags=["fleet"], opt=asks("read", "device")
)
async def photo(request: Call, key: FromPath[str], event: FromPath[int]) -> Response[bytes]:
    """The photo of a visit."""
    row = await visible(request, key)
    content, kind = await services_of(request).store.fleet.photo(row.device.key, event)
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=86400"})


@get(
    "/api/v1/devices/{key:str}/code.svg",
    tags=["fleet"],
    opt=asks("read", "device"),
    summary="QR code (TR005)",
)
async def code(request: Call, key: FromPath[str]) -> Response[bytes]:
    """The device's QR code, as the LoRa Alliance writes it."""
    row = await visible(request, key)
    store = services_of(request).store
    found = await store.fleet.one(row.device.key, rows_of(request, "device"))
    known = (await store.registry.resolve([row.device.key])).get(row.device.key)
    profile = known.model.settings.get("profile_id", "") if known and known.model else ""
    text = text_of(
        dev_eui=row.device.key,
        join_eui=found.file.join_eui,
        profile=str(profile),
        serial=found.file.serial,
    )
    return Response(svg(text), media_type="image/svg+xml")


HANDLERS = (file, set_file, bindings, set_bindings, step, swap, events, visit, photo, code)

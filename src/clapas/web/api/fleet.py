"""The fleet: queries with state on the server, bindings, files, steps, swaps, visits, groups, bill."""

import base64
import binascii
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.domain.device import Binding, Lifecycle
from clapas.domain.errors import InvalidInput
from clapas.domain.identifiers import normalise_device
from clapas.store.fleet import Cost, DeviceFile, DeviceQuery, Event, FleetRow, Group, Health, Visit
from clapas.store.jobs import Job
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.devices import DeviceOut, device_out, visible
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of

PHOTO_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
LARGEST_PHOTO = 3_000_000
Text = Annotated[str, msgspec.Meta(max_length=200)]
Long = Annotated[str, msgspec.Meta(max_length=2000)]
Query = Annotated[str, QueryParameter(max_length=200)]


class FleetOut(msgspec.Struct, frozen=True, kw_only=True):
    """A device with its tags, its file and its health."""

    device: DeviceOut
    tags: dict[str, str]
    gateway: str
    file: DeviceFile
    health: Health


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


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """An action on every device that a query chooses."""

    query: DeviceQuery
    action: Annotated[str, msgspec.Meta(pattern="^(model|tags|lifecycle|service|retire|command)$")]
    values: dict[str, Any] = {}


class GroupIn(msgspec.Struct, frozen=True, kw_only=True):
    """A query to save."""

    label: Text = ""
    query: DeviceQuery


def fleet_out(row: FleetRow) -> FleetOut:
    """A device of the fleet as the page shows it."""
    return FleetOut(
        device=device_out(row.row),
        tags=row.row.device.tags,
        gateway=row.row.gateway,
        file=row.file,
        health=row.health,
    )


@get("/api/v1/fleet", tags=["fleet"], opt=asks("read", "device"), summary="The fleet")
async def fleet(  # noqa: PLR0913, PLR0917 (each is a filter of the address)
    request: Call,
    q: Query = "",
    source: Query = "",
    model: Query = "",
    lifecycle: Query = "",
    commune: Query = "",
    online: Annotated[str, QueryParameter(name="state", max_length=200)] = "",
    service: Query = "",
    gateway: Query = "",
    tag: Query = "",
    group: Query = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[FleetOut]]:
    """Devices by key, filtered on the server; ``group`` replaces the other filters."""
    store = services_of(request).store.fleet
    query = DeviceQuery(
        q=q,
        source=source,
        model=model,
        lifecycle=lifecycle,
        commune=commune,
        state=online,
        service=service,
        gateway=gateway,
        tag=tag,
    )
    if group:
        query = (await _group(request, group)).query
    page = await store.select(
        rows_of(request, "device"), query, after=after, limit=page_size(limit)
    )
    return listing(request, [fleet_out(each) for each in page.items], page.next)


@post(
    "/api/v1/fleet/count",
    status_code=200,
    tags=["fleet"],
    opt=asks("write", "device"),
    summary="How many a query chooses",
)
async def count(request: Call, data: JSONBody[DeviceQuery]) -> dict[str, int]:
    """By state: shown before an action on many."""
    return await services_of(request).store.fleet.count(rows_of(request, "device", "write"), data)


@post("/api/v1/fleet/bulk", tags=["fleet"], opt=asks("write", "device"), summary="Act on many")
async def bulk(request: Call, data: JSONBody[Bulk]) -> Job:
    """An action on every device of a query, as a job with a result for each."""
    services = services_of(request)
    keys = await services.store.fleet.keys(rows_of(request, "device", "write"), data.query)
    if not keys:
        raise InvalidInput("no device is chosen", field="query")
    return await services.store.jobs.add(
        "fleet.bulk",
        {"keys": keys, "action": data.action, "values": data.values},
        actor=request.user.id,
        subject=f"{data.action} × {len(keys)}",
    )


@get("/api/v1/devices/{key:str}/file", tags=["fleet"], opt=asks("read", "device"), summary="File")
async def file(request: Call, key: FromPath[str]) -> FleetOut:
    """A device with its file and health."""
    row = await visible(request, key)
    fleet_store = services_of(request).store.fleet
    return fleet_out(await fleet_store.one(row.device.key, rows_of(request, "device")))


@put("/api/v1/devices/{key:str}/file", tags=["fleet"], opt=asks("write", "device"))
async def set_file(request: Call, key: FromPath[str], data: JSONBody[FileIn]) -> FleetOut:
    """Change origin and money of a device."""
    row = await visible(request, key, "write")
    values = {name: value for name, value in msgspec.structs.asdict(data).items() if value}
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
    """Replace the bindings of a device."""
    row = await visible(request, key, "write")
    store = services_of(request).store
    if len(data) > 200:
        raise InvalidInput("a device has at most 200 bindings", accepted=[0, 200])
    if any(each.start and each.end and each.end <= each.start for each in data):
        raise InvalidInput("a binding ends after it starts", field="end")
    await store.registry.bind(row.device.key, data)
    await store.fleet.note([row.device.key], Visit(kind="bindings", actor=request.user.id))
    return data


@post(
    "/api/v1/devices/{key:str}/step", status_code=200, tags=["fleet"], opt=asks("write", "device")
)
async def step(request: Call, key: FromPath[str], data: JSONBody[Step]) -> FleetOut:
    """Change the step of a device's life; dated and signed."""
    row = await visible(request, key, "write")
    store = services_of(request).store.fleet
    await store.move([row.device.key], data.lifecycle, actor=request.user.id, note=data.note)
    return fleet_out(await store.one(row.device.key, rows_of(request, "device")))


@post(
    "/api/v1/devices/{key:str}/swap", status_code=200, tags=["fleet"], opt=asks("write", "device")
)
async def swap(request: Call, key: FromPath[str], data: JSONBody[Swap]) -> FleetOut:
    """Other hardware takes over: the series go on. The successor must exist."""
    row = await visible(request, key, "write")
    other = await visible(request, normalise_device(data.successor), "write")
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
    return listing(request, page.items, page.next)


@post(
    "/api/v1/devices/{key:str}/events",
    tags=["fleet"],
    opt=asks("write", "device"),
    request_max_body_size=4_200_000,
    summary="Write a visit",
)
async def visit(request: Call, key: FromPath[str], data: JSONBody[VisitIn]) -> list[Event]:
    """What a technician did, with a photo."""
    row = await visible(request, key, "write")
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
    except binascii.Error as error:
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


async def _group(request: Call, name: str) -> Group:
    found = await services_of(request).store.fleet.groups(name)
    if not found:
        raise InvalidInput("there is no such group", field="group")
    return found[0]


@get("/api/v1/groups", tags=["fleet"], opt=asks("read", "device"), summary="Groups")
async def groups(request: Call) -> Response[Listed[Group]]:
    """Saved queries."""
    return listing(request, await services_of(request).store.fleet.groups())


@put("/api/v1/groups/{name:str}", tags=["fleet"], opt=asks("write", "device"), summary="Save")
async def save_group(request: Call, name: FromPath[str], data: JSONBody[GroupIn]) -> Group:
    """Save a query under a name."""
    if not 1 <= len(name) <= 60:
        raise InvalidInput("a name has 1 to 60 letters", field="name")
    group = Group(name=name, label=data.label, query=data.query, actor=request.user.id)
    await services_of(request).store.fleet.save_group(group)
    return group


@delete("/api/v1/groups/{name:str}", tags=["fleet"], opt=asks("write", "device"))
async def remove_group(request: Call, name: FromPath[str]) -> None:
    """Forget a saved query."""
    await services_of(request).store.fleet.remove_group(name)


@get("/api/v1/costs", tags=["fleet"], opt=asks("read", "device"), summary="The bill")
async def costs(request: Call) -> Response[Listed[Cost]]:
    """The yearly bill by service and supplier (euros)."""
    found = await services_of(request).store.fleet.costs(rows_of(request, "device"))
    return listing(request, found)


HANDLERS = (
    fleet,
    count,
    bulk,
    file,
    set_file,
    bindings,
    set_bindings,
    step,
    swap,
    events,
    visit,
    photo,
    groups,
    save_group,
    remove_group,
    costs,
)

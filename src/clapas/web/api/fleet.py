"""The fleet as a whole: lists filtered on the server, actions on many, groups, the bill."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.charter.following import follow, passing
from clapas.domain.errors import Conflict, InvalidInput
from clapas.fleet.workbook import XLSX, sheet_of
from clapas.store.fleet import Cost, DeviceFile, DeviceQuery, FleetRow, Group, Health, UseCost
from clapas.store.jobs import Job
from clapas.store.rules import RulesStore
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.devices import DeviceOut, device_out
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of

FILTERS = frozenset(DeviceQuery.__struct_fields__) - {"keys"}
Text = Annotated[str, msgspec.Meta(max_length=200)]
Query = Annotated[str, QueryParameter(max_length=200)]


class FleetOut(msgspec.Struct, frozen=True, kw_only=True):
    """A device with its tags, its file and its health."""

    device: DeviceOut
    tags: dict[str, str]
    gateway: str
    file: DeviceFile
    health: Health


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """An action on every device that a query chooses."""

    query: DeviceQuery
    action: Annotated[
        str, msgspec.Meta(pattern="^(model|tags|lifecycle|service|dataset|retire|command)$")
    ]
    values: dict[str, Any] = {}


class GroupOut(msgspec.Struct, frozen=True, kw_only=True):
    """A saved query; ``datasets``: those whose records follow it."""

    name: str
    label: str
    query: DeviceQuery
    actor: str
    created: datetime | None
    datasets: list[str]


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
async def fleet(  # noqa: PLR0913 (each is a filter of the address)
    request: Call,
    q: Query = "",
    source: Query = "",
    model: Query = "",
    lifecycle: Query = "",
    commune: Query = "",
    how: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
    service: Query = "",
    gateway: Query = "",
    tag: Query = "",
    group: Query = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[FleetOut]]:
    """Devices by key, filtered on the server; the other filters narrow a ``group``."""
    store = services_of(request).store.fleet
    query = DeviceQuery(
        q=q,
        source=source,
        model=model,
        lifecycle=lifecycle,
        commune=commune,
        state=how,
        service=service,
        gateway=gateway,
        tag=tag,
        group=group,
    )
    page = await store.select(
        rows_of(request, "device"), query, after=after, limit=page_size(limit)
    )
    return listing(request, [fleet_out(each) for each in page.items], after=page.next)


@post(
    "/api/v1/fleet/count",
    status_code=200,
    tags=["fleet"],
    opt=asks("write", "device"),
    summary="How many a query chooses",
)
async def count(request: Call, data: JSONBody[DeviceQuery]) -> dict[str, int]:
    """By state: shown before an action on many."""
    return await services_of(request).store.fleet.count(
        rows_of(request, "device", action="write"), data
    )


@post("/api/v1/fleet/bulk", tags=["fleet"], opt=asks("write", "device"), summary="Act on many")
async def bulk(request: Call, data: JSONBody[Bulk]) -> Job:
    """An action on every device of a query, as a job with a result for each."""
    services = services_of(request)
    keys = await services.store.fleet.keys(rows_of(request, "device", action="write"), data.query)
    if not keys:
        raise InvalidInput("no device is chosen", field="query")
    return await services.store.jobs.add(
        "fleet.bulk",
        {"keys": keys, "action": data.action, "values": data.values},
        actor=request.user.id,
        subject=f"{data.action} × {len(keys)}",
    )


@get("/api/v1/groups", tags=["fleet"], opt=asks("read", "device"), summary="Groups")
async def groups(request: Call) -> Response[Listed[GroupOut]]:
    """Saved queries, with the datasets that follow them."""
    store = services_of(request).store
    return listing(
        request,
        [
            GroupOut(
                name=each.name,
                label=each.label,
                query=each.query,
                actor=each.actor,
                created=each.created,
                datasets=await store.dataset_groups.naming(each.name),
            )
            for each in await store.fleet.groups()
        ],
    )


@put("/api/v1/groups/{name:str}", tags=["fleet"], opt=asks("write", "device"), summary="Save")
async def save_group(request: Call, name: FromPath[str], data: JSONBody[GroupIn]) -> Group:
    """Save a query under a name."""
    if not 1 <= len(name) <= 60:
        raise InvalidInput("a name has 1 to 60 letters", field="name")
    if "=" in name or name.startswith("urn:"):
        raise InvalidInput("this is the form of a tag or of an entity", field="name")
    store = services_of(request).store
    group = Group(name=name, label=data.label, query=data.query, actor=request.user.id)
    followed = await store.dataset_groups.naming(name)
    if followed and (wrong := passing(data.query)):
        raise Conflict(
            "a dataset follows this group: it cannot hang on how devices are heard",
            datasets=", ".join(followed),
            fields=", ".join(wrong),
        )
    await store.fleet.save_group(group)
    await follow(store)
    return group


@delete("/api/v1/groups/{name:str}", tags=["fleet"], opt=asks("write", "device"))
async def remove_group(request: Call, name: FromPath[str]) -> None:
    """Forget a saved query, unless a rule watches it or a dataset follows it."""
    store = services_of(request).store
    watching = await RulesStore(store.postgres, store.clickhouse).naming_group(name)
    if watching:
        raise Conflict(
            "rules watch this group: change them first",
            reason="group_watched",
            rules=", ".join(watching),
        )
    scheduled = [
        each.label or str(each.id)
        for each in await store.commands.schedules()
        if each.target.get("group") == name
    ]
    if scheduled:
        raise Conflict(
            "schedules are for this group: remove them first",
            reason="group_scheduled",
            schedules=", ".join(scheduled),
        )
    followed = await store.dataset_groups.naming(name)
    if followed:
        raise Conflict(
            "datasets follow this group: change their records first",
            reason="group_followed",
            datasets=", ".join(followed),
        )
    await store.fleet.remove_group(name)


@get("/api/v1/costs", tags=["fleet"], opt=asks("read", "device"), summary="The bill")
async def costs(request: Call) -> Response[Listed[Cost]]:
    """The yearly bill by service and supplier (euros)."""
    found = await services_of(request).store.fleet.costs(rows_of(request, "device"))
    return listing(request, found)


@get("/api/v1/costs/use", tags=["fleet"], opt=asks("read", "device"), summary="Cost per use")
async def costs_by_use(request: Call) -> Response[Listed[UseCost]]:
    """The yearly bill by what the devices measure (euros); a device of several uses is shared equally."""
    found = await services_of(request).store.fleet.costs_by_use(rows_of(request, "device"))
    return listing(request, found)


@get("/api/v1/fleet.xlsx", tags=["fleet"], opt=asks("export", "device"), summary="As a workbook")
async def workbook(request: Call) -> Response[bytes]:
    """The whole filtered list as XLSX; the filters are those of the list."""
    given = {name: text for name, text in request.query_params.items() if name in FILTERS}
    query = msgspec.convert(given, DeviceQuery)
    store = services_of(request).store.fleet
    page = await store.select(rows_of(request, "device", action="export"), query, limit=100_000)
    content = await asyncio.to_thread(sheet_of, page.items)
    headers = {"Content-Disposition": 'attachment; filename="appareils.xlsx"'}
    return Response(content, media_type=XLSX, headers=headers)


HANDLERS = (
    fleet,
    workbook,
    count,
    bulk,
    groups,
    save_group,
    remove_group,
    costs,
    costs_by_use,
)

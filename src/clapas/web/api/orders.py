"""Commands to devices, four-eyes approval, schedules."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.domain.errors import InvalidInput, NotFound
from clapas.fleet.calendar import Timing, next_after
from clapas.fleet.dispatch import ground_of
from clapas.fleet.errors import NotTwo
from clapas.fleet.models import model_named
from clapas.fleet.orders import Choice, Known, Wish, choices, known_commands, order, words_of
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet_commands import Command, Schedule
from clapas.store.values import Known as Resolved
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.devices import visible
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of


class CommandOut(msgspec.Struct, frozen=True, kw_only=True):
    """A command as the page shows it."""

    id: int
    key: str
    name: str
    f_port: int | None
    payload: str
    object: dict[str, Any] | None
    confirmed: bool
    state: str
    detail: str
    not_before: datetime
    expires: datetime
    longest_s: int | None
    opposite: int | None
    actor: str
    approver: str
    created: datetime
    sent: datetime | None
    ended: datetime | None
    mine: bool
    device_name: str = ""
    fr: str = ""
    en: str = ""
    """The command in the words of the device's model."""


class ScheduleIn(msgspec.Struct, frozen=True, kw_only=True):
    """A command that comes again."""

    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    target: DeviceQuery
    command: Wish
    timing: Timing


class ScheduleOut(Schedule, frozen=True, kw_only=True):
    """A schedule, its command in the words of the models that it reaches."""

    fr: str
    en: str


def command_out(command: Command, who: str, *, device: Resolved | None = None) -> CommandOut:
    """A command as the page shows it, in the words of its device when that is given."""
    french, english = words_of(device.model if device else None, command.name)
    values = msgspec.structs.asdict(command)
    values["payload"] = command.payload.hex()
    for name in ("reference", "expect"):
        values.pop(name)
    return CommandOut(
        **values,
        mine=command.actor == who,
        device_name=device.device.name if device else "",
        fr=french,
        en=english,
    )


@get("/api/v1/commands", tags=["commands"], opt=asks("read", "device"), summary="Commands")
async def commands(
    request: Call,
    device: Annotated[str, QueryParameter(max_length=128)] = "",
    stands: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[CommandOut]]:
    """The queue and its past, the newest first."""
    store = services_of(request).store
    page = await store.commands.page(
        rows_of(request, "device"), key=device, state=stands, after=after, limit=page_size(limit)
    )
    known = await store.registry.resolve([each.key for each in page.items])
    me = request.user.id
    told = [command_out(each, me, device=known.get(each.key)) for each in page.items]
    return listing(request, told, after=page.next)


@post(
    "/api/v1/fleet/commands",
    status_code=200,
    tags=["commands"],
    opt=asks("write", "device"),
    summary="What devices can be told",
)
async def possible_for(request: Call, data: JSONBody[DeviceQuery]) -> list[Choice]:
    """The commands that a query's devices know, with on how many: shown before a schedule or an action on many."""
    store = services_of(request).store
    return await choices(store, data, rows=rows_of(request, "device", action="write"))


@get("/api/v1/devices/{key:str}/commands", tags=["commands"], opt=asks("read", "device"))
async def possible(request: Call, key: FromPath[str]) -> dict[str, Known]:
    """What a device can be told, as its model says."""
    row = await visible(request, key)
    store = services_of(request).store
    known = await store.registry.resolve([row.device.key])
    return known_commands(known[row.device.key].model) if row.device.key in known else {}


@post("/api/v1/devices/{key:str}/commands", tags=["commands"], opt=asks("write", "device"))
async def add(request: Call, key: FromPath[str], data: JSONBody[Wish]) -> CommandOut:
    """Queue a command; where the model asks for it, it waits for a second person."""
    row = await visible(request, key, action="write")
    store = services_of(request).store
    me = request.user.id
    numbers = await order(store, [row.device.key], values=msgspec.structs.asdict(data), actor=me)
    return command_out(await store.commands.get(numbers[0]), me)


async def _seen(request: Call, number: int) -> Command:
    return await services_of(request).store.commands.get(
        number, rows_of(request, "device", action="write")
    )


@post(
    "/api/v1/commands/{number:int}/approve",
    status_code=200,
    tags=["commands"],
    opt=asks("write", "device"),
)
async def approve(request: Call, number: FromPath[int]) -> CommandOut:
    """A second person agrees."""
    command, me = await _seen(request, number), request.user.id
    store = services_of(request).store.commands
    if request.user.kind != "user":
        raise NotTwo("a person approves, signed in, not a key", command=number)
    if not await store.approve(command.id, me):
        raise NotTwo(command=number, state=command.state)
    return command_out(await store.get(number), me)


@post(
    "/api/v1/commands/{number:int}/refuse",
    status_code=200,
    tags=["commands"],
    opt=asks("write", "device"),
)
async def refuse(request: Call, number: FromPath[int]) -> CommandOut:
    """A second person refuses, or the one who asked withdraws."""
    command, me = await _seen(request, number), request.user.id
    store = services_of(request).store.commands
    state = "cancelled" if command.actor == me else "refused"
    if not await store.close(command.id, state=state, by=me):  # type: ignore[arg-type]
        raise NotTwo("this command was sent, or is over", command=number, state=command.state)
    return command_out(await store.get(number), me)


@get("/api/v1/schedules", tags=["commands"], opt=asks("read", "device"), summary="Schedules")
async def schedules(request: Call) -> Response[Listed[ScheduleOut]]:
    """Commands that come again."""
    found = await services_of(request).store.commands.schedules()
    return listing(request, [await _schedule_out(request, each) for each in found])


async def _schedule_out(request: Call, schedule: Schedule) -> ScheduleOut:
    query = msgspec.convert(schedule.target, DeviceQuery)
    try:
        known = await choices(services_of(request).store, query, rows=rows_of(request, "device"))
    except NotFound:  # its group is gone: the schedule is still there to be forgotten
        known = []
    said = {each.name: (each.fr, each.en) for each in known}
    french, english = said.get(schedule.command.get("name", ""), ("", ""))
    return ScheduleOut(**msgspec.structs.asdict(schedule), fr=french, en=english)


@post("/api/v1/schedules", tags=["commands"], opt=asks("administer", "device"))
async def add_schedule(request: Call, data: JSONBody[ScheduleIn]) -> Schedule:
    """A command at civil hours of the territory, or with the sun."""
    store = services_of(request).store
    if data.target == DeviceQuery():
        raise InvalidInput("a schedule needs a target", field="target")
    target = data.target
    if target.model:
        model = (await model_named(store, target.model)).id
        target = msgspec.structs.replace(target, model=model)
    following = next_after(data.timing, datetime.now(UTC), ground=await ground_of(store))
    if following is None:
        raise InvalidInput("this schedule never acts", field="timing")
    number = await store.commands.add_schedule(
        Schedule(
            label=data.label,
            target=msgspec.to_builtins(target),
            command=msgspec.to_builtins(data.command),
            timing=msgspec.to_builtins(data.timing),
            actor=request.user.id,
            next=following,
        )
    )
    found = [each for each in await store.commands.schedules() if each.id == number]
    if not found:
        raise NotFound(schedule=number)
    return found[0]


@delete("/api/v1/schedules/{number:int}", tags=["commands"], opt=asks("administer", "device"))
async def remove_schedule(request: Call, number: FromPath[int]) -> None:
    """Forget a schedule."""
    await services_of(request).store.commands.remove_schedule(number)


HANDLERS = (
    commands,
    possible,
    possible_for,
    add,
    approve,
    refuse,
    schedules,
    add_schedule,
    remove_schedule,
)

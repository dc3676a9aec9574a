"""Running beside the platform in place: begin, compare a day, see the days, cut over or leave."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.errors import InvalidInput
from clapas.fleet import shadow as runs
from clapas.fleet.comparison import DayReport, Rules
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet_shadow import ComparedDay, Shadow
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of

LARGEST = 100_000_000


class ShadowIn(msgspec.Struct, frozen=True, kw_only=True):
    """Which devices are compared, and how."""

    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    query: DeviceQuery
    rules: Rules = msgspec.field(default_factory=Rules)


class ShadowOut(msgspec.Struct, frozen=True, kw_only=True):
    """A shadow run with what it covers and whether its last days permit to cut over."""

    name: str
    label: str
    state: str
    query: DeviceQuery
    rules: Rules
    started: datetime | None
    ended: datetime | None
    ended_by: str
    days: int
    devices: int
    ready: bool


class DayOut(msgspec.Struct, frozen=True, kw_only=True):
    """A compared day."""

    day: date
    compared: datetime
    report: DayReport


class End(msgspec.Struct, frozen=True, kw_only=True):
    """``force``: cut over although the days do not agree; ``retire``: the devices leave service here."""

    force: bool = False
    retire: bool = False


async def _out(request: Call, found: Shadow) -> ShadowOut:
    store = services_of(request).store
    query = msgspec.convert(found.query, DeviceQuery)
    states = await store.fleet.count(rows_of(request, "device"), query)
    return ShadowOut(
        name=found.name,
        label=found.label,
        state=found.state,
        query=query,
        rules=runs.rules_of(found),
        started=found.started,
        ended=found.ended,
        ended_by=found.ended_by,
        days=found.days,
        devices=sum(states.values()),
        ready=found.state == "running" and await runs.is_ready(store, found),
    )


def _day_out(each: ComparedDay) -> DayOut:
    return DayOut(
        day=each.day, compared=each.compared, report=msgspec.convert(each.report, DayReport)
    )


@get("/api/v1/shadows", tags=["shadow"], opt=asks("administer", "device"), summary="Shadow runs")
async def shadows(request: Call) -> Response[Listed[ShadowOut]]:
    """Platforms beside which we run."""
    found = await services_of(request).store.shadows.all()
    return listing(request, [await _out(request, each) for each in found])


@put("/api/v1/shadows/{name:str}", tags=["shadow"], opt=asks("administer", "device"))
async def save(request: Call, name: FromPath[str], data: JSONBody[ShadowIn]) -> ShadowOut:
    """Begin to run beside a platform, or change how it is compared."""
    if not 1 <= len(name) <= 60:
        raise InvalidInput("a name has 1 to 60 letters", field="name")
    if data.query == DeviceQuery():
        raise InvalidInput("say which devices are compared", field="query")
    store = services_of(request).store.shadows
    wanted = Shadow(
        name=name,
        label=data.label,
        query=msgspec.to_builtins(data.query),
        rules=msgspec.to_builtins(data.rules),
        actor=request.user.id,
    )
    await store.save(wanted)
    return await _out(request, await store.get(name))


@get("/api/v1/shadows/{name:str}", tags=["shadow"], opt=asks("administer", "device"))
async def one(request: Call, name: FromPath[str]) -> ShadowOut:
    """One shadow run."""
    return await _out(request, await services_of(request).store.shadows.get(name))


@get("/api/v1/shadows/{name:str}/days", tags=["shadow"], opt=asks("administer", "device"))
async def days(
    request: Call,
    name: FromPath[str],
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[DayOut]]:
    """Counts and values compared day by day, the newest first."""
    store = services_of(request).store.shadows
    await store.get(name)
    page = await store.days(name, after=after, limit=page_size(limit))
    return listing(request, [_day_out(each) for each in page.items], after=page.next)


@post(
    "/api/v1/shadows/{name:str}/days/{day:str}",
    status_code=200,
    tags=["shadow"],
    opt=asks("administer", "device"),
    request_max_body_size=LARGEST,
    summary="Compare a day",
)
async def compare(request: Call, name: FromPath[str], day: FromPath[str]) -> DayReport:
    """The body is the other platform's CSV of that civil day: device, attribute, time, value."""
    try:
        when = date.fromisoformat(day)
    except ValueError as error:
        raise InvalidInput("a day is written 2026-05-01", field="day") from error
    content = await request.body()
    return await runs.compare_day(services_of(request).store, name, day=when, content=content)


@post(
    "/api/v1/shadows/{name:str}/cut-over",
    status_code=200,
    tags=["shadow"],
    opt=asks("administer", "device"),
    summary="Cut over",
)
async def cut_over(request: Call, name: FromPath[str], data: JSONBody[End]) -> ShadowOut:
    """From now on commands are ours to give; refused until the last days agree, or forced."""
    store = services_of(request).store
    found = await runs.cut_over(store, name, actor=request.user.id, force=data.force)
    return await _out(request, found)


@post(
    "/api/v1/shadows/{name:str}/leave",
    status_code=200,
    tags=["shadow"],
    opt=asks("administer", "device"),
    summary="Leave",
)
async def leave(request: Call, name: FromPath[str], data: JSONBody[End]) -> ShadowOut:
    """End without taking over; nothing is touched on the other platform."""
    store = services_of(request).store
    found = await runs.leave(store, name, actor=request.user.id, retire=data.retire)
    return await _out(request, found)


HANDLERS = (shadows, save, one, days, compare, cut_over, leave)

"""Alarms: the list, one with all that is known of it, what people do, silences, the public feed."""

import time
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.domain.access import RowFilter
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.window import instant, milliseconds
from clapas.notify.cap import Bulletin, atom, cap, fr_alert
from clapas.rules.life import Action
from clapas.rules.model import SEVERITIES
from clapas.rules.office import Office
from clapas.store import Place
from clapas.store.notify import Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import Alarm, Silencing
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, Services, rows_of, services_of

Query = Annotated[str, QueryParameter(max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=2000)]
DAY_MS = 86_400_000
BULK = 500
EVERYTHING = RowFilter(everything=True)


class AlarmOut(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as lists show it."""

    id: int
    rule: str
    entity: str
    name: str
    title: str
    severity: str
    trade: str
    commune: str
    active: bool
    acknowledged: bool
    state: str
    first: datetime
    last: datetime
    raised: datetime
    cleared: datetime | None
    closed: datetime | None
    count: int
    assignee: str
    acknowledged_by: str
    verdict: str
    value: float | None
    series: int | None
    measured: datetime | None
    message: dict[str, str]
    parents: list[str]
    masked: str
    flapping: bool


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: datetime
    kind: str
    who: str
    values: dict[str, Any]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Who was told, how, when, delivered or not."""

    person: str
    channel: str
    step: int
    kind: str
    due: datetime
    state: str
    attempts: int
    error: str
    sent: datetime | None


class AlarmFile(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm with its timeline, who was told, its rule's worth, the text for FR-Alert."""

    alarm: AlarmOut
    timeline: list[Line]
    told: list[Told]
    precision: float | None
    judged: int
    fr_alert: dict[str, Any]


class Acts(msgspec.Struct, frozen=True, kw_only=True):
    """What a person does to alarms: all of them, or none when one refuses."""

    ids: Annotated[list[int], msgspec.Meta(min_length=1, max_length=BULK)]
    action: Action
    value: Text = ""


class SilenceIn(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which alarms that match stay quiet."""

    kind: Literal["silence", "maintenance"] = "silence"
    rule: Text = ""
    entity: Text = ""
    commune: Text = ""
    start: datetime
    end: datetime
    reason: Text = ""


class SilenceOut(SilenceIn, frozen=True, kw_only=True):
    """A silence that is not over."""

    id: int
    who: str


class Made(msgspec.Struct, frozen=True):
    """The number of what was made."""

    id: int


def now_ms() -> int:
    """Now, ms."""
    return time.time_ns() // 1_000_000


def alarms_of(services: Services) -> Alarms:
    """The alarms' part of the store."""
    return Alarms(services.store.postgres)


def rules_of(services: Services) -> RulesStore:
    """The rules' part of the store."""
    return RulesStore(services.store.postgres, services.store.clickhouse)


def alarm_out(alarm: Alarm) -> AlarmOut:
    """An alarm as lists show it; its state in one word."""
    values = {name: getattr(alarm, name) for name in AlarmOut.__struct_fields__ if name != "state"}
    for name in ("first", "last", "raised", "cleared", "closed", "measured"):
        values[name] = instant(values[name]) if values[name] is not None else None
    values["acknowledged"] = alarm.acknowledged is not None
    values["parents"] = list(alarm.parents)
    return AlarmOut(**values, state=_state(alarm))


def _state(alarm: Alarm) -> str:
    if alarm.closed is not None:
        return "closed"
    if not alarm.active:
        return "cleared"
    return "new" if alarm.acknowledged is None else "acknowledged"


@get("/api/v1/alarms", tags=["alarms"], opt=asks("read", "alarm"), summary="Alarms")
async def alarms(  # noqa: PLR0913
    request: Call,
    *,
    status: Annotated[str, QueryParameter(name="state", max_length=20)] = "open",
    severity: Query = "",
    rule: Query = "",
    trade: Query = "",
    entity: Annotated[str, QueryParameter(max_length=500)] = "",
    commune: Query = "",
    mine: FromQuery[bool] = False,
    q: Query = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[AlarmOut]]:
    """Alarms, the last raised first. ``state``: open, active, new, cleared, closed or all."""
    if status not in ("open", "active", "new", "cleared", "closed", "all"):
        raise InvalidInput(field="state", accepted="open, active, new, cleared, closed, all")
    page = await alarms_of(services_of(request)).page(
        rows_of(request, "alarm"),
        after=after,
        limit=page_size(limit),
        state="" if status == "all" else status,
        severity=severity,
        rule=rule,
        trade=trade,
        entity=entity,
        commune=commune,
        assignee=request.user.name if mine else "",
        q=q,
    )
    return listing(request, [alarm_out(each) for each in page.items], page.next)


@get("/api/v1/alarms/counts", tags=["alarms"], opt=asks("read", "alarm"), summary="Open alarms")
async def counts(
    request: Call, by: FromQuery[Literal["commune", "parent"]] = "commune"
) -> list[dict[str, Any]]:
    """Open alarms per commune or per parent (site), by severity."""
    return await alarms_of(services_of(request)).counts(rows_of(request, "alarm"), by=by)


@get("/api/v1/alarms/{id:int}", tags=["alarms"], opt=asks("read", "alarm"), summary="An alarm")
async def alarm(request: Call, id: FromPath[int]) -> AlarmFile:  # noqa: A002
    """One alarm with all that is known of it."""
    services = services_of(request)
    kept = alarms_of(services)
    found = await kept.get(rows_of(request, "alarm"), id)
    score = (await rules_of(services).scores(since=now_ms() - 30 * DAY_MS)).get(found.rule)
    judged = score.confirmed + score.false if score else 0
    return AlarmFile(
        alarm=alarm_out(found),
        timeline=[
            Line(at=instant(each.at), kind=each.kind, who=each.who, values=each.values)
            for each in await kept.timeline(id)
        ],
        told=[
            Told(
                person=each.person,
                channel=each.channel,
                step=each.step,
                kind=each.kind,
                due=instant(each.due),
                state=each.state,
                attempts=each.attempts,
                error=each.error,
                sent=instant(each.sent) if each.sent is not None else None,
            )
            for each in await Notices(services.store.postgres).of_alarm(id)
        ],
        precision=score.confirmed / judged if score and judged else None,
        judged=judged,
        fr_alert=fr_alert(await bulletin(services, found)),
    )


@post(
    "/api/v1/alarms/actions",
    status_code=200,
    tags=["alarms"],
    opt=asks("write", "alarm"),
    summary="Acknowledge, assign, comment, judge, close",
)
async def act(request: Call, data: JSONBody[Acts]) -> Listed[AlarmOut]:
    """Do the same to several alarms that may be seen."""
    services = services_of(request)
    kept = alarms_of(services)
    if data.action == "severity" and data.value not in SEVERITIES:
        raise InvalidInput(field="value", accepted=list(SEVERITIES))
    for number in data.ids:
        await kept.get(rows_of(request, "alarm", "write"), number)
    office = Office(kept, Notices(services.store.postgres))
    changed = await office.act(
        data.ids, data.action, who=request.user.name, now=now_ms(), value=data.value
    )
    return Listed(items=[alarm_out(each) for each in changed])


@get("/api/v1/alarms/silences", tags=["alarms"], opt=asks("read", "alarm"), summary="Silences")
async def silences(request: Call) -> Response[Listed[SilenceOut]]:
    """Silences and maintenance windows that are not over."""
    found = await alarms_of(services_of(request)).silences(now=now_ms())
    return listing(
        request,
        [
            SilenceOut(
                **{
                    **msgspec.structs.asdict(each),
                    "start": instant(each.start),
                    "end": instant(each.end),
                }
            )
            for each in found
        ],
    )


@post(
    "/api/v1/alarms/silences",
    tags=["alarms"],
    opt=asks("write", "alarm"),
    summary="A new silence or maintenance window",
)
async def silence(request: Call, data: JSONBody[SilenceIn]) -> Made:
    """Alarms that match are kept and shown, nobody is told until it ends."""
    if data.start.tzinfo is None or data.end.tzinfo is None or data.end <= data.start:
        raise InvalidInput("a silence ends after it starts", field="end")
    values = {**msgspec.structs.asdict(data), "who": request.user.name}
    values |= {"start": milliseconds(data.start), "end": milliseconds(data.end)}
    return Made(await alarms_of(services_of(request)).add_silence(Silencing(**values)))


@delete(
    "/api/v1/alarms/silences/{id:int}",
    tags=["alarms"],
    opt=asks("write", "alarm"),
    summary="End a silence",
)
async def end_silence(request: Call, id: FromPath[int]) -> None:  # noqa: A002
    """From now on people are told again."""
    await alarms_of(services_of(request)).end_silence(id, now=now_ms())


async def bulletin(services: Services, found: Alarm) -> Bulletin:
    """An alarm as it is told to the public."""
    place = await _place(services)
    communes = {each.code: each.name for each in await services.store.territory.communes()}
    sent = found.cleared if not found.active and found.cleared is not None else found.raised
    kind = "Cancel" if not found.active else "Update" if found.count > 1 else "Alert"
    return Bulletin(
        identifier=f"clapas-{place.siren}-{found.id}-{found.count if found.active else 0}",
        sender=place.name,
        sent=sent,
        onset=found.first,
        event=found.title or found.rule,
        description=found.message.get("fr")
        or f"{found.title} ({found.name or found.entity.rpartition(':')[2]})",
        severity=found.severity,
        area=communes.get(found.commune, place.name),
        status="Exercise" if services.simulated else "Actual",
        kind=kind,
        previous=None if kind == "Alert" else (_previous(place, found), found.first),
    )


async def _place(services: Services) -> Place:
    """The territory, or a platform that has none yet."""
    try:
        return await services.store.territory.get()
    except NotFound:
        return Place(name="Clapas", siren="", timezone="Europe/Paris")


def _previous(place: Any, found: Alarm) -> str:
    return f"clapas-{place.siren}-{found.id}-1"


@get(
    "/api/v1/alarms/{id:int}/cap.xml",
    tags=["alarms"],
    opt=asks("read", "entrance"),
    media_type="application/cap+xml",
    summary="A public alarm as a CAP 1.2 message",
)
async def cap_message(request: Call, id: FromPath[int]) -> bytes:  # noqa: A002
    """Only alarms of rules that are told to the public."""
    services = services_of(request)
    found = await alarms_of(services).get(
        EVERYTHING if await _public(services, id) else RowFilter(), id
    )
    return cap(await bulletin(services, found))


async def _public(services: Services, number: int) -> bool:
    page = await alarms_of(services).page(EVERYTHING, public=True, limit=1000)
    return any(each.id == number for each in page.items)


@get(
    "/api/v1/alarms/feed.atom",
    tags=["alarms"],
    opt=asks("read", "entrance"),
    media_type="application/atom+xml",
    summary="Public alarms as an Atom feed",
)
async def feed(request: Call) -> bytes:
    """The last hundred alarms of rules that are told to the public."""
    services = services_of(request)
    page = await alarms_of(services).page(EVERYTHING, public=True, limit=100)
    place = await _place(services)
    address = f"{request.base_url}api/v1/alarms/feed.atom"
    return atom(
        [await bulletin(services, each) for each in page.items],
        title=place.name,
        address=address,
        updated=max((each.raised for each in page.items), default=now_ms()),
    )


HANDLERS = (alarms, counts, alarm, act, silences, silence, end_silence, cap_message, feed)

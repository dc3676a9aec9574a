"""Alarms: the list, how many, one with all that is known of it, what people do."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.charter import Exit
from clapas.domain.errors import InvalidInput
from clapas.domain.window import instant
from clapas.notify.cap import fr_alert
from clapas.notify.sentences import sentence
from clapas.rules.life import Action, state_of
from clapas.rules.model import SEVERITIES
from clapas.rules.office import Office
from clapas.store.notify import Notice, Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import Alarm, AlarmEvent, RuleScore
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.alarms_public import bulletin
from clapas.web.guard import asks
from clapas.web.services import Call, Services, exit_of, rows_of, services_of

Query = Annotated[str, QueryParameter(max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=2000)]
DAY_MS = 86_400_000
BULK = 500
LANGUAGES = ("fr", "en")


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
    assignee_name: str
    acknowledged_by: str
    acknowledged_by_name: str
    verdict: str
    value: float | None
    series: int | None
    measured: datetime | None
    message: dict[str, str]
    sentence: dict[str, str]
    quantity: str
    parents: list[str]
    masked: str
    flapping: bool


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: datetime
    kind: str
    who: str
    who_name: str
    values: dict[str, Any]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Who was told, how, when, delivered or not."""

    person: str
    person_name: str
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
    score: RuleScore | None
    fr_alert: dict[str, Any]


class Acts(msgspec.Struct, frozen=True, kw_only=True):
    """What a person does to alarms: all of them, or none when one refuses."""

    ids: Annotated[list[int], msgspec.Meta(min_length=1, max_length=BULK)]
    action: Action
    value: Text = ""


def now_ms() -> int:
    """Now, ms."""
    return time.time_ns() // 1_000_000


def alarms_of(services: Services) -> Alarms:
    """The alarms' part of the store."""
    return Alarms(services.store.postgres)


def rules_of(services: Services) -> RulesStore:
    """The rules' part of the store."""
    return RulesStore(services.store.postgres, services.store.clickhouse)


OWN = frozenset(AlarmOut.__struct_fields__) & frozenset(Alarm.__struct_fields__)


def precision_of(score: RuleScore | None) -> float | None:
    """Confirmed alarms among those that are closed or judged; None before there is any."""
    return score.confirmed / score.settled if score and score.settled else None


def alarm_out(alarm: Alarm, names: Mapping[str, str]) -> AlarmOut:
    """An alarm as lists show it; its state in one word, people by name too, why it was raised."""
    values = {name: getattr(alarm, name) for name in OWN}
    for name in ("first", "last", "raised", "cleared", "closed", "measured"):
        values[name] = instant(values[name]) if values[name] is not None else None
    values["acknowledged"] = alarm.acknowledged is not None
    values["parents"] = list(alarm.parents)
    return AlarmOut(
        **values,
        state=state_of(alarm),
        assignee_name=names.get(alarm.assignee, alarm.assignee),
        acknowledged_by_name=names.get(alarm.acknowledged_by, alarm.acknowledged_by),
        sentence={each: sentence(alarm.because, alarm.value, language=each) for each in LANGUAGES},
        quantity=str(alarm.because.get("quantity", "")),
    )


def given(way: Exit, found: Alarm) -> Alarm:
    """An alarm as it may be given: that there is one, without the reading where no single value is given."""
    known = found.attribute != ""
    whole = (
        way.shows(found.dataset, found.attribute) if known else found.dataset not in way.not_whole()
    )
    if whole:
        return found
    return msgspec.structs.replace(found, value=None, message={}, because={})


async def alarms_out(services: Services, found: Sequence[Alarm]) -> list[AlarmOut]:
    """Alarms as lists show them."""
    people = {each.assignee for each in found} | {each.acknowledged_by for each in found}
    names = await Notices(services.store.postgres).names(people)
    return [alarm_out(each, names) for each in found]


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
    """Alarms: what is active, then mine, then the last raised first. ``state``: open, active, new, cleared, closed or all."""
    if status not in ("open", "active", "new", "cleared", "closed", "all"):
        raise InvalidInput(field="state", accepted="open, active, new, cleared, closed, all")
    page = await alarms_of(services_of(request)).page(
        rows_of(request, "alarm"),
        after=after,
        limit=page_size(limit),
        person=request.user.id,
        state="" if status == "all" else status,
        severity=severity,
        rule=rule,
        trade=trade,
        entity=entity,
        commune=commune,
        assignee=request.user.id if mine else "",
        q=q,
    )
    way = exit_of(request)
    items = await alarms_out(services_of(request), [given(way, each) for each in page.items])
    return listing(request, items, after=page.next)


@get("/api/v1/alarms/counts", tags=["alarms"], opt=asks("read", "alarm"), summary="Open alarms")
async def counts(
    request: Call, by: FromQuery[Literal["commune", "parent"]] = "commune"
) -> list[dict[str, Any]]:
    """Open alarms per commune or per parent (site), by severity."""
    return await alarms_of(services_of(request)).counts(rows_of(request, "alarm"), by=by)


@get("/api/v1/alarms/totals", tags=["alarms"], opt=asks("read", "alarm"), summary="How many")
async def totals(request: Call) -> list[dict[str, Any]]:
    """Open alarms by severity: active, unacknowledged, mine, all that are open."""
    return await alarms_of(services_of(request)).totals(
        rows_of(request, "alarm"), person=request.user.id
    )


@get("/api/v1/alarms/{id:int}", tags=["alarms"], opt=asks("read", "alarm"), summary="An alarm")
async def alarm(request: Call, id: FromPath[int]) -> AlarmFile:  # noqa: A002
    """One alarm with all that is known of it."""
    services = services_of(request)
    kept = alarms_of(services)
    way = exit_of(request)
    whole = await kept.get(rows_of(request, "alarm"), id)
    found = given(way, whole)
    score = (await rules_of(services).scores(since=now_ms() - 30 * DAY_MS)).get(found.rule)
    lines = await kept.timeline(id)
    outbox = Notices(services.store.postgres)
    told = await outbox.of_alarm(id)
    names = await outbox.names(_people(found, lines, told=told))
    return AlarmFile(
        alarm=alarm_out(found, names),
        timeline=[
            Line(
                at=instant(each.at),
                kind=each.kind,
                who=each.who,
                who_name=names.get(each.who, each.who),
                values=_worded(each, names) if found is whole else {},
            )
            for each in lines
        ],
        told=[
            Told(
                person=each.person,
                person_name=names.get(each.person, each.person),
                channel=each.channel,
                step=each.step,
                kind=each.kind,
                due=instant(each.due),
                state=each.state,
                attempts=each.attempts,
                error=each.error,
                sent=instant(each.sent) if each.sent is not None else None,
            )
            for each in told
        ],
        precision=precision_of(score),
        score=score,
        fr_alert=fr_alert(await bulletin(services, found)),
    )


def _people(found: Alarm, lines: Sequence[AlarmEvent], *, told: Sequence[Notice]) -> set[str]:
    people = {found.assignee, found.acknowledged_by}
    people |= {each.who for each in lines} | {each.person for each in told}
    return people | {str(each.values.get("value")) for each in lines if each.kind == "assign"}


def _worded(line: AlarmEvent, names: Mapping[str, str]) -> dict[str, Any]:
    """The values of a line; who was charged with the alarm is told by name."""
    if line.kind != "assign":
        return line.values
    given = str(line.values.get("value", ""))
    return {**line.values, "value": names.get(given, given)}


@post(
    "/api/v1/alarms/actions",
    status_code=200,
    tags=["alarms"],
    opt=asks("write", "alarm"),
    summary="Acknowledge, assign, comment, judge, close, reopen",
)
async def act(request: Call, data: JSONBody[Acts]) -> Listed[AlarmOut]:
    """Do the same to several alarms that may be seen."""
    services = services_of(request)
    kept = alarms_of(services)
    if data.action == "severity" and data.value not in SEVERITIES:
        raise InvalidInput(field="value", accepted=list(SEVERITIES))
    value = data.value
    if data.action == "assign" and value:
        value = await Notices(services.store.postgres).person(value)
    for number in data.ids:
        await kept.get(rows_of(request, "alarm", action="write"), number)
    office = Office(kept, Notices(services.store.postgres))
    changed = await office.act(
        data.ids, data.action, who=request.user.id, now=now_ms(), value=value
    )
    return Listed(items=await alarms_out(services, changed))


HANDLERS = (alarms, counts, totals, alarm, act)

"""The water trade's doors: the queue of cases, a meter, the measured precision, subscribers, the stop link."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.charter import Exit, Reading
from clapas.domain.access import Resource
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.window import Window, milliseconds
from clapas.store import Store
from clapas.store.water import SeenCase, SubscriberRow
from clapas.usecases.members import Seen
from clapas.usecases.routes import rooms_of, seen_by, way_of
from clapas.usecases.water.billing.doors import HANDLERS as FILES
from clapas.usecases.water.doors import (
    ACT,
    CSV,
    EXPORT,
    GEOPACKAGE,
    OPEN,
    PDF,
    PERSONAL,
    READ,
    Call,
    attachment,
    directory_of,
)
from clapas.usecases.water.geopackage import Feature, Layer, packed
from clapas.usecases.water.watch.answers import (
    Answer,
    CaseOut,
    Meter,
    Precision,
    Queue,
    Stop,
    Subscriber,
    Verdict,
    case_out,
    precision_of,
    verdict_of,
)
from clapas.usecases.water.watch.days import Days, days_of, with_older
from clapas.usecases.water.watch.hours import LEAST, VOLUME
from clapas.usecases.water.watch.letter import render_letter
from clapas.usecases.water.watch.messages import PRICE
from clapas.usecases.water.watch.night import QUANTITY
from clapas.usecases.water.watch.report import render_report
from clapas.usecases.water.watch.sectors import Sector, sectors
from clapas.usecases.water.watch.sudden import patience
from clapas.usecases.water.watch.vault import Person, Vault, digest
from clapas.usecases.water.works.doors import HANDLERS as WORKS

YEAR = timedelta(days=365)
DAYS = 30
MOST = 1000
"""Cases given at once, or summed."""


@get("/api/v1/water/cases", opt=READ)
async def cases(
    request: Call, case_state: FromQuery[str] = "todo", after: FromQuery[str | None] = None
) -> Queue:
    """The queue, with what all of its cases (a thousand at most) lose: what runs and waits for us first, the dearest flow before; ``case_state`` todo, a state, or empty for all."""
    rooms, seen = rooms_of(request), seen_by(request)
    calm = patience(milliseconds(datetime.now(UTC)))
    page = await rooms.store.water.page(
        seen.entities, state=case_state, after=after, limit=100, patience=calm
    )
    items = every = await _told(rooms.store, seen, rows=page.items)
    if page.next or after:
        whole = await rooms.store.water.page(seen.entities, state=case_state, limit=MOST)
        every = await _shown(rooms.store, seen, rows=whole.items)
    return Queue(
        items=items,
        next=page.next,
        running=sum(each.stopped is None for each in every),
        lost_m3=round(sum(each.lost_m3 for each in every), 1),
        lost_euros=round(sum(each.lost_euros for each in every), 0),
        euros_month=round(sum(each.loss.euros_month for each in every if each.stopped is None), 0),
        price=PRICE,
    )


COLUMNS = (
    "id", "entity", "commune", "longitude", "latitude", "kind", "state", "rate_l_h", "lost_m3",
    "lost_euros", "raised", "first",
)  # fmt: skip


async def _told(store: Store, seen: Seen, *, rows: Sequence[SeenCase]) -> list[CaseOut]:
    """Cases as they are given; the trail says that they were read."""
    now = datetime.now(UTC)
    kept = await _shown(store, seen, rows=rows)
    datasets = {row.id: row.dataset for row in rows}
    await seen.note((datasets[each.id] for each in kept), Window(now - YEAR, now), cases=len(kept))
    return kept


async def _shown(store: Store, seen: Seen, *, rows: Sequence[SeenCase]) -> list[CaseOut]:
    """Cases without those of subscribers who object."""
    now = milliseconds(datetime.now(UTC))
    silent = await seen.silent(store, {row.entity: row.dataset for row in rows})
    return [case_out(row, now) for row in rows if row.entity not in silent]


async def _to_do(request: Call) -> list[CaseOut]:
    """What is to be done, for the service's own tools; at most a thousand cases."""
    store, seen = rooms_of(request).store, seen_by(request, "export")
    calm = patience(milliseconds(datetime.now(UTC)))
    page = await store.water.page(seen.entities, state="todo", limit=MOST, patience=calm)
    if not page.items:
        readable = seen_by(request).entities
        kept = await store.water.page(readable, state="todo", limit=1, patience=calm)
        _refuse_export(request, kept.items)
    return await _told(store, seen, rows=page.items)


def _refuse_export(request: Call, rows: Sequence[SeenCase]) -> None:
    """Raises Forbidden where the queue is not empty but may not leave: the article is told, and no empty file."""
    way = way_of(request, "export")
    for row in rows:
        asked = Resource(kind="series", dataset=row.dataset, commune=row.commune)
        context = {"purpose": way.purpose}
        decision = way.charter.decide(way.principal, "export", asked, context)
        if not decision.allow:
            raise way.charter.refused(decision, action="export", kind="series")


@get("/api/v1/water/cases.csv", opt=EXPORT)
async def cases_csv(request: Call) -> Response[bytes]:
    """The queue as a table."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=";")
    table.writerow(COLUMNS)
    for each in await _to_do(request):
        table.writerow([getattr(each, name) for name in COLUMNS])
    return attachment(text.getvalue().encode(), CSV, name="water-cases.csv")


@get("/api/v1/water/cases.gpkg", opt=EXPORT)
async def cases_gpkg(request: Call) -> Response[bytes]:
    """The queue as a layer for the service's GIS."""
    features = [
        Feature(
            ((each.longitude, each.latitude),),
            tuple(value if isinstance(value := getattr(each, name), int | float) else str(value) for name in COLUMNS),
        )
        for each in await _to_do(request)
        if each.longitude is not None and each.latitude is not None
    ]  # fmt: skip
    layer = Layer(name="water_cases", columns=COLUMNS, features=features)
    body = await asyncio.to_thread(packed, layer)
    return attachment(body, GEOPACKAGE, name="water-cases.gpkg")


@get("/api/v1/water/report.pdf", opt=EXPORT)
async def report(request: Call) -> Response[bytes]:
    """What to do first and how often the alerts were right, printed in French."""
    rooms = rooms_of(request)
    zone = await rooms.store.territory.zone()
    communes = await rooms.store.territory.communes()
    body = await asyncio.to_thread(
        render_report,
        await _to_do(request),
        await _measured(request),
        made=datetime.now(zone),
        territory=f"{len(communes)} communes",
    )
    return attachment(body, PDF, name="eau.pdf")


@get("/api/v1/water/sectors", opt=READ)
async def sector_cards(request: Call) -> dict[str, list[Sector]]:
    """The daily card of each sector, in the order in which tonight's crew should listen."""
    seen = seen_by(request)
    store = rooms_of(request).store
    return {"items": await sectors(store, seen.entities, series=seen.series, now=datetime.now(UTC))}


@post("/api/v1/water/cases/{case:int}", opt=ACT, status_code=200)
async def decide(request: Call, case: FromPath[int], data: JSONBody[Verdict]) -> dict[str, str]:
    """Write what was found out about a case: the precision is measured on it."""
    rooms = rooms_of(request)
    entity = await rooms.store.water.decide(
        seen_by(request, "write").entities,
        case,
        state=data.state,
        cause=data.cause,
        actor=str(request.user.id),
        now=milliseconds(datetime.now(UTC)),
    )
    return {"entity": entity, "state": data.state}


@get("/api/v1/water/precision", opt=READ)
async def precision(request: Call) -> dict[str, list[Precision]]:
    """How often the alerts of the last year were right, by what people found out."""
    return {"items": await _measured(request)}


async def _measured(request: Call) -> list[Precision]:
    since = milliseconds(datetime.now(UTC) - YEAR)
    water = rooms_of(request).store.water
    kinds: dict[str, dict[str, int]] = {}
    for kind, state, count, _ in await water.verdicts(seen_by(request).entities, since=since):
        kinds.setdefault(kind, {})[state] = count
    return [precision_of(kind, states) for kind, states in sorted(kinds.items())]


@get("/api/v1/water/meters/{entity:str}", opt=READ)
async def meter(request: Call, entity: FromPath[str]) -> Meter:
    """A meter's last days: litres, least hourly flow of the night, its cases."""
    rooms, seen = rooms_of(request), seen_by(request)
    await rooms.store.entities.get(seen.entities, entity)
    now = datetime.now(UTC)
    days, litres, nights = await _days(rooms.store, way_of(request), entity=entity, now=now)
    page = await rooms.store.water.page(seen.entities, entity=entity, limit=50)
    return Meter(
        entity=entity,
        days=days,
        litres=litres,
        night_l_h=nights,
        cases=await _told(rooms.store, seen, rows=page.items),
    )


async def _days(store: Store, way: Exit, *, entity: str, now: datetime) -> Days:
    """The last thirty days, of which the older may have kept their day alone. Raises NotFound."""
    held = await store.series.of_entity(way.rows("series"), entity)
    index = next((each for each in held if each.key.quantity == QUANTITY), None)
    if index is None:
        raise NotFound(entity=entity)
    window = Window(now - timedelta(days=DAYS), now)
    zone = str(await store.territory.zone())
    fine = Reading(window=window, step="raw", aggregate="max", max_points=50_000)
    found = await way.history(store, [index], asked=fine)
    recent = days_of(found[0].times, found[0].values, zone=zone) if found else ([], [], [])
    named = {each.key.attribute: each for each in held}
    if VOLUME[0] not in named or LEAST[0] not in named:
        return recent
    wanted = [named[VOLUME[0]], named[LEAST[0]]]
    kept = await way.history(store, wanted, asked=Reading(window=window, step="raw"))
    return (
        with_older(recent, kept[0], least=kept[1], zone=zone)
        if len(kept) == len(wanted)
        else recent
    )


@put("/api/v1/water/subscribers/{entity:str}", opt=PERSONAL)
async def subscribe(
    request: Call, entity: FromPath[str], data: JSONBody[Subscriber]
) -> dict[str, str]:
    """Keep who is told of a meter; the identity is sealed before it reaches the database."""
    rooms = rooms_of(request)
    await rooms.store.entities.get(seen_by(request).entities, entity)
    vault = Vault.of(directory_of(rooms))
    person = Person(
        name=data.name,
        mail=data.mail,
        phone=data.phone,
        address=data.address,
        contract=data.contract,
    )
    if data.threshold_l_day < 0 or not data.name or len(data.name) > 200:
        raise InvalidInput("a name, and a threshold of 0 L/day or more", field="threshold_l_day")
    now = milliseconds(datetime.now(UTC))
    row = SubscriberRow(
        entity,
        vault.seal(entity, person),
        data.language,
        data.channel,
        data.threshold_l_day,
        milliseconds(data.away_from) if data.away_from else None,
        milliseconds(data.away_to) if data.away_to else None,
        digest(vault.stop_token(entity)),
        dict.fromkeys(data.consents, now),
    )
    await rooms.store.water.subscribe(row)
    return {"entity": entity}


@delete("/api/v1/water/subscribers/{entity:str}", opt=PERSONAL)
async def forget(request: Call, entity: FromPath[str]) -> None:
    """Delete the identity behind a meter (GDPR art. 17); the series stay, without it."""
    await rooms_of(request).store.water.forget(entity)


@post("/api/v1/water/stop", opt=OPEN, status_code=200)
async def stop(request: Call, data: JSONBody[Stop]) -> dict[str, bool]:
    """The link at the end of each message: no more of them, no account needed."""
    if not 20 <= len(data.token) <= 100:
        raise InvalidInput("not one of our links", field="token")
    now = milliseconds(datetime.now(UTC))
    await rooms_of(request).store.water.stop_messages(digest(data.token), now=now)
    return {"stopped": True}


@post("/api/v1/water/answer", opt=OPEN, status_code=200)
async def answer(request: Call, data: JSONBody[Answer]) -> dict[str, bool]:
    """The subscriber says what makes the flow: a use is remembered, so that it is not asked about again."""
    if not 20 <= len(data.token) <= 100:
        raise InvalidInput("not one of our links", field="token")
    now = milliseconds(datetime.now(UTC))
    state, cause = verdict_of(data.cause)
    await rooms_of(request).store.water.answered(
        digest(data.token), state=state, cause=cause, now=now
    )
    return {"heard": True}


@get("/api/v1/water/cases/{case:int}/letter.pdf", opt=PERSONAL)
async def letter(request: Call, case: FromPath[int]) -> Response[bytes]:
    """The alert as a letter to print, for the subscriber whom no mail reaches."""
    rooms = rooms_of(request)
    row = await rooms.store.water.seen(seen_by(request).entities, case)
    who = next(iter(await rooms.store.water.subscribers([row.entity])), None)
    if who is None:
        raise NotFound(subscriber=row.entity)
    vault = Vault.of(directory_of(rooms))
    zone = await rooms.store.territory.zone()
    body = await asyncio.to_thread(
        render_letter, vault.open(who), row, made=datetime.now(zone), price=PRICE
    )
    return attachment(body, PDF, name=f"lettre-{case}.pdf")


HANDLERS = (
    cases, cases_csv, cases_gpkg, report, sector_cards, decide, precision, meter, subscribe, forget, stop, answer,
    letter, *FILES, *WORKS,
)  # fmt: skip

"""The trades' doors: which there are, their figures, their report, and the home of the elected."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from clapas.charter import PURPOSE, AuditTrail, Charter, Exit
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.window import Window, asked_window
from clapas.store import Store
from clapas.usecases.discovery import discover
from clapas.usecases.elected import Summary, summary
from clapas.usecases.errors import NoSuchPack
from clapas.usecases.gather import Line, gather, usual_window
from clapas.usecases.limits import Text
from clapas.usecases.members import Seen
from clapas.usecases.pack import Pack
from clapas.usecases.report import as_csv, as_pdf, sheet_csv, sheet_pdf, shown

Call = Request[Any, Any, Any]
READ = {"action": "read", "kind": "entity"}
EXPORT = {"action": "export", "kind": "series"}
LONGEST = timedelta(days=400)
From = Annotated[str, QueryParameter(name="from", max_length=40)]
To = Annotated[str, QueryParameter(name="to", max_length=40)]
Days = Annotated[int, QueryParameter(name="days", ge=0, le=400)]
Form = Annotated[str, QueryParameter(name="form", max_length=4)]


class Rooms(Protocol):
    """What the trades need of the running platform."""

    @property
    def store(self) -> Store: ...
    @property
    def charter(self) -> Charter: ...
    @property
    def audit(self) -> AuditTrail | None: ...
    @property
    def directory(self) -> Path | None: ...


class IndicatorOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure is and how it is made."""

    id: str
    title: Text
    method: Text
    unit: str
    decimals: int
    shown: bool


class LimitOut(msgspec.Struct, frozen=True, kw_only=True):
    """A decided figure as it is shown: who decided it, since when, whether it must be confirmed, which alarms use it."""

    id: str
    title: Text
    value: float
    unit: str
    source: Text
    valid_from: date
    to_confirm: bool
    alarms: list[str]


class TradeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A trade as its page needs it."""

    name: str
    version: str
    origin: str
    title: Text
    question: Text
    types: tuple[str, ...]
    headline: str
    columns: tuple[str, ...]
    period_days: int
    indicators: list[IndicatorOut]
    limits: list[LimitOut]
    rules: int
    licence: str
    blocks: tuple[str, ...] = ()


class FiguresOut(msgspec.Struct, frozen=True, kw_only=True):
    """A trade's lines over a period."""

    trade: str
    start: datetime
    end: datetime
    items: list[Line]


def rooms_of(request: Call) -> Rooms:
    """The rooms of the application that answers."""
    found: Rooms = request.app.state.services
    return found


def seen_by(request: Call, action: str = "read") -> Seen:
    """What this caller may see, for the purpose that the call declares."""
    return Seen.by(way_of(request, action))


def way_of(request: Call, action: str = "read") -> Exit:
    """The way out for this caller: rows, values and history as the charter gives them."""
    rooms = rooms_of(request)
    return Exit(
        charter=rooms.charter,
        principal=request.user,
        action=action,
        purpose=request.headers.get(PURPOSE, "")[:60],
        audit=rooms.audit,
    )


async def pack_of(request: Call, name: str) -> Pack:
    """The trade of that name; raises NoSuchPack."""
    found = (await asyncio.to_thread(discover, rooms_of(request).directory)).get(name)
    if found is None:
        raise NoSuchPack(pack=name)
    return found


async def window_of(
    request: Call, pack: Pack, *, said: tuple[str, str, int], action: str = "read"
) -> Window:
    """The period ``said`` (from, to, days), or the trade's usual one. Raises InvalidInput."""
    start, end, days = said
    if start or end:
        return period(start, end, days=days or pack.page.period_days)
    store, seen = rooms_of(request).store, seen_by(request, action)
    return await usual_window(store, seen, pack=pack, now=datetime.now(UTC), days=days)


def period(start: str, end: str, *, days: int) -> Window:
    """From ``start`` or so many days before ``end`` (now). Raises InvalidInput."""
    return asked_window(start, end, usual=timedelta(days=days), longest=LONGEST)


@get("/api/v1/trades", opt=READ)
async def trades(request: Call) -> dict[str, list[TradeOut] | None]:
    """The trades that are on."""
    found = await asyncio.to_thread(discover, rooms_of(request).directory)
    return {"items": [trade_out(pack) for pack in found.values()], "next": None}


@get("/api/v1/trades/{name:str}", opt=READ)
async def trade(request: Call, name: FromPath[str]) -> TradeOut:
    """One trade: what its page asks, its figures and their methods, its dated limits."""
    return trade_out(await pack_of(request, name))


def trade_out(pack: Pack) -> TradeOut:
    """A pack as its page needs it."""
    return TradeOut(
        name=pack.name,
        version=pack.version,
        origin=pack.origin,
        title=pack.title,
        question=pack.page.question,
        types=pack.types,
        headline=pack.page.headline,
        columns=shown(pack),
        period_days=pack.page.period_days,
        indicators=[
            IndicatorOut(
                id=each.id, title=each.title, method=each.method, unit=each.unit,
                decimals=each.decimals, shown=each.id in shown(pack),
            )
            for each in pack.indicators
            if not each.hidden
        ],
        limits=limits_out(pack),
        rules=len(pack.rules),
        licence=pack.dataset.licence,
        blocks=pack.page.blocks,
    )  # fmt: skip


def limits_out(pack: Pack) -> list[LimitOut]:
    """The pack's limits, with the alarms that use each."""
    return [
        LimitOut(
            id=name, title=each.title or Text(name, name), value=each.shown, unit=each.unit, source=each.said,
            valid_from=each.valid_from, to_confirm=each.to_confirm,
            alarms=[rule.title for rule in pack.rules if name in pack.named.get(rule.id, ())],
        )
        for name, each in pack.limits.items()
    ]  # fmt: skip


@get("/api/v1/trades/{name:str}/figures", opt=READ)
async def trade_figures(
    request: Call, name: FromPath[str], start: From = "", end: To = "", days: Days = 0
) -> FiguresOut:
    """The trade's figures, one line an entity that may be seen.

    Without a period: the trade's usual one, which ends when its points of measure fell silent if that is longer ago.
    """
    pack = await pack_of(request, name)
    window = await window_of(request, pack, said=(start, end, days))
    lines = await gather(rooms_of(request).store, seen_by(request), pack=pack, window=window)
    return FiguresOut(trade=pack.name, start=window.start, end=window.end, items=lines)


@get("/api/v1/trades/{name:str}/report", opt=EXPORT)
async def trade_report(
    request: Call,
    name: FromPath[str],
    start: From = "",
    end: To = "",
    days: Days = 0,
    form: Form = "pdf",
) -> Response[bytes]:
    """The trade's report: ``form`` pdf (in French) or csv."""
    if form not in {"pdf", "csv"}:
        raise InvalidInput("pdf or csv", field="form", accepted=["pdf", "csv"])
    pack = await pack_of(request, name)
    window, rooms = (
        await window_of(request, pack, said=(start, end, days), action="export"),
        rooms_of(request),
    )
    lines = await gather(rooms.store, seen_by(request, "export"), pack=pack, window=window)
    file = f"{pack.name}-{window.start:%Y%m%d}-{window.end:%Y%m%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    if form == "csv":
        return Response(as_csv(lines), media_type="text/csv", headers=headers)
    zone = (await rooms.store.territory.zone()).key
    printed = await asyncio.to_thread(
        as_pdf, pack, lines, window=window, zone=zone, territory=await territory_name(rooms.store), made=datetime.now(UTC)
    )  # fmt: skip
    return Response(printed, media_type="application/pdf", headers=headers)


async def territory_name(store: Store) -> str:
    """The territory's name, for printed pages."""
    try:
        return (await store.territory.get()).name
    except NotFound:
        return "Territoire"


@get("/api/v1/elected", opt=READ)
async def elected(request: Call, commune: FromQuery[str] = "") -> Summary:
    """Six figures of the territory or of one commune, each with its date, source and method."""
    rooms = rooms_of(request)
    packs = await asyncio.to_thread(discover, rooms.directory)
    return await summary(rooms.store, seen_by(request), packs=packs, commune=commune)


@get("/api/v1/elected/sheet", opt=EXPORT)
async def elected_sheet(
    request: Call, commune: FromQuery[str] = "", form: Form = "pdf"
) -> Response[bytes]:
    """The sheet of one commune, or of the territory: ``form`` pdf (in French) or csv."""
    if form not in {"pdf", "csv"}:
        raise InvalidInput("pdf or csv", field="form", accepted=["pdf", "csv"])
    rooms = rooms_of(request)
    communes = {each.code: each.name for each in await rooms.store.territory.communes()}
    if commune and commune not in communes:
        raise NotFound(commune=commune[:10])
    packs = await asyncio.to_thread(discover, rooms.directory)
    found = await summary(rooms.store, seen_by(request, "export"), packs=packs, commune=commune)
    file = f"fiche-{commune or 'territoire'}-{datetime.now(UTC):%Y%m%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    if form == "csv":
        return Response(sheet_csv(found), media_type="text/csv", headers=headers)
    territory, zone = await territory_name(rooms.store), (await rooms.store.territory.zone()).key
    printed = await asyncio.to_thread(
        sheet_pdf, found, place=communes.get(commune, "Tout le territoire"), zone=zone, territory=territory, made=datetime.now(UTC)
    )  # fmt: skip
    return Response(printed, media_type="application/pdf", headers=headers)


HANDLERS = (trades, trade, trade_figures, trade_report, elected, elected_sheet)

"""``/api/v1/trades/{name}/forecast``: places in half an hour to four hours; ``…/national``: the counters' national files."""

from datetime import datetime
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.usecases.mobility.counters.served import national_tables
from clapas.usecases.mobility.places.live import Outlook, bucket, outlook
from clapas.usecases.routes import (
    EXPORT,
    READ,
    Call,
    Days,
    From,
    To,
    pack_of,
    rooms_of,
    seen_by,
    window_of,
)

Horizon = Literal[30, 60, 120, 240]
KEPT = 32
TYPE = "TrafficFlowObserved"
NATIONAL = ("sites.csv", "channels.csv", "measures.csv")


class _Asked(msgspec.Struct, frozen=True):
    """What makes two questions one: the trade, the rows that may be seen, the horizon, the instant."""

    trade: str
    entities: RowFilter
    series: RowFilter
    horizon: int
    end: datetime


class _Book:
    """The last answers, so that a page that is opened again does not compute again."""

    def __init__(self) -> None:
        self._kept: dict[_Asked, Outlook | None] = {}

    def get(self, asked: _Asked) -> Outlook | None:
        """An answer that was kept."""
        return self._kept.get(asked)

    def keep(self, asked: _Asked, found: Outlook) -> None:
        """Keep an answer; the oldest goes."""
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[asked] = found


_BOOK = _Book()


@get("/api/v1/trades/{name:str}/forecast", opt=READ)
async def trade_forecast(
    request: Call, name: FromPath[str], horizon: FromQuery[Horizon] = 120, end: To = ""
) -> Outlook:
    """Forecast at ``to`` (now, or when the places fell silent): free places or bikes, chances of empty and full, what it was worth lately."""
    pack = await pack_of(request, name)
    if "forecast" not in pack.page.blocks:
        raise NotFound(trade=name, block="forecast")
    seen = seen_by(request)
    moment = (await window_of(request, pack, said=("", end, 0))).end
    asked = _Asked(name, seen.entities, seen.series, horizon, bucket(moment))
    found = _BOOK.get(asked)
    if found is None:
        found = await outlook(
            rooms_of(request).store, seen, pack=pack, horizon_min=horizon, end=moment
        )
        if found is None:
            raise NotFound("no number of these places is known in the last fourteen days", trade=name)  # fmt: skip
        _BOOK.keep(asked, found)
    return found


@get("/api/v1/trades/{name:str}/national/{file:str}", opt=EXPORT)
async def trade_national(
    request: Call,
    name: FromPath[str],
    file: FromPath[str],
    start: From = "",
    end: To = "",
    days: Days = 0,
) -> Response[bytes]:
    """``sites.csv``, ``channels.csv`` or ``measures.csv`` of the national schema *comptage-mobilites*.

    Without a period: the trade's usual one. Who publishes is the owner of the dataset's record.
    """
    pack = await pack_of(request, name)
    if TYPE not in pack.types or file not in NATIONAL:
        raise NotFound(trade=name, file=file[:40])
    window = await window_of(request, pack, said=(start, end, days), action="export")
    tables = await national_tables(
        rooms_of(request).store,
        seen_by(request, "export"),
        pack=pack,
        window=window,
        publisher=pack.dataset.owner,
    )
    if tables is None:
        raise NotFound("no counter counted in this period", trade=name)
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    body = tables[file.removesuffix(".csv")].write_csv().encode()
    return Response(body, media_type="text/csv", headers=headers)


HANDLERS = (trade_forecast, trade_national)

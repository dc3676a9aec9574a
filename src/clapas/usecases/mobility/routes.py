"""``/api/v1/trades/{name}/forecast``: the places of a trade in half an hour to four hours."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.usecases.mobility.places.live import Outlook, bucket, outlook
from clapas.usecases.routes import READ, Call, pack_of, period, rooms_of, seen_by

Horizon = Literal[30, 60, 120, 240]
To = Annotated[str, QueryParameter(name="to", max_length=40)]
KEPT = 32


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
    """Forecast at ``to`` (now): free places or bikes, chances of empty and full, what it was worth lately."""
    pack = await pack_of(request, name)
    if "forecast" not in pack.page.blocks:
        raise NotFound(trade=name, block="forecast")
    seen = seen_by(request)
    moment = period("", end, 1).end if end else datetime.now(UTC)
    asked = _Asked(name, seen.entities, seen.series, horizon, bucket(moment))
    found = _BOOK.get(asked)
    if found is None:
        found = await outlook(
            rooms_of(request).store, seen, pack.types, horizon_min=horizon, end=moment
        )
        if found is None:
            raise NotFound("no number of these places is known in the last fourteen days", trade=name)  # fmt: skip
        _BOOK.keep(asked, found)
    return found


HANDLERS = (trade_forecast,)

"""``/api/v1/trades/{name}/climate``: bands, classes, mould, and the showcase beside its room."""

from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter

from clapas.domain.errors import NotFound
from clapas.usecases.museum.live import Climate, climate_of
from clapas.usecases.routes import READ, Call, pack_of, period, rooms_of, seen_by

From = Annotated[str, QueryParameter(name="from", max_length=40)]
To = Annotated[str, QueryParameter(name="to", max_length=40)]


@get("/api/v1/trades/{name:str}/climate", opt=READ)
async def trade_climate(
    request: Call, name: FromPath[str], start: From = "", end: To = ""
) -> Climate:
    """Every room as known at ``to`` from its last thirteen months; curves over the period."""
    pack = await pack_of(request, name)
    if "climate" not in pack.page.blocks:
        raise NotFound(trade=name, block="climate")
    shown = period(start, end, pack.page.period_days)
    return await climate_of(
        rooms_of(request).store, seen_by(request), pack.types, end=shown.end, shown=shown
    )


HANDLERS = (trade_climate,)

"""``/api/v1/trades/{name}/climate`` and the keeper's monthly report: bands, classes, mould, the showcase beside its room."""

import asyncio
from datetime import UTC, datetime

from litestar import Response, get
from litestar.params import FromPath

from clapas.domain.errors import NotFound
from clapas.usecases.gather import gather
from clapas.usecases.museum.live import Climate, climate_of
from clapas.usecases.museum.printed import printable
from clapas.usecases.report import as_pdf
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
    territory_name,
    window_of,
)


@get("/api/v1/trades/{name:str}/climate", opt=READ)
async def trade_climate(
    request: Call, name: FromPath[str], start: From = "", end: To = "", days: Days = 0
) -> Climate:
    """Every room as known at ``to`` (else when the rooms last spoke) from its last thirteen months; curves over the period."""
    pack = await pack_of(request, name)
    if "climate" not in pack.page.blocks:
        raise NotFound(trade=name, block="climate")
    shown = await window_of(request, pack, said=(start, end, days))
    return await climate_of(
        rooms_of(request).store, seen_by(request), pack=pack, end=shown.end, shown=shown
    )


@get("/api/v1/trades/{name:str}/keeper", opt=EXPORT)
async def keeper_report(
    request: Call, name: FromPath[str], start: From = "", end: To = "", days: Days = 0
) -> Response[bytes]:
    """The keeper's report (PDF, in French): the trade's figures, then each room with its curve and band."""
    pack = await pack_of(request, name)
    if "climate" not in pack.page.blocks:
        raise NotFound(trade=name, block="climate")
    shown = await window_of(request, pack, said=(start, end, days), action="export")
    rooms, seen = rooms_of(request), seen_by(request, "export")
    lines = await gather(rooms.store, seen, pack=pack, window=shown)
    found = await climate_of(rooms.store, seen, pack=pack, end=shown.end, shown=shown)
    zone = (await rooms.store.territory.zone()).key
    printed = await asyncio.to_thread(
        as_pdf, pack, lines, window=shown, zone=zone, territory=await territory_name(rooms.store),
        made=datetime.now(UTC), more=printable(found, zone=zone),
    )  # fmt: skip
    file = f"{pack.name}-{shown.start:%Y%m%d}-{shown.end:%Y%m%d}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(printed, media_type="application/pdf", headers=headers)


HANDLERS = (trade_climate, keeper_report)

"""The history of series, down-sampled on the server; and the way back from a value to its frame."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from clapas.charter import Reading
from clapas.domain.access import Resource
from clapas.domain.device import Series
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.quantities import quantity
from clapas.domain.window import Window, asked_window, instant
from clapas.store.governance import Remains
from clapas.store.values import SeriesHistory, Step
from clapas.web.answers import csv_response, wants_csv
from clapas.web.api.devices import FrameOut, frame_out
from clapas.web.guard import asks, require
from clapas.web.services import Call, exit_of, rows_of, services_of

LICENCE = "LO-2.0"
MOST_SERIES = 20
LONGEST = timedelta(days=366 * 50)
From = Annotated[str, QueryParameter(name="from", max_length=40)]
To = Annotated[str, QueryParameter(name="to", max_length=40)]
How = Annotated[Literal["mean", "min", "max", "sum", "count"], QueryParameter(name="aggregate")]
Points = Annotated[int, QueryParameter(name="max_points", ge=10, le=100_000)]


class HistoryOut(msgspec.Struct, frozen=True, kw_only=True):
    """One series over a period, column by column; times in ms, ``step`` in seconds (0 = raw)."""

    series: int
    entity: str
    attribute: str
    quantity: str
    unit: str
    step: int
    times: list[int]
    values: list[float | None]
    min: list[float | None]
    max: list[float | None]
    counts: list[int]
    qualities: list[int]
    complete: bool
    licence: str
    source: str
    mark: str = ""
    """Of an export that is not open data: the audit trail says to whom it was given."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value comes from: its codec's version and its raw message, when that is still kept."""

    series: int
    measured: datetime
    received: datetime
    value: Any
    quality: int
    codec: int
    generation: int
    frame: FrameOut | None
    gone: Remains | None = None
    """What stays of a raw message that its record's retention deleted: hash, radio data, codec."""


def read_window(start: str, end: str) -> Window:
    """The period asked for; the last day when nothing is said. Raises InvalidInput."""
    return asked_window(start, end, usual=timedelta(days=1), longest=LONGEST)


def read_step(text: str) -> Step:
    """'auto', 'raw', 'hour', 'day' or seconds. Raises InvalidInput."""
    if text in {"auto", "raw", "hour", "day"}:
        return cast("Step", text)
    if text.isdecimal() and len(text) < 9 and int(text) > 0:
        return int(text)
    raise InvalidInput("not a step", field="step", accepted="auto, raw, hour, day or seconds")


def _finite(values: list[float]) -> list[float | None]:
    """NaN is no JSON number."""
    return [value if value == value else None for value in values]  # noqa: PLR0124


def _out(history: SeriesHistory, series: Series, *, source: str, mark: str = "") -> HistoryOut:
    return HistoryOut(
        series=history.series,
        entity=series.key.entity,
        attribute=series.key.attribute,
        quantity=series.key.quantity,
        unit=quantity(series.key.quantity).unit,
        step=history.step,
        times=history.times,
        values=_finite(history.values),
        min=_finite(history.minimum),
        max=_finite(history.maximum),
        counts=history.counts,
        qualities=history.qualities,
        complete=history.complete,
        licence=LICENCE,
        source=source,
        mark=mark,
    )


async def _refused_exports(request: Call, series: list[Series]) -> None:
    """Raises Forbidden where no series may be exported: the article is told, and not an empty table."""
    services, way = services_of(request), exit_of(request, "export")
    wanted = [each.id for each in series]
    if await services.store.series.by_id(way.rows("series"), wanted):
        return
    for dataset in sorted({each.dataset for each in series}):
        asked = Resource(kind="series", dataset=dataset)
        context = {"purpose": way.purpose}
        require(services.charter, request.user, action="export", resource=asked, context=context)


async def _read(request: Call, series: list[Series], *, asked: Reading) -> list[HistoryOut]:
    """The history under the charter's terms; a table (CSV) is an export."""
    way = exit_of(request, "export" if wants_csv(request) else "read")
    if way.action == "export":
        await _refused_exports(request, series)
    found = await way.history(services_of(request).store, series, asked=asked)
    by_id = {each.id: each for each in series}
    source = request.app.state.source_name
    return [
        _out(
            each,
            by_id[each.series],
            source=source,
            mark=way.marks.get(by_id[each.series].dataset, ""),
        )
        for each in found
    ]


def _csv(request: Call, histories: list[HistoryOut]) -> Response[Any]:
    columns = ["entity", "attribute", "time", "value", "min", "max", "count", "quality", "unit"]
    rows = (
        (each.entity, each.attribute, instant(time), value, low, high, count, quality_, each.unit)
        for each in histories
        for time, value, low, high, count, quality_ in zip(
            each.times,
            each.values,
            each.min,
            each.max,
            each.counts,
            each.qualities,
            strict=True,
        )
    )
    headers = {"Content-Disposition": 'attachment; filename="history.csv"'}
    marks = {each.mark for each in histories if each.mark}
    if not marks:
        return csv_response(request, columns, rows=rows, headers=headers)
    headers["X-Clapas-Watermark"] = ",".join(sorted(marks))
    lines = [each.mark for each in histories for _ in each.times]
    marked = ((*row, mark) for row, mark in zip(rows, lines, strict=True))
    return csv_response(request, [*columns, "mark"], rows=marked, headers=headers)


@get(
    "/api/v1/series/{id:int}/history",
    tags=["history"],
    opt=asks("read", "series"),
    summary="Series",
)
async def of_series(
    request: Call,
    id: FromPath[int],  # noqa: A002
    start: From = "",
    end: To = "",
    step: FromQuery[str] = "auto",
    aggregate: How = "mean",
    max_points: Points = 2000,
) -> Response[HistoryOut]:
    """The history of one series."""
    known = await services_of(request).store.series.by_id(rows_of(request, "series"), [id])
    if id not in known:
        raise NotFound(series=id)
    asked = Reading(
        window=read_window(start, end),
        step=read_step(step),
        aggregate=aggregate,
        max_points=max_points,
    )
    histories = await _read(request, [known[id]], asked=asked)
    if wants_csv(request):
        return _csv(request, histories)
    if not histories:
        raise NotFound(series=id)
    return Response(histories[0])


@get(
    "/api/v1/entities/{id:str}/history",
    tags=["history"],
    opt=asks("read", "series"),
    summary="Several series of an entity",
)
async def of_entity(
    request: Call,
    id: FromPath[str],  # noqa: A002
    attributes: FromQuery[str] = "",
    start: From = "",
    end: To = "",
    step: FromQuery[str] = "auto",
    aggregate: How = "mean",
    max_points: Points = 2000,
) -> Response[list[HistoryOut]]:
    """The history of some attributes (comma-separated; all when empty) of one entity."""
    services = services_of(request)
    await services.store.entities.get(rows_of(request, "entity"), id)
    wanted = {each.strip() for each in attributes.split(",") if each.strip()}
    series = [
        each
        for each in await services.store.series.of_entity(rows_of(request, "series"), id)
        if not wanted or each.key.attribute in wanted
    ]
    if len(series) > MOST_SERIES:
        raise InvalidInput("at most 20 attributes at a time", field="attributes")
    asked = Reading(
        window=read_window(start, end),
        step=read_step(step),
        aggregate=aggregate,
        max_points=max_points,
    )
    histories = await _read(request, series, asked=asked) if series else []
    return _csv(request, histories) if wants_csv(request) else Response(histories)


@get(
    "/api/v1/observations/{series:int}/{measured_ms:int}/provenance",
    tags=["history"],
    opt=asks("read", "observation"),
    summary="From a value back to its frame",
)
async def provenance(
    request: Call, series: FromPath[int], measured_ms: FromPath[int]
) -> Provenance:
    """The value, its quality and codec, and the raw message that it came from."""
    services = services_of(request)
    rows = rows_of(request, "series")
    known = (await services.store.series.by_id(rows, [series])).get(series)
    if known is None or not exit_of(request).shows(known.dataset, known.key.attribute):
        raise NotFound(series=series, measured=measured_ms)
    row = await services.store.history.observation(rows, series, measured=measured_ms)
    try:
        frame = frame_out(await services.store.raw.by_sequence(row.log, row.sequence))
    except NotFound:
        frame = None
    gone = await services.store.governance.remains(row.log, row.sequence) if not frame else None
    return Provenance(
        series=series,
        measured=instant(row.measured),
        received=instant(row.received),
        value=row.value,
        quality=row.quality,
        codec=row.codec,
        generation=row.generation,
        frame=frame,
        gone=gone,
    )


HANDLERS = (of_series, of_entity, provenance)

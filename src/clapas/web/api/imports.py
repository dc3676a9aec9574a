"""Imports of devices: template, file, columns, dry run, application, report, undoing."""

import asyncio
import csv
import io
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.domain.errors import InvalidInput
from clapas.fleet.columns import BY_NAME, FIELDS
from clapas.fleet.importing import Plan
from clapas.fleet.sheet import LARGEST, Preview, Shape, preview
from clapas.fleet.workbook import XLSX, template_of
from clapas.store.fleet_imports import Import, Line
from clapas.store.jobs import Job
from clapas.web.answers import CSV, Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was received: what was found in it."""

    number: int
    name: str
    preview: Preview
    fields: list[str]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How to undo: ``force`` leaves the devices that were changed since as they are now."""

    force: bool = False


@get(
    "/api/v1/imports/template",
    tags=["imports"],
    opt=asks("read", "import"),
    summary="Template of an import",
)
async def template(
    format_: Annotated[str, QueryParameter(name="format", pattern="^(csv|xlsx)$")] = "csv",
) -> Response[bytes]:
    """Every column and one example: a CSV as spreadsheets of this country read it, or a workbook.

    In the workbook ids and keys are text: no spreadsheet makes a number of them.
    """
    if format_ == "xlsx":
        headers = {"Content-Disposition": 'attachment; filename="appareils.xlsx"'}
        return Response(template_of(), media_type=XLSX, headers=headers)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([each.header for each in FIELDS])
    writer.writerow([each.example for each in FIELDS])
    disposition = {"Content-Disposition": 'attachment; filename="appareils.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type=CSV, headers=disposition)


@get("/api/v1/imports", tags=["imports"], opt=asks("write", "import"), summary="Imports")
async def imports(
    request: Call, after: FromQuery[str | None] = None, limit: FromQuery[int] = 50
) -> Response[Listed[Import]]:
    """Imports, the newest first."""
    page = await services_of(request).store.imports.page(after=after, limit=page_size(limit))
    return listing(request, page.items, after=page.next)


@post(
    "/api/v1/imports",
    tags=["imports"],
    opt=asks("write", "import"),
    request_max_body_size=LARGEST,
    summary="Send a spreadsheet of devices",
)
async def receive(
    request: Call, name: Annotated[str, QueryParameter(max_length=200)] = ""
) -> Received:
    """The file is the body: CSV or XLSX. Nothing is imported yet."""
    content = await request.body()
    found = await asyncio.to_thread(preview, content)
    plan = Plan(shape=found.shape, columns=found.columns)
    record = await services_of(request).store.imports.add(
        name or "import", content, plan=msgspec.to_builtins(plan), actor=request.user.id
    )
    return Received(
        number=record.id, name=record.name, preview=found, fields=[each.name for each in FIELDS]
    )


@post(
    "/api/v1/imports/{number:int}/look",
    status_code=200,
    tags=["imports"],
    opt=asks("write", "import"),
    summary="Read the file another way",
)
async def look(request: Call, number: FromPath[int], data: JSONBody[Shape]) -> Preview:
    """The columns and first lines with this encoding, separator or sheet; nothing is kept."""
    content = await services_of(request).store.imports.content(number)
    return await asyncio.to_thread(preview, content, data)


@get("/api/v1/imports/{number:int}", tags=["imports"], opt=asks("write", "import"), summary="One")
async def one(request: Call, number: FromPath[int]) -> Import:
    """One import with its report."""
    return await services_of(request).store.imports.get(number)


@put(
    "/api/v1/imports/{number:int}/plan",
    tags=["imports"],
    opt=asks("write", "import"),
    summary="Choose columns and corrections",
)
async def set_plan(request: Call, number: FromPath[int], data: JSONBody[Plan]) -> Import:
    """Which column is what, which corrections are accepted, what happens to existing devices."""
    unknown = [n for n in data.columns if n not in BY_NAME and not n.startswith("tag:")]
    if unknown or "key" not in data.columns:
        raise InvalidInput("a column must give the devices' id", unknown=unknown, field="columns")
    wrong = set(data.corrections) - {"swapped", "lambert93"}
    if wrong or data.existing not in {"update", "refuse"}:
        raise InvalidInput(field="corrections", accepted=["swapped", "lambert93"])
    store = services_of(request).store.imports
    await store.set_plan(number, msgspec.to_builtins(data))
    return await store.get(number)


async def _queue(request: Call, number: int, *, what: str, **more: Any) -> Job:
    store = services_of(request).store
    record = await store.imports.get(number)
    return await store.jobs.add(
        f"fleet.import.{what}",
        {"import": number, **more},
        actor=request.user.id,
        subject=record.name,
    )


@post("/api/v1/imports/{number:int}/check", tags=["imports"], opt=asks("write", "import"))
async def check(request: Call, number: FromPath[int]) -> Job:
    """Dry run, as a job: every bad line with its reason, no device written."""
    return await _queue(request, number, what="check")


@post("/api/v1/imports/{number:int}/apply", tags=["imports"], opt=asks("write", "import"))
async def apply(request: Call, number: FromPath[int]) -> Job:
    """Import, as a job: everything in one transaction."""
    return await _queue(request, number, what="apply")


@post("/api/v1/imports/{number:int}/undo", tags=["imports"], opt=asks("write", "import"))
async def undo(request: Call, number: FromPath[int], data: JSONBody[Wish]) -> Job:
    """Undo within 24 hours, as a job."""
    return await _queue(request, number, what="undo", force=data.force)


@get(
    "/api/v1/imports/{number:int}/lines",
    tags=["imports"],
    opt=asks("write", "import"),
    summary="What is wrong, line by line",
)
async def lines(
    request: Call,
    number: FromPath[int],
    code: Annotated[str, QueryParameter(max_length=60)] = "",
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 100,
) -> Response[Listed[Line]]:
    """Bad lines and remarks by line; as CSV it is the report to download."""
    page = await services_of(request).store.imports.lines(
        number, code=code, after=after, limit=page_size(limit)
    )
    return listing(request, page.items, after=page.next)


HANDLERS = (template, imports, receive, look, one, set_plan, check, apply, undo, lines)

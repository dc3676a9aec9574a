"""Any list, whole and filtered, as one CSV or one workbook: the same rows, rights and columns as its pages."""

import asyncio
import csv
import io
import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from litestar import Response, get
from litestar.params import QueryParameter

from clapas.domain.errors import Forbidden, InvalidInput, TooMany, Unauthenticated
from clapas.fleet.workbook import XLSX, table_of
from clapas.web.answers import CSV
from clapas.web.guard import asks
from clapas.web.headers import Headers
from clapas.web.services import Call

LISTS = frozenset(
    {
        "alarms", "catalogue", "claims", "commands", "costs", "costs/use", "devices", "entities", "fleet",
        "groups", "imports", "jobs", "models", "quantities", "rejects", "repairs", "rules", "schedules",
        "shadows", "sources", "types",
    }
)  # fmt: skip
NUMBERED = re.compile(r"imports/\d{1,18}/lines|jobs/\d{1,18}/items")
MOST = 200_000
PAGE = 1000
REFUSALS = {401: Unauthenticated, 403: Forbidden}
CARRIED = ("authorization", "x-api-key", "cookie", "x-clapas-purpose", "accept-language")


@get("/api/v1/export", tags=["platform"], opt=asks("read", "entrance"), summary="A whole list")
async def export(
    request: Call,
    list_: Annotated[str, QueryParameter(name="list", max_length=2000)],
    format_: Annotated[str, QueryParameter(name="format", pattern="^(csv|xlsx)$")] = "xlsx",
) -> Response[bytes]:
    """``list`` is a list's address after /api/v1/ with its filters, such as ``fleet?state=silent``.

    Each page is asked of that list as the caller, so that the charter decides as it does there.
    """
    asked = urlsplit(list_.removeprefix("/api/v1/"))
    if asked.path not in LISTS and not NUMBERED.fullmatch(asked.path):
        raise InvalidInput("there is no such list", field="list", accepted=sorted(LISTS))
    rows = await _rows(request, asked.path, query=dict(parse_qsl(asked.query)))
    name = asked.path.replace("/", "-")
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format_}"'}
    if format_ == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return Response(text.getvalue().encode("utf-8-sig"), media_type=CSV, headers=headers)
    content = await asyncio.to_thread(table_of, name, rows)
    return Response(content, media_type=XLSX, headers=headers)


async def _rows(request: Call, path: str, *, query: dict[str, str]) -> list[list[str]]:
    """The header, then the rows of every page. Raises InvalidInput, TooMany, and what the list raises."""
    headers = {name: request.headers[name] for name in CARRIED if name in request.headers}
    headers["accept"] = CSV
    found: list[list[str]] = []
    transport = httpx.ASGITransport(
        app=Headers(request.app, https=False),  # type: ignore[arg-type]
        raise_app_exceptions=False,
        client=request.scope["client"] or ("", 0),
    )
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url)) as client:
        after: str | None = query.pop("after", None)
        while True:
            page = {**query, "limit": str(PAGE), **({"after": after} if after else {})}
            answer = await client.get(f"/api/v1/{path}?{urlencode(page)}", headers=headers)
            _refused(answer)
            lines = list(csv.reader(io.StringIO(answer.text)))
            found += lines if not found else lines[1:]
            after = answer.headers.get("x-clapas-next")
            if not after:
                return found
            if len(found) > MOST:
                raise TooMany("this list is too long for one file", limit=MOST)


def _refused(answer: httpx.Response) -> None:
    if answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv"):
        return
    said: dict[str, Any] = answer.json() if answer.status_code >= 400 else {}
    kind = REFUSALS.get(answer.status_code, InvalidInput)
    raise kind(said.get("detail") or "this list cannot be read so", **said.get("values", {}))


HANDLERS = (export,)

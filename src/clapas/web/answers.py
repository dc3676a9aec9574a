"""Lists and series, as JSON or as CSV (RFC 4180) when the caller prefers it.

A CSV is an export: the charter is asked for that action too. Cells that a spreadsheet would take for
a formula are defused by an apostrophe (OWASP, CSV injection).
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Response

from clapas.charter import collection
from clapas.domain.errors import InvalidInput
from clapas.web.guard import require
from clapas.web.services import Call, services_of

Item = TypeVar("Item")
Body = TypeVar("Body")

MOST = 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
CSV = "text/csv"


class Listed(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """One page of a list; ``next`` is what to give as ``after`` for the following one."""

    items: list[Item]
    next: str | None = None


def page_size(limit: int) -> int:
    """A page's size, 1 to 1000. Raises InvalidInput."""
    if not 1 <= limit <= MOST:
        raise InvalidInput("a page holds 1 to 1000 items", field="limit", accepted=[1, MOST])
    return limit


def wants_csv(request: Call) -> bool:
    """Does the caller prefer CSV to JSON?"""
    accept = request.headers.get("accept", "").lower()
    return "text/csv" in accept and "application/json" not in accept.split("text/csv")[0]


def listing(
    request: Call, items: Sequence[Item], *, after: str | None = None
) -> Response[Listed[Item]]:
    """A page of a list in the form that the caller prefers."""
    if not wants_csv(request):
        return Response(Listed(items=list(items), next=after))
    rows = [_flat(item) for item in items]
    columns = list(rows[0]) if rows else []
    link = {"X-Clapas-Next": after} if after else {}
    return csv_response(
        request, columns, rows=([row.get(c) for c in columns] for row in rows), headers=link
    )


def _flat(item: Any) -> dict[str, Any]:
    """One row: the fields of a part of the item stand beside the others, as ``part.field``."""
    row: dict[str, Any] = {}
    for name, value in msgspec.structs.asdict(item).items() if _is_part(item) else item.items():
        if _is_part(value):
            row |= {f"{name}.{inner}": each for inner, each in _flat(value).items()}
        else:
            row[name] = msgspec.to_builtins(value, builtin_types=(datetime,))
    return row


def _is_part(value: Any) -> bool:
    return isinstance(value, msgspec.Struct)


def csv_response(
    request: Call,
    columns: Sequence[str],
    *,
    rows: Iterable[Sequence[Any]],
    headers: dict[str, str] | None = None,
) -> Response[Any]:
    """A table as CSV, once the charter permits the export."""
    kind = str(request.route_handler.opt["kind"])
    require(services_of(request).charter, request.user, action="export", resource=collection(kind))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return Response(text.getvalue().encode(), media_type=CSV, headers=headers or {})


def cell(value: Any) -> str | int | float:
    """One value as a CSV cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(FORMULA) else text

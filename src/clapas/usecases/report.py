"""A trade's report over a period: a printed page in French (typst), or a table (CSV)."""

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.window import Window
from clapas.reports.printed import printed
from clapas.usecases.elected import Share, Summary
from clapas.usecases.gather import Line
from clapas.usecases.pack import Pack

COLUMNS = (
    "entity",
    "name",
    "type",
    "commune",
    "indicator",
    "value",
    "unit",
    "state",
    "capture",
    "suspect",
)
STATES = {
    "ok": "normal", "watch": "à surveiller", "alert": "alerte", "insufficient": "données insuffisantes",
    "no_data": "sans donnée",
}  # fmt: skip


def as_csv(lines: list[Line]) -> bytes:
    """One line an entity and indicator; an empty value is the lack of one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        for each in line.figures:
            value = "" if each.value is None else each.value
            writer.writerow(
                [line.entity, defused(line.name), line.type, line.commune, each.indicator, value,
                 each.unit, each.state, each.capture, each.suspect]
            )  # fmt: skip
    return text.getvalue().encode()


def defused(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_pdf(
    pack: Pack,
    lines: list[Line],
    window: Window,
    *,
    zone: str,
    territory: str,
    made: datetime,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """The printed report; ``more`` is what the trade's own template prints besides. Call it in a thread."""
    civil = ZoneInfo(zone)
    data = {
        "title": pack.title.fr,
        "question": pack.page.question.fr,
        "territory": territory,
        "start": f"{window.start.astimezone(civil):%d/%m/%Y}",
        "end": f"{window.end.astimezone(civil):%d/%m/%Y %H:%M}",
        "made": f"{made.astimezone(civil):%d/%m/%Y %H:%M}",
        "zone": zone,
        "columns": [pack.indicator(each).title.fr for each in shown(pack)],
        "rows": [_row(pack, line) for line in lines],
        "methods": [
            {"title": each.title.fr, "method": each.method.fr}
            for each in pack.indicators
            if each.id in shown(pack)
        ],
        "limits": [
            {"name": each.title.fr if each.title else name, "value": french(each.shown), "unit": each.unit,
             "source": each.said.fr, "from": f"{each.valid_from:%d/%m/%Y}", "confirm": each.to_confirm}
            for name, each in pack.limits.items()
        ],
        **more,
    }  # fmt: skip
    own = Path(pack.folder) / "report.typ"
    template = own.read_bytes() if own.is_file() else _common()
    return printed(template, {"data": msgspec.json.encode(data).decode()})


def sheet_pdf(found: Summary, *, place: str, zone: str, territory: str, made: datetime) -> bytes:
    """The sheet of a commune, or of the territory, in French. Blocks for about a second."""
    civil = ZoneInfo(zone)
    data = {
        "place": place,
        "territory": territory,
        "zone": zone,
        "made": f"{made.astimezone(civil):%d/%m/%Y %H:%M}",
        "figures": [_sheet_figure(each, civil) for each in found.figures],
    }
    template = files("clapas.usecases").joinpath("sheet.typ").read_bytes()
    return printed(template, {"data": msgspec.json.encode(data).decode()})


def _sheet_figure(each: Share, civil: ZoneInfo) -> dict[str, Any]:
    return {
        "title": each.title.fr,
        "figure": each.figure.fr,
        "value": "—" if each.value is None else f"{french(each.value)} {each.unit}".strip(),
        "method": each.method.fr,
        "source": each.source.fr,
        "licence": each.licence,
        "points": each.points,
        "judged": each.judged,
        "watch": each.watch,
        "alert": each.alert,
        "start": f"{each.start.astimezone(civil):%d/%m/%Y}",
        "end": f"{each.end.astimezone(civil):%d/%m/%Y %H:%M}",
        "simulated": each.simulated,
    }


SHEET_COLUMNS = ("trade", "figure", "value", "unit", "points", "judged", "watch", "alert", "start", "end", "source", "licence", "method", "simulated")  # fmt: skip


def sheet_csv(found: Summary) -> bytes:
    """The same sheet as a table; an empty value is the lack of one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(SHEET_COLUMNS)
    for each in found.figures:
        writer.writerow(
            [each.title.fr, each.figure.fr, "" if each.value is None else each.value, each.unit, each.points,
             each.judged, each.watch, each.alert, each.start.isoformat(), each.end.isoformat(), each.source.fr,
             each.licence, each.method.fr, each.simulated]
        )  # fmt: skip
    return text.getvalue().encode()


def _common() -> bytes:
    return files("clapas.usecases").joinpath("report.typ").read_bytes()


def shown(pack: Pack) -> tuple[str, ...]:
    """The indicators of the page: the headline, then the columns."""
    return tuple(dict.fromkeys((pack.page.headline, *pack.page.columns)))


def _row(pack: Pack, line: Line) -> dict[str, Any]:
    by_id = {each.indicator: each for each in line.figures}
    cells = []
    for name in shown(pack):
        each = by_id[name]
        text = "—" if each.value is None else f"{french(each.value)} {each.unit}".strip()
        cells.append({"text": text, "state": STATES[each.state]})
    first = by_id[pack.page.headline]
    return {"name": line.name, "cells": cells, "capture": f"{first.capture * 100:.0f} %"}


def french(value: float) -> str:
    """A number with a decimal comma, without needless zeros."""
    text = f"{value:,.3f}".rstrip("0").rstrip(".")
    return text.replace(",", "\u202f").replace(".", ",")

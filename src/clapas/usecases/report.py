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
from clapas.usecases.figures import State, state_of
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
    "no_data": "sans donnée", "beside": "repère",
}  # fmt: skip
WORST_FIRST = ("alert", "watch", "insufficient", "no_data", "ok", "beside")
COUNTED: dict[State, str] = {
    "alert": "en alerte", "watch": "à surveiller", "ok": "dans la norme", "insufficient": "avec trop peu de données",
    "no_data": "sans donnée", "beside": "pour comparer",
}  # fmt: skip
LICENCES = {"": "données non ouvertes", "LO-2.0": "Licence Ouverte 2.0"}
MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre")  # fmt: skip
NUMBERS = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six")
NO_BREAK = "\u00a0"


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
    *,
    window: Window,
    zone: str,
    territory: str,
    made: datetime,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """The printed report; ``more`` is what the trade's own template prints besides. Call it in a thread."""
    civil = ZoneInfo(zone)
    columns = printable(pack, lines)
    judged = [(state_of(pack, line.figures), line) for line in lines]
    judged.sort(key=lambda each: (WORST_FIRST.index(each[0]), each[1].name))
    data = {
        "title": pack.title.fr,
        "question": pack.page.question.fr,
        "territory": territory,
        "period": f"du {day(window.start, civil)} au {moment(window.end, civil)} ({zone})",
        "made": moment(made, civil),
        "summary": counted([state for state, _ in judged]),
        "simulated": _all_simulated(lines),
        "min_capture": f"{pack.min_capture * 100:.0f}{NO_BREAK}%",
        "columns": [pack.indicator(each).title.fr for each in columns],
        "rows": [
            _row(pack, line, worst=state, columns=columns, mark=not _all_simulated(lines))
            for state, line in judged
        ],
        "methods": [
            {"title": pack.indicator(each).title.fr, "method": pack.indicator(each).method.fr}
            for each in columns
        ],
        "limits": [
            {"name": each.title.fr if each.title else name, "value": measure(each.shown, each.unit),
             "source": each.said.fr, "from": f"{each.valid_from:%d/%m/%Y}", "confirm": each.to_confirm}
            for name, each in pack.limits.items()
        ],
        **more,
    }  # fmt: skip
    own = Path(pack.folder) / "report.typ"
    template = own.read_bytes() if own.is_file() else _common()
    return printed(template, {"data": msgspec.json.encode(data).decode()})


def counted(states: list[State]) -> str:
    """How many points of measure are in each state, the worst first: "2 en alerte, 5 à surveiller…"."""
    counts = [(word, states.count(each)) for each, word in COUNTED.items()]
    return ", ".join(f"{number} {word}" for word, number in counts if number) + "."


def sheet_pdf(found: Summary, *, place: str, zone: str, territory: str, made: datetime) -> bytes:
    """The sheet of a commune, or of the territory, in French. Blocks for about a second."""
    civil = ZoneInfo(zone)
    data = {
        "place": place,
        "lead": f"L’essentiel en {NUMBERS[len(found.figures)]} chiffres",
        "territory": territory,
        "zone": zone,
        "made": moment(made, civil),
        "figures": [_sheet_figure(each, civil) for each in found.figures],
    }
    template = files("clapas.usecases").joinpath("sheet.typ").read_bytes()
    return printed(template, {"data": msgspec.json.encode(data).decode()})


def _sheet_figure(each: Share, civil: ZoneInfo) -> dict[str, Any]:
    middle = f"Médiane de {each.judged} points jugés sur {each.points}"
    if not each.judged:
        middle = f"Aucun des {each.points} points n’a pu être jugé"
    return {
        "title": each.title.fr,
        "figure": each.figure.fr,
        "value": "—" if each.value is None else measure(each.value, each.unit),
        "method": each.method.fr,
        "source": each.source.fr,
        "licence": LICENCES.get(each.licence, each.licence),
        "judged": middle if each.trade else f"{each.points} en tout",
        "watch": each.watch,
        "alert": each.alert,
        "watch_words": f"{each.watch} à surveiller",
        "alert_words": f"{each.alert} en alerte",
        "start": day(each.start, civil),
        "end": moment(each.end, civil),
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


def printable(pack: Pack, lines: list[Line]) -> tuple[str, ...]:
    """Those that say something of some point; the headline always."""
    told = {each.indicator for line in lines for each in line.figures if each.value is not None}
    return tuple(each for each in shown(pack) if each in told or each == pack.page.headline)


def _all_simulated(lines: list[Line]) -> bool:
    return bool(lines) and all(line.simulated for line in lines)


def _row(
    pack: Pack, line: Line, *, worst: State, columns: tuple[str, ...], mark: bool
) -> dict[str, Any]:
    by_id = {each.indicator: each for each in line.figures}
    cells = []
    for name in columns:
        each = by_id[name]
        text = "—" if each.value is None else measure(each.value, each.unit)
        cells.append({"text": text, "state": each.state, "word": STATES[each.state]})
    first = by_id[pack.page.headline]
    return {
        "name": line.name + (" (simulé)" if mark and line.simulated else ""),
        "state": worst,
        "word": STATES[worst],
        "cells": cells,
        "capture": f"{first.capture * 100:.0f}{NO_BREAK}%",
    }


def measure(value: float, unit: str) -> str:
    """A figure with its unit, which never leaves it."""
    return f"{french(value)}{NO_BREAK}{unit.replace(' ', NO_BREAK)}" if unit else french(value)


def day(when: datetime, civil: ZoneInfo) -> str:
    """A civil day as a letter writes it: 1er mars 2026."""
    local = when.astimezone(civil)
    return f"{'1er' if local.day == 1 else local.day} {MONTHS[local.month - 1]} {local.year}"


def moment(when: datetime, civil: ZoneInfo) -> str:
    """A civil day and hour: 12 mars 2026 à 9 h 05."""
    local = when.astimezone(civil)
    return f"{day(when, civil)} à {local.hour}{NO_BREAK}h{NO_BREAK}{local.minute:02d}"


def french(value: float) -> str:
    """A number with a decimal comma, without needless zeros."""
    text = f"{value:,.3f}".rstrip("0").rstrip(".")
    return text.replace(",", "\u202f").replace(".", ",")

"""Find how a CSV file is written: separator, decimal mark, header, and which column is what."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

import msgspec

from clapas.sources.errors import Incomplete, Malformed

Order = Literal["iso", "dmy", "mdy"]
SEPARATORS = ";\t,|"
LOOK = 60
"""How many lines are looked at to find the header."""
TIME_NAMES = (
    "measured",
    "date time",
    "datetime",
    "date_time",
    "timestamp",
    "horodatage",
    "date",
    "time",
    "dateheure",
)
HOUR_NAMES = ("heure", "hour", "time")
DEVICE_NAMES = ("device", "appareil", "capteur", "sensor", "receiver", "transmitter", "user key", "station", "nom", "name", "site", "id")  # fmt: skip
NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?$")
_ISO = re.compile(r"^\d{4}-\d\d?-\d\d?")
_SLASHED = re.compile(r"^(\d\d?)[/.-](\d\d?)[/.-](\d{2,4})")


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How the lines are read. Columns are named by their header."""

    separator: str = ";"
    decimal: str = "."
    order: Order = "iso"
    time: str = "date"
    hour: str = ""
    device: tuple[str, ...] = ()
    fixed: str = ""
    """The device of a file that names none in its lines."""
    timezone: str = "UTC"

    def query(self) -> str:
        """The form as the query of a message's topic, so that a line is read alone for ever."""
        fields = msgspec.structs.asdict(self) | {"device": "\n".join(self.device)}
        return urlencode({key: value for key, value in fields.items() if value})


def from_query(fields: dict[str, str]) -> Form:
    """The inverse of :meth:`Form.query`; raises ``Malformed``."""
    known = {key: value for key, value in fields.items() if key in Form.__struct_fields__}
    device = tuple(each for each in known.pop("device", "").split("\n") if each)
    try:
        return msgspec.convert({**known, "device": device}, Form)
    except msgspec.ValidationError as error:
        raise Malformed(f"the form of the CSV is wrong: {error}", detail=str(error)) from None


def decode(body: bytes) -> str:
    """The text: UTF-8 (with or without its mark), UTF-16 by its mark, else Windows-1252."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", errors="replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


def cells(line: str, separator: str) -> list[str]:
    """The cells of one line, quotes taken away."""
    if '"' not in line:
        return [each.strip() for each in line.split(separator)]
    import csv

    return [each.strip() for each in next(csv.reader([line], delimiter=separator), [])]


class Found(msgspec.Struct, frozen=True):
    """A form, the header's cells and the number of its line."""

    form: Form
    header: tuple[str, ...]
    line: int


def find(lines: Sequence[str], *, name: str, given: dict[str, str]) -> Found:
    """Find the form of a file; what is ``given`` wins. Raises ``Incomplete`` when nothing fits."""
    separator = given.get("separator") or _separator(lines[:LOOK])
    for place, line in enumerate(lines[:LOOK]):
        header = cells(line, separator)
        rows = [cells(each, separator) for each in lines[place + 1 : place + 1 + LOOK]]
        time = given.get("time") or _time_column(header, rows)
        if time and time in header and _has_data(rows):
            form = _form(header, rows, time=time, separator=separator)
            own = _own_name(lines[:place], separator) or name
            filled = msgspec.structs.replace(form, fixed="" if form.device else own)
            named = from_query(
                {**msgspec.structs.asdict(filled), "device": "\n".join(filled.device), **given}
            )
            return Found(named, tuple(header), place)
    raise Incomplete("no header with a column of times was found", file=name)


def _separator(lines: Sequence[str]) -> str:
    """The one that cuts the most lines into the same number of cells, two or more."""

    def score(separator: str) -> int:
        counts = [line.count(separator) for line in lines if line.strip()]
        return max((counts.count(each) * 10 + each for each in set(counts) if each), default=0)

    return max(SEPARATORS, key=score)


def _time_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The column with a time's name whose cells are dates."""
    for name in TIME_NAMES:
        for column in header:
            if column.lower() == name and any(
                _is_date(_cell(row, header, name=column)) for row in rows[:3]
            ):
                return column
    return ""


def _has_data(rows: Sequence[Sequence[str]]) -> bool:
    return any(NUMBER.match(each) for row in rows[:5] for each in row)


def _form(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, time: str, separator: str
) -> Form:
    dates = [_cell(row, header, name=time) for row in rows]
    numbers = [each for row in rows for each in row if NUMBER.match(each)]
    hours = [each for each in header if each.lower() in HOUR_NAMES and each != time]
    comma = separator != "," and any("," in each for each in numbers)
    return Form(
        separator=separator,
        decimal="," if comma else ".",
        order=_order(dates),
        time=time,
        hour=hours[0] if hours else "",
        device=tuple(each for each in header if each.lower() in DEVICE_NAMES),
    )


def _order(dates: Sequence[str]) -> Order:
    slashed = [match for each in dates if (match := _SLASHED.match(each))]
    if not slashed:
        return "iso"
    return "mdy" if any(int(match[2]) > 12 for match in slashed) else "dmy"


def _is_date(text: str) -> bool:
    return bool(_ISO.match(text) or _SLASHED.match(text))


def _cell(row: Sequence[str], header: Sequence[str], *, name: str) -> str:
    place = header.index(name)
    return row[place] if place < len(row) else ""


def _own_name(before: Sequence[str], separator: str) -> str:
    """Loggers write the sensor's name alone on the line above the header."""
    for line in reversed(before):
        named = [each for each in cells(line, separator) if each]
        if len(named) == 1:
            return named[0]
        if named:
            return ""
    return ""


def read_time(text: str, order: Order) -> datetime:
    """A date as the file writes it, naive; raises ``ValueError``."""
    match = _SLASHED.match(text) if order != "iso" else None
    if match is None:
        return datetime.fromisoformat(text)
    first, second, year = int(match[1]), int(match[2]), int(match[3])
    day, month = (first, second) if order == "dmy" else (second, first)
    rest = text[match.end() :].strip() or "00:00"
    full = year if year > 99 else 2000 + year
    return datetime.fromisoformat(f"{full:04}-{month:02}-{day:02} {rest}")

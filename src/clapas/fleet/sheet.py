"""Reading a spreadsheet that somebody made: encoding, separator and header are found, sizes are bounded.

A CSV is read as RFC 4180 with any of four separators; an XLSX by openpyxl without evaluating anything: a
formula stays the text that it is and is refused line by line.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

import msgspec
from openpyxl import load_workbook

from clapas.fleet.columns import guess, is_header
from clapas.fleet.errors import SheetUnreadable
from clapas.fleet.weight import MOST_LINES, weigh

LARGEST = 64_000_000
MOST_COLUMNS = 200
LOOK = 50
SEPARATORS = (";", ",", "\t", "|")

Cells = list[str]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is written: what was found, and the person may correct."""

    format: str = "csv"
    encoding: str = "utf-8"
    separator: str = ";"
    sheet: str = ""
    header: bool = True


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown before the columns are chosen: headers, guessed columns, the first lines."""

    shape: Shape
    headers: list[str]
    columns: dict[str, int]
    sample: list[list[str]]
    sheets: list[str] = []


def preview(content: bytes, said: Shape | None = None) -> Preview:
    """Find out how a file is written, but for what the person ``said`` of it. Raises SheetUnreadable."""
    if len(content) > LARGEST:
        raise SheetUnreadable("the file is too large", reason="too_large", limit=LARGEST)
    if not content.strip():
        raise SheetUnreadable("the file is empty", reason="empty")
    shape, sheets = _excel(content) if content[:4] == b"PK\x03\x04" else (_text(content), [])
    if said is not None:
        shape = msgspec.structs.replace(said, format=shape.format)
    first = [
        cells
        for _, cells in islice(rows(content, msgspec.structs.replace(shape, header=False)), LOOK)
    ]
    if not first:
        raise SheetUnreadable("the file has no line", reason="empty")
    if shape.format == "csv":
        _counted(content, shape)
    header = is_header(first[0])
    headers = first[0] if header else [f"{place + 1}" for place in range(len(first[0]))]
    columns = guess(headers) if header else _by_content(first)
    return Preview(
        shape=msgspec.structs.replace(shape, header=header),
        headers=headers,
        columns=columns,
        sample=first[1:11] if header else first[:10],
        sheets=sheets,
    )


def rows(content: bytes, shape: Shape) -> Iterator[tuple[int, Cells]]:
    """(line number from 1, cells) of each line that is not empty, without the header.

    Raises SheetUnreadable: too many lines or columns, not the encoding that is said, broken archive.
    """
    lines = _excel_rows(content, shape) if shape.format == "xlsx" else _csv_rows(content, shape)
    count = 0
    waiting = shape.header
    for number, cells in lines:
        if not any(cells):
            continue
        if waiting:
            waiting = False
            continue
        count += 1
        if count > MOST_LINES:
            raise SheetUnreadable(
                "the file has too many lines", reason="too_many_lines", limit=MOST_LINES
            )
        if len(cells) > MOST_COLUMNS:
            raise SheetUnreadable(
                "a line has too many columns",
                reason="too_many_columns",
                limit=MOST_COLUMNS,
                line=number,
            )
        yield number, cells


def _counted(content: bytes, shape: Shape) -> None:
    """Too many lines are told when the file comes, not after its columns were chosen."""
    for _ in rows(content, shape):
        pass


def _text(content: bytes) -> Shape:
    encoding = _encoding(content)
    text = content[:200_000].decode(encoding, errors="replace")
    lines = text.splitlines()[:LOOK]
    return Shape(encoding=encoding, separator=max(SEPARATORS, key=lambda each: _fit(lines, each)))


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8"


def _fit(lines: list[str], separator: str) -> float:
    """How well a separator fits: every line has the same number of columns, and more than one."""
    try:
        widths = [len(cells) for cells in csv.reader(lines, delimiter=separator) if cells]
    except csv.Error:
        return 0.0
    if not widths or max(widths) < 2:
        return 0.0
    usual = max(set(widths), key=widths.count)
    return widths.count(usual) / len(widths) * (usual > 1) + usual / 1000


def _csv_rows(content: bytes, shape: Shape) -> Iterator[tuple[int, Cells]]:
    if shape.separator not in SEPARATORS:
        raise SheetUnreadable("this separator is not one of ours", accepted=list(SEPARATORS))
    try:
        text = io.TextIOWrapper(io.BytesIO(content), encoding=shape.encoding, newline="")
        reader = csv.reader(text, delimiter=shape.separator)
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
    except (UnicodeError, LookupError) as error:
        raise SheetUnreadable(
            "the encoding is not what is said", reason="encoding", encoding=shape.encoding
        ) from error
    except csv.Error as error:
        raise SheetUnreadable(
            "the file is not a CSV", reason="not_csv", detail=str(error)
        ) from error


def _excel(content: bytes) -> tuple[Shape, list[str]]:
    book = _open(content)
    try:
        return Shape(format="xlsx", separator="", sheet=book.sheetnames[0]), list(book.sheetnames)
    finally:
        book.close()


def _open(content: bytes) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            weigh(archive)
        return load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise SheetUnreadable("the workbook cannot be opened", reason="not_workbook") from error


def _excel_rows(content: bytes, shape: Shape) -> Iterator[tuple[int, Cells]]:
    book = _open(content)
    try:
        if shape.sheet and shape.sheet not in book.sheetnames:
            raise SheetUnreadable(
                "the workbook has no such sheet",
                reason="no_such_sheet",
                accepted=book.sheetnames[:20],
            )
        sheet = book[shape.sheet or book.sheetnames[0]]
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield number, [_cell(each) for each in cells]
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return (
            value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
        )
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _by_content(lines: list[Cells]) -> dict[str, int]:
    """Without a header, the column of EUI-64 is the device's id and the one of 32 digits its key."""
    found: dict[str, int] = {}
    for place in range(len(lines[0])):
        cells = [
            line[place].replace(":", "").replace("-", "") for line in lines if place < len(line)
        ]
        widths = {len(cell) for cell in cells if _is_hex(cell)}
        if widths == {16}:
            found.setdefault("key", place)
        elif widths == {32}:
            found.setdefault("app_key", place)
    return found


def _is_hex(text: str) -> bool:
    return bool(text) and all(letter in "0123456789abcdefABCDEF" for letter in text)

"""What a workbook weighs, told from its bytes before it is read: opening it would take the memory and the minutes.

An XLSX is a ZIP of XML (ECMA-376 part 1): rows are counted where cells have values, texts in the shared strings.
"""

import re
import zipfile
from collections.abc import Iterator

from clapas.fleet.errors import SheetUnreadable

UNPACKED = 600_000_000
MOST_LINES = 200_000
MOST_TEXTS = 2_000_000
"""Shared strings: ten different ones for each line."""
PART = 1 << 20
LONGEST = 1 << 16
"""Of a row's or a text's XML, in bytes, that is looked at in one piece."""
SHEET = re.compile(r"^xl/worksheets/[^/]+\.xml$")
ROW = re.compile(rb"<(?:\w+:)?row[ >/]")
TEXT = re.compile(rb"<(?:\w+:)?si[ >/]")
VALUE = re.compile(rb"<(?:\w+:)?(?:v|is|f)[ >]")


def weigh(archive: zipfile.ZipFile) -> None:
    """Raises SheetUnreadable: too large once unpacked, too many lines, too many texts."""
    if sum(each.file_size for each in archive.infolist()) > UNPACKED:
        raise SheetUnreadable(
            "the workbook is too large once unpacked", reason="too_large", limit=UNPACKED
        )
    for name in archive.namelist():
        if SHEET.match(name):
            _bounded(
                _lines(archive, name),
                MOST_LINES + 1,
                said="the file has too many lines",
                reason="too_many_lines",
                limit=MOST_LINES,
            )
        elif name == "xl/sharedStrings.xml":
            _bounded(
                _texts(archive, name),
                MOST_TEXTS,
                said="the workbook has too many texts",
                reason="too_many_texts",
                limit=MOST_TEXTS,
            )


def _bounded(counts: Iterator[int], most: int, *, said: str, reason: str, limit: int) -> None:
    total = 0
    for each in counts:
        total += each
        if total > most:
            raise SheetUnreadable(said, reason=reason, limit=limit)


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[int]:
    """How many rows hold a value, part by part; a sheet that is only coloured has none."""
    return (
        sum(bool(VALUE.search(row)) for row in ROW.split(part)[1:])
        for part in _parts(archive, name, begins=ROW)
    )


def _texts(archive: zipfile.ZipFile, name: str) -> Iterator[int]:
    return (len(TEXT.findall(part)) for part in _parts(archive, name, begins=TEXT))


def _parts(archive: zipfile.ZipFile, name: str, *, begins: re.Pattern[bytes]) -> Iterator[bytes]:
    """The member in pieces that end where an element begins."""
    rest = b""
    with archive.open(name) as member:
        while read := member.read(PART):
            rest += read
            last = None
            for last in begins.finditer(rest, max(0, len(rest) - LONGEST)):  # noqa: B007
                pass
            if last is not None:
                yield rest[: last.start()]
                rest = rest[last.start() :]
            elif len(rest) > PART + LONGEST:
                yield rest
                rest = b""
    yield rest

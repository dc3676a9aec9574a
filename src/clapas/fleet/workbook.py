"""The fleet as a workbook, with the columns of the import, so that it can come back corrected.

Keys are never exported. Text that a spreadsheet would take for a formula is written as text.
"""

import io
import math
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from clapas.fleet.columns import FIELDS
from clapas.store.fleet import FleetRow

SECRET = frozenset({"app_key", "nwk_key"})
TEXT = "@"
"""The number format of text (ECMA-376 part 1, 18.8.30): what is typed stays as it is."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def sheet_of(rows: Sequence[FleetRow]) -> bytes:
    """An XLSX of devices."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("appareils")
    fields = [each for each in FIELDS if each.name not in SECRET]
    sheet.append([each.header for each in fields])
    for row in rows:
        values = _values(row)
        sheet.append([_cell(sheet, values.get(each.name)) for each in fields])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def template_of() -> bytes:
    """An XLSX with every column and one example, all its columns being text."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101 - a new workbook has a sheet
    sheet.title = "appareils"
    sheet.append([each.header for each in FIELDS])
    sheet.append([each.example for each in FIELDS])
    for place, field in enumerate(FIELDS, start=1):
        column = sheet.column_dimensions[get_column_letter(place)]
        column.number_format = TEXT
        column.width = max(len(field.header), len(field.example)) + 2
        for cell in (sheet.cell(1, place), sheet.cell(2, place)):
            cell.number_format = TEXT
        sheet.cell(1, place).font = Font(bold=True)
    sheet.freeze_panes = "B2"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def table_of(name: str, rows: Sequence[Sequence[str]]) -> bytes:
    """An XLSX of any table: the header, then rows; what is written as a number becomes one."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name[:31])
    for rank, row in enumerate(rows):
        sheet.append([_cell(sheet, each if rank == 0 else _number(each)) for each in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _number(text: str) -> str | float:
    """Ids of digits stay text: only what a number alone would be written as."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return (
        number if text in {repr(number), str(int(number)) if number.is_integer() else ""} else text
    )


def _values(row: FleetRow) -> dict[str, Any]:
    device, file = row.row.device, row.file
    said = {name: getattr(file, name) for name in file.__struct_fields__}
    tags = ";".join(f"{name}={text}" for name, text in device.tags.items())
    return {
        **said,
        "key": device.key,
        "name": device.name,
        "model": device.model,
        "source": device.source,
        "latitude": device.latitude,
        "longitude": device.longitude,
        "lifecycle": device.lifecycle,
        "tags": tags,
    }


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # A control character stands in no XML document (XML 1.0, 2.2), a workbook being made of them.
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
    cell.data_type = "s"
    return cell

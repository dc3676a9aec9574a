"""The fleet as a workbook, with the columns of the import, so that it can come back corrected.

Keys are never exported. Text that a spreadsheet would take for a formula is written as text.
"""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from clapas.fleet.columns import FIELDS
from clapas.store.fleet import FleetRow

SECRET = frozenset({"app_key", "nwk_key"})
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
    cell = WriteOnlyCell(sheet, value=value)
    cell.data_type = "s"
    return cell

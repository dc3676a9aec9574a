"""Tables of text cells: CSV (or CSV.gz) as people bring them, with the dialect found from their first lines.

The separator (``;`` ``,`` tab), the decimal comma and the names of the columns in French or English are recognised.
"""

import re
from pathlib import Path

import polars as pl

from clapas.usecases import errors, tables
from clapas.usecases.tables import MAX_BAD_SHARE
from clapas.usecases.water.errors import BadTable

METER = (
    "meter", "user key", "meter id", "compteur", "device", "device id", "serial", "serial number", "deveui",
    "point", "pds", "user", "id",
)  # fmt: skip
TIME = (
    "datetime",
    "timestamp",
    "date",
    "time",
    "horodatage",
    "date heure",
    "measured",
    "measured at",
    "ts",
)
INDEX = (
    "meter reading", "index l", "index", "reading", "releve", "relevé", "volume index", "consumption", "value", "volume",
)  # fmt: skip
INDEX_M3 = ("index m3", "index m³")
"""Names are compared without their case, underscores, nor what stands between brackets, but for m³. An index read on days without hours is in m³, as on bills, unless its column is named index_l."""
LOOKED_AT = 200
"""Lines from which the dialect is judged."""


def read_text_table(path: Path, *, header: bool = True) -> pl.DataFrame:
    """All cells as text, names trimmed, with the separator found; raises :class:`BadTable`."""
    try:
        text = tables.read_text(path)
    except errors.BadTable as error:
        raise BadTable(str(error), path=str(path)) from error
    separator = tables.separator(text[: text.find("\n") + 1] or text)
    if not text.strip():
        raise BadTable(f"{path}: the file is empty", path=str(path))
    _check_cells(text, path, separator=separator)
    try:
        frame = pl.read_csv(
            text.encode(),
            separator=separator,
            has_header=header,
            infer_schema_length=0,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError as error:
        raise BadTable(
            f"{path}: no table of text: {str(error).splitlines()[0]}", path=str(path)
        ) from error
    if frame.height == 0:
        raise BadTable(f"{path}: no line after the header", path=str(path))
    return frame.rename({name: name.strip() for name in frame.columns})


def _check_cells(text: str, path: Path, *, separator: str) -> None:
    """Lines with more cells than the header: their decimal comma is the separator too. Raises BadTable."""
    lines = [line for line in text[: LOOKED_AT * 400].splitlines()[:LOOKED_AT] if line.strip()]
    if '"' in lines[0] or len(lines) < 2:
        return
    cells = lines[0].count(separator)
    longer = [
        line
        for line in lines[1:]
        if '"' not in line and line.rstrip(f"{separator} ").count(separator) > cells
    ]
    if len(longer) > MAX_BAD_SHARE * len(lines):
        raise BadTable(
            f"{path}: the header has {cells + 1} columns, but lines such as {longer[0][:60]!r} have more: "
            f"is {separator!r} the decimal mark too, or another separator meant?",
            path=str(path),
        )


def once(frame: pl.DataFrame, names: tuple[str, ...], *, path: Path) -> None:
    """Refuse a table in which one of these columns stands twice: nobody knows which is meant. Raises BadTable."""
    for name in names:
        if name and f"{name}_duplicated_0" in frame.columns:
            raise BadTable(f"{path}: two columns are named {name!r}", path=str(path))


def find_column(frame: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    """The first column that bears one of these names (see ``INDEX_M3``); None when there is none."""
    known = {named_as(name): name for name in reversed(frame.columns)}
    return next((known[name] for name in names if name in known), None)


def named_as(name: str) -> str:
    """A column's name as it is compared: ``Meter_Reading (L, cumulative)`` → ``meter reading``."""
    lowered = re.sub(r"\((m3|m³)\)", r"\1", name.lower())
    return " ".join(re.sub(r"\(.*?\)|\[.*?\]", " ", lowered).replace("_", " ").split())


def numbers(column: str) -> pl.Expr:
    """Text cells as numbers: spaces are removed, a decimal comma is accepted."""
    text = pl.col(column).str.strip_chars().str.replace_all(r"[\s\u00a0\u202f]", "")
    return text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)

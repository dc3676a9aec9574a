"""Tables of readings that people bring: CSV (or CSV.gz), each line that cannot be read named by its number."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from clapas.usecases.tables import MAX_BAD_SHARE, MAX_PROBLEMS, Problem
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.meters.cells import (
    INDEX,
    INDEX_M3,
    METER,
    TIME,
    find_column,
    named_as,
    numbers,
    once,
    read_text_table,
)
from clapas.usecases.water.meters.times import instants, layout_of, stray


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Readings as read: ``meter`` text, ``at`` UTC instant, ``index_l`` litres, in the file's order.

    ``local`` is true when the file wrote civil time without a zone; outputs then do the same.
    """

    rows: pl.DataFrame
    problems: tuple[Problem, ...] = ()
    local: bool = True
    dates_only: bool = False
    zone: str = "Europe/Paris"


def read_readings(path: Path, *, zone: str = "Europe/Paris") -> Table:
    """Read a table of meter indexes (litres unless the column says m³); raises :class:`BadTable`."""
    text = _with_header(read_text_table(path), path)
    meter, time = find_column(text, METER), find_column(text, TIME)
    index = find_column(text, INDEX) or find_column(text, INDEX_M3)
    missing = [
        what
        for what, name in (("meter", meter), ("datetime", time), ("index", index))
        if name is None
    ]
    if meter is None or time is None or index is None:
        raise BadTable(
            f"{path}: no column for {', '.join(missing)}; columns are {text.columns}",
            path=str(path),
        )
    once(text, (meter, time, index), path=path)
    at, local, dates_only = instants(text, time, zone=zone, by=meter)
    cubic = any(mark in index.lower() for mark in ("m3", "m³")) or (
        dates_only and named_as(index) != "index l"
    )
    rows = text.select(
        meter=pl.col(meter).str.strip_chars(),
        index_l=numbers(index) * (1000.0 if cubic else 1.0),
    ).with_columns(at=at, late=stray(at))
    problems, kept = _checked(rows, {meter: "meter", time: "at", index: "index_l"}, text=text)
    if kept.height < (1 - MAX_BAD_SHARE) * text.height:
        listed = "; ".join(str(each) for each in problems[:5])
        raise BadTable(
            f"{path}: {text.height - kept.height} lines of {text.height} cannot be read: {listed}"
        )
    return Table(rows=kept, problems=problems, local=local, dates_only=dates_only, zone=zone)


def _with_header(text: pl.DataFrame, path: Path) -> pl.DataFrame:
    """A file that begins with a reading has no header: meter, time, index in that order."""
    names = text.columns
    if len(names) < 3 or layout_of(pl.Series([names[1]])) is None:
        return text
    bare = read_text_table(path, header=False)
    return bare.rename(dict(zip(bare.columns[:3], ("meter", "datetime", "index"), strict=True)))


def _checked(
    rows: pl.DataFrame, columns: Mapping[str, str], *, text: pl.DataFrame
) -> tuple[tuple[Problem, ...], pl.DataFrame]:
    """The lines that have everything, and the reasons of the first of the others."""
    good = pl.all_horizontal(pl.col(name).is_not_null() for name in columns.values())
    good &= (pl.col("meter") != "") & pl.col("index_l").is_finite() & ~pl.col("late")
    flagged = rows.with_row_index("row").with_columns(good=good.fill_null(value=False))
    wrong = flagged.filter(~pl.col("good")).head(MAX_PROBLEMS)
    problems = tuple(
        Problem(record["row"] + 2, _why(record, columns, cells=text.row(record["row"], named=True)))
        for record in wrong.iter_rows(named=True)
    )
    return problems, flagged.filter(pl.col("good")).select("meter", "at", "index_l")


def _why(record: Mapping[str, Any], columns: Mapping[str, str], *, cells: Mapping[str, Any]) -> str:
    """Why a line is left out, with the cells that are at fault."""
    if record["late"]:
        return f"dated after today: {next(cells[source] for source, name in columns.items() if name == 'at')}"
    wrong = [
        f"{source} {cells[source]!r}"
        for source, name in columns.items()
        if record[name] in (None, "") or (name == "index_l" and not math.isfinite(record[name]))
    ]
    return "cannot read " + ", ".join(wrong)

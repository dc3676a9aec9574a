"""Tables that analysts bring: any separator, decimal comma, several ways to write a time.

A line that cannot be read is named with its number and reason; the others are used. A table where most
lines cannot be read is refused as a whole. An empty cell, ``NA`` or ``null`` is *missing*, which is never 0.
"""

import codecs
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import polars as pl

from clapas.usecases.errors import BadTable

MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "--")
LAYOUTS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%d/%m/%Y %H:%M:%S%.f",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
)
MAX_PROBLEMS = 50
MAX_BAD_SHARE = 0.2
"""A table with more unreadable lines than this is refused as a whole."""
MAX_BYTES = 2_000_000_000


class Problem(msgspec.Struct, frozen=True):
    """A line that could not be read: its number in the file (the first line is 1) and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, ``.gz`` or not; raises :class:`BadTable`."""
    return read_text(path).splitlines()


def read_text(path: Path) -> str:
    """A text file, ``.gz`` or not, whatever its encoding; raises :class:`BadTable`."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        if path.is_dir():
            raise BadTable(f"{path}: this is a folder, not a file", path=str(path))
        with opener(path, "rb") as file:
            body: bytes = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise BadTable(f"{path}: no such file", path=str(path)) from error
    except (EOFError, zlib.error) as error:
        raise BadTable(
            f"{path}: the compressed file is cut short or broken", path=str(path)
        ) from error
    except OSError as error:
        raise BadTable(f"{path}: {error.strerror or error}", path=str(path)) from error
    if len(body) > MAX_BYTES:
        raise BadTable(f"{path}: more than {MAX_BYTES} bytes", path=str(path))
    return _decoded(body, path)


def _decoded(body: bytes, path: Path) -> str:
    """UTF-8, UTF-16 with its mark, else what old spreadsheets write."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", errors="replace")
    if b"\0" in body[:4096]:
        raise BadTable(f"{path}: this is no text file", path=str(path))
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


def separator(header: str) -> str:
    """The mark that separates a header's cells: the one that comes most often."""
    return max(";\t,", key=header.count)


def parse_table(lines: Sequence[str], path: Path, *, header: int = 0) -> pl.DataFrame:
    """Lines as a table of text cells with ``line``, the number of each line in the file (from 1)."""
    kept = [(number, line) for number, line in enumerate(lines, 1) if line.strip(" ,;\t")]
    kept = [(number, line) for number, line in kept if number > header]
    if len(kept) < 2:
        raise BadTable(f"{path}: no line after the header", path=str(path))
    mark = separator(kept[0][1])
    try:
        frame = pl.read_csv(
            "\n".join(line for _, line in kept).encode(),
            separator=mark,
            infer_schema_length=0,
            truncate_ragged_lines=True,
            quote_char='"' if any('"' in line for _, line in kept[:200]) else None,
        )
    except pl.exceptions.PolarsError as error:
        raise BadTable(f"{path}: {_why(error, kept)}", path=str(path)) from error
    if frame.height != len(kept) - 1:
        raise BadTable(f"{path}: {_why(None, kept)}", path=str(path))
    names = {name: name.strip().strip("\ufeff").strip('"') for name in frame.columns}
    return frame.rename(names).with_columns(line=pl.Series([number for number, _ in kept[1:]]))


def _why(error: Exception | None, kept: Sequence[tuple[int, str]]) -> str:
    """Why lines are no table: the quote left open, when there is one, else the reader's first words."""
    unclosed = next((number for number, line in kept if line.count('"') % 2), None)
    if unclosed is not None:
        return f"line {unclosed}: a quote is opened and not closed"
    words = str(error).splitlines()[0] if error else "quoted cells run over several lines"
    return f"no table of text: {words[:200]}"


def read_table(path: Path) -> pl.DataFrame:
    """A whole CSV file as text cells, with ``line``; raises :class:`BadTable`."""
    return parse_table(read_lines(path), path)


def column(frame: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    """The first column that bears one of these names, whatever its case; None when there is none."""
    lowered = {name.lower(): name for name in frame.columns}
    return next((lowered[name] for name in names if name in lowered), None)


def columns(
    frame: pl.DataFrame, path: Path, *, wanted: dict[str, tuple[str, ...]]
) -> dict[str, str]:
    """The names of the wanted columns; raises :class:`BadTable` that names those which lack."""
    found = {key: column(frame, names) for key, names in wanted.items()}
    lacking = [f"{key} ({', '.join(wanted[key])})" for key, name in found.items() if name is None]
    if lacking:
        have = [name for name in frame.columns if name != "line"]
        raise BadTable(
            f"{path}: no column for {'; '.join(lacking)}; columns are {have}", path=str(path)
        )
    return {key: name for key, name in found.items() if name is not None}


def is_missing(name: str) -> pl.Expr:
    """True where the cell says that there is no value."""
    return pl.col(name).is_null() | pl.col(name).str.strip_chars().str.to_lowercase().is_in(MISSING)


def number(name: str) -> pl.Expr:
    """Text cells as numbers (decimal comma and spaces accepted); null when missing or unreadable."""
    text = pl.col(name).str.replace_all(r"[\s\u00a0\u202f]", "")
    value = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return pl.when(is_missing(name) | ~value.is_finite()).then(None).otherwise(value)


def unreadable(text: pl.DataFrame, names: Sequence[str]) -> tuple[Problem, ...]:
    """The cells of these columns that are neither a number nor a lack of one; they count as missing."""
    problems = []
    for name in names:
        wrong = text.filter(~is_missing(name) & number(name).is_null()).head(MAX_PROBLEMS)
        problems += [
            Problem(row["line"], f"{name} {row[name]!r} is no number: taken as missing")
            for row in wrong.select("line", name).to_dicts()
        ]
    return tuple(sorted(problems, key=lambda each: each.line)[:MAX_PROBLEMS])


def known_zone(zone: str) -> str:
    """The zone's name when it is one; raises :class:`BadTable`."""
    try:
        return ZoneInfo(zone).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadTable(
            f"no time zone {zone!r}; one such as Europe/Paris or UTC", zone=zone
        ) from error


def instant_of(text: pl.Expr, zone: str) -> pl.Expr:
    """Text as UTC instants: ISO 8601 with its zone, else civil time of ``zone`` (null when unreadable).

    In the hour that autumn repeats, the first pass is meant. Raises :class:`BadTable` for an unknown zone.
    """
    zone = known_zone(zone)
    spaced = text.str.strip_chars().str.replace("T", " ", literal=True)
    zoned = spaced.str.replace(" ", "T", literal=True).str.to_datetime(
        "%+", time_unit="us", strict=False
    )
    naive = pl.coalesce(
        spaced.str.to_datetime(layout, time_unit="us", strict=False)
        if "%H" in layout
        else spaced.str.to_date(layout, strict=False).cast(pl.Datetime("us"))
        for layout in LAYOUTS
    )
    civil = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(zoned.dt.convert_time_zone("UTC"), civil.dt.convert_time_zone("UTC"))


def checked(
    frame: pl.DataFrame, text: pl.DataFrame, *, needed: dict[str, str], path: Path
) -> tuple[pl.DataFrame, tuple[Problem, ...]]:
    """Keep the lines whose ``needed`` values (value → column it came from) are present.

    Raises :class:`BadTable` when more than a fifth of the lines cannot be read.
    """
    good = pl.all_horizontal(pl.col(name).is_not_null() for name in needed)
    flagged = frame.with_columns(good=good)
    bad = flagged.with_row_index("row").filter(~pl.col("good"))
    problems = []
    for record in bad.head(MAX_PROBLEMS).iter_rows(named=True):
        wrong = [
            f"{source} {text[source][record['row']]!r}"
            for name, source in needed.items()
            if record[name] is None
        ]
        problems.append(Problem(record["line"], "cannot read " + ", ".join(wrong)))
    if bad.height > MAX_BAD_SHARE * frame.height:
        listed = "; ".join(str(each) for each in problems[:5])
        raise BadTable(
            f"{path}: {bad.height} lines of {frame.height} cannot be read: {listed}", path=str(path)
        )
    return flagged.filter("good").drop("good"), tuple(problems)

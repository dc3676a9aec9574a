"""Tables that people bring: CSV (or CSV.gz) of readings, with the dialect found from its first lines.

The separator (``;`` ``,`` tab), the decimal comma, the names of the columns in French or English, the
order of day and month and the presence of a zone are recognised; each line that cannot be read is
named by its number. Times without a zone are local civil time: the repeated hour of the autumn change
is resolved by the order of the lines.
"""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import polars as pl

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
    "meter reading",
    "index l",
    "index",
    "reading",
    "releve",
    "volume index",
    "consumption",
    "value",
    "volume",
)
INDEX_M3 = ("index m3", "index m³")
"""Names are compared without their case, underscores, nor what stands between brackets, but for m³. An index read on days without hours is in m³, as on bills, unless its column is named index_l."""

TIME_FORMATS = (
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%d/%m/%Y",
)
ZONED = "%+"
MOST_SECONDS = 1e11
"""A count since 1970 beyond this is in milliseconds."""
MAX_PROBLEMS = 50
MAX_BAD_SHARE = 0.2
"""A table with more unreadable lines than this is refused as a whole."""


class Problem(msgspec.Struct, frozen=True):
    """A line that could not be read: its number in the file (the header is line 1) and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Readings as read: ``meter`` text, ``at`` UTC instant, ``index_l`` litres, in the file's order.

    ``local`` is true when the file wrote civil time without a zone; outputs then do the same.
    """

    rows: pl.DataFrame
    problems: tuple[Problem, ...] = ()
    local: bool = True
    dates_only: bool = False
    zone: str = "Europe/Paris"


def read_text_table(path: Path, *, header: bool = True) -> pl.DataFrame:
    """All cells as text, names trimmed, with the separator found; raises :class:`BadTable`."""
    if not path.is_file():
        raise BadTable(f"{path}: no such file", path=str(path))
    separator = _separator(path)
    try:
        frame = pl.read_csv(
            path,
            separator=separator,
            has_header=header,
            infer_schema_length=0,
            truncate_ragged_lines=True,
            encoding="utf8-lossy",
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadTable(f"{path}: {error}", path=str(path)) from error
    if frame.height == 0:
        raise BadTable(f"{path}: no line after the header", path=str(path))
    return frame.rename({name: name.strip().strip("\ufeff") for name in frame.columns})


def _separator(path: Path) -> str:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="replace") as file:
            header = file.readline(4096)
    except OSError as error:
        raise BadTable(f"{path}: {error}", path=str(path)) from error
    counts = {mark: header.count(mark) for mark in (";", "\t", ",")}
    return max(counts, key=lambda mark: counts[mark])


def find_column(frame: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    """The first column that bears one of these names (see ``INDEX_M3``); None when there is none."""
    known = {_plain(name): name for name in reversed(frame.columns)}
    return next((known[name] for name in names if name in known), None)


def _plain(name: str) -> str:
    """A column's name as it is compared: ``Meter_Reading (L, cumulative)`` → ``meter reading``."""
    lowered = re.sub(r"\((m3|m³)\)", r"\1", name.lower())
    return " ".join(re.sub(r"\(.*?\)|\[.*?\]", " ", lowered).replace("_", " ").split())


def numbers(column: str) -> pl.Expr:
    """Text cells as numbers: spaces are removed, a decimal comma is accepted."""
    text = pl.col(column).str.strip_chars().str.replace_all(r"[\s\u00a0\u202f]", "")
    return text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def instants(
    frame: pl.DataFrame, column: str, *, zone: str, by: str | None = None
) -> tuple[pl.Series, bool, bool]:
    """Text cells as UTC instants, with (were they local, were they dates without hours)."""
    text = frame[column].str.strip_chars()
    if _is_epoch(text):
        count = text.cast(pl.Float64, strict=False)
        scale = 1e3 if (count.median() or 0.0) > MOST_SECONDS else 1e6  # type: ignore[operator]
        return (count * scale).cast(pl.Int64).cast(pl.Datetime("us", "UTC")), False, False
    if _is_zoned(text):
        parsed = text.str.replace(" ", "T", literal=True).str.to_datetime(
            ZONED, time_unit="us", strict=False
        )
        return parsed.dt.convert_time_zone("UTC"), False, False
    layout = _layout(text)
    if layout is None:
        return pl.Series([None] * len(text), dtype=pl.Datetime("us", "UTC")), True, False
    if "%H" in layout:
        naive = text.str.to_datetime(layout, time_unit="us", strict=False)
    else:
        naive = text.str.to_date(layout, strict=False).cast(pl.Datetime("us"))
    keys = frame[by] if by is not None else pl.Series([""] * len(text))
    return civil_to_utc(naive, keys, zone=zone), True, "%H" not in layout


def _is_epoch(text: pl.Series) -> bool:
    """Seconds or milliseconds since 1970, UTC."""
    sample = text.drop_nulls().head(50)
    return bool(len(sample)) and bool(sample.str.contains(r"^\d{9,13}(\.\d+)?$").mean() == 1.0)


def _is_zoned(text: pl.Series) -> bool:
    sample = text.drop_nulls().head(50)
    return bool(len(sample)) and bool(sample.str.contains(r"\d(Z|[+-]\d\d:?\d\d)$").mean() == 1.0)


def _layout(text: pl.Series) -> str | None:
    sample = text.drop_nulls().head(2000)
    best, score = None, 0
    for layout in TIME_FORMATS:
        if "%H" in layout:
            parsed = sample.str.to_datetime(layout, strict=False, exact=True)
        else:
            parsed = sample.str.to_date(layout, strict=False, exact=True).cast(pl.Datetime("us"))
        read = len(parsed) - parsed.null_count()
        if read > score:
            best, score = layout, read
    return best


def civil_to_utc(naive: pl.Series, keys: pl.Series, *, zone: str) -> pl.Series:
    """Civil times as UTC. In the repeated hour the lines of one key that come again are the second pass."""
    frame = pl.DataFrame({"t": naive, "k": keys}).with_columns(
        first=pl.col("t").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null"),
        second=pl.col("t").dt.replace_time_zone(zone, ambiguous="latest", non_existent="null"),
    )
    again = (pl.col("t") <= pl.col("t").shift(1) + pl.duration(seconds=120)) & (
        pl.col("t").dt.date() == pl.col("t").shift(1).dt.date()
    )
    doubtful = (
        frame.with_row_index("row")
        .filter(pl.col("first") != pl.col("second"))
        .with_columns(late=again.fill_null(value=False).cast(pl.Int8).over("k"))
        .with_columns(late=pl.col("late").cum_max().over("k", pl.col("t").dt.date()))
        .filter(pl.col("late") == 1)
        .select("row", pl.lit(value=True).alias("late"))
    )
    joined = frame.with_row_index("row").join(doubtful, on="row", how="left", maintain_order="left")
    chosen = pl.when(pl.col("late").fill_null(value=False)).then("second").otherwise("first")
    return joined.select(chosen.dt.convert_time_zone("UTC").alias("at"))["at"]


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
    at, local, dates_only = instants(text, time, zone=zone, by=meter)
    cubic = any(mark in index.lower() for mark in ("m3", "m³")) or (
        dates_only and _plain(index) != "index l"
    )
    rows = text.select(
        meter=pl.col(meter).str.strip_chars(),
        index_l=numbers(index) * (1000.0 if cubic else 1.0),
    ).with_columns(at=at)
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
    if len(names) < 3 or _layout(pl.Series([names[1]])) is None:
        return text
    bare = read_text_table(path, header=False)
    return bare.rename(dict(zip(bare.columns[:3], ("meter", "datetime", "index"), strict=True)))


def _checked(
    rows: pl.DataFrame, columns: Mapping[str, str], *, text: pl.DataFrame
) -> tuple[tuple[Problem, ...], pl.DataFrame]:
    """The lines that have everything, and the reasons of the first of the others."""
    good = pl.all_horizontal(pl.col(name).is_not_null() for name in columns.values())
    good &= (pl.col("meter") != "") & pl.col("index_l").is_finite()
    flagged = rows.with_row_index("row").with_columns(good=good.fill_null(value=False))
    problems = []
    for record in flagged.filter(~pl.col("good")).head(MAX_PROBLEMS).iter_rows(named=True):
        wrong = [
            f"{source} {text[source][record['row']]!r}"
            for source, name in columns.items()
            if record[name] in (None, "")
        ]
        problems.append(
            Problem(record["row"] + 2, "cannot read " + ", ".join(wrong or ["the index"]))
        )
    kept = flagged.filter(pl.col("good")).select("meter", "at", "index_l")
    return tuple(problems), kept


def shown_time(at: pl.Expr, *, local: bool, zone: str) -> pl.Expr:
    """Instants as text, the way the input wrote them: civil time, or UTC with its mark."""
    if local:
        return at.dt.convert_time_zone(zone).dt.strftime("%Y-%m-%dT%H:%M:%S")
    return at.dt.strftime("%Y-%m-%dT%H:%M:%SZ")

"""Times as people write them: with a zone, in civil time, as dates, or counted since 1970.

Times without a zone are local civil time: the repeated hour of the autumn change is resolved by the order of
the lines.
"""

from datetime import UTC, datetime, timedelta

import polars as pl

DATES = ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%Y")
HOURS = ("%H:%M:%S", "%H:%M", "%H:%M:%S%.f")
TIME_FORMATS = (
    *(f"{date} {hour}" for hour in HOURS for date in DATES),
    *(f"%Y-%m-%dT{hour}" for hour in HOURS),
    *DATES,
)
ZONED = "%+"
MOST_SECONDS = 1e11
"""A count since 1970 beyond this is in milliseconds."""
LOOKED_AT = 50
FEW = 0.2
"""Share of the lines up to which those that differ from the others are wrong: by their writing, or dated after today."""


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
    layout = layout_of(text)
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
    return _mostly(text, r"^\d{9,13}(\.\d+)?$")


def _is_zoned(text: pl.Series) -> bool:
    return _mostly(text, r":\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$")


def _mostly(text: pl.Series, pattern: str) -> bool:
    """Do the first cells look so, but for a few?"""
    sample = text.drop_nulls().head(LOOKED_AT)
    return len(sample) > 0 and int(sample.str.contains(pattern).sum()) >= (1 - FEW) * len(sample)


def layout_of(text: pl.Series) -> str | None:
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


def stray(at: pl.Series) -> pl.Series:
    """Which of these instants lie after today though most do not: a clock gone wrong, no scenario of the future."""
    late = (at > datetime.now(UTC) + timedelta(days=1)).fill_null(value=False)
    few = float(late.sum()) <= FEW * len(at)
    return late & pl.Series([few] * len(at), dtype=pl.Boolean)


def shown_time(at: pl.Expr, *, local: bool, zone: str) -> pl.Expr:
    """Instants as text, the way the input wrote them: civil time, or UTC with its mark."""
    if local:
        return at.dt.convert_time_zone(zone).dt.strftime("%Y-%m-%dT%H:%M:%S")
    return at.dt.strftime("%Y-%m-%dT%H:%M:%SZ")

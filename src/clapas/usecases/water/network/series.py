"""Flows, levels and pressures as the supervision system exports them, on one regular grid.

Format: a time column then one column per sensor, any separator, decimal comma or point (m³/h, m). Steps
are averaged to the hour, which is what the detectors work on; an hour with less than half its readings is
missing.
"""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.meters.tables import (
    TIME,
    find_column,
    instants,
    numbers,
    read_text_table,
)

HOUR = 3600.0


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """Hourly means: ``start`` of the first hour (s since 1970 UTC), one row an hour, one column a sensor."""

    names: tuple[str, ...]
    start: float
    values: Floats
    local: bool = True
    zone: str = "Europe/Paris"

    @property
    def count(self) -> int:
        return len(self.values)

    def column(self, name: str) -> Floats:
        found: Floats = self.values[:, self.names.index(name)]
        return found


def read_hours(path: Path, *, zone: str = "Europe/Paris", last: bool = False) -> Hours:
    """Read sensors' series as hourly means (or, for levels, the value at the start of each hour)."""
    text = read_text_table(path)
    time = find_column(text, TIME)
    if time is None:
        raise BadTable(f"{path}: no column of time; columns are {text.columns}", path=str(path))
    names = tuple(name for name in text.columns if name != time and name)
    at, local, _ = instants(text, time, zone=zone)
    frame = text.select(numbers(name).alias(name) for name in names).with_columns(at=at)
    bad = frame.with_row_index("row").filter(pl.col("at").is_null())
    if bad.height:
        raise BadTable(
            f"{path}: line {bad['row'][0] + 2}: cannot read time {text[time][bad['row'][0]]!r}"
        )
    return hourly(frame, names, local=local, zone=zone, first=last)


def hourly(
    frame: pl.DataFrame, names: tuple[str, ...], *, local: bool, zone: str, first: bool = False
) -> Hours:
    """Average the rows (``at`` and the sensors) by hour; ``first`` takes the first value instead."""
    step = frame["at"].sort().diff().drop_nulls().median()
    per_hour = HOUR / step.total_seconds() if hasattr(step, "total_seconds") else 1.0  # type: ignore[union-attr]
    needed = max(1.0, 0.5 * per_hour)
    grouped = (
        frame.sort("at")
        .group_by_dynamic("at", every="1h")
        .agg(
            [pl.col(name).drop_nulls().first() if first else pl.col(name).mean() for name in names]
            + [pl.len().alias("_count")]
        )
        .with_columns(
            pl.when(pl.col("_count") >= needed).then(pl.col(name)).alias(name) for name in names
        )
        .upsample("at", every="1h")
    )
    return Hours(
        names=names,
        start=grouped["at"][0].timestamp(),
        values=grouped.select(names).to_numpy().astype(np.float64),
        local=local,
        zone=zone,
    )

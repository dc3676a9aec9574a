"""Flows, levels and pressures as the supervision system exports them, on one regular grid.

Format: a time column then one column per sensor, any separator, decimal comma or point (m³/h, m). Steps
are averaged to the hour, which is what the detectors work on; an hour with less than half its readings is
missing.
"""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.tables import MAX_BAD_SHARE, MAX_PROBLEMS, Problem
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.meters.cells import (
    TIME,
    find_column,
    numbers,
    once,
    read_text_table,
)
from clapas.usecases.water.meters.times import instants, stray

HOUR = 3600.0
MOST_YEARS = 15


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """Hourly means: ``start`` of the first hour (s since 1970 UTC), one row an hour, one column a sensor."""

    names: tuple[str, ...]
    start: float
    values: Floats
    local: bool = True
    zone: str = "Europe/Paris"
    problems: tuple[Problem, ...] = ()

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
    once(text, tuple(text.columns), path=path)
    at, local, _ = instants(text, time, zone=zone)
    late = stray(at)
    cells = {name: numbers(name) for name in text.columns if name not in {time, ""}}
    frame = text.select(
        pl.when(cell.is_finite()).then(cell).alias(name) for name, cell in cells.items()
    )
    bad = _unread(text[time], at, late=late, path=path)
    known, empty = _sensors(frame, path)
    kept = frame.select(known).with_columns(at=at).filter(at.is_not_null() & ~late)
    _check_span(kept["at"], path)
    found = hourly(kept, known, local=local, zone=zone, first=last)
    return msgspec.structs.replace(found, problems=bad + empty)


def _unread(cells: pl.Series, at: pl.Series, *, late: pl.Series, path: Path) -> tuple[Problem, ...]:
    """The lines whose time is none, or lies after today. Raises BadTable when they are many."""
    rows = (at.is_null() | late).arg_true()
    found = tuple(
        Problem(
            row + 2,
            f"dated after today: {cells[row]}" if late[row] else f"cannot read time {cells[row]!r}",
        )
        for row in rows.head(MAX_PROBLEMS).to_list()
    )
    if len(rows) > MAX_BAD_SHARE * len(cells):
        listed = "; ".join(str(each) for each in found[:5])
        raise BadTable(f"{path}: {len(rows)} lines of {len(cells)} cannot be read: {listed}")
    return found


def _check_span(at: pl.Series, path: Path) -> None:
    """Refuse a table that spans more than ``MOST_YEARS``: a date is wrong in it. Raises BadTable."""
    first, last = at.min(), at.max()
    if not (isinstance(first, datetime) and isinstance(last, datetime)):
        raise BadTable(f"{path}: no line with a time", path=str(path))
    if last - first > timedelta(days=366 * MOST_YEARS):
        raise BadTable(
            f"{path}: from {first:%Y-%m-%d} to {last:%Y-%m-%d}, more than {MOST_YEARS} years: a date is wrong"
        )


def aligned(hours: Hours, flows: Hours, *, what: str) -> Hours:
    """The same sensors on the hours of the flows, whatever their own first hour. Raises BadTable without common hour."""
    shift = round((hours.start - flows.start) / HOUR)
    first, end = max(shift, 0), min(shift + hours.count, flows.count)
    if first >= end:
        raise BadTable(f"the {what} and the flows have no hour in common")
    values = np.full((flows.count, len(hours.names)), np.nan)
    values[first:end] = hours.values[first - shift : end - shift]
    return msgspec.structs.replace(hours, start=flows.start, values=values)


def _sensors(frame: pl.DataFrame, path: Path) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The columns that hold numbers, and those that hold none. Raises BadTable when none does."""
    heard = {name: bool(frame[name].is_not_null().any()) for name in frame.columns}
    known = tuple(name for name, any_number in heard.items() if any_number)
    if not known:
        raise BadTable(f"{path}: no column of numbers beside the time; columns are {frame.columns}")
    return known, tuple(
        Problem(1, f"no number in column {name!r}: left out")
        for name in frame.columns
        if not heard[name]
    )


def hourly(
    frame: pl.DataFrame, names: tuple[str, ...], *, local: bool, zone: str, first: bool = False
) -> Hours:
    """Average the rows (``at`` and the sensors) by hour; ``first`` takes the first value instead."""
    step = frame["at"].unique().sort().diff().drop_nulls().median()
    per_hour = HOUR / step.total_seconds() if isinstance(step, timedelta) else 1.0
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

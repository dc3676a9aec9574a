"""Travel times and speeds enriched: free flow, congestion, what is usual at this hour.

Free flow at a reading is a percentile of what the same segment showed on the days before its civil day (28 at
most): nothing later takes part, and more data never changes a line. ``usual`` is the median of the same hour on
days alike of the eight weeks before.
"""

import tomllib
from collections import defaultdict, deque
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.places.calendar import day_class
from clapas.usecases.tables import (
    Problem,
    checked,
    column,
    columns,
    instant_of,
    number,
    read_table,
    unreadable,
)

FOLDER = Path(__file__).parent / "thresholds"
TIME = ("datetime", "timestamp", "date", "measured", "measurementtime", "horodatage", "time")
SEGMENT = ("segment", "site", "section", "id", "name", "troncon", "tronçon", "entity")
VALUE: dict[str, tuple[str, ...]] = {
    "travel_time": ("travel_time", "traveltime", "duration", "temps_parcours", "travel_time_s"),
    "speed": ("speed", "vitesse", "averagevehiclespeed", "speed_kmh"),
}
PLAIN = ("value", "valeur")
COLUMNS = (
    "segment", "at", "measure", "value", "quality", "free_flow", "free_flow_state", "ratio", "delay_s", "level",
    "usual", "departure",
)  # fmt: skip
WEEKS = timedelta(weeks=8)
NEEDED, SURE_DAYS = 3, 7
MIN_READINGS = 48
"""Readings of days before that free flow needs; under seven days it is provisional."""

Measure = Literal["travel_time", "speed"]


class FreeFlow(msgspec.Struct, frozen=True):
    percentile: float
    days: int
    source: str = ""
    to_confirm: bool = True


class Level(msgspec.Struct, frozen=True, rename={"start": "from"}):
    name: str
    start: float


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The dated limits of this trade."""

    valid_from: date
    free_flow: FreeFlow
    levels: tuple[Level, ...]

    def level(self, ratio: float) -> str:
        """The name of the level that a ratio reaches."""
        return [each.name for each in self.levels if ratio >= each.start][-1]


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """As read: ``line``, ``segment``, ``at`` (UTC), ``value`` (s or the file's unit of speed; null: missing)."""

    rows: pl.DataFrame
    measure: Measure
    problems: tuple[Problem, ...] = ()


@cache
def limits(on: date) -> Limits:
    """The limits in force on a day; before the first file, the first one."""
    files = sorted(FOLDER.glob("*.toml"))
    held = [path for path in files if date.fromisoformat(path.stem) <= on] or files[:1]
    return msgspec.convert(tomllib.loads(held[-1].read_text()), Limits)


def read_series(path: Path, *, zone: str, measure: Measure | None = None) -> Readings:
    """Read one file; raises :class:`~clapas.usecases.errors.BadTable`.

    What is measured is said by the column's name, by ``measure``, or by the file's name.
    """
    text = read_table(path)
    found = columns(text, path, wanted={"time": TIME})
    named: dict[Measure, str | None] = {
        "travel_time": column(text, VALUE["travel_time"]),
        "speed": column(text, VALUE["speed"]),
    }
    kind = measure or next((each for each, name in named.items() if name), None) or _guessed(path)
    value = named[kind] or column(text, PLAIN) if kind else None
    if kind is None or value is None:
        raise BadTable(
            f"{path}: no column of travel times or speeds; name it {VALUE['travel_time'][0]} or "
            f"{VALUE['speed'][0]}, or say --measure",
            path=str(path),
        )
    segment = column(text, SEGMENT)
    frame = text.select(
        "line",
        segment=pl.col(segment).str.strip_chars() if segment else pl.lit(path.name.split(".")[0]),
        at=instant_of(pl.col(found["time"]), zone),
        value=number(value),
    )
    rows, problems = checked(frame, text, needed={"at": found["time"]}, path=path)
    return Readings(rows=rows, measure=kind, problems=problems + unreadable(text, [value]))


def _guessed(path: Path) -> Measure | None:
    name = path.name.lower().replace("_", "").replace("-", "")
    if "traveltime" in name or "tempsparcours" in name:
        return "travel_time"
    return "speed" if "speed" in name or "vitesse" in name else None


def enriched(readings: Readings, zone: str, *, rules: Limits) -> pl.DataFrame:
    """One line a reading, in order of segment and time."""
    lines: list[dict[str, Any]] = []
    ordered = readings.rows.sort("segment", "at", "line")
    for part in ordered.partition_by("segment", maintain_order=True):
        lines += _segment(part.to_dicts(), readings.measure, zone=ZoneInfo(zone), rules=rules)
    schema = {"free_flow": pl.Float64, "ratio": pl.Float64, "delay_s": pl.Float64, "usual": pl.Float64,
              "departure": pl.Float64, "level": pl.String, "free_flow_state": pl.String}  # fmt: skip
    return pl.DataFrame(lines, schema_overrides=schema, infer_schema_length=None).select(COLUMNS)


class _Past(msgspec.Struct):
    """What a segment showed before: readings by civil day, and by hour of days alike."""

    days: dict[date, list[float]] = {}
    alike: defaultdict[tuple[int, int], deque[tuple[Any, float]]] = msgspec.field(
        default_factory=lambda: defaultdict(deque)
    )
    free: tuple[date | None, float | None, int] = (None, None, 0)


def _segment(
    rows: list[dict[str, Any]], measure: Measure, *, zone: ZoneInfo, rules: Limits
) -> list[dict[str, Any]]:
    past, lines, before = _Past(), [], None
    for row in rows:
        civil = row["at"].astimezone(zone)
        quality = _quality(row, before)
        before = row["at"]
        free, known = _free_flow(past, civil.date(), measure=measure, rules=rules)
        usual = _usual(past, civil)
        if quality == "valid":
            past.days.setdefault(civil.date(), []).append(row["value"])
            past.alike[day_class(civil.date()), civil.hour].append((civil, row["value"]))
        lines.append(
            _line(row, measure, quality=quality, free=free, known=known, usual=usual, rules=rules)
        )
    return lines


def _quality(row: dict[str, Any], before: Any) -> str:
    if row["value"] is None:
        return "missing"
    if row["at"] == before:
        return "duplicate"
    return "valid" if row["value"] > 0 else "suspect"


def _free_flow(
    past: _Past, today: date, *, measure: Measure, rules: Limits
) -> tuple[float | None, int]:
    """Free flow as known this morning, and how many days told it; computed once a day."""
    if past.free[0] == today:
        return past.free[1], past.free[2]
    oldest = today - timedelta(days=rules.free_flow.days)
    past.days = {day: values for day, values in past.days.items() if day >= oldest}
    readings = [each for values in past.days.values() for each in values]
    percentile = rules.free_flow.percentile
    share = percentile if measure == "travel_time" else 100 - percentile
    enough = len(readings) >= MIN_READINGS
    past.free = (today, float(np.percentile(readings, share)) if enough else None, len(past.days))
    return past.free[1], past.free[2]


def _usual(past: _Past, civil: Any) -> float | None:
    kept = past.alike[day_class(civil.date()), civil.hour]
    while kept and kept[0][0] < civil - WEEKS:
        kept.popleft()
    earlier = [value for at, value in kept if at.date() < civil.date()]
    return float(median(earlier)) if len(earlier) >= NEEDED else None


def _line(
    row: dict[str, Any], measure: Measure, *, quality: str, free: float | None, known: int,
    usual: float | None, rules: Limits,
) -> dict[str, Any]:  # fmt: skip
    value = row["value"] if quality == "valid" else None
    ratio = delay = None
    if value is not None and free:
        ratio = value / free if measure == "travel_time" else free / value
        delay = max(0.0, value - free) if measure == "travel_time" else None
    return {
        "segment": row["segment"],
        "at": row["at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "measure": measure,
        "value": row["value"],
        "quality": quality,
        "free_flow": None if free is None else round(free, 1),
        "free_flow_state": None
        if free is None
        else ("known" if known >= SURE_DAYS else "provisional"),
        "ratio": None if ratio is None else round(ratio, 3),
        "delay_s": None if delay is None else round(delay, 1),
        "level": None if ratio is None else rules.level(ratio),
        "usual": usual,
        "departure": None if value is None or not usual else round(value / usual - 1, 3),
    }

"""Is this count believable? Each interval beside what the same channel counted before, on days alike.

``expected`` is the median of the believable counts of the last eight weeks at the same hour on days of the
same class; at least three are needed. Nothing later takes part. A gap is an interval with no count.
"""

from collections import defaultdict, deque
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from clapas.usecases.mobility.places.calendar import day_class

WEEKS = timedelta(weeks=8)
NEEDED = 3
LIVELY = 10.0
"""A zero is strange only where at least this many were expected."""
HIGH = 4.0
DOUBLE = (1.8, 2.2)
SAME = 3
MAX_GAP = 400

COLUMNS = (
    "site", "channel", "counter", "vehicle", "reversed", "start", "end", "count", "quality", "expected", "ratio",
    "reconstructed", "estimated",
)  # fmt: skip


class _Memory(msgspec.Struct):
    """What a channel remembers: believable counts by kind of interval, and the last raw ones."""

    alike: defaultdict[tuple[int, int], deque[tuple[datetime, float]]]
    doubles: int = 0
    same: int = 0
    last: float | None = None


def judged(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The counts of :func:`with_channels`, gaps filled with empty lines, each with its quality."""
    records: list[dict[str, Any]] = []
    for part in rows.partition_by("channel", maintain_order=True):
        records += _channel(part.to_dicts(), ZoneInfo(zone))
    schema = {name: rows.schema.get(name) for name in ("start", "end")}
    return pl.DataFrame(records, schema_overrides=schema, infer_schema_length=None).select(COLUMNS)  # type: ignore[arg-type]


def _channel(rows: list[dict[str, Any]], zone: ZoneInfo) -> list[dict[str, Any]]:
    memory = _Memory(alike=defaultdict(deque))
    out: list[dict[str, Any]] = []
    for row in _filled(rows, zone):
        start = row["start"].astimezone(zone)
        kind = (day_class(start.date()), start.hour)
        past = memory.alike[kind]
        while past and past[0][0] < row["start"] - WEEKS:
            past.popleft()
        expected = median(value for _, value in past) if len(past) >= NEEDED else None
        quality = _quality(row["count"], expected, memory=memory)
        if quality == "valid":
            past.append((row["start"], row["count"]))
        out.append(_line(row, quality, expected=expected))
    return out


def _filled(rows: list[dict[str, Any]], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The rows with one empty row for each interval that lacks between two of them (at most 400 each)."""
    filled: list[dict[str, Any]] = []
    for row in rows:
        begin = filled[-1]["end"] if filled else row["start"]
        days = round((row["end"] - row["start"]).total_seconds() / 86_400)
        for _ in range(MAX_GAP):
            end = _next(begin, row["end"] - row["start"], days=days, zone=zone)
            if end > row["start"]:
                break
            filled.append(row | {"start": begin, "end": end, "count": None})
            begin = end
        filled.append(row)
    return filled


def _next(begin: datetime, step: timedelta, *, days: int, zone: ZoneInfo) -> datetime:
    """The end of an interval: whole civil days of 23 to 25 hours, or a fixed step."""
    if days < 1:
        return begin + step
    civil = begin.astimezone(zone)
    return (civil + timedelta(days=days)).astimezone(begin.tzinfo)


def _quality(count: float | None, expected: float | None, *, memory: _Memory) -> str:
    if count is None:
        return "missing"
    memory.same = memory.same + 1 if count == memory.last and count > 0 else 0
    memory.last = count
    ratio = count / expected if expected else None
    doubled = ratio is not None and DOUBLE[0] <= ratio <= DOUBLE[1]
    memory.doubles = memory.doubles + 1 if doubled else 0
    if count < 0:
        return "impossible"
    if count == 0 and (expected or 0) >= LIVELY:
        return "suspect_zero"
    if ratio is not None and (expected or 0) >= LIVELY and ratio > HIGH:
        return "suspect_high"
    if memory.doubles >= SAME and (expected or 0) >= LIVELY:
        return "suspect_double"
    return "suspect_frozen" if memory.same >= SAME and count >= LIVELY else "valid"


def _line(row: dict[str, Any], quality: str, *, expected: float | None) -> dict[str, Any]:
    good = quality == "valid"
    return {
        "site": row["site"],
        "channel": row["channel"],
        "counter": row["serial"],
        "vehicle": row["vehicle"],
        "reversed": row["reversed"],
        "start": row["start"],
        "end": row["end"],
        "count": row["count"],
        "quality": quality,
        "expected": expected,
        "ratio": round(row["count"] / expected, 3)
        if expected and row["count"] is not None
        else None,
        "reconstructed": row["count"] if good else expected,
        "estimated": not good and expected is not None,
    }

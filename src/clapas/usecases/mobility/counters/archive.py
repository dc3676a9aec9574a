"""Archives of counters: the city's own NGSI exports, or the national measures file.

The exports hold one ``TrafficFlowObserved`` object a line; some begin with an empty line, some are one JSON
array, some run on without line ends. All are read; what is no object is named with its line.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from clapas.usecases.errors import BadTable
from clapas.usecases.tables import (
    MAX_PROBLEMS,
    Problem,
    checked,
    column,
    columns,
    instant_of,
    number,
    parse_table,
    read_lines,
    unreadable,
)

SERIAL = re.compile(r"(?:EcoCompt_|EcoCounter:)([A-Za-z0-9]+)")
SCHEMA = {
    "line": pl.Int64, "serial": pl.String, "lane": pl.String, "vehicle": pl.String, "reversed": pl.Boolean,
    "longitude": pl.Float64, "latitude": pl.Float64, "begin": pl.String, "finish": pl.String, "count": pl.Float64,
}  # fmt: skip


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts as read: ``serial``, ``lane``, ``vehicle``, ``reversed``, place, ``start`` included, ``end`` excluded
    (UTC instants), ``count`` (null: the counter said nothing, which is not 0).
    """

    rows: pl.DataFrame
    problems: tuple[Problem, ...] = ()


def read_counts(path: Path, *, zone: str = "Europe/Paris") -> Counts:
    """Read one archive; raises :class:`~clapas.usecases.errors.BadTable`."""
    lines = read_lines(path)
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip()[:1] in "{[" and first.strip():
        return _objects(lines, path, zone=zone)
    return _measures(parse_table(lines, path), path, zone=zone)


def _objects(lines: list[str], path: Path, *, zone: str) -> Counts:
    records, problems = [], []
    for line, text in _each_object(lines):
        try:
            records.append(_record(line, msgspec.json.decode(text.encode())))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            problems.append(Problem(line, f"no count in {text[:60]!r}: {error}"))
    if not records or len(problems) > 0.2 * (len(records) + len(problems)):
        listed = "; ".join(str(each) for each in problems[:5])
        raise BadTable(f"{path}: not an archive of counts: {listed}", path=str(path))
    text_rows = pl.DataFrame(records, schema=SCHEMA)
    rows = text_rows.with_columns(
        start=instant_of(pl.col("begin"), zone), end=instant_of(pl.col("finish"), zone)
    )
    rows, more = checked(rows, text_rows, needed={"start": "begin", "end": "finish"}, path=path)
    return Counts(rows=rows.drop("begin", "finish"), problems=(*problems[:MAX_PROBLEMS], *more))


def _each_object(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each JSON object with its line, whatever lies between objects."""
    for number_, line in enumerate(lines, 1):
        text = line.strip().strip("[],").strip()
        if text:
            for part in re.split(r"(?<=\})\s*,?\s*(?=\{\")", text):
                yield number_, part


def _record(line: int, found: dict[str, Any]) -> dict[str, Any]:
    begin, _, finish = str(_plain(found["dateObserved"])).partition("/")
    match = SERIAL.search(str(found["id"]))
    if match is None or not finish:
        raise ValueError("no serial in id, or no end in dateObserved")
    place = _plain(found.get("location")) or {}
    longitude, latitude = (place.get("coordinates") or [None, None])[:2]
    count = _plain(found.get("intensity"))
    return {
        "line": line,
        "serial": match.group(1),
        "lane": str(_plain(found.get("laneId")) or ""),
        "vehicle": str(_plain(found.get("vehicleType")) or "bicycle"),
        "reversed": bool(_plain(found.get("reversedLane"))),
        "longitude": longitude,
        "latitude": latitude,
        "begin": begin,
        "finish": finish,
        "count": None if count is None else float(count),
    }


def _plain(value: Any) -> Any:
    """An attribute's value, whether the object is normalised NGSI or simplified."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


def _measures(text: pl.DataFrame, path: Path, *, zone: str) -> Counts:
    """The national measures file, or any table with a counter, a start, an end and a count."""
    found = columns(
        text,
        path,
        wanted={
            "counter": ("counter_id", "serial", "compteur", "channel_id"),
            "start": ("start_datetime", "start", "date", "datetime"),
            "count": ("count", "intensity", "comptage", "bicycle_count"),
        },
    )
    end = column(text, ("end_datetime", "end"))
    start = instant_of(pl.col(found["start"]), zone)
    frame = text.select(
        "line",
        serial=pl.col(found["counter"]).str.strip_chars(),
        lane=pl.lit(""),
        vehicle=pl.lit("bicycle"),
        reversed=pl.lit(value=False),
        longitude=pl.lit(None, dtype=pl.Float64),
        latitude=pl.lit(None, dtype=pl.Float64),
        count=number(found["count"]),
        start=start,
        end=instant_of(pl.col(end), zone) if end else start.dt.offset_by("1d"),
    )
    rows, problems = checked(frame, text, needed={"start": found["start"]}, path=path)
    problems += unreadable(text, [found["count"]])
    return Counts(rows=rows, problems=problems)

"""``clapas bench anomalies``: the rule ``unusual`` on labelled recordings, scored as NAB scores.

Windows, probation and scoring of the Numenta Anomaly Benchmark (Lavin and Ahmad, 2015; standard profile:
true positive 1, false positive 0.11, false negative 1), normalised on the series given: 0 is a detector
that says nothing, 100 a perfect one. A detection is the moment at which the rule raises an alarm. The
rule is the one that anybody gets by choosing 'unusual', with its defaults, for every series; how these were
chosen, before and without the recordings: :mod:`clapas.ops.anomaly_choice`.

Options: ``folder`` of the recordings (default ``$CLAPAS_SHARED/data/anomalies-nab``), ``times``,
``choose`` (1: walk the grid of the choice again, two minutes, and say which pair it gives).
"""

import asyncio
import csv
import math
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from clapas.domain.errors import InvalidInput
from clapas.ops.anomaly_choice import choose
from clapas.rules.learned import unusual
from clapas.rules.model import Unusual

TRUE, FALSE, MISSED = 1.0, 0.11, 1.0
PROBATION, PROBATION_MOST = 0.15, 5000


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """The normalised score, and for each series: windows, found, false."""
    shared = os.environ.get("CLAPAS_SHARED", "../shared")
    folder = Path(str(options.get("folder") or f"{shared}/data/anomalies-nab"))
    rule = Unusual(times=float(options.get("times") or Unusual().times))
    found = await asyncio.to_thread(measure, folder, rule)
    return found | (await asyncio.to_thread(chosen) if options.get("choose") else {})


def chosen() -> dict[str, Any]:
    """The choice walked again on the made-up series; ``is_default``: the rule still has its defaults."""
    points, rule = choose(detections, score)[0]
    given = {"times": rule.times, "memory_days": rule.memory_days, "score": round(points, 1)}
    return {"chosen": given | {"is_default": rule == Unusual()}}


def measure(folder: Path, rule: Unusual) -> dict[str, Any]:
    """Score the rule on every recording of the folder."""
    try:
        windows = msgspec.json.decode(
            (folder / "windows.json").read_bytes(), type=dict[str, list[tuple[str, str]]]
        )
    except OSError as error:
        raise InvalidInput(f"no recordings in {folder}", field="folder") from error
    total, expected, series = 0.0, 0, {}
    for name, spans in sorted(windows.items()):
        times, values = _read(folder / name)
        places = [_place(times, start, end=end) for start, end in spans]
        points, found, wrong = score(len(times), places, detections(times, values, rule))
        total += points
        expected += len(places)
        series[name] = {"windows": len(places), "found": found, "false": wrong}
    normalised = 100 * (total + MISSED * expected) / ((TRUE + MISSED) * expected)
    return {
        "score": round(normalised, 1),
        "times": rule.times,
        "memory_days": rule.memory_days,
        "series": series,
    }


def detections(  # noqa: PLR0917 - a detector, as the choice of rules takes it
    times: Sequence[int], values: Sequence[float], rule: Unusual
) -> list[int]:
    """Places at which the rule raises."""
    memory: list[float] = []
    before, found = False, []
    for place, (at, value) in enumerate(zip(times, values, strict=True)):
        true = bool(unusual(memory, at, value=value, when=rule))
        if true and not before:
            found.append(place)
        before = true
    return found


def score(  # noqa: PLR0917 - a judge, as the choice of rules takes it
    length: int, windows: Sequence[tuple[int, int]], found: Sequence[int]
) -> tuple[float, int, int]:
    """NAB's points of one series, windows found, false alarms."""
    first = int(PROBATION * min(length, PROBATION_MOST))
    hit: set[tuple[int, int]] = set()
    points, wrong = 0.0, 0
    for place in found:
        if place < first:
            continue
        window = next((each for each in windows if each[0] <= place <= each[1]), None)
        if window is None:
            wrong += 1
            points += FALSE * _after(place, windows)
        elif window not in hit:
            hit.add(window)
            width = window[1] - window[0] + 1
            points += TRUE * _sigmoid(-(window[1] - place + 1) / width) / _sigmoid(-1.0)
    return points - MISSED * (len(windows) - len(hit)), len(hit), wrong


def _after(place: int, windows: Sequence[tuple[int, int]]) -> float:
    """A false alarm just after a window costs less than one far from any."""
    before = [each for each in windows if each[1] < place]
    if not before:
        return -1.0
    start, end = before[-1]
    far = (place - end) / max(1, end - start)
    return _sigmoid(far) if far <= 3 else -1.0


def _sigmoid(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def _read(path: Path) -> tuple[list[int], list[float]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(_ms(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    return [row[0] for row in rows], [row[1] for row in rows]


def _place(times: Sequence[int], start: str, *, end: str) -> tuple[int, int]:
    low, high = _ms(start), _ms(end)
    inside = [place for place, at in enumerate(times) if low <= at <= high]
    return inside[0], inside[-1]


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)

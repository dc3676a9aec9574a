"""What a bay's sensor says, turned into stays: occupancy, turnover, mean stay, and sensors that drift.

A message tells the state (occupied or free); between messages of change the sensor repeats it as a heartbeat.
A stay is known from an arrival to a departure; one that is cut by silence is not counted as a stay.
Never a plate: a bay knows that it is taken, not by whom.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.mobility.bays.drift import Drift, drift
from clapas.usecases.tables import (
    Problem,
    checked,
    column,
    columns,
    instant_of,
    number,
    read_table,
)

SILENCE_S = 6 * 3600.0
"""A bay silent for longer is unknown from its last word on."""
STUCK_S = 72 * 3600.0
FLICKER = 8
"""Changes within an hour: a sensor disturbed (a lorry, a tramway), not eight cars."""
TRUE = ("1", "true", "occupied", "oui", "occupé", "occupe", "yes", "taken", "1.0")
MAGNITUDE = ("field", "magnetic_field", "champ")
FALSE = ("0", "false", "free", "non", "libre", "no", "0.0")
COLUMNS = (
    "bay", "kind", "first", "last", "known_hours", "capture", "occupancy", "stays", "stays_a_day", "mean_stay_min",
    "longest_stay_min", "over_limit", "state", "now_occupied", "now_since", "baseline_moved", "contrast",
)  # fmt: skip

State = Literal["live", "stuck_occupied", "stuck_free", "flickering", "silent", "drifting"]
AXES = ("x", "y", "z")


class Bays(msgspec.Struct, frozen=True, kw_only=True):
    """Messages as read: ``line``, ``bay``, ``kind`` ('standard', 'pmr'…), ``at`` (UTC), ``occupied``, the field ``x y z``
    (µT; null where the device does not give it; a magnitude alone is ``x``)."""

    rows: pl.DataFrame
    problems: tuple[Problem, ...] = ()


def read_bays(path: Path, *, zone: str = "UTC") -> Bays:
    """Read one file of messages; raises :class:`~clapas.usecases.errors.BadTable`."""
    text = read_table(path)
    found = columns(
        text,
        path,
        wanted={
            "time": ("datetime", "date", "timestamp", "time", "measured", "horodatage"),
            "bay": ("bay", "place", "id", "sensor", "capteur", "device", "name"),
            "occupied": ("occupied", "status", "state", "occupe", "occupé", "value"),
        },
    )
    kind = column(text, ("kind", "type", "category", "categorie"))
    axes = {
        axis: column(
            text, (axis, f"field_{axis}", f"mag_{axis}", *(MAGNITUDE if axis == "x" else ()))
        )
        for axis in AXES
    }
    word = pl.col(found["occupied"]).str.strip_chars().str.to_lowercase()
    frame = text.select(
        "line",
        bay=pl.col(found["bay"]).str.strip_chars(),
        kind=pl.col(kind).str.strip_chars().str.to_lowercase() if kind else pl.lit("standard"),
        at=instant_of(pl.col(found["time"]), zone),
        occupied=pl.when(word.is_in(TRUE))
        .then(pl.lit(value=True))
        .when(word.is_in(FALSE))
        .then(pl.lit(value=False))
        .otherwise(None),
        **{axis: number(name) if name else pl.lit(None, pl.Float64) for axis, name in axes.items()},
    )
    needed = {"at": found["time"], "bay": found["bay"], "occupied": found["occupied"]}
    rows, problems = checked(frame, text, needed=needed, path=path)
    return Bays(rows=rows, problems=problems)


def bays_table(rows: pl.DataFrame, *, limit_min: float = 0.0) -> pl.DataFrame:
    """One line a bay, as known at the newest message of all; ``limit_min`` counts stays beyond it."""
    end = rows["at"].max()
    ordered = rows.unique(["bay", "at"], keep="last", maintain_order=True).sort("bay", "at")
    records = [
        _bay(part.to_dicts(), end, limit_min=limit_min)
        for part in ordered.partition_by("bay", maintain_order=True)
    ]
    return pl.DataFrame(records, infer_schema_length=None).select(COLUMNS)


def _bay(messages: list[dict[str, Any]], end: Any, *, limit_min: float) -> dict[str, Any]:
    known = taken = 0.0
    stays: list[float] = []
    changes: list[float] = []
    arrived: float | None = None
    for n, message in enumerate(messages):
        at = message["at"].timestamp()
        until = messages[n + 1]["at"].timestamp() if n + 1 < len(messages) else end.timestamp()
        length = min(until - at, SILENCE_S)
        known += length
        taken += length if message["occupied"] else 0.0
        before = messages[n - 1] if n else None
        if before is None or before["occupied"] == message["occupied"]:
            continue
        changes.append(at)
        silent = at - before["at"].timestamp() > SILENCE_S
        if message["occupied"]:
            arrived = None if silent else at
        elif arrived is not None and not silent:
            stays.append((at - arrived) / 60)
            arrived = None
    first, last = messages[0]["at"].timestamp(), messages[-1]["at"].timestamp()
    moved = _drift(messages)
    span = max(end.timestamp() - first, 1.0)
    since = changes[-1] if changes else first
    return {
        "bay": messages[0]["bay"],
        "kind": messages[0]["kind"],
        "first": messages[0]["at"],
        "last": messages[-1]["at"],
        "known_hours": round(known / 3600, 2),
        "capture": round(min(1.0, known / span), 4),
        "occupancy": round(taken / known, 4) if known else None,
        "stays": len(stays),
        "stays_a_day": round(len(stays) / (known / 86_400), 2) if known else None,
        "mean_stay_min": round(sum(stays) / len(stays), 1) if stays else None,
        "longest_stay_min": round(max(stays), 1) if stays else None,
        "over_limit": sum(stay > limit_min for stay in stays) if limit_min else None,
        "state": _state(
            changes,
            messages[-1]["occupied"],
            last=last,
            since=since,
            end=end.timestamp(),
            moved=moved,
        ),
        "now_occupied": messages[-1]["occupied"],
        "now_since": messages[-1]["at"] if not changes else _instant(messages, since),
        "baseline_moved": round(moved.moved, 2) if moved else None,
        "contrast": round(moved.contrast, 2) if moved else None,
    }


def _drift(messages: list[dict[str, Any]]) -> Drift | None:
    """The drift over the axes that the bay's sensor gives."""
    given = [axis for axis in AXES if any(each[axis] is not None for each in messages)]
    if not given:
        return None
    field = np.array([[each[axis] for axis in given] for each in messages], dtype=np.float64)
    return drift(field, [each["occupied"] for each in messages])


def _instant(messages: list[dict[str, Any]], since: float) -> Any:
    return next(each["at"] for each in messages if each["at"].timestamp() == since)


def _state(
    changes: list[float], occupied: bool, *, last: float, since: float, end: float, moved: Drift | None  # noqa: FBT001
) -> State:  # fmt: skip
    """Silent first; then a state that heartbeats confirm for three days; a sensor that flickers; one that drifts."""
    if end - last > SILENCE_S:
        return "silent"
    if last - since > STUCK_S:
        return "stuck_occupied" if occupied else "stuck_free"
    for n in range(len(changes) - FLICKER + 1):
        if changes[n + FLICKER - 1] - changes[n] <= 3600:
            return "flickering"
    return "drifting" if moved is not None and moved.drifting else "live"

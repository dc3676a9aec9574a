"""Snapshots of many places, as an archive of a city's feed keeps them.

One line says how many places were free in a car park, or how many bikes stood at a station, at one instant:
``Date;Heure;Type;Nom;Places_Libres;Places_Totales``, or the same with one ``datetime`` and English names.
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from clapas.usecases.tables import (
    MAX_PROBLEMS,
    Problem,
    checked,
    column,
    columns,
    instant_of,
    number,
    read_table,
    unreadable,
)

DATE = ("date", "jour", "day")
HOUR = ("heure", "hour", "time", "heure_utc")
TIME = ("datetime", "timestamp", "observed", "dateobserved", "last_update", "made_at", "measured")
KIND = ("type", "kind")
NAME = ("nom", "name", "place", "station", "parking", "address")
FREE = ("places_libres", "free", "available", "availablespotnumber", "availablebikenumber", "available_bikes", "free_places")  # fmt: skip
TOTAL = ("places_totales", "total", "capacity", "totalspotnumber", "total_slots", "total_places")
KINDS = {"voiture": "car", "parking": "car", "car": "car", "velo": "bike", "vélo": "bike", "bike": "bike", "bicycle": "bike"}  # fmt: skip

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshots of one kind of places.

    ``at`` (n,) seconds since 1970 UTC, growing; ``free`` (n, m) places or bikes, NaN when the snapshot does not
    speak of the place; ``capacity`` (n, m) as announced, carried forward; ``names`` (m,) in order of appearance.
    """

    kind: str
    names: tuple[str, ...]
    at: Floats
    free: Floats
    capacity: Floats

    def until(self, moment: float) -> "Feed":
        """What had been received at an instant (s)."""
        n = int(np.searchsorted(self.at, moment, side="right"))
        free = self.free[:n]
        seen: Bools = np.asarray(np.isfinite(free).any(axis=0))
        return Feed(
            kind=self.kind,
            names=tuple(name for name, kept in zip(self.names, seen.tolist(), strict=True) if kept),
            at=self.at[:n],
            free=free[:, seen],
            capacity=self.capacity[:n, seen],
        )


class Snapshots(msgspec.Struct, frozen=True, kw_only=True):
    """Lines as read: ``line``, ``at`` (UTC), ``kind`` ('car' | 'bike' | as written), ``name``, ``free``, ``total``."""

    rows: pl.DataFrame
    problems: tuple[Problem, ...] = ()

    def feeds(self) -> list[Feed]:
        """One feed a kind, in order of appearance."""
        kinds = self.rows["kind"].unique(maintain_order=True)
        return [feed_of(self.rows.filter(pl.col("kind") == kind), kind) for kind in kinds]


def read_snapshots(path: Path, *, zone: str = "UTC") -> Snapshots:
    """Read one archive; raises :class:`~clapas.usecases.errors.BadTable`.

    A count that lacks or is below 0 is *missing*: it is left out of the feed, never taken for 0. A capacity
    of 0 is unknown.
    """
    text = read_table(path)
    found = columns(text, path, wanted={"name": NAME, "free": FREE, "total": TOTAL})
    kind, time = column(text, KIND), column(text, TIME)
    if time is None:
        found |= columns(text, path, wanted={"date": DATE, "hour": HOUR})
        time = f"{found['date']} {found['hour']}"
        both = (pl.col(found["date"]), pl.col(found["hour"]))
        text = text.with_columns(pl.concat_str(*both, separator=" ").alias(time))
    frame = text.select(
        "line",
        at=instant_of(pl.col(time), zone),
        kind=pl.col(kind).str.strip_chars().str.to_lowercase().replace(KINDS)
        if kind
        else pl.lit("car"),
        name=pl.col(found["name"]).str.strip_chars(),
        free=number(found["free"]),
        total=number(found["total"]),
    )
    problems = _below_zero(frame)
    frame = frame.with_columns(
        free=pl.when(pl.col("free") >= 0).then(pl.col("free")),
        total=pl.when(pl.col("total") > 0).then(pl.col("total")),
    )
    rows, more = checked(frame, text, needed={"at": time, "name": found["name"]}, path=path)
    problems += more + unreadable(text, [found["free"], found["total"]])
    return Snapshots(rows=rows, problems=problems)


def _below_zero(frame: pl.DataFrame) -> tuple[Problem, ...]:
    """Counts that cannot be: told, and taken as missing."""
    wrong = frame.filter(pl.col("free") < 0).head(MAX_PROBLEMS).select("line", "free")
    return tuple(Problem(line, f"{free:g} is no count: taken as missing") for line, free in wrong.rows())  # fmt: skip


def feed_of(rows: pl.DataFrame, kind: str) -> Feed:
    """Snapshots of one kind as arrays; the last line wins when a place is told twice at one instant."""
    names = tuple(rows["name"].unique(maintain_order=True))
    free, total = (_matrix(rows, names, value=value) for value in ("free", "total"))
    at = free["at"].dt.epoch("s").to_numpy().astype(np.float64)
    values = free.drop("at").to_numpy().astype(np.float64)
    capacity = total.drop("at").fill_null(strategy="forward").to_numpy().astype(np.float64)
    return Feed(kind=kind, names=names, at=at, free=values, capacity=capacity)


def _matrix(rows: pl.DataFrame, names: tuple[str, ...], *, value: str) -> pl.DataFrame:
    wide = rows.pivot(on="name", index="at", values=value, aggregate_function="last").sort("at")
    return wide.select("at", *(pl.col(name).cast(pl.Float64) for name in names))


def iso(seconds: float) -> str:
    """An instant as the files write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

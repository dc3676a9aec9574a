"""From recordings to alerts: readings of many meters, each in the order of its own time."""

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.water.leaks.arrays import Bools, Floats, Ints
from clapas.usecases.water.leaks.book import Book
from clapas.usecases.water.leaks.detector import Found, step
from clapas.usecases.water.leaks.levels import Levels

Kind = Literal["drip", "leak", "pipe", "burst"]
COLUMNS = ("meter", "raised_at", "kind", "rate_l_h", "volume_l", "confidence")


class Recordings(msgspec.Struct, frozen=True, kw_only=True):
    """Readings sorted by meter then time: ``meter`` row number, ``at`` (s since 1970 UTC), ``index`` (L)."""

    names: tuple[str, ...]
    meter: Ints
    at: Floats
    index: Floats

    @property
    def starts(self) -> Ints:
        """Where each meter's readings begin, with the end of the last."""
        return np.searchsorted(self.meter, np.arange(len(self.names) + 1))


def recordings(rows: pl.DataFrame) -> Recordings:
    """Sort a table's rows (``meter``, ``at``, ``index_l``) into recordings; equal lines are dropped."""
    names = tuple(rows["meter"].unique(maintain_order=True))
    numbers = pl.DataFrame({"meter": names, "m": np.arange(len(names))})
    ordered = (
        rows.unique(maintain_order=True)
        .join(numbers, on="meter", how="left", maintain_order="left")
        .sort("m", "at", maintain_order=True)
    )
    return Recordings(
        names=names,
        meter=ordered["m"].to_numpy().astype(np.int64),
        at=ordered["at"].dt.epoch("us").to_numpy() / 1e6,
        index=ordered["index_l"].to_numpy().astype(np.float64),
    )


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts as columns: ``meter`` row number, ``at`` (s), ``level`` (-1 burst), rate (L/h), volume (L).

    ``before`` (L/h) was known until then; ``again`` marks the return of a leak that had stopped.
    """

    meter: Ints
    at: Floats
    level: Ints
    rate: Floats
    volume: Floats
    confidence: Floats
    before: Floats
    again: Bools

    def kept(self, rows: Bools) -> "Alerts":
        """These rows alone."""
        return Alerts(**{name: getattr(self, name)[rows] for name in self.__struct_fields__})


def detect(data: Recordings, levels: Levels, *, book: Book | None = None) -> Alerts:
    """Run the detector over recordings: the k-th reading of every meter in the k-th step."""
    book = book or Book(len(data.names), len(levels.flow))
    found: list[tuple[Found, Floats]] = []
    for rows, lines in steps(data):
        each = step(book, levels, rows=rows, at=data.at[lines], index=data.index[lines])
        if len(each.rows):
            found.append((each, book.at[each.rows].copy()))
    return joined(found)


def steps(data: Recordings) -> Iterator[tuple[Ints, Ints]]:
    """The k-th reading of every meter that has one, for k = 0, 1…: (meters' rows, lines)."""
    starts = data.starts
    lengths = np.diff(starts)
    order = np.argsort(-lengths, kind="stable")
    alive = len(order)
    for k in range(int(lengths.max(initial=0))):
        while alive and lengths[order[alive - 1]] <= k:
            alive -= 1
        rows = order[:alive]
        yield rows, starts[rows] + k


def joined(found: list[tuple[Found, Floats]]) -> Alerts:
    def column(values: list[Floats] | list[Ints] | list[Bools]) -> Floats:
        return np.concatenate(values) if values else np.zeros(0)

    at = column([moment for _, moment in found])
    order = np.argsort(at, kind="stable")
    return Alerts(
        meter=column([each.rows for each, _ in found])[order].astype(np.int64),
        at=at[order],
        level=column([each.level for each, _ in found])[order].astype(np.int64),
        rate=column([each.rate for each, _ in found])[order],
        volume=column([each.volume for each, _ in found])[order],
        confidence=column([each.confidence for each, _ in found])[order],
        before=column([each.before for each, _ in found])[order],
        again=column([each.again for each, _ in found])[order].astype(np.bool_),
    )


def kind_of(level: int, rate: float) -> Kind:
    """The class of a flow: burst, pipe (> 50 L/h), leak (a toilet's size), drip (< 2 L/h)."""
    if level < 0:
        return "burst"
    if rate > 50:
        return "pipe"
    return "leak" if rate >= 2 else "drip"


def alert_table(alerts: Alerts, names: tuple[str, ...]) -> pl.DataFrame:
    """The alerts as a table with the columns of ``clapas water leaks``; ``raised_at`` is a UTC instant.

    A leak that returns is the same alert: it makes no second line.
    """
    alerts = alerts.kept(~alerts.again)
    pairs = zip(alerts.level.tolist(), alerts.rate.tolist(), strict=True)
    return pl.DataFrame(
        {
            "meter": [names[row] for row in alerts.meter.tolist()],
            "raised_at": pl.Series((alerts.at * 1e6).round().astype(np.int64)).cast(
                pl.Datetime("us", "UTC")
            ),
            "kind": [kind_of(level, rate) for level, rate in pairs],
            "rate_l_h": np.round(alerts.rate, 1),
            "volume_l": np.round(alerts.volume, 0),
            "confidence": np.round(alerts.confidence, 2),
        },
        schema_overrides={"meter": pl.String, "kind": pl.String},
    )

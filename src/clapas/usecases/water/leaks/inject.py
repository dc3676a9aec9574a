"""Seeded leaks put into real series: the truth that recordings lack."""

from typing import Literal

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Bools, Floats, Ints
from clapas.usecases.water.leaks.batch import Recordings

Shape = Literal["steady", "pressure", "growing", "cycling"]
SHAPES: tuple[Shape, ...] = ("steady", "pressure", "growing", "cycling")
HOUR = 3600.0
DAY = 86_400.0


class Leaks(msgspec.Struct, frozen=True, kw_only=True):
    """Leaks to inject: ``meter`` row, ``line`` first reading after the start, ``start`` (s), rate (L/h)."""

    meter: Ints
    line: Ints
    start: Floats
    rate: Floats
    shape: Ints


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How many leaks, how large (L/h), how long (days) and from which seed."""

    rates: tuple[float, ...] = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
    per_meter: int = 4
    days: float = 10.0
    shapes: tuple[Shape, ...] = SHAPES
    seed: int = 1
    warm_days: float = 21.0
    """No leak begins in the first days of a series: the meter must have been seen alive."""
    coverage: float = 0.75
    """Share of the hours after the start that must have been read within two hours."""
    coverage_days: float = 6.0


def draw(data: Recordings, meters: Ints, *, plan: Plan) -> Leaks:
    """Leaks at seeded instants of these meters' series, where the meter was heard for ``coverage_days``."""
    random = np.random.default_rng(plan.seed)
    heard = _heard(data)
    starts = data.starts
    rows: list[tuple[int, int, float, float, int]] = []
    for meter in meters.tolist():
        first, last = int(starts[meter]), int(starts[meter + 1])
        at = data.at[first:last]
        good = _candidates(at, heard[first:last], plan=plan)
        if not len(good):
            continue
        for rate in plan.rates:
            for nth in range(plan.per_meter):
                line = int(random.choice(good))
                start = float(random.uniform(at[line - 1], at[line]))
                rows.append(
                    (
                        meter,
                        first + line,
                        start,
                        rate,
                        SHAPES.index(plan.shapes[nth % len(plan.shapes)]),
                    )
                )
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    return Leaks(
        meter=np.asarray(columns[0], dtype=np.int64),
        line=np.asarray(columns[1], dtype=np.int64),
        start=np.asarray(columns[2], dtype=np.float64),
        rate=np.asarray(columns[3], dtype=np.float64),
        shape=np.asarray(columns[4], dtype=np.int64),
    )


def _heard(data: Recordings) -> Floats:
    """Hours that each reading covers: the time since the previous one when it is at most two hours."""
    hours = np.diff(data.at, prepend=data.at[:1]) / HOUR
    same = np.diff(data.meter, prepend=-1) == 0
    covered: Floats = np.where(same & (hours > 0) & (hours <= 2.0), hours, 0.0)
    return covered


def _candidates(at: Floats, heard: Floats, *, plan: Plan) -> Ints:
    """Readings before which a leak may begin: warmed up, within a heard hour, followed by heard days."""
    total = np.concatenate([[0.0], np.cumsum(heard)])
    lines = np.arange(len(at))
    until = np.searchsorted(at, at + plan.coverage_days * DAY)
    covered = total[until] - total[lines]
    fits: Bools = (
        at + plan.coverage_days * DAY <= at[-1] if len(at) else np.zeros(0, dtype=np.bool_)
    )
    warm = at >= at[0] + plan.warm_days * DAY if len(at) else fits
    return np.flatnonzero(
        fits & warm & (heard > 0) & (covered >= plan.coverage * plan.coverage_days * 24)
    )


def lost_litres(elapsed: Floats, rate: float, *, shape: Shape, start: float) -> Floats:
    """Whole litres lost ``elapsed`` seconds after the start, for a leak of mean ``rate`` L/h.

    steady: constant. pressure: 25 % more at night, 25 % less by day. growing: from half to the whole in
    two days. cycling: a cistern that refills by short runs, a whole number an hour or so.
    """
    hours = np.maximum(elapsed, 0.0) / HOUR
    if shape == "pressure":
        turn = 2 * np.pi / 24.0
        phase = (start / HOUR) % 24.0
        swing = 0.25 / turn * (np.sin(turn * (hours + phase - 2.0)) - np.sin(turn * (phase - 2.0)))
        litres = rate * (hours + swing)
    elif shape == "growing":
        young = np.minimum(hours, 48.0)
        litres = rate * (0.5 * young + young**2 / 192.0 + np.maximum(hours - 48.0, 0.0))
    elif shape == "cycling":
        cycle = 0.4 + 0.3 * ((start / 977.0) % 1.0)
        litres = rate * cycle * np.floor(hours / cycle)
    else:
        litres = rate * hours
    whole: Floats = np.floor(litres + (start % 1.0))
    return whole

"""The figures of a trial: shares with their intervals, and the lines that people read."""

from typing import Literal

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Bools, Floats
from clapas.usecases.water.leaks.batch import Alerts
from clapas.usecases.water.leaks.evaluate import Trial
from clapas.usecases.water.leaks.inject import SHAPES


class Share(msgspec.Struct, frozen=True):
    """A figure with the bounds of its 95 % bootstrap interval over meters."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(top: Floats, bottom: Floats, *, seed: int = 0, times: int = 1000) -> Share:
    """The ratio of two sums over meters, resampled by meter."""
    used = bottom > 0
    top, bottom = top[used], bottom[used]
    if not len(top):
        return Share(float("nan"), float("nan"), float("nan"))
    picks = np.random.default_rng(seed).integers(0, len(top), size=(times, len(top)))
    ratios = top[picks].sum(axis=1) / bottom[picks].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Share(float(top.sum() / bottom.sum()), float(low), float(high))


Reading = Literal["in alert", "told anew", "fresh"]
"""How a leak on a meter that leaks already is read: the open alert counts, does not, or the leak is left out."""


def detected(
    trial: Trial,
    rate: float,
    *,
    within_days: float,
    shape: int | None = None,
    reading: Reading = "told anew",
) -> Share:
    """Share of the leaks of this rate (and shape) in alert, or announced, within so many days."""
    mine = (trial.leaks.rate == rate) & ((trial.known <= 0) if reading == "fresh" else True)
    if shape is not None:
        mine &= trial.leaks.shape == shape
    hit = trial.delay <= within_days
    if reading == "in alert":
        hit = hit | trial.open
    meter = trial.leaks.meter[mine]
    size = len(trial.names)
    hits = np.bincount(meter, weights=hit[mine], minlength=size).astype(np.float64)
    return bootstrap(hits, np.bincount(meter, minlength=size).astype(np.float64))


def median_delay(trial: Trial, rate: float) -> float:
    """Median delay in days of the leaks of this rate that were announced."""
    delay = trial.delay[(trial.leaks.rate == rate) & np.isfinite(trial.delay)]
    return float(np.median(delay)) if len(delay) else float("nan")


AlertKind = Literal["leaks", "increases", "returns", "bursts"]


def counted(alerts: Alerts, kinds: tuple[AlertKind, ...]) -> Bools:
    """Which alerts are of these kinds: a meter's first, a known leak that grew, or returned, a burst."""
    burst = alerts.level < 0
    known = alerts.before > 0
    masks: dict[AlertKind, Bools] = {
        "leaks": ~burst & ~known & ~alerts.again,
        "increases": ~burst & known & ~alerts.again,
        "returns": alerts.again,
        "bursts": burst & ~alerts.again,
    }
    chosen: Bools = np.logical_or.reduce([masks[kind] for kind in kinds])
    return chosen


def alerts_per_1000(
    trial: Trial, kinds: tuple[AlertKind, ...] = ("leaks", "increases", "bursts")
) -> Share:
    """Alerts of these kinds on the raw series per 1,000 meter-days, all of them, real leaks included."""
    return per_1000(trial, counted(trial.raw, kinds))


def per_1000(trial: Trial, chosen: Bools) -> Share:
    """These raw alerts per 1,000 meter-days."""
    alerts = np.bincount(trial.raw.meter[chosen], minlength=len(trial.names)).astype(np.float64)
    return bootstrap(1000.0 * alerts, trial.meter_days)


PROMISES = ((5.0, 4.0), (2.0, 6.0))
"""What the service promises: a flow (L/h) within so many days."""


def leak_lines(trial: Trial, rates: tuple[float, ...]) -> list[str]:
    """The report on leaks, one line a rate; promises are marked."""
    lines = [
        "rate L/h   within 4 d               within 6 d               within 14 d              median d"
    ]
    for rate in rates:
        cells = "  ".join(
            f"{detected(trial, rate, within_days=days)!s:23}" for days in (4.0, 6.0, 14.0)
        )
        lines.append(f"{rate:8.0f}   {cells}  {median_delay(trial, rate):.2f}")
    lines += promise_lines(trial)
    for number, shape in enumerate(SHAPES):
        lines.append(
            f"5 L/h {shape}: {detected(trial, 5.0, within_days=4.0, shape=number)} within 4 d"
        )
    lines += alert_lines(trial)
    lines.append(
        f"  from {len(np.unique(trial.raw.meter))} meters, {trial.meter_days.sum():.0f} meter-days"
    )
    return lines


def promise_lines(trial: Trial) -> list[str]:
    """What is promised, read in the three ways."""
    return [
        f"{rate:.0f} L/h within {days:.0f} d, {reading}: {detected(trial, rate, within_days=days, reading=reading)}"
        for rate, days in PROMISES
        for reading in ("in alert", "told anew", "fresh")
    ]


def alert_lines(trial: Trial) -> list[str]:
    """Alerts on the raw series by what they tell."""
    rows: tuple[tuple[str, tuple[AlertKind, ...]], ...] = (
        ("leaks, one alert a leak", ("leaks",)),
        ("  and their increases", ("leaks", "increases")),
        ("  and bursts", ("leaks", "increases", "bursts")),
        ("  returns of a known leak (no new alert)", ("returns",)),
    )
    calls = per_1000(trial, trial.called)
    return [
        "alerts on raw data per 1,000 meter-days, all of them, real leaks too:",
        *(
            f"  {title}: {alerts_per_1000(trial, kinds)} = {int(counted(trial.raw, kinds).sum())}"
            for title, kinds in rows
        ),
        f"bursts for which an agent is called: {calls} = {int(trial.called.sum())}",
    ]


def plain_lines(trial: Trial) -> list[str]:
    """The plain rule on the same leaks and meters."""
    alerts = alerts_per_1000(trial, ("leaks",))
    return [
        "the plain rule, > 2 L/h for 3 days, on the same leaks:",
        *(f"  {line}" for line in promise_lines(trial)[:3]),
        f"  alerts per 1,000 meter-days: {alerts} = {len(trial.raw.at)}",
    ]


def burst_lines(trial: Trial, rates: tuple[float, ...]) -> list[str]:
    """The report on bursts, one line a rate."""
    lines = ["burst L/h  within 3 h               within 6 h               within 12 h"]
    for rate in rates:
        cells = "  ".join(
            f"{detected(trial, rate, within_days=hours / 24.0)!s:23}" for hours in (3.0, 6.0, 12.0)
        )
        lines.append(f"{rate:8.0f}   {cells}")
    return lines

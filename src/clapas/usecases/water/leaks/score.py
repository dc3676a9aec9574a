"""The figures of a trial: shares with their intervals, and the lines that people read."""

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
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


def detected(
    trial: Trial, rate: float, within_days: float, *, shape: int | None = None, fresh: bool = False
) -> Share:
    """Share of the leaks of this rate (and shape) announced within so many days.

    ``fresh`` leaves out those that fell on a meter whose leak was announced already.
    """
    mine = (trial.leaks.rate == rate) & ((trial.known <= 0) if fresh else True)
    if shape is not None:
        mine &= trial.leaks.shape == shape
    meter = trial.leaks.meter[mine]
    size = len(trial.names)
    hits = np.bincount(meter, weights=trial.delay[mine] <= within_days, minlength=size).astype(
        np.float64
    )
    return bootstrap(hits, np.bincount(meter, minlength=size).astype(np.float64))


def median_delay(trial: Trial, rate: float) -> float:
    """Median delay in days of the leaks of this rate that were announced."""
    delay = trial.delay[(trial.leaks.rate == rate) & np.isfinite(trial.delay)]
    return float(np.median(delay)) if len(delay) else float("nan")


def alerts_per_1000(trial: Trial, *, without_bursts: bool = False) -> Share:
    """Alerts on the raw series per 1,000 meter-days, all of them, real leaks included."""
    counted = trial.raw.meter[trial.raw.level >= 0] if without_bursts else trial.raw.meter
    alerts = np.bincount(counted, minlength=len(trial.names)).astype(np.float64)
    return bootstrap(1000.0 * alerts, trial.meter_days)


def leak_lines(trial: Trial, rates: tuple[float, ...]) -> list[str]:
    """The report on leaks, one line a rate; promises are marked."""
    lines = [
        "rate L/h   within 4 d               within 6 d               within 14 d              median d"
    ]
    for rate in rates:
        cells = "  ".join(f"{detected(trial, rate, days)!s:23}" for days in (4.0, 6.0, 14.0))
        lines.append(f"{rate:8.0f}   {cells}  {median_delay(trial, rate):.2f}")
    for rate, days in ((2.0, 6.0), (5.0, 4.0)):
        share = detected(trial, rate, days, fresh=True)
        lines.append(f"{rate:.0f} L/h within {days:.0f} d where no leak was known yet: {share}")
    for number, shape in enumerate(SHAPES):
        lines.append(f"5 L/h {shape}: {detected(trial, 5.0, 4.0, shape=number)} within 4 d")
    lines.append(
        f"alerts on raw data per 1,000 meter-days: {alerts_per_1000(trial)}, all of them, real leaks too"
    )
    lines.append(f"  without bursts: {alerts_per_1000(trial, without_bursts=True)}")
    lines.append(
        f"  from {len(np.unique(trial.raw.meter))} meters, {trial.meter_days.sum():.0f} meter-days"
    )
    return lines


def burst_lines(trial: Trial, rates: tuple[float, ...]) -> list[str]:
    """The report on bursts, one line a rate."""
    lines = ["burst L/h  within 3 h               within 6 h               within 12 h"]
    for rate in rates:
        cells = "  ".join(
            f"{detected(trial, rate, hours / 24.0)!s:23}" for hours in (3.0, 6.0, 12.0)
        )
        lines.append(f"{rate:8.0f}   {cells}")
    return lines

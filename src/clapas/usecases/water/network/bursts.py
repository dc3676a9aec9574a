"""Leaks of the network from hourly balances: what flows now against the same hours of the weeks before.

Each hour the last 24, 72 and 168 hours are compared with the same hours of up to three weeks before;
the difference is split into growth of demand (proportional to the ordinary flow) and leak (the same at
every hour, night and day). A step that stands out of the signal's own noise is an alarm; its flow is then
taken out of the series, so that the next leak is measured from there; a step down is a repair.
"""

from typing import Literal

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.balance import Signal

WEEK = 168
WEEKS = 3
WINDOWS = (24, 72, 168)
YOUNG = ((3, 2.9), (5, 2.0), (9, 1.5))
"""The noise of a young watch is taken for larger: (before so many weeks, factor)."""
LAG = 48
"""Hours left out of the learned noise, so that a growing leak does not hide itself."""
NOISE_HOURS = 12
"""A learned noise is used for so long."""
LIKELY_GROWTH = 0.02
BRIEF_HOURS = 72
PASSING_DAYS, MORE = 60, 1.2
"""A rise that falls again within so few hours is remembered so long: the next must be so much larger, or last."""
SEEN = 0.3
"""Since its start, a leak shows at least this share of what the window says."""
Kind = Literal["burst", "leak", "repair", "shift"]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds, in noises of the signal; noises are learned, never below a share of the mean flow."""

    limits: tuple[float, ...] = (3.0, 2.8, 2.4)
    hold_hours: int = 3
    """The excess must stay beyond its limit for so many hours running."""
    first_noise: float = 0.25
    """Noise before it is learned: this many times the square root of the mean flow (m³/h)."""
    least_noise: float = 0.05
    least_share: float = 0.012
    """Steps smaller than this share of the zone's ordinary flow are not looked at."""
    learn_hours: int = 8 * 24
    noise_hours: int = 3 * 24
    sharp: float = 0.6
    """A step whose first day shows this share of it is a new break, not the growth of a known leak."""
    same_leak_days: float = 10.0
    """Growth within this time after an alarm belongs to it, unless it is sharp."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a zone's flow: hour numbers of the alarm and of the start, size (m³/h), what it is."""

    zone: str
    signal: str
    raised: int
    start: int
    size: float
    kind: Kind
    told: bool = True


class Watch:
    """One signal, watched hour after hour; ``adjusted`` is the series without the steps already told."""

    def __init__(self, signal: Signal, rules: Rules) -> None:
        self.signal = signal
        self.rules = rules
        self.adjusted = signal.values.copy()
        self.steps: list[Step] = []
        self.past: dict[int, list[float]] = {window: [] for window in WINDOWS}
        self.held: dict[int, int] = {}
        self.noises: dict[int, tuple[int, float]] = {}
        self.scale = 0.0
        self.passed: list[tuple[int, float, int]] = []

    def look(self, hour: int) -> Step | None:
        """Take the hour's value into account; a step that stands out is returned."""
        if hour < self.rules.learn_hours:
            return None
        for window, limit in zip(WINDOWS, self.rules.limits, strict=True):
            leak = self._leak(hour, window)
            if leak is None:
                continue
            self.past[window].append(leak[0])
            least = max(
                limit * self._noise(hour, window), self.rules.least_share * self.ordinary(hour)
            )
            least = max(least, self._passing(hour, window))
            beyond = abs(leak[0]) > least and leak[0] * leak[1] > 0 and abs(leak[1]) > 0.7 * least
            held = self.held.get(window, 0) + 1 if beyond else 0
            self.held[window] = held
            if held >= self.rules.hold_hours:
                return self._told(hour, window, leak=min(leak, key=abs))
        return None

    def _passing(self, hour: int, window: int) -> float:
        """Mean of the window that a rise which passed lately would make: more is needed (m³/h)."""
        since = hour - PASSING_DAYS * 24
        known = (size * min(1.0, span / window) for at, size, span in self.passed if at >= since)
        return MORE * max(known, default=0.0)

    def noise_of(self, hour: int, window: int) -> float:
        """Spread of the mean excess over so many hours (m³/h)."""
        return self._noise(hour, WINDOWS[0]) * max(1.0, float(np.sqrt(WINDOWS[0] / max(window, 1))))

    def risen(self, start: int, hour: int) -> float:
        """Mean excess since ``start`` over the same hours of the weeks before (m³/h); 0 when unknown."""
        if start < WEEK:
            return 0.0
        excess = self.adjusted[start : hour + 1] - self.reference(hour, hour + 1 - start)
        return float(np.nanmean(excess)) if np.isfinite(excess).any() else 0.0

    def ordinary(self, hour: int) -> float:
        """Ordinary flow of the zone (m³/h) over the last four weeks."""
        if hour % 24 == 0 or self.scale == 0.0:
            recent = np.abs(self.signal.scale[max(0, hour - 4 * WEEK) : hour])
            self.scale = float(np.nanmean(recent)) if len(recent) else 1.0
        return self.scale

    def _noise(self, hour: int, window: int) -> float:
        """Spread of this window's leak estimate over the last eight weeks, bounded from below."""
        known = self.noises.get(window)
        if known is not None and hour - known[0] < NOISE_HOURS:
            return known[1]
        noise = self._learned(hour, window)
        self.noises[window] = (hour, noise)
        return noise

    def _learned(self, hour: int, window: int) -> float:
        floor = self.rules.least_noise * float(np.sqrt(self.ordinary(hour)))
        past = np.asarray(self.past[window][-8 * WEEK : -LAG])
        if len(past) < self.rules.noise_hours:
            return self.rules.first_noise * float(np.sqrt(self.ordinary(hour)))
        young = next((factor for weeks, factor in YOUNG if hour < weeks * WEEK), 1.0)
        return young * max(1.4826 * float(np.median(np.abs(past))), floor)

    def reference(self, hour: int, window: int) -> Floats:
        """The same hours of up to three weeks before, averaged."""
        weeks = [
            self.adjusted[hour + 1 - window - WEEK * k : hour + 1 - WEEK * k]
            for k in range(1, WEEKS + 1)
            if hour + 1 - window - WEEK * k >= 0
        ]
        if not weeks:
            return np.full(window, np.nan)
        stacked = np.stack(weeks)
        known = np.isfinite(stacked)
        summed = np.where(known, stacked, 0.0).sum(axis=0)
        return np.where(known.any(axis=0), summed / np.maximum(known.sum(axis=0), 1), np.nan)

    def _leak(self, hour: int, window: int) -> tuple[float, float] | None:
        """Excess that is the same at every hour, and the whole excess (m³/h); None when too much is missing."""
        now = self.adjusted[hour + 1 - window : hour + 1]
        reference = self.reference(hour, window)
        good = np.isfinite(now) & np.isfinite(reference)
        if good.sum() < 0.7 * window:
            return None
        excess, usual = (now - reference)[good], reference[good]
        mean = float(np.mean(excess))
        if self.signal.kind != "balance":
            return mean, mean
        return _same_at_every_hour(excess, usual), mean

    def _told(self, hour: int, window: int, *, leak: float) -> Step | None:
        start = self._start(hour, window, leak=leak)
        after = self.adjusted[start : hour + 1]
        size = self._size(hour, start, leak=leak) if len(after) >= 6 else leak
        split = self.signal.kind != "balance"
        kind: Kind = "repair" if leak < 0 and not split else ("burst" if window <= 24 else "leak")
        growing = (
            kind == "leak" and self._recently_told(hour) and not self._sharp(hour, start, size=size)
        )
        step = Step(
            zone=self.signal.zone,
            signal=self.signal.kind,
            raised=hour,
            start=start,
            size=size,
            kind=kind,
            told=kind != "repair" and not growing and (split or size > SEEN * leak),
        )
        if kind == "repair":
            self._passed(hour, start, fallen=-size)
        self.settle(start, size)
        self.steps.append(step)
        return step

    def _passed(self, hour: int, start: int, *, fallen: float) -> None:
        """A rise that fell again within days was a use, or a tank's day, and no leak."""
        last = next((each for each in reversed(self.steps) if each.size > 0), None)
        if last is None or hour - last.raised > BRIEF_HOURS or fallen < 0.5 * last.size:
            return
        self.passed.append((hour, min(last.size, fallen), max(start - last.start, 1)))

    def _recently_told(self, hour: int) -> bool:
        since = hour - self.rules.same_leak_days * 24
        return any(each.told and each.raised >= since for each in self.steps)

    def _sharp(self, hour: int, start: int, *, size: float) -> bool:
        """Did most of the step come within its first day?"""
        end = min(start + 24, hour + 1)
        window = hour + 1 - start
        excess = self.adjusted[start:end] - self.reference(hour, window)[: end - start]
        return (
            bool(np.isfinite(excess).any()) and float(np.nanmean(excess)) > self.rules.sharp * size
        )

    def settle(self, start: int, size: float) -> None:
        """Take a step out of the series, from its start on."""
        self.adjusted[start:] -= size
        self.held.clear()
        for past in self.past.values():
            del past[-24:]

    def _size(self, hour: int, start: int, *, leak: float) -> float:
        window = hour + 1 - start
        excess = self.adjusted[start : hour + 1] - self.reference(hour, window)
        known = excess[np.isfinite(excess)]
        return float(np.median(known)) if len(known) else leak

    def _start(self, hour: int, window: int, *, leak: float) -> int:
        """The hour that best cuts the last days into before and after (least squares)."""
        span = min(max(2 * window, 48), hour + 1 - WEEK)
        excess = self.adjusted[hour + 1 - span : hour + 1] - self.reference(hour, span)
        excess = np.where(np.isfinite(excess), excess, 0.0)
        after = np.cumsum(excess[::-1])[::-1]
        counts = np.arange(span, 0, -1)
        before = excess.sum() - after
        gain = after**2 / counts + before**2 / np.maximum(span - counts, 1)
        gain[np.sign(after) != np.sign(leak)] = -np.inf
        gain[-3:] = -np.inf
        return hour + 1 - span + int(np.argmax(gain))


def _same_at_every_hour(excess: Floats, usual: Floats) -> float:
    """Intercept of excess = leak + growth · usual, growth drawn to zero (a few hundredths are likely)."""
    centred, mean = usual - usual.mean(), float(excess.mean())
    noise = float(np.var(excess - mean))
    spread = float(centred @ centred) + noise / LIKELY_GROWTH**2
    growth = float(centred @ excess) / spread if spread > 0 else 0.0
    return mean - growth * float(usual.mean())

"""All pressures of a network watched together: what they read below what the flows explain.

Each pressure is regressed on the flows, their squares and the tanks' levels over the first two weeks. What
remains moves together in ordinary ways (demand shifts from homes to shops, a pump starts within the hour);
it is whitened by its own covariance, so that a small move in an unordinary direction weighs more than a
large ordinary one. The mean of the last 6, 24 and 72 hours is compared with the reference by its squared
length (Hotelling's T², here a share of its degrees of freedom). This needs no model of the network; with one,
leaks are looked for by their own shapes (matched.py).
"""

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.explained import (
    TRAIN_HOURS,
    covariance_of,
    explain,
    filled,
    whitener_of,
)
from clapas.usecases.water.network.series import Hours

SHRINK = 0.1
"""Share of the covariance that is taken for independent noise: two weeks are little for many sensors."""
LEAST_NOISE_CM = 0.5
YOUNG_TURN, OLD_TURN, GROWTH_TURN = 0.7, 0.2, 0.6
"""A move smaller than this share of a known one (told lately, long ago, of its growth) belongs to it."""
MOST_DIRECTIONS = 3
LEAST_HEARD = 0.7
"""Share of a window's hours that must have been heard."""
GONE = 0.25
"""An origin is over when its amplitude is below this share of its largest."""


class FieldRules(msgspec.Struct, frozen=True, kw_only=True):
    """Windows (hours) and their limits, in mean squared noises per sensor."""

    windows: tuple[int, ...] = (6, 24, 72)
    limits: tuple[float, ...] = (4.0, 3.0, 2.6)
    hold_hours: int = 2
    settle_hours: int = 24
    """Hours after a move before the next is looked for: the new state is being learned."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A move of the field: hour numbers, shortfall of each sensor (cm), and whether it is a known one that grows.

    ``size`` is its length, in noises of an hour.
    """

    raised: int
    start: int
    shortfall: Floats
    size: float
    known: bool


class Origin:
    """Something that moved the field: the directions in which it does, with its amplitude when last seen."""

    def __init__(self, direction: Floats, amplitude: float, *, hour: int) -> None:
        self.directions = direction[None, :]
        self.amplitude = amplitude
        self.largest = amplitude
        self.hour = hour

    def turned(self, extra: Floats, amplitude: float) -> None:
        """Take in that the direction was not quite known, or changes with the hour of the day."""
        self.directions = np.vstack([self.directions, extra[None, :]])[-MOST_DIRECTIONS:]
        self.amplitude = amplitude
        self.largest = max(self.largest, amplitude)


class Field:
    """The sensors of a network, hour after hour. What has moved it once is looked past afterwards."""

    def __init__(
        self,
        pressures: Hours,
        flows: Hours,
        *,
        levels: Hours | None,
        rules: FieldRules | None = None,
    ) -> None:
        self.names = pressures.names
        self.rules = rules or FieldRules()
        missing = explain(pressures, flows, levels=levels).missing
        ordinary = covariance_of(missing[:TRAIN_HOURS], shrink=SHRINK, least_cm=LEAST_NOISE_CM)
        self.missing = filled(missing, ordinary)
        self.white = self.missing @ whitener_of(ordinary, sensors=missing.shape[1])
        self.sums = np.cumsum(np.nan_to_num(np.vstack([self.white[:1] * 0, self.white])), axis=0)
        self.heard = np.cumsum(np.append(0, np.isfinite(self.white).all(axis=1)))
        self.origins: list[Origin] = []
        self.basis = np.zeros((0, self.white.shape[1]))
        self.held = dict.fromkeys(self.rules.windows, 0)
        self.past: dict[int, list[float]] = {window: [] for window in self.rules.windows}
        self.since = TRAIN_HOURS

    def look(self, hour: int) -> Move | None:
        """Take the hour into account; a move that stands out is returned."""
        if hour < TRAIN_HOURS or hour >= len(self.white):
            return None
        if hour % 24 == 0:
            self._forget(hour)
        for window, limit in zip(self.rules.windows, self.rules.limits, strict=True):
            if hour - self.since < window:
                continue
            off, strength = self._off(hour, window)
            if hour % 12 == 0:
                self.past[window].append(strength)
            usual = max(1.0, float(np.median(self.past[window][-56:-6] or [1.0])))
            beyond = strength > limit * usual
            self.held[window] = self.held[window] + 1 if beyond else 0
            if self.held[window] >= self.rules.hold_hours:
                return self._moved(hour, window, off=off)
        return None

    def _mean(self, hour: int, window: int) -> tuple[Floats, int]:
        heard = int(self.heard[hour + 1] - self.heard[hour + 1 - window])
        total = self.sums[hour + 1] - self.sums[hour + 1 - window]
        mean: Floats = total / max(heard, 1)
        return mean, heard

    def _off(self, hour: int, window: int) -> tuple[Floats, float]:
        """What the last hours' mean shows beside the known origins, and its mean square in noises."""
        mean, heard = self._mean(hour, window)
        off = mean - (mean @ self.basis.T) @ self.basis
        free = max(len(off) - len(self.basis), 1)
        if heard < LEAST_HEARD * window:
            return off, 0.0
        return off, float(off @ off) / free / _noise(heard) ** 2

    def _moved(self, hour: int, window: int, *, off: Floats) -> Move:
        mean, _ = self._mean(hour, window)
        size = float(np.linalg.norm(off))
        start = self._start(hour, off)
        origin = self._explained(hour, mean, size=size)
        if origin is None:
            self.origins.append(Origin(off / size, size, hour=hour))
        else:
            origin.turned(off / size, float(np.linalg.norm(origin.directions @ mean)))
        self._span()
        self.since = hour + 1
        self.held = dict.fromkeys(self.rules.windows, 0)
        return Move(
            raised=hour,
            start=start,
            shortfall=self._fallen(start, hour),
            size=size,
            known=origin is not None,
        )

    def _explained(self, hour: int, mean: Floats, *, size: float) -> Origin | None:
        """The known origin whose growth, or whose change with the hour of the day, explains this much."""
        for origin in reversed(self.origins):
            amplitude = float(np.linalg.norm(origin.directions @ mean))
            fresh = hour - origin.hour <= self.rules.settle_hours
            if size < (YOUNG_TURN if fresh else OLD_TURN) * amplitude:
                return origin
            if size < GROWTH_TURN * (amplitude - origin.amplitude):
                return origin
        return None

    def _forget(self, hour: int) -> None:
        """An origin whose amplitude has gone for two days is over."""
        mean, heard = self._mean(hour, 48)
        if heard < 24:
            return
        kept = []
        for origin in self.origins:
            amplitude = float(np.linalg.norm(origin.directions @ mean))
            origin.largest = max(origin.largest, amplitude)
            if hour - origin.hour < 72 or amplitude > GONE * origin.largest:
                kept.append(origin)
        if len(kept) != len(self.origins):
            self.origins = kept
            self._span()

    def _span(self) -> None:
        """An orthonormal basis of the known origins' directions, the newest kept when they are many."""
        if not self.origins:
            self.basis = np.zeros((0, self.white.shape[1]))
            return
        stacked = np.vstack([origin.directions for origin in self.origins])
        most = max(self.white.shape[1] // 2, 1)
        _, values, vectors = np.linalg.svd(stacked[-most:], full_matrices=False)
        self.basis = vectors[values > 1e-6]

    def _fallen(self, start: int, hour: int) -> Floats:
        """Shortfall since the start, less that of the three days before (cm)."""
        before = self.missing[max(start - 72, 0) : start]
        fallen: Floats = np.nanmean(self.missing[start : hour + 1], axis=0)
        return fallen - np.nanmean(before, axis=0) if len(before) else fallen

    def _start(self, hour: int, off: Floats) -> int:
        """The hour that best cuts the last days along the move (least squares)."""
        first = max(self.since, hour + 1 - 2 * max(self.rules.windows))
        along = self.white[first : hour + 1] @ off
        along = np.where(np.isfinite(along), along, 0.0)
        after = np.cumsum(along[::-1])[::-1]
        counts = np.arange(len(along), 0, -1)
        before = along.sum() - after
        gain = after**2 / counts + before**2 / np.maximum(len(along) - counts, 1)
        return first + int(np.argmax(gain[: max(len(gain) - 2, 1)]))


def _noise(heard: int) -> float:
    """Spread of the mean of so many hours, in noises of an hour, that of the reference included."""
    return float(np.sqrt(1.0 / heard + 1.0 / TRAIN_HOURS))

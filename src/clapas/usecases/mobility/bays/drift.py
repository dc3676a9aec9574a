"""A magnetometer whose baseline moves: lorries, tramways and temperature magnetise the road, until a free bay looks taken.

The device gives its field (µT) with its verdict. The baseline is the field of the free bay; the *contrast* is how far
a car moves the field from the baseline of that time. A bay drifts when its baseline has moved, since the sensor was
set, by more than half of the contrast: the middle between free and taken, where a threshold is best set, is passed.
Measured against the bay's own contrast, so that no constant of a maker is needed.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

READINGS = 10
"""Free readings that make a baseline, and taken ones that make a contrast; fewer say nothing."""
PASSED = 0.5


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How far the baseline moved, what a car does to the field (same unit), and whether the middle is passed."""

    moved: float
    contrast: float

    @property
    def drifting(self) -> bool:
        """Has the baseline passed the middle between free and taken?"""
        return self.moved > PASSED * self.contrast


def drift(field: Floats, occupied: Sequence[bool]) -> Drift | None:
    """The drift of one bay from its readings in order (rows: x, y, z or one magnitude); None when too few are known."""
    known = np.isfinite(field).all(axis=1)
    taken = np.asarray(occupied, dtype=bool)
    free, cars = field[known & ~taken], np.flatnonzero(known & taken)
    if len(free) < 2 * READINGS or len(cars) < READINGS:
        return None
    before = np.searchsorted(np.flatnonzero(known & ~taken), cars)
    judged = [(at, count) for at, count in zip(cars, before, strict=True) if count >= READINGS]
    if len(judged) < READINGS:
        return None
    away = [_distance(field[at], _baseline(free[:count])) for at, count in judged]
    moved = _distance(_baseline(free), np.median(free[:READINGS], axis=0))
    return Drift(moved=moved, contrast=float(np.median(away)))


def _baseline(free: Floats) -> Floats:
    """The field of the free bay as its last readings say."""
    return np.asarray(np.median(free[-READINGS:], axis=0))


def _distance(one: Floats, other: Floats) -> float:
    return float(np.linalg.norm(one - other))

"""What a district's customers took in a day, from the meters that were heard, with its uncertainty.

Ratio estimator of a finite population (Cochran, Sampling Techniques, ch. 6): the meters that were heard are
taken for a random part of all; each weighs its yearly volume when it is known. The interval says what the
silent meters may have taken; it does not say what meters under-register.
"""

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Bools, Floats

SURE = 1.96
"""Standard deviations of a 95 % interval."""
FEWEST = 3
"""Meters that must be heard for an interval to be said."""


class Volume(msgspec.Struct, frozen=True):
    """A volume (m³) and the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """Volumes in m³: ``heard`` by the meters, and ``all`` of them, None where fewer than three were heard.

    ``coverage`` is the share of the meters' ordinary volume that was heard, 0 to 1.
    """

    heard: float
    coverage: float
    all: Volume | None
    meters: int
    silent: int


def metered(volumes: Floats, ordinary: Floats) -> Metered:
    """Estimate from the day's volumes of all meters (m³, NaN when silent) and their ordinary ones (m³)."""
    known: Bools = np.isfinite(volumes)
    count, size = int(known.sum()), len(volumes)
    heard, share = float(volumes[known].sum()), float(ordinary[known].sum() / ordinary.sum())
    return Metered(
        heard=heard,
        coverage=share,
        all=_extrapolated(volumes[known], ordinary[known], whole=float(ordinary.sum()), size=size),
        meters=count,
        silent=size - count,
    )


def _extrapolated(volumes: Floats, ordinary: Floats, *, whole: float, size: int) -> Volume | None:
    """The volume of ``size`` meters of ordinary volume ``whole``, from those that were heard."""
    count = len(volumes)
    if count < FEWEST or ordinary.sum() <= 0:
        return None
    ratio = float(volumes.sum() / ordinary.sum())
    residuals = volumes - ratio * ordinary
    variance = float((residuals**2).sum()) / (count - 1)
    spread = SURE * size * float(np.sqrt((1 - count / size) * variance / count))
    total = ratio * whole
    return Volume(total, max(total - spread, float(volumes.sum())), total + spread)

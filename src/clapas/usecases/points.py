"""The values of one series in memory, for the methods that no query can hold: bands, forecasts."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from clapas.domain.quality import Quality
from clapas.store.values import SeriesHistory

Floats = NDArray[np.float64]

UNUSABLE = int(Quality.OUT_OF_RANGE | Quality.FUTURE | Quality.SUSPECT)


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """Usable values of one series: ``at`` (s since 1970 UTC) growing, and ``values``."""

    at: Floats
    values: Floats


def points_of(history: SeriesHistory) -> Points:
    """The usable values of a series; flagged raw values are left out."""
    at = np.asarray(history.times, dtype=np.float64) / 1000
    values = np.asarray(history.values, dtype=np.float64)
    flagged = (np.asarray(history.qualities, dtype=np.int64) & UNUSABLE) != 0
    usable = np.isfinite(values) & ~(flagged & (history.step == 0))
    return Points(at=at[usable], values=values[usable])

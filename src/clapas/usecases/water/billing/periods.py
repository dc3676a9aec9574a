"""From readings of an index to billed periods, and the volume of any window between them."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Literal

import msgspec

How = Literal["measured", "replacement", "rollover"]
MIN_DAYS = 5
DAY_LIMIT_L = 20_000.0


class Reading(msgspec.Struct, frozen=True):
    """An index (m³) read on a day."""

    day: date
    index: float


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A volume (m³) between two readings; ``how`` says whether the index ran on from one to the other.

    After a replacement the volume is only what the new meter counted: the old meter's last index is unknown.
    """

    meter: str
    start: date
    end: date
    volume: float
    how: How = "measured"

    @property
    def days(self) -> int:
        return (self.end - self.start).days


def periods(meter: str, readings: Sequence[Reading]) -> list[Period]:
    """Periods between readings: the same day read twice counts once, readings a few days apart are joined."""
    kept: list[Reading] = []
    for reading in sorted(readings, key=lambda each: (each.day, each.index)):
        if kept and (reading.day - kept[-1].day).days < MIN_DAYS:
            if reading.index >= kept[-1].index:
                kept[-1] = Reading(kept[-1].day, max(kept[-1].index, reading.index))
            continue
        kept.append(reading)
    found = []
    for before, after in pairwise(kept):
        volume, how = after.index - before.index, "measured"
        if volume < 0:
            ceiling = 10.0 ** len(str(int(max(before.index, 1.0))))
            rolled = before.index > 0.95 * ceiling and after.index < 0.05 * ceiling
            volume, how = (volume + ceiling, "rollover") if rolled else (after.index, "replacement")
        found.append(
            Period(meter=meter, start=before.day, end=after.day, volume=volume, how=how)  # type: ignore[arg-type]
        )
    return found


class Curve:
    """Cumulated volume of a meter through replacements, for windows that are not the billed ones."""

    def __init__(self, found: Sequence[Period], excluded: Sequence[tuple[date, date]] = ()) -> None:
        self.periods = list(found)
        self.starts = [each.start for each in self.periods]
        self.excluded = tuple(excluded)

    def volume(self, start: date, end: date) -> float | None:
        """Volume between two days, shared by days within a period; None when a part is not known.

        A period with a replacement, or that touches a known leak, is not known.
        """
        if not self.periods or start < self.periods[0].start or end > self.periods[-1].end:
            return None
        total = 0.0
        for number in range(max(0, bisect_right(self.starts, start) - 1), len(self.periods)):
            each = self.periods[number]
            if each.start >= end:
                break
            if each.how == "replacement" or self._leaky(each):
                return None
            days = (min(end, each.end) - max(start, each.start)).days
            total += each.volume * days / each.days
        return total

    def _leaky(self, period: Period) -> bool:
        return any(start < period.end and period.start < end for start, end in self.excluded)

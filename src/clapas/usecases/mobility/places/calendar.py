"""Which days are alike: working days, Saturdays, Sundays and public holidays of France."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from clapas.usecases.mobility.places.feed import Floats

FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
AFTER_EASTER = (1, 39, 50)
"""Easter Monday, Ascension, Whit Monday: days after Easter (Code du travail, art. L3133-1)."""


@lru_cache(maxsize=512)
def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Butcher's algorithm)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    week = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * week) // 451
    month, day = divmod(h + week - 7 * m + 114, 31)
    return date(year, month, day + 1)


def is_holiday(day: date) -> bool:
    """True on a public holiday of metropolitan France."""
    moved = (day - easter(day.year)).days
    return (day.month, day.day) in FIXED or moved in AFTER_EASTER


def day_class(day: date) -> int:
    """0 working day, 1 Saturday, 2 Sunday or public holiday."""
    if day.weekday() == 6 or is_holiday(day):
        return 2
    return 1 if day.weekday() == 5 else 0


class Clock:
    """Civil time of a territory, over arrays of instants (s since 1970 UTC)."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._offsets: dict[int, float] = {}

    def offset(self, at: Floats) -> Floats:
        """Civil time minus UTC, s, at each instant (exact to the hour of a change)."""
        hours, inverse = np.unique((at // 3600).astype(np.int64), return_inverse=True)
        for hour in hours.tolist():
            if hour not in self._offsets:
                moment = datetime.fromtimestamp(hour * 3600, UTC).astimezone(self._zone)
                self._offsets[hour] = (moment.utcoffset() or timedelta()).total_seconds()
        return np.array([self._offsets[hour] for hour in hours.tolist()])[inverse]

    def days_before(self, at: Floats, days: int) -> Floats:
        """The same civil clock time some days earlier."""
        earlier = at - days * 86_400.0
        return earlier + self.offset(at) - self.offset(earlier)

    def classes(self, at: Floats) -> Floats:
        """The class of each instant's civil day."""
        numbers = ((at + self.offset(at)) // 86_400).astype(np.int64)
        days, inverse = np.unique(numbers, return_inverse=True)
        kinds = [day_class(date(1970, 1, 1) + timedelta(days=int(n))) for n in days]
        return np.asarray(kinds, dtype=np.float64)[inverse]

"""Overconsumption in the sense of the law, for dwellings.

CGCT art. L.2224-12-4 III bis (loi no 2011-525, in force 1 July 2013) and R.2224-20-1 (décret no 2012-1078):
a volume is abnormal when it exceeds twice the mean volume consumed on the same premises over an equivalent
period of the three previous years, or, failing that, in comparable dwellings of the area. The service
informs the subscriber without delay, at the latest with the bill; within a month the subscriber gives a
plumber's certificate and pays no more than twice the mean; sanitation is not charged on what the leak
took (R.2224-19-2): above the mean. Only pipes after the meter count: not appliances, taps, toilets, heating.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from clapas.usecases.water.billing.periods import Curve, Period

YEARS = 3
FACTOR = 2.0
VACANT_M3_DAY = 1.0 / 91
"""Below a cubic metre a quarter the home was not lived in."""
Source = Literal["own", "own_partial", "comparable", "none"]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The mean over the equivalent period: m³, the years that made it (m³ each), where it comes from."""

    volume: float | None
    years: dict[int, float]
    source: Source
    vacant: int = 0
    """Earlier years left out because nobody lived there: the law speaks of those who occupied the premises."""


def shifted(day: date, years: int) -> date:
    """The same day so many years before (29 February becomes 28)."""
    year = day.year - years
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def month_after(day: date) -> date:
    """The same day of the next month, or its last day: the subscriber's month ends then."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def reference(period: Period, curve: Curve, *, comparable_day: float | None = None) -> Reference:
    """Mean volume over the equivalent period of the three previous years, each year when it is known whole.

    ``comparable_day`` (m³ a day) is the mean of comparable dwellings, used only when no year is known.
    """
    known = {}
    vacant = 0
    for back in range(1, YEARS + 1):
        start, end = shifted(period.start, back), shifted(period.end, back)
        volume = curve.volume(start, end)
        if volume is None:
            continue
        if volume < VACANT_M3_DAY * (end - start).days:
            vacant += 1
            continue
        known[start.year] = volume * period.days / max((end - start).days, 1)
    if known:
        source: Source = "own" if len(known) == YEARS else "own_partial"
        return Reference(
            volume=sum(known.values()) / len(known), years=known, source=source, vacant=vacant
        )
    if comparable_day is not None:
        return Reference(
            volume=comparable_day * period.days, years={}, source="comparable", vacant=vacant
        )
    return Reference(volume=None, years={}, source="none", vacant=vacant)


class Relief(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed (m³) for water and for sanitation once a leak is proven, and what falls away."""

    water: float
    sanitation: float
    water_relieved: float
    sanitation_relieved: float


def relief(volume: float, mean: float, *, proven: bool = True) -> Relief:
    """Capped volumes. Not proven: all is owed, unless the service failed to inform (see :func:`owed`)."""
    water = min(volume, FACTOR * mean) if proven else volume
    sanitation = min(volume, mean) if proven else volume
    return Relief(
        water=water,
        sanitation=sanitation,
        water_relieved=volume - water,
        sanitation_relieved=volume - sanitation,
    )


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The life of a file: when the index was known, the subscriber informed (with the proof), the certificate."""

    read: date
    informed: date | None = None
    proof: str = ""
    certificate: date | None = None

    @property
    def due(self) -> date | None:
        """The last day for the certificate: a month after the information."""
        return month_after(self.informed) if self.informed else None

    def state(
        self, today: date
    ) -> Literal["to_inform", "waiting", "expired", "accepted", "late_certificate"]:
        """What the customer service has to do on that day."""
        if self.informed is None or not self.proof:
            return "to_inform"
        due = month_after(self.informed)
        if self.certificate is not None:
            return "accepted" if self.certificate <= due else "late_certificate"
        return "waiting" if today <= due else "expired"


def owed(volume: float, mean: float, *, case: Case, today: date) -> Relief:
    """What is owed on that day: capped when the certificate came in time or nobody informed the subscriber.

    Without information, what exceeds twice the mean is not due, certificate or not.
    """
    state = case.state(today)
    if state == "to_inform":
        capped = relief(volume, mean)
        return Relief(
            water=capped.water,
            sanitation=volume,
            water_relieved=capped.water_relieved,
            sanitation_relieved=0.0,
        )
    return relief(volume, mean, proven=state == "accepted")


def comparable_mean(others: Sequence[Period], start: date, *, end: date) -> float | None:
    """Mean m³ a day of comparable dwellings over the periods that end within a window; None when none does."""
    rows = [each for each in others if each.how == "measured" and start <= each.end <= end]
    days = sum(each.days for each in rows)
    return sum(each.volume for each in rows) / days if days else None

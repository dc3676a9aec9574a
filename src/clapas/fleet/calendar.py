"""When a schedule acts: civil hours of the territory, or the sun with an offset.

Source of the sun: NOAA Global Monitoring Laboratory, "General Solar Position Calculations" (solar zenith
90.833° at rise and set); within a minute below the polar circles.
"""

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

ZENITH = math.radians(90.833)
FARTHEST_DAYS = 400


class Timing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``at`` a civil hour, or ``sun`` with ``offset_min``; ``days`` 0 = Monday; ``but`` no such dates."""

    at: time | None = None
    sun: Literal["", "sunrise", "sunset"] = ""
    offset_min: int = 0
    days: frozenset[int] = frozenset(range(7))
    first: date | None = None
    last: date | None = None
    but: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if (self.at is None) == (not self.sun):
            raise ValueError("a schedule has an hour, or the sun")
        if abs(self.offset_min) > 720:
            raise ValueError("an offset is at most twelve hours")


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where: the zone of civil hours, and degrees for the sun."""

    zone: ZoneInfo
    longitude: float
    latitude: float


def next_after(timing: Timing, moment: datetime, *, ground: Ground) -> datetime | None:
    """The first time after ``moment`` at which the schedule acts; None when there is none in 400 days."""
    day = moment.astimezone(ground.zone).date() - timedelta(days=1)
    for _ in range(FARTHEST_DAYS):
        found = _on(day, timing, ground=ground)
        if found is not None and found > moment:
            return found
        day += timedelta(days=1)
    return None


def _on(day: date, timing: Timing, *, ground: Ground) -> datetime | None:
    if day.weekday() not in timing.days or day in timing.but:
        return None
    if (timing.first and day < timing.first) or (timing.last and day > timing.last):
        return None
    if timing.at is not None:
        return datetime.combine(day, timing.at, ground.zone).astimezone(UTC)
    sun = sun_of(day, timing.sun == "sunrise", longitude=ground.longitude, latitude=ground.latitude)
    return sun + timedelta(minutes=timing.offset_min) if sun else None


def sun_of(day: date, rise: bool, *, longitude: float, latitude: float) -> datetime | None:  # noqa: FBT001
    """When the sun rises or sets on a date (UTC); None on a polar day or night."""
    gamma = 2 * math.pi / 365 * (day.timetuple().tm_yday - 1 + (-0.25 if rise else 0.25))
    equation = 229.18 * (
        0.000075
        + 0.001868 * math.cos(gamma)
        - 0.032077 * math.sin(gamma)
        - 0.014615 * math.cos(2 * gamma)
        - 0.040849 * math.sin(2 * gamma)
    )
    tilt = (
        0.006918
        - 0.399912 * math.cos(gamma)
        + 0.070257 * math.sin(gamma)
        - 0.006758 * math.cos(2 * gamma)
        + 0.000907 * math.sin(2 * gamma)
        - 0.002697 * math.cos(3 * gamma)
        + 0.00148 * math.sin(3 * gamma)
    )
    north = math.radians(latitude)
    cosine = math.cos(ZENITH) / (math.cos(north) * math.cos(tilt)) - math.tan(north) * math.tan(
        tilt
    )
    if abs(cosine) > 1:
        return None
    angle = math.degrees(math.acos(cosine)) * (1 if rise else -1)
    minutes = 720 - 4 * (longitude + angle) - equation
    return datetime.combine(day, time(), UTC) + timedelta(minutes=minutes)

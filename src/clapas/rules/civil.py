"""Civil time: is a rule's schedule open at an instant? Hours and days of the territory's own zone."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from clapas.rules.model import Schedule

Open = Callable[[int], bool]


def opening(schedule: Schedule, zone: ZoneInfo) -> Open:
    """A function of an instant (ms); a window that passes midnight belongs to the day it begins on."""
    days = frozenset(schedule.days)
    start, end = _minutes(schedule.start), _minutes(schedule.end)

    def is_open(at: int) -> bool:
        local = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
        minute, day = local.hour * 60 + local.minute, local.isoweekday()
        if start < end:
            return day in days and start <= minute < end
        if minute >= start:
            return day in days
        return minute < end and (day - 2) % 7 + 1 in days

    return is_open


def hour_of_week(at: int, zone: ZoneInfo) -> int:
    """0 (Monday, 0 h) to 167, by the civil clock of that day: it follows summer time."""
    local = datetime.fromtimestamp(at / 1000, zone)
    return local.weekday() * 24 + local.hour


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)

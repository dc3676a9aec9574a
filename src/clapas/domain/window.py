"""Windows of time, half-open, and the civil days of the territory."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.errors import InvalidInput


class Window(msgspec.Struct, frozen=True):
    """From ``start`` included to ``end`` excluded, both aware."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise InvalidInput("a window needs times with a zone")
        if self.end <= self.start:
            raise InvalidInput("a window ends after it starts")

    @property
    def duration(self) -> timedelta:
        return self.end - self.start


def civil_day(day: date, zone: ZoneInfo) -> Window:
    """The civil day of ``zone``: 23, 24 or 25 hours long, as UTC instants."""
    start = datetime.combine(day, time(), zone)
    end = datetime.combine(day + timedelta(days=1), time(), zone)
    return Window(start.astimezone(UTC), end.astimezone(UTC))


def milliseconds(moment: datetime) -> int:
    """An aware instant as whole milliseconds since 1970 UTC."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def instant(milliseconds_since_1970: int) -> datetime:
    """The inverse of :func:`milliseconds`."""
    return EPOCH + timedelta(milliseconds=milliseconds_since_1970)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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


def asked_window(start: str, end: str, *, usual: timedelta, longest: timedelta) -> Window:
    """The period that somebody asks for in words of RFC 3339: up to now, and ``usual`` long, when nothing is said.

    A day is its first instant; a time without a zone is UTC. Raises InvalidInput, which names the field.
    """
    last = _moment(end, "to") if end else datetime.now(UTC)
    first = _moment(start, "from") if start else last - usual
    if last - first > longest:
        raise InvalidInput(f"a period is at most {longest.days} days long", field="from")
    return Window(first, last)


def _moment(text: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("not a time", field=field, accepted="RFC 3339") from error
    if not 1970 <= moment.year <= 2100:
        raise InvalidInput("a time between 1970 and 2100", field=field)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


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

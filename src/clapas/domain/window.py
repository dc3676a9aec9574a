"""Windows of time, half-open, and the civil days of the territory."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
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


def asked_window(
    start: str,
    end: str,
    *,
    usual: timedelta,
    longest: timedelta,
    zone: tzinfo = UTC,
    fields: tuple[str, str] = ("from", "to"),
) -> Window:
    """The period that somebody asks for in words of RFC 3339: up to now, and ``usual`` long, when nothing is said.

    A day is its first instant; a time without a zone is in ``zone``. Raises InvalidInput, which names the field.
    """
    last = asked_moment(end, fields[1], zone=zone) if end else datetime.now(UTC)
    first = asked_moment(start, fields[0], zone=zone) if start else last - usual
    if last - first > longest:
        raise InvalidInput(f"a period is at most {longest.days} days long", field=fields[0])
    if last <= first:
        raise InvalidInput("a period ends after it starts", field=fields[1])
    return Window(first, last)


def asked_moment(text: str, field: str, *, zone: tzinfo = UTC) -> datetime:
    """An instant of a query, in UTC; a plus sign that an address turned into a space is understood. Raises InvalidInput."""
    moment = _read(text) or _read(text.replace(" ", "+"))
    if moment is None:
        raise InvalidInput("not a time", field=field, accepted="RFC 3339")
    if not 1970 <= moment.year <= 2100:
        raise InvalidInput("a time between 1970 and 2100", field=field)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


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

"""GPS time: seconds since 1980-01-06 without leap seconds (IERS Bulletin C up to 2017)."""

from datetime import UTC, datetime, timedelta

GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
_LEAPS = tuple(
    datetime(year, month, 1, tzinfo=UTC)
    for year, month in (
        (1981, 7), (1982, 7), (1983, 7), (1985, 7), (1988, 1), (1990, 1), (1991, 1), (1992, 7), (1993, 7),
        (1994, 7), (1996, 1), (1997, 7), (1999, 1), (2006, 1), (2009, 1), (2012, 7), (2015, 7), (2017, 1),
    )
)  # fmt: skip
"""The first instant after each leap second since the GPS epoch."""


def to_gps(moment: datetime) -> timedelta:
    """An aware UTC instant as time since the GPS epoch."""
    leaps = sum(1 for leap in _LEAPS if moment >= leap)
    return moment - GPS_EPOCH + timedelta(seconds=leaps)


def from_gps(elapsed: timedelta) -> datetime:
    """The inverse of :func:`to_gps` (a leap second itself falls on the next second)."""
    moment = GPS_EPOCH + elapsed
    leaps = sum(
        1 for index, leap in enumerate(_LEAPS) if moment >= leap + timedelta(seconds=index + 1)
    )
    return moment - timedelta(seconds=leaps)


def gps_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since the GPS epoch."""
    return round(to_gps(moment) / timedelta(milliseconds=1))

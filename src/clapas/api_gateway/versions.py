"""Versions that end: what a caller of an old path is told (RFC 9745, RFC 8594), then 410 Gone."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime

from clapas.api_gateway.errors import ApiRetired
from clapas.api_gateway.settings import Ending


def ending_of(path: str, endings: Mapping[str, Ending]) -> Ending | None:
    """What ends at this path: the longest prefix that is named."""
    found = [prefix for prefix in endings if path == prefix or path.startswith(prefix + "/")]
    return endings[max(found, key=len)] if found else None


def told(ending: Ending, *, today: date | None = None) -> dict[str, str]:
    """The headers of an answer of this version. Raises ApiRetired once its last day has passed."""
    day = today or datetime.now(UTC).date()
    if ending.sunset is not None and day > ending.sunset:
        raise ApiRetired(successor=ending.successor, sunset=ending.sunset.isoformat())
    headers = {"Deprecation": f"@{int(_midnight(ending.since).timestamp())}"}
    if ending.sunset is not None:
        headers["Sunset"] = format_datetime(_midnight(ending.sunset), usegmt=True)
    if ending.successor:
        headers["Link"] = f'<{ending.successor}>; rel="successor-version"'
    return headers


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

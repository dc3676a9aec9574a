"""The General Bikeshare Feed Specification, written: versions 2.3 and 3.0 of the same stations.

Source: github.com/MobilityData/gbfs, v2.3 and v3.0. In 3.0 names are arrays of {text, language}, times RFC 3339,
bikes are vehicles, and the discovery file has no language level.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

VERSIONS = ("2.3", "3.0")
FILES = ("gbfs", "system_information", "station_information", "station_status")
TTL = 60


class System(msgspec.Struct, frozen=True, kw_only=True):
    """Whose bikes they are. ``base`` is the feed's address up to the version, without a last slash."""

    id: str
    name: str
    language: str
    timezone: str
    email: str
    base: str


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """One station with its present numbers; ``reported`` is when they were measured."""

    id: str
    name: str
    longitude: float
    latitude: float
    capacity: int | None
    bikes: int
    docks: int | None
    reported: datetime


def document(
    version: str, file: str, *, system: System, stations: list[Station], now: datetime
) -> dict[str, Any]:
    """One file of the feed; ``last_updated`` is the newest report, now for an empty feed."""
    updated = max((each.reported for each in stations), default=now)
    new = version == "3.0"
    makers = {
        "gbfs": _discovery,
        "system_information": _system,
        "station_information": _information,
        "station_status": _status,
    }
    return {
        "last_updated": _stamp(updated, new=new),
        "ttl": TTL,
        "version": version,
        "data": makers[file](system, stations, new=new),
    }


def _stamp(moment: datetime, *, new: bool) -> int | str:
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return whole.isoformat().replace("+00:00", "Z") if new else int(whole.timestamp())


def _text(text: str, language: str, *, new: bool) -> Any:
    return [{"text": text, "language": language}] if new else text


def _discovery(system: System, _stations: list[Station], *, new: bool) -> dict[str, Any]:
    version = "3.0" if new else "2.3"
    feeds = [{"name": name, "url": f"{system.base}/{version}/{name}.json"} for name in FILES]
    return {"feeds": feeds} if new else {system.language: {"feeds": feeds}}


def _system(system: System, _stations: list[Station], *, new: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "system_id": system.id,
        "name": _text(system.name, system.language, new=new),
        "timezone": system.timezone,
        "feed_contact_email": system.email,
    }
    if new:
        return data | {
            "languages": [system.language],
            "opening_hours": "24/7",
            "license_id": "etalab-2.0",
        }
    return data | {"language": system.language}


def _information(system: System, stations: list[Station], *, new: bool) -> dict[str, Any]:
    return {
        "stations": [
            {
                "station_id": each.id,
                "name": _text(each.name, system.language, new=new),
                "lat": each.latitude,
                "lon": each.longitude,
            }
            | ({"capacity": each.capacity} if each.capacity is not None else {})
            for each in stations
        ]
    }


def _status(_system: System, stations: list[Station], *, new: bool) -> dict[str, Any]:
    bikes = "num_vehicles_available" if new else "num_bikes_available"
    return {
        "stations": [
            {
                "station_id": each.id,
                bikes: each.bikes,
                "is_installed": True,
                "is_renting": True,
                "is_returning": True,
                "last_reported": _stamp(each.reported, new=new),
            }
            | ({"num_docks_available": each.docks} if each.docks is not None else {})
            for each in stations
        ]
    }

"""The parts of an NGSI v2 entity: plain values, id, name, place."""

import re
from typing import Any

from clapas.domain.device import Entity
from clapas.sources.wire import local_id

COUNTER = re.compile(r"^MMM_EcoCompt_(?P<serial>[A-Za-z0-9-]+?)(?:_\d{8,14})?$")
"""Archived counters bear their serial and the day in the id; the point of measure is the serial."""


def key_of(name: str) -> str:
    """The device key of an entity's id; of an archived counter its serial."""
    counter = COUNTER.match(name)
    return local_id(counter["serial"] if counter else name)


def value_of(content: Any) -> Any:
    """An attribute's value, normalized or not."""
    if isinstance(content, dict) and "value" in content:
        return content["value"]
    return content


def entity_of(kind: str, key: str, *, plain: dict[str, Any]) -> Entity:
    """The thing that the entity describes: its URN, name and place; ``plain`` holds bare values."""
    longitude, latitude = _point(plain.get("location"))
    name = plain.get("name") or plain.get("description") or _street(plain.get("address"))
    return Entity(
        id=f"urn:ngsi-ld:{kind}:{key.rpartition(':')[2]}",
        type=kind,
        name=name[:200] if isinstance(name, str) else "",
        longitude=longitude,
        latitude=latitude,
    )


def _street(address: Any) -> str:
    street = value_of(address.get("streetAddress")) if isinstance(address, dict) else ""
    return street if isinstance(street, str) else ""


def _point(location: Any) -> tuple[float | None, float | None]:
    """Longitude and latitude of a GeoJSON point or of an NGSI ``geo:point`` ("lat, lon")."""
    try:
        if isinstance(location, dict) and location.get("type") == "Point":
            longitude, latitude = (float(each) for each in location["coordinates"][:2])
        elif isinstance(location, str):
            latitude, longitude = (float(each) for each in location.split(","))
        else:
            return None, None
    except (KeyError, TypeError, ValueError):
        return None, None
    valid = -180 <= longitude <= 180 and -90 <= latitude <= 90
    return (longitude, latitude) if valid else (None, None)

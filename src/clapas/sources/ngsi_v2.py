"""The city's NGSI v2 feeds: ``/bikestation``, ``/offstreetparking``, ``/ecocounter``, and their archives.

``POST /in/ngsi_v2?feed=<path>`` (or ``/in/ngsi_v2/<path>``), or a pull. Entities come normalized ({type, value, metadata}) or as keyValues,
in arrays, one a line, or badly framed; each is logged as a message of its own, and so is each piece that
could not be read. Source: FIWARE-NGSI v2 specification (2018-09-15), "JSON Entity Representation" and "Simplified".
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import orjson

from clapas.domain.device import Entity
from clapas.domain.message import RawMessage, Reading, Uplink, Value
from clapas.domain.quantities import BY_NGSI_NAME
from clapas.sources.contract import Connector, Example, Fetch
from clapas.sources.errors import Incomplete, Malformed, Oversized
from clapas.sources.ngsi_entity import entity_of, key_of, value_of
from clapas.sources.splitter import split_objects
from clapas.sources.wire import MAX_VALUES, bounded, moment, number, query

TYPES = {
    "bikestation": "BikeHireDockingStation",
    "offstreetparking": "OffStreetParking",
    "ecocounter": "TrafficFlowObserved",
    "parkingspaces": "ParkingSpot",
}
"""Last part of a feed's path → Smart Data Models type, when the entity's own type is not one."""
MODELS = {
    "BikeHireDockingStation": {
        "availableBikeNumber": "bikes_available",
        "freeSlotNumber": "docks_available",
        "totalSlotNumber": "total_places",
    },
    "OffStreetParking": {
        "availableSpotNumber": "free_places",
        "totalSpotNumber": "total_places",
    },
    "TrafficFlowObserved": {"intensity": "vehicle_count"},
}
"""Attributes that are measurements in these types, and their quantities."""
DESCRIPTIVE = frozenset({
    "id", "type", "location", "address", "name", "description", "dateObserved", "dateModified",
    "dateCreated", "areaServed", "source", "dataProvider", "owner", "seeAlso", "alternateName",
    "laneId", "vehicleType", "reversedLane", "category", "contactPoint", "openingHours",
    "dateObservedFrom", "dateObservedTo", "TimeInstant", "refDevice", "lastUpdateTime",
})  # fmt: skip
TIMES = ("dateObserved", "dateObservedTo", "TimeInstant", "lastUpdateTime", "dateModified")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A city's NGSI v2 feeds to ask in turn."""

    url: str = ""
    """Such as https://portail-api-data.example.fr; the paths follow it."""
    paths: tuple[str, ...] = (
        "bikestation?limit=1000",
        "offstreetparking?limit=1000",
        "ecocounter?limit=1000",
    )
    interval_s: float = 300.0
    timezone: str = "Europe/Paris"
    """Zone of the times that bear none."""


def split(message: RawMessage) -> Sequence[RawMessage]:
    """One message per entity; a piece that cannot be read is a message too, and will be a reject."""
    parts = split_objects(message.payload)
    if len(parts.objects) + len(parts.unread) <= 1:
        return (message,)
    bodies = [orjson.dumps(each) for each in parts.objects]
    bodies += [each.encode() for each in parts.unread]
    key = message.idempotency
    return tuple(
        msgspec.structs.replace(message, payload=body, idempotency=f"{key}#{place}" if key else "")
        for place, body in enumerate(bodies)
    )


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink per entity."""
    parts = split_objects(bounded(message))
    if parts.unread:
        raise Malformed("this part is not a JSON object", unread=parts.unread[0][:200])
    if not parts.objects:
        raise Incomplete("there is no entity")
    zone = _zone(query(message.topic).get("timezone", "Europe/Paris"))
    return tuple(_uplink(each, message, zone=zone) for each in parts.objects)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Malformed("the time zone is unknown", timezone=name[:80]) from None


def _uplink(entity: dict[str, Any], message: RawMessage, *, zone: ZoneInfo) -> Uplink:
    name = entity.get("id")
    if not isinstance(name, str) or not name:
        raise Incomplete("an entity has an id", field="id")
    if len(entity) > MAX_VALUES:
        raise Oversized("too many attributes", limit=MAX_VALUES)
    kind = _type(entity, message.topic)
    key = key_of(name)
    plain = {attribute: value_of(content) for attribute, content in entity.items()}
    default = _observed(plain, message.received, zone=zone)
    thing = entity_of(kind, key, plain=plain)
    readings = tuple(_readings(entity, kind, thing=thing.id, received=message.received, zone=zone))
    if not readings:
        raise Incomplete("the entity has no value", entity=name[:160])
    times = [each.measured for each in readings if each.measured]
    measured = default or max(times, default=None)
    return Uplink(
        source="ngsi_v2",
        device=key,
        message_id=f"{key}@{measured.isoformat()}" if measured else None,
        measured=measured,
        values=readings,
        profile=kind,
        name=thing.name,
        entities=(thing,),
    )


def _type(entity: dict[str, Any], topic: str) -> str:
    own = entity.get("type")
    if isinstance(own, str) and own in MODELS:
        return own
    path = topic.partition("?")[0].rstrip("/").rpartition("/")[2]
    feed = query(topic).get("feed", path).lower()
    if feed in TYPES:
        return TYPES[feed]
    return own if isinstance(own, str) and own.isalnum() and own[0].isalpha() else "Thing"


def _observed(plain: dict[str, Any], received: int, *, zone: ZoneInfo) -> datetime | None:
    """The entity's own time; of an interval its end, when the amount is complete."""
    for field in TIMES:
        text = plain.get(field)
        if isinstance(text, str) and text:
            return moment(text.rpartition("/")[2], received=received, zone=zone)
    return None


def _readings(
    entity: dict[str, Any], kind: str, *, thing: str, received: int, zone: ZoneInfo
) -> Sequence[Reading]:
    found = []
    for attribute, content in entity.items():
        value = value_of(content)
        if attribute in DESCRIPTIVE or value is None or not isinstance(attribute, str):
            continue
        found.append(
            Reading(
                attribute[:128],
                _kept(value),
                _quantity(kind, attribute, value=value, entity=entity),
                "",
                _attribute_time(content, received, zone=zone),
                thing,
            )
        )
    return found


def _kept(value: Any) -> Value:
    return number(value) if not isinstance(value, str) else value[:4096]


def _quantity(kind: str, attribute: str, *, value: Any, entity: dict[str, Any]) -> str:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    if attribute == "intensity" and value_of(entity.get("vehicleType")) in ("bicycle", "bike"):
        return "bicycle_count"
    if attribute == "intensity" and "EcoC" in str(entity.get("id")):
        return "bicycle_count"
    known = MODELS.get(kind, {}).get(attribute)
    if known:
        return known
    named = BY_NGSI_NAME.get(attribute)
    return named.key if named and named.key != "number" else ""


def _attribute_time(content: Any, received: int, *, zone: ZoneInfo) -> datetime | None:
    """``metadata.timestamp`` (or ``TimeInstant``) of a normalized attribute."""
    if not isinstance(content, dict):
        return None
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return None
    stamp = value_of(metadata.get("timestamp") or metadata.get("TimeInstant"))
    return moment(stamp, received=received, zone=zone) if isinstance(stamp, (str, int)) else None


async def pull(settings: Settings, fetch: Fetch) -> Sequence[RawMessage]:
    """Ask each feed once; entities that have not changed since are left out by the runner."""
    found: list[RawMessage] = []
    for path in settings.paths:
        body = await fetch(f"{settings.url.rstrip('/')}/{path.lstrip('/')}")
        if body is not None:
            topic = f"{path.partition('?')[0]}?timezone={settings.timezone}"
            found.extend(split(RawMessage("ngsi_v2", topic, 0, body)))
    return found


EXAMPLES = (
    Example(
        RawMessage(
            "ngsi_v2",
            "/in/ngsi_v2/bikestation",
            1_767_268_802_000,
            b'{"id":"urn:ngsi-ld:station:001","type":"bikestation","availableBikeNumber":{"type":"Number"'
            b',"value":9,"metadata":{"timestamp":{"type":"DateTime","value":"2026-01-01T11:58:00.000Z"}}'
            b'},"location":{"type":"geo:json","value":{"type":"Point","coordinates":[3.881,43.605]},'
            b'"metadata":{}},"address":{"type":"PostalAddress","value":{"streetAddress":"Rue Jules Ferry"'
            b"}}}",
        ),
        (
            Uplink(
                source="ngsi_v2",
                device="urn:ngsi-ld:station:001",
                message_id="urn:ngsi-ld:station:001@2026-01-01T11:58:00+00:00",
                measured=datetime(2026, 1, 1, 11, 58, tzinfo=UTC),
                values=(
                    Reading(
                        "availableBikeNumber",
                        9.0,
                        "bikes_available",
                        "",
                        datetime(2026, 1, 1, 11, 58, tzinfo=UTC),
                        "urn:ngsi-ld:BikeHireDockingStation:001",
                    ),
                ),
                profile="BikeHireDockingStation",
                name="Rue Jules Ferry",
                entities=(
                    Entity(
                        id="urn:ngsi-ld:BikeHireDockingStation:001",
                        type="BikeHireDockingStation",
                        name="Rue Jules Ferry",
                        longitude=3.881,
                        latitude=43.605,
                    ),
                ),
            ),
        ),
    ),
    Example(
        RawMessage(
            "ngsi_v2",
            "/in/ngsi_v2/ecocounter",
            1_767_268_802_000,
            b'\n{"intensity":879,"laneId":188,"dateObserved":"2020-12-17T00:00:00/2020-12-18T00:00:00",'
            b'"location":{"coordinates":[3.874,43.616],"type":"Point"},"id":'
            b'"MMM_EcoCompt_XTH19101158_202012170000","type":"TrafficFlowObserved","vehicleType":"bicycle"}',
        ),
        (
            Uplink(
                source="ngsi_v2",
                device="XTH19101158",
                message_id="XTH19101158@2020-12-17T23:00:00+00:00",
                measured=datetime(2020, 12, 17, 23, tzinfo=UTC),
                values=(
                    Reading(
                        "intensity",
                        879.0,
                        "bicycle_count",
                        "",
                        None,
                        "urn:ngsi-ld:TrafficFlowObserved:XTH19101158",
                    ),
                ),
                profile="TrafficFlowObserved",
                entities=(
                    Entity(
                        id="urn:ngsi-ld:TrafficFlowObserved:XTH19101158",
                        type="TrafficFlowObserved",
                        longitude=3.874,
                        latitude=43.616,
                    ),
                ),
            ),
        ),
    ),
)

CONNECTOR = Connector(
    name="ngsi_v2",
    parse=parse,
    examples=EXAMPLES,
    http="ngsi_v2",
    split=split,
    settings=Settings,
    pull=pull,
)

"""Shared bicycles: the General Bikeshare Feed Specification, 2.3 and 3.0, pulled.

``gbfs.json`` names the files; ``station_information`` and ``station_status`` are joined and each station is
logged as one message ``{"version", "information", "status"}``. Both files pushed alone to ``/in/gbfs`` are
read too. Source: github.com/MobilityData/gbfs, v2.3 and v3.0: in 3.0 names are arrays of {text, language},
times RFC 3339 rather than Unix seconds, and bikes are called vehicles.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard

import msgspec
import orjson

from clapas.domain.device import Entity
from clapas.domain.message import RawMessage, Reading, Uplink
from clapas.sources.contract import Connector, Example, Fetch
from clapas.sources.errors import Incomplete, Malformed
from clapas.sources.wire import local_id, moment, read

TYPE = "BikeHireDockingStation"
CHANNELS = (
    ("availableBikeNumber", "bikes_available", ("num_vehicles_available", "num_bikes_available")),
    ("freeSlotNumber", "docks_available", ("num_docks_available",)),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system's discovery file."""

    url: str = ""
    """The address of ``gbfs.json``."""
    language: str = "fr"
    """Which language of the feed to read, when it has several."""
    interval_s: float = 60.0


class Station(msgspec.Struct):
    """One station as logged: the two objects of the feed, untouched."""

    status: dict[str, Any]
    information: dict[str, Any] = {}
    version: str = ""


class Whole(msgspec.Struct):
    """A GBFS file."""

    data: dict[str, Any]
    version: str = ""
    last_updated: int | str | None = None


DECODER: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink per station; information alone describes stations and gives no value but capacity."""
    body = read(DECODER, message, limit=8 << 20)
    try:
        if "status" in body:
            return (_uplink(msgspec.convert(body, Station), message.received),)
        whole = msgspec.convert(body, Whole)
    except msgspec.ValidationError as error:
        raise Malformed(f"not a GBFS file: {error}", detail=str(error)) from None
    stations = whole.data.get("stations")
    if not isinstance(stations, list) or not stations:
        raise Incomplete("the file has no stations", field="data.stations")
    return tuple(_uplink(_alone(each, whole.version), message.received) for each in stations)


def _alone(station: Any, version: str) -> Station:
    if not isinstance(station, dict):
        raise Malformed("a station is an object")
    informs = "lat" in station
    return Station(station, station if informs else {}, version)


def _uplink(station: Station, received: int) -> Uplink:
    status, information = station.status, station.information
    name = status.get("station_id")
    if not isinstance(name, str) or not name:
        raise Incomplete("a station has a station_id", field="station_id")
    key = local_id(f"gbfs:{name}")
    thing = Entity(
        id=f"urn:ngsi-ld:{TYPE}:{key.partition(':')[2]}",
        type=TYPE,
        name=_text(information.get("name")),
        longitude=_degrees(information.get("lon"), 180),
        latitude=_degrees(information.get("lat"), 90),
    )
    measured = moment(_stamp(status.get("last_reported")), received=received)
    readings = tuple(_readings(status, information, thing=thing.id))
    if not readings:
        raise Incomplete("the station has no value", station=name[:160])
    return Uplink(
        source="gbfs",
        device=key,
        message_id=f"{key}@{measured.isoformat()}" if measured else None,
        measured=measured,
        values=readings,
        profile=TYPE,
        name=thing.name,
        entities=(thing,),
    )


def _readings(
    status: dict[str, Any], information: dict[str, Any], *, thing: str
) -> Sequence[Reading]:
    found = []
    for attribute, quantity, fields in CHANNELS:
        count = next((status[each] for each in fields if each in status), None)
        if _is_count(count):
            found.append(Reading(attribute, float(count), quantity, "", None, thing))
    capacity = information.get("capacity")
    if _is_count(capacity):
        found.append(Reading("totalSlotNumber", float(capacity), "total_places", "", None, thing))
    found.extend(
        Reading(flag, bool(status[flag]), "", "", None, thing)
        for flag in ("is_renting", "is_returning", "is_installed")
        if isinstance(status.get(flag), (bool, int))
    )
    return found


def _is_count(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def _stamp(value: Any) -> Any:
    """0 or a date of 1970 stands for "never" in real feeds."""
    return None if value in (0, 0.0) else value


def _text(name: Any) -> str:
    """A name: a text in 2.3, an array of {text, language} in 3.0."""
    if isinstance(name, list) and name and isinstance(name[0], dict):
        name = name[0].get("text")
    return name[:200] if isinstance(name, str) else ""


def _degrees(value: Any, limit: float) -> float | None:
    return float(value) if _is_count(value) and -limit <= value <= limit else None


async def pull(settings: Settings, fetch: Fetch) -> Sequence[RawMessage]:
    """Read discovery, information and status; join them by station."""
    discovery = await fetch(settings.url, always=True)
    files = _files(discovery or b"{}", settings.language)
    information = await fetch(files["station_information"], always=True)
    status = await fetch(files["station_status"])
    if status is None:
        return ()
    described = _stations(information or b"{}")
    version = str(_load(status).get("version", ""))
    return tuple(
        RawMessage(
            "gbfs",
            files["station_status"],
            0,
            orjson.dumps(
                {"version": version, "information": described.get(name, {}), "status": each}
            ),
        )
        for name, each in _stations(status).items()
    )


def _load(body: bytes) -> dict[str, Any]:
    try:
        return DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the feed is not JSON", detail=str(error)) from None


def _stations(body: bytes) -> dict[str, dict[str, Any]]:
    data = _load(body).get("data")
    stations = data.get("stations") if isinstance(data, dict) else None
    rows = stations if isinstance(stations, list) else []
    return {
        str(each["station_id"]): each
        for each in rows
        if isinstance(each, dict) and "station_id" in each
    }


def _files(body: bytes, language: str) -> dict[str, str]:
    """Name of each file → its address; 2.3 has one list a language, 3.0 one list."""
    data = _load(body).get("data")
    if isinstance(data, dict) and "feeds" not in data and data:
        data = data.get(language) or next(iter(data.values()))
    feeds = data.get("feeds") if isinstance(data, dict) else None
    if not isinstance(feeds, list):
        raise Malformed("the discovery file lists no feeds")
    found = {
        str(each.get("name")): str(each.get("url")) for each in feeds if isinstance(each, dict)
    }
    if not {"station_information", "station_status"} <= found.keys():
        raise Incomplete("the system has no stations", feeds=sorted(found)[:20])
    return found


_THING = f"urn:ngsi-ld:{TYPE}:17"
_TIME = datetime(2026, 1, 1, 11, 58, tzinfo=UTC)
EXAMPLES = (
    Example(
        RawMessage(
            "gbfs",
            "https://example.org/station_status.json",
            1_767_268_802_000,
            b'{"version":"2.3","information":{"station_id":"17","name":"Com\xc3\xa9die","lat":43.608,'
            b'"lon":3.879,"capacity":20},"status":{"station_id":"17","num_bikes_available":7,'
            b'"num_docks_available":13,"is_renting":true,"last_reported":1767268680}}',
        ),
        (
            Uplink(
                source="gbfs",
                device="gbfs:17",
                message_id="gbfs:17@2026-01-01T11:58:00+00:00",
                measured=_TIME,
                values=(
                    Reading("availableBikeNumber", 7.0, "bikes_available", "", None, _THING),
                    Reading("freeSlotNumber", 13.0, "docks_available", "", None, _THING),
                    Reading("totalSlotNumber", 20.0, "total_places", "", None, _THING),
                    Reading("is_renting", True, "", "", None, _THING),  # noqa: FBT003
                ),
                profile=TYPE,
                name="Comédie",
                entities=(
                    Entity(id=_THING, type=TYPE, name="Comédie", longitude=3.879, latitude=43.608),
                ),
            ),
        ),
    ),
    Example(
        RawMessage(
            "gbfs",
            "/in/gbfs",
            1_767_268_802_000,
            b'{"last_updated":"2026-01-01T12:00:00Z","version":"3.0","data":{"stations":[{"station_id":'
            b'"17","num_vehicles_available":7,"last_reported":"2026-01-01T11:58:00Z"}]}}',
        ),
        (
            Uplink(
                source="gbfs",
                device="gbfs:17",
                message_id="gbfs:17@2026-01-01T11:58:00+00:00",
                measured=_TIME,
                values=(Reading("availableBikeNumber", 7.0, "bikes_available", "", None, _THING),),
                profile=TYPE,
                entities=(Entity(id=_THING, type=TYPE),),
            ),
        ),
    ),
)

CONNECTOR = Connector(
    name="gbfs", parse=parse, examples=EXAMPLES, http="gbfs", settings=Settings, pull=pull
)

"""Recorded files as the messages that a door once received, in the wire form of their source.

A recording is plain or gzipped. What the recorders added or changed is undone: research captures wrote
``data`` in hexadecimal where ChirpStack v3 sends base64, and fields that begin with ``_``; snapshots of
the city's API were flattened to CSV, and become NGSI v2 entities again.
"""

import csv
import gzip
import io
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import orjson

from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.message import RawMessage
from clapas.sources import csv_drop, discover, ngsi_v2
from clapas.sources.csv_form import cells, decode, find
from clapas.sources.splitter import split_objects
from clapas.sources.wire import query
from clapas.sources.wire_message import WireMessage

LINES = 2000
"""Lines of a table in one request."""
SNAPSHOT = ("Date", "Heure", "Type", "Nom", "Places_Libres", "Places_Totales")


class Recording(msgspec.Struct, frozen=True):
    """A file, and the connector that takes it."""

    name: str
    path: Path
    source: str
    options: str = ""


KNOWN = (
    ("montpellier-parkings-bikes/snapshots_*.csv.gz", "ngsi_v2", ""),
    ("montpellier-bike-counters/*.ndjson", "ngsi_v2", ""),
    ("montpellier-bike-counters/meteo_*.csv", "csv_drop", "timezone=Europe/Paris"),
    ("museum-climate/*.csv*", "csv_drop", "timezone=Europe/London"),
    ("river-ardeche/stage_*.txt.gz", "csv_drop", ""),
    ("lorawan-grenoble/chirpstack_v3_*.ndjson.gz", "chirpstack_v3", ""),
    ("lorawan-grenoble/helium_*.ndjson.gz", "helium", ""),
)
"""Recordings by their place in a folder of recordings, and how they are fed; those that fill a page soonest first."""


def recordings_in(folder: Path) -> tuple[Recording, ...]:
    """The recordings of a folder that a connector can take, in a fixed order."""
    return tuple(
        Recording(path.name, path, source, options)
        for pattern, source, options in KNOWN
        for path in sorted(folder.glob(pattern))
    )


def wire_messages(path: Path, source: str, *, options: str = "") -> Iterator[WireMessage]:
    """The messages of a file as ``source`` sends them; raises ``NotFound``, ``InvalidInput``.

    ``options`` is a query that the door understands, such as ``timezone=Europe/Paris``. A connector without a form of
    its own here, such as a package's, gets the file's JSON objects one by one at its HTTP door.
    """
    readers: dict[str, Callable[[], Iterator[WireMessage]]] = {
        "chirpstack_v3": lambda: map(_chirpstack_v3, _lines(path)),
        "chirpstack_v4": lambda: map(_chirpstack_v4, _lines(path)),
        "the_things_stack": lambda: map(_things_stack, _lines(path)),
        "helium": lambda: map(_helium, _lines(path)),
        "mqtt_device": lambda: map(_mqtt_device, _lines(path)),
        "ngsi_v2": lambda: _ngsi(path, options),
        "csv_drop": lambda: _table(path, options),
    }
    if source in readers:
        return readers[source]()
    doors = {name: each.http for name, each in discover().items() if each.http}
    if source in doors:
        return (_http(doors[source], each, options=options) for each in _lines(path))
    accepted = sorted({*readers, *doors})
    raise InvalidInput(
        f"no recording is fed as {source!r}; accepted: {', '.join(accepted)}",
        source=source,
        accepted=accepted,
    )


def read_whole(path: Path) -> bytes:
    """A file's bytes, unpacked; raises ``NotFound``, ``InvalidInput``."""
    try:
        body = path.read_bytes()
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", path=str(path)) from None
    except (OSError, EOFError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", path=str(path)) from None


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    parts = split_objects(read_whole(path))
    if not parts.objects:
        raise InvalidInput(f"{path.name} holds no JSON objects", path=str(path))
    yield from parts.objects


def _plain(node: Any) -> Any:
    """The same without the fields that a recorder added."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if not key.startswith("_")}
    return [_plain(each) for each in node] if isinstance(node, list) else node


def _milliseconds(text: Any) -> int:
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return 0
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _chirpstack_v3(line: dict[str, Any]) -> WireMessage:
    event = _plain(line)
    kind = str(line.get("_topic", "")).rpartition("/")[2] or ("rx" if "fCnt" in event else "status")
    if "_topic" in line and "data" in event:
        event["data"] = b64encode(bytes.fromhex(event["data"])).decode()
    if "_date" in line:
        event.setdefault("publishedAt", line["_date"])
    event.setdefault("applicationID", "1")
    topic = f"application/{event['applicationID']}/device/{event.get('devEUI', '')}/{kind}"
    return WireMessage("mqtt", topic, orjson.dumps(event), _milliseconds(event.get("publishedAt")))


def _chirpstack_v4(line: dict[str, Any]) -> WireMessage:
    device = line.get("deviceInfo", {})
    application = device.get("applicationId") or "00000000-0000-4000-8000-000000000000"
    topic = f"application/{application}/device/{device.get('devEui', '')}/event/{_kind(line)}"
    return WireMessage("mqtt", topic, orjson.dumps(line), _milliseconds(line.get("time")))


def _kind(line: dict[str, Any]) -> str:
    """The kind of a v4 event that is kept without its topic, by the fields that only it has."""
    marks = {
        "rxInfo": "up", "data": "up", "margin": "status", "batteryLevel": "status",
        "downlinkId": "txack", "queueItemId": "ack", "code": "log", "location": "location",
    }  # fmt: skip
    return next((kind for mark, kind in marks.items() if mark in line), "join")


def _things_stack(line: dict[str, Any]) -> WireMessage:
    return WireMessage(
        "http", "/in/the_things_stack", orjson.dumps(line), _milliseconds(line.get("received_at"))
    )


def _helium(line: dict[str, Any]) -> WireMessage:
    time = line.get("reported_at")
    body = orjson.dumps(_plain(line))
    return WireMessage("http", "/in/helium", body, time if isinstance(time, int) else 0)


def _mqtt_device(line: dict[str, Any]) -> WireMessage:
    device = str(line.pop("device", ""))
    return WireMessage("mqtt", f"up/{device}", orjson.dumps(line), _milliseconds(line.get("time")))


def _http(door: str, line: dict[str, Any], *, options: str) -> WireMessage:
    address = f"/in/{door}?{options}" if options else f"/in/{door}"
    return WireMessage("http", address, orjson.dumps(line), _milliseconds(line.get("time")))


def _ngsi(path: Path, options: str) -> Iterator[WireMessage]:
    """Entities of an archive one by one, or the snapshots of a table one by one."""
    body = read_whole(path)
    asked = f"&{options}" if options else ""
    head = cells(decode(body[:200]).split("\n", 1)[0], ";")
    if tuple(head) == SNAPSHOT:
        yield from _snapshots(decode(body), _places(path.parent), asked=asked)
        return
    names = _counters(path.parent)
    for each in split_objects(body).objects:
        feed = _feed(each)
        if name := names.get(_serial(each)):
            each.setdefault("name", name)
        time = str(each.get("dateObserved", "")).rpartition("/")[2]
        yield WireMessage(
            "http", f"/in/ngsi_v2?feed={feed}{asked}", orjson.dumps(each), _milliseconds(time)
        )


def _feed(entity: dict[str, Any]) -> str:
    kinds = {kind: feed for feed, kind in ngsi_v2.TYPES.items()}
    return kinds.get(str(entity.get("type")), "entities")


def _serial(entity: dict[str, Any]) -> str:
    """The digits of the counter's number in the id of a count (MMM_EcoCompt_<number>_<time>).

    A replaced counter keeps the digits of its site and changes its letters (X2H20063163, Y2H20063163).
    """
    parts = str(entity.get("id", "")).split("_")
    return parts[2][-8:] if len(parts) == 4 and parts[1] == "EcoCompt" else ""


def _counters(folder: Path) -> dict[str, str]:
    """Counters' names by the digits of their number, from the register that accompanies their archives."""
    path = folder / "MMM_MMM_GeolocCompteurs.csv"
    if not path.is_file():
        return {}
    rows = csv.DictReader(io.StringIO(decode(path.read_bytes())))
    return {row["N° Série"][-8:]: row["Nom du com"] for row in rows if row.get("N° Série")}


def _places(folder: Path) -> dict[str, dict[str, str]]:
    """Bike stations by name, from the table that accompanies the snapshots."""
    path = folder / "velomagg_stations.csv"
    if not path.is_file():
        return {}
    rows = csv.DictReader(io.StringIO(decode(path.read_bytes())))
    return {row["address"]: row for row in rows if row.get("address") and row.get("id")}


def _snapshots(
    text: str, places: dict[str, dict[str, str]], *, asked: str
) -> Iterator[WireMessage]:
    """One request a snapshot and feed, as one answer of the city's API was."""
    group: list[dict[str, Any]] = []
    current = ("", "", "")
    for row in csv.DictReader(io.StringIO(text), delimiter=";"):
        key = (row["Date"], row["Heure"], row["Type"])
        if key != current and group:
            yield _snapshot(current, group, asked=asked)
            group = []
        current = key
        group.append(_entity(row, places))
    if group:
        yield _snapshot(current, group, asked=asked)


def _snapshot(key: tuple[str, str, str], group: list[dict[str, Any]], *, asked: str) -> WireMessage:
    feed = "bikestation" if key[2] == "Velo" else "offstreetparking"
    time = _milliseconds(f"{key[0]}T{key[1]}:00Z")
    return WireMessage("http", f"/in/ngsi_v2?feed={feed}{asked}", orjson.dumps(group), time)


def _entity(row: dict[str, str], places: dict[str, dict[str, str]]) -> dict[str, Any]:
    """One row as the normalized entity that it was."""
    name = row["Nom"]
    free, total = int(row["Places_Libres"]), int(row["Places_Totales"])
    time = f"{row['Date']}T{row['Heure']}:00.000Z"
    place = places.get(name) if row["Type"] == "Velo" else None
    if row["Type"] == "Velo":
        numbers = {"availableBikeNumber": free, "totalSlotNumber": total}
        identity, kind = (place or {}).get("id") or f"urn:ngsi-ld:station:{name}", "bikestation"
    else:
        numbers = {"availableSpotNumber": free, "totalSpotNumber": total}
        identity, kind = f"urn:ngsi-ld:parking:{name}", "OffStreetParking"
    entity: dict[str, Any] = {
        "id": identity.replace(" ", "_"),
        "type": kind,
        "name": {"type": "Text", "value": name, "metadata": {}},
    }
    for attribute, value in numbers.items():
        stamp = {"timestamp": {"type": "DateTime", "value": time}}
        entity[attribute] = {"type": "Number", "value": value, "metadata": stamp}
    if place:
        point = {
            "type": "Point",
            "coordinates": [float(place["longitude"]), float(place["latitude"])],
        }
        entity["location"] = {"type": "geo:json", "value": point, "metadata": {}}
    return entity


def _table(path: Path, options: str) -> Iterator[WireMessage]:
    """A table in parts of some thousand lines, each with the header and the form found on the whole."""
    lines = decode(read_whole(path)).splitlines()
    name = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    found = find(lines, name=name, given=query(f"?{options}"))
    header = lines[found.line]
    address = f"/in/csv_drop?file={quote(name)}.csv&{found.form.query()}"
    for start in range(found.line + 1, len(lines), LINES):
        part = "\n".join((header, *lines[start : start + LINES])).encode()
        yield WireMessage("http", address, part, _first_time(part, address))


def _first_time(part: bytes, address: str) -> int:
    first = next(iter(csv_drop.split(RawMessage("csv_drop", address, 1 << 42, part))), None)
    if first is None:
        return 0
    try:
        measured = csv_drop.parse(first)[0].measured
    except InvalidInput:
        return 0
    return round(measured.timestamp() * 1000) if measured else 0

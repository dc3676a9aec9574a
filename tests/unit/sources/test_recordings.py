"""Real recordings become what their sources really sent, and their connectors read all of it."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clapas.codecs.flat import flatten
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.message import RawMessage, Uplink
from clapas.sources import discover, for_topic, understand
from clapas.sources.recordings import recordings_in, wire_messages

NOW = 1_790_000_000_000


def heard(path: Path, source: str, options: str = "") -> Iterator[Uplink]:
    """Each uplink that the platform would understand, through the door that the message takes."""
    for wire in wire_messages(path, source, options=options):
        if wire.door == "mqtt":
            connector = for_topic(wire.address)
        else:
            connector = discover()[wire.address.partition("?")[0].split("/")[2]]
        assert connector is not None
        for each in connector.split(RawMessage(connector.name, wire.address, NOW, wire.body)):
            yield from understand(each)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.mark.shared
@pytest.mark.parametrize(("part", "events"), [(1, 9786), (2, 10_102)])
def test_chirpstack_v3_of_grenoble_goes_through_whole(shared: Path, part: int, events: int) -> None:
    path = shared / "data" / "lorawan-grenoble" / f"chirpstack_v3_saint-eynard_{part}.ndjson.gz"
    original, found = lines(path), list(heard(path, "chirpstack_v3"))
    assert len(found) == len(original) == events
    for line, uplink in zip(original, found, strict=True):
        assert uplink.measured is not None
        if uplink.kind == "up":
            assert (uplink.payload or b"").hex() == line["data"]
            assert len(uplink.radio) == len(line["rxInfo"])
            flat = dict(flatten(line["object"]))
            assert {each.channel: each.value for each in uplink.values} == flat
        else:
            assert uplink.kind == "status"


@pytest.mark.shared
def test_elsys_of_grenoble_keeps_each_frame_and_its_repeats(shared: Path) -> None:
    path = shared / "data" / "lorawan-grenoble" / "helium_elsys_ems_tour-perret.ndjson.gz"
    original, found = lines(path), list(heard(path, "helium"))
    assert len(found) == len(original) == 12_614
    assert len({each.message_id for each in found}) == 10_631
    for line, uplink in zip(original, found, strict=True):
        assert uplink.payload == base64.b64decode(line["payload"])
        assert {each.channel: each.value for each in uplink.values} == line["decoded"]["payload"]


@pytest.mark.shared
def test_snapshots_of_the_city_are_its_api_again(shared: Path) -> None:
    folder = shared / "data" / "montpellier-parkings-bikes"
    (path,) = folder.glob("snapshots_*")
    found = list(heard(path, "ngsi_v2"))
    assert len(found) == 29_889
    kinds = Counter(each.profile for each in found)
    assert kinds == {"BikeHireDockingStation": 57 * 369, "OffStreetParking": 24 * 369}
    placed = {each.device for each in found if each.entities[0].longitude is not None}
    assert len(placed) == 20


@pytest.mark.shared
def test_every_known_recording_is_taken_by_its_connector(shared: Path) -> None:
    known = recordings_in(shared / "data")
    assert {each.source for each in known} == {"chirpstack_v3", "helium", "ngsi_v2", "csv_drop"}
    for recording in known:
        first = next(heard(recording.path, recording.source, recording.options))
        assert first.values


def test_source_that_is_not_fed_and_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        wire_messages(tmp_path, "telepathy")
    with pytest.raises(NotFound):
        list(wire_messages(tmp_path / "no.ndjson", "helium"))
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8bxx")
    with pytest.raises(InvalidInput):
        list(wire_messages(tmp_path / "bad.gz", "helium"))


def test_own_records_are_fed_as_mqtt_and_http(tmp_path: Path) -> None:
    path = tmp_path / "own.ndjson"
    path.write_text('{"device":"m1","time":"2026-01-01T00:00:00Z","values":{"a":1}}\n')
    (by_mqtt,) = heard(path, "mqtt_device")
    (by_http,) = heard(path, "http_push")
    assert by_mqtt.device == by_http.device == "m1"


def test_long_table_is_cut_but_its_form_is_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{1 + day % 28:02}/0{1 + day // 28}/2026 10:00;{day},5" for day in range(100)]
    path.write_text("date;T\n" + "\n".join(rows * 30))
    found = list(wire_messages(path, "csv_drop", options="timezone=Europe/Paris"))
    assert len(found) == 2
    uplinks = list(heard(path, "csv_drop", "timezone=Europe/Paris"))
    assert len(uplinks) == 3000
    assert {each.device for each in uplinks} == {"t"}

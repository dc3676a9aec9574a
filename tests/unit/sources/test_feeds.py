"""The city's feeds and files: every form that they really take."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import InvalidInput
from clapas.domain.message import RawMessage, Uplink
from clapas.sources import csv_drop, gbfs, ngsi_v2
from clapas.sources.errors import BadTime, Malformed
from clapas.sources.splitter import split_objects

NOW = 1_790_000_000_000


def read_all(source: object, topic: str, body: bytes) -> list[Uplink]:
    messages = source.split(RawMessage("", topic, NOW, body))  # type: ignore[attr-defined]
    return [each for message in messages for each in source.parse(message)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1},{"a":2}]',
        b'\n{"a":1}\n\n{"a":2}\n',
        b'{"a":1}{"a":2}',
        b'[{"a":1}\n{"a":2}',
        b'\xef\xbb\xbf[{"a":1},\n{"a":2},]',
    ],
)
def test_objects_are_found_in_every_frame(body: bytes) -> None:
    found = split_objects(body)
    assert found.objects == ({"a": 1}, {"a": 2})
    assert found.unread == ()


def test_what_cannot_be_read_is_told() -> None:
    found = split_objects(b'{"a":1}\nERROR 500 <html>\n{"a":2}\n{"a":')
    assert found.objects == ({"a": 1}, {"a": 2})
    assert found.unread == ("ERROR 500 <html>", '{"a":')


@given(st.binary(max_size=200))
def test_splitting_ends_and_loses_nothing_but_the_frame(body: bytes) -> None:
    found = split_objects(body)
    if not found.objects:
        kept = "".join(found.unread)
        lost = [each for each in body.decode("utf-8", errors="replace") if each not in kept]
        assert all(each in ' \t\r\n,[]\ufeff0123456789.-+eE"' or each.isalpha() for each in lost)


def test_key_values_and_normalized_forms_say_the_same() -> None:
    plain = b'{"id":"urn:ngsi-ld:parking:001","type":"OffStreetParking","availableSpotNumber":12}'
    full = (
        b'{"id":"urn:ngsi-ld:parking:001","type":"OffStreetParking","availableSpotNumber":'
        b'{"type":"Number","value":12,"metadata":{}}}'
    )
    assert read_all(ngsi_v2, "offstreetparking", plain) == read_all(
        ngsi_v2, "offstreetparking", full
    )


def test_bicycles_a_day_are_bicycles_and_end_with_the_civil_day() -> None:
    body = (
        b'{"id":"MMM_EcoCompt_X1_202103270000","intensity":9,"vehicleType":"bicycle",'
        b'"dateObserved":"2021-03-28T00:00:00/2021-03-29T00:00:00"}'
    )
    (each,) = read_all(ngsi_v2, "/in/ngsi_v2/ecocounter", body)
    assert each.device == "X1"
    assert each.values[0].quantity == "bicycle_count"
    assert each.measured is not None
    assert each.measured.isoformat() == "2021-03-28T22:00:00+00:00"


def test_gbfs_names_of_version_3_are_read() -> None:
    body = (
        b'{"information":{"name":[{"text":"Gare","language":"fr"}],"lat":43.6,"lon":3.88},'
        b'"status":{"station_id":"a/b","num_vehicles_available":3}}'
    )
    (each,) = gbfs.parse(RawMessage("gbfs", "x", NOW, body))
    assert (each.name, each.device) == ("Gare", "gbfs:a_b")


async def test_gbfs_joins_its_files_by_station() -> None:
    files = {
        "d": b'{"data":{"fr":{"feeds":[{"name":"station_information","url":"i"},'
        b'{"name":"station_status","url":"s"}]}}}',
        "i": b'{"data":{"stations":[{"station_id":"1","name":"Gare","lat":43.6,"lon":3.88}]}}',
        "s": b'{"version":"2.3","data":{"stations":[{"station_id":"1","num_bikes_available":4}]}}',
    }

    async def fetch(url: str, *, always: bool = False) -> bytes | None:
        return files[url]

    (message,) = await gbfs.pull(gbfs.Settings(url="d"), fetch)
    (each,) = gbfs.parse(message)
    assert (each.name, each.values[0].value, each.entities[0].latitude) == ("Gare", 4.0, 43.6)


@pytest.mark.parametrize(
    ("text", "temperature"),
    [
        ("Date;Capteur;T\n31/01/2026 10:00;a;12,5\n", 12.5),
        ("date\tsensor\tT\n2026-01-31 10:00:00\ta\t12.5\n", 12.5),
        ('"date","device","T"\n"2026-01-31T10:00:00Z","a","12.5"\n', 12.5),
        ("\n\nExport\na,\nDate Time,T,\n2026-01-31 10:00:00,12.5,\n", 12.5),
    ],
)
def test_form_of_a_file_is_found(text: str, temperature: float) -> None:
    (each,) = read_all(csv_drop, "/in/csv_drop/f.csv", text.encode())
    assert (each.device, each.values[0].value) == ("a", temperature)
    assert each.measured is not None
    assert each.measured.isoformat() == "2026-01-31T10:00:00+00:00"


def test_one_bad_line_is_one_reject() -> None:
    body = b"date;device;T\n2026-01-31;a;1\nyesterday;a;2\n2026-02-01;a;3\n"
    good, bad, last = csv_drop.split(RawMessage("csv_drop", "f.csv", NOW, body))
    assert csv_drop.parse(good)
    assert csv_drop.parse(last)
    with pytest.raises(BadTime):
        csv_drop.parse(bad)


def test_form_may_be_given() -> None:
    body = b"quand;quoi;T\n01.02.2026 10:00;a;1\n"
    topic = "f.csv?time=quand&device=quoi&order=mdy&timezone=Europe/Paris"
    (each,) = read_all(csv_drop, topic, body)
    assert each.measured is not None
    assert each.measured.isoformat() == "2026-01-02T09:00:00+00:00"


def test_file_that_is_no_table_stays_whole_and_is_refused() -> None:
    (message,) = csv_drop.split(RawMessage("csv_drop", "f.csv", NOW, b"hello"))
    with pytest.raises(InvalidInput):
        csv_drop.parse(message)


@pytest.mark.shared
def test_real_loggers_and_archives_are_read_whole(shared: Path) -> None:
    climate = shared / "data" / "museum-climate"
    hanwell = (climate / "hanwell_export_sample.csv").read_bytes()
    assert {each.device for each in read_all(csv_drop, "hanwell.csv", hanwell)} == {"External"}
    meaco = (climate / "meaco_export_sample.csv").read_bytes()
    assert {each.device for each in read_all(csv_drop, "meaco.csv", meaco)} == {"York:Store"}
    museum = gzip.decompress((climate / "three_sensors_2024-01_08.csv.gz").read_bytes())
    assert len(read_all(csv_drop, "museum.csv", museum)) == 70_275
    for path in (shared / "data" / "montpellier-bike-counters").glob("*.ndjson"):
        lines = [each for each in path.read_bytes().splitlines() if each.strip()]
        found = split_objects(path.read_bytes())
        assert (len(found.objects), found.unread) == (len(lines), ())


def test_unread_part_of_a_feed_is_malformed() -> None:
    with pytest.raises(Malformed):
        ngsi_v2.parse(RawMessage("ngsi_v2", "x", NOW, b"<html>"))

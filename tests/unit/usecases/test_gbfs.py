"""The bikes' feed has what the specification requires, in both versions, and our own reader reads it back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft7Validator
from tests.unit.usecases.gbfs_schemas import schema

from clapas.domain.message import RawMessage
from clapas.sources import understand
from clapas.usecases.bikes.gbfs import FILES, VERSIONS, Station, System, document

NOW = datetime(2026, 1, 12, 8, 30, tzinfo=UTC)
SYSTEM = System(
    id="velo", name="Vélos", language="fr", timezone="Europe/Paris", email="velo@example.org",
    base="https://example.org/gbfs",
)  # fmt: skip
STATIONS = [
    Station(id="001", name="Comédie", longitude=3.88, latitude=43.6, capacity=20, bikes=7, docks=13, reported=NOW),
    Station(id="002", name="Corum", longitude=3.89, latitude=43.6, capacity=None, bikes=0, docks=None, reported=NOW),
]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", FILES)
def test_every_file_follows_the_specification(version: str, file: str) -> None:
    rules = Draft7Validator(schema(version, file))
    found, empty = (
        json.loads(json.dumps(document(version, file, system=SYSTEM, stations=stations, now=NOW)))
        for stations in (STATIONS, [])
    )
    assert [error.message for each in (found, empty) for error in rules.iter_errors(each)] == []
    assert found["last_updated"] == (1768206600 if version == "2.3" else "2026-01-12T08:30:00Z")


@pytest.mark.parametrize(
    ("version", "file", "path", "wrong"),
    [
        ("2.3", "station_status", ("data", "stations", 0, "num_bikes_available"), -1),
        ("3.0", "station_status", ("data", "stations", 0, "last_reported"), 1768206600),
        ("3.0", "station_information", ("data", "stations", 0, "name"), "Comédie"),
        ("2.3", "station_information", ("data", "stations", 0, "lat"), 91.0),
        ("3.0", "system_information", ("data", "license_id"), "LO-2.0"),
        ("2.3", "gbfs", ("version",), "3.0"),
        ("3.0", "gbfs", ("data", "feeds", 0, "url"), "nowhere"),
    ],
)
def test_the_rules_refuse_what_the_specification_refuses(
    version: str, file: str, path: tuple[str | int, ...], wrong: Any
) -> None:
    found = json.loads(
        json.dumps(document(version, file, system=SYSTEM, stations=STATIONS, now=NOW))
    )
    place = found
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = wrong
    assert list(Draft7Validator(schema(version, file)).iter_errors(found))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_we_write_our_own_connector_reads(version: str) -> None:
    body = json.dumps(
        document(version, "station_status", system=SYSTEM, stations=STATIONS, now=NOW)
    ).encode()
    uplinks = understand(RawMessage("gbfs", "/in/gbfs", 1_768_206_660_000, body))
    values = {each.channel: each.value for each in uplinks[0].values}
    assert values["availableBikeNumber"] == 7.0
    assert uplinks[0].measured == NOW

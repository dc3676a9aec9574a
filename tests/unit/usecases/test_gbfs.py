"""The bikes' feed has what the specification requires, in both versions, and our own reader reads it back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

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
REQUIRED: dict[str, dict[str, set[str]]] = {
    "2.3": {
        "system_information": {"system_id", "language", "name", "timezone"},
        "station_information": {"station_id", "name", "lat", "lon"},
        "station_status": {"station_id", "num_bikes_available", "is_installed", "is_renting", "is_returning", "last_reported"},
    },
    "3.0": {
        "system_information": {"system_id", "languages", "name", "opening_hours", "feed_contact_email", "timezone"},
        "station_information": {"station_id", "name", "lat", "lon"},
        "station_status": {"station_id", "num_vehicles_available", "is_installed", "is_renting", "is_returning", "last_reported"},
    },
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", FILES)
def test_every_file_has_its_head_and_its_required_fields(version: str, file: str) -> None:
    found = json.loads(json.dumps(document(version, file, SYSTEM, STATIONS, NOW)))
    assert found["version"] == version
    assert isinstance(found["ttl"], int)
    assert found["last_updated"] == (1768206600 if version == "2.3" else "2026-01-12T08:30:00Z")
    data: dict[str, Any] = found["data"]
    if file == "gbfs":
        feeds = data["feeds"] if version == "3.0" else data["fr"]["feeds"]
        assert [each["name"] for each in feeds] == list(FILES)
        assert feeds[3]["url"] == f"https://example.org/gbfs/{version}/station_status.json"
    for each in data.get("stations", [data] if file == "system_information" else []):
        assert REQUIRED[version][file] <= set(each)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_we_write_our_own_connector_reads(version: str) -> None:
    body = json.dumps(document(version, "station_status", SYSTEM, STATIONS, NOW)).encode()
    uplinks = understand(RawMessage("gbfs", "/in/gbfs", 1_768_206_660_000, body))
    values = {each.channel: each.value for each in uplinks[0].values}
    assert values["availableBikeNumber"] == 7.0
    assert uplinks[0].measured == NOW

"""What the simulated fleet gives to the registry, and how its feeds are gathered."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from clapas.ops.simulate.fleet import Fleet, make_fleet
from clapas.ops.simulate.play import together
from clapas.ops.simulate.register import devices_of, gateways_of
from clapas.ops.simulate.speak import said_between
from clapas.ops.territory import from_geojson

NOW = datetime(2026, 5, 12, 10, tzinfo=UTC)
SQUARE = (
    '{"features":[{"properties":{"code":"34999","nom":"Ici"},"geometry":{"type":"Polygon",'
    '"coordinates":[[[3,43],[4,43],[4,44],[3,44],[3,43]]]}}]}'
)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return make_fleet(from_geojson(SQUARE, name="Chez nous"), size=60, now=NOW)


def test_registered_devices_have_a_model_and_keep_their_id(fleet: Fleet) -> None:
    devices = devices_of(fleet, created=NOW)
    models = {each.id for each in fleet.models}
    assert devices == devices_of(fleet, created=NOW)
    assert {each.model for each in devices} <= models
    assert len(devices) == sum(each.registered for each in fleet.devices)
    assert gateways_of(fleet)[0].name == "Mairie de Ici"


def test_gathering_changes_no_message_and_loses_none(fleet: Fleet) -> None:
    said = list(said_between(fleet, NOW - timedelta(hours=6), end=NOW))
    gathered = list(together(said, size=10))
    things = [each for wire in gathered if wire.door == "http" for each in orjson.loads(wire.body)]
    assert len(things) == sum(each.door == "http" for each in said)
    assert [each for each in gathered if each.door == "mqtt"] == [
        each for each in said if each.door == "mqtt"
    ]

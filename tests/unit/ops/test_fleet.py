"""The simulated territory: in its place, the same every time, alive, and spoken through real forms."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from clapas.domain.message import RawMessage
from clapas.domain.quantities import QUANTITIES
from clapas.ops.simulate.fleet import Fleet, make_fleet
from clapas.ops.simulate.kinds import KINDS
from clapas.ops.simulate.signals import household_meter, used
from clapas.ops.simulate.speak import said_between, say
from clapas.ops.territory import Locator, Territory, from_epci
from clapas.sources import discover, for_topic, understand

NOW = datetime(2026, 5, 12, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def territory() -> Territory:
    return from_epci("243400017")


@pytest.fixture(scope="module")
def fleet(territory: Territory) -> Fleet:
    return make_fleet(territory, size=300, now=NOW)


def test_same_territory_and_seed_give_the_same_fleet(territory: Territory, fleet: Fleet) -> None:
    assert make_fleet(territory, size=300, now=NOW + timedelta(hours=3)) == fleet
    assert make_fleet(territory, size=300, now=NOW, seed=2) != fleet


def test_every_site_is_in_its_commune(territory: Territory, fleet: Fleet) -> None:
    locator = Locator(territory)
    for device in fleet.devices:
        commune = locator.commune_of(device.longitude, device.latitude)
        assert commune is not None
        assert commune.code == device.commune


def test_keys_are_unique_and_things_are_marked_as_simulated(fleet: Fleet) -> None:
    assert len({each.key for each in fleet.devices}) == len(fleet.devices)
    assert len({each.id for each in fleet.entities}) == len(fleet.devices)
    assert all(each.simulated for each in fleet.entities)
    assert {each.kind for each in fleet.devices} == {each.name for each in KINDS}


def test_every_message_is_understood_by_its_real_door(fleet: Fleet) -> None:
    said = list(said_between(fleet, NOW - timedelta(hours=2), end=NOW))
    assert said == sorted(said, key=lambda each: each.time_ms)
    keys = {each.key for each in fleet.devices}
    heard = set()
    for wire in said:
        connector = for_topic(wire.address) if wire.door == "mqtt" else discover()["ngsi_v2"]
        assert connector is not None
        raw = RawMessage(connector.name, wire.address, wire.time_ms, wire.body)
        (uplink,) = understand(raw)
        assert uplink.message_id
        assert uplink.payload or uplink.values
        assert uplink.measured is not None
        heard.add(uplink.device)
    assert heard == keys


def test_feed_things_keep_the_entity_of_the_fleet(fleet: Fleet) -> None:
    parking = next(each for each in fleet.devices if each.kind == "parking")
    wire = say(parking, NOW.timestamp())
    (uplink,) = understand(RawMessage("ngsi_v2", wire.address, wire.time_ms, wire.body))
    assert uplink.entities[0].id == parking.entity.id


def test_bindings_speak_the_vocabulary(fleet: Fleet) -> None:
    for device in fleet.devices:
        for binding in device.bindings:
            assert QUANTITIES[binding.quantity].ngsi == binding.attribute


def test_values_are_plausible_all_year(fleet: Fleet) -> None:
    for device in fleet.devices[::7]:
        if device.what.encode is not None:
            continue
        for day in range(0, 365, 13):
            values = device.what.signal(device.seed, NOW.timestamp() + day * 90_000, device.traits)
            for channel in device.what.channels:
                quantity = QUANTITIES[channel.quantity]
                assert quantity.low <= values[channel.name] <= quantity.high


def test_index_never_goes_back_and_follows_its_daily_mean() -> None:
    hours = [
        used(5, 1.7e9 + hour * 1800, daily=0.4, profile="household") for hour in range(48 * 30)
    ]
    assert all(later >= before for before, later in pairwise(hours))
    assert (hours[-1] - hours[0]) / 30 == pytest.approx(0.4, rel=0.1)


def test_leak_shows_at_night() -> None:
    start = datetime(2026, 5, 12, 1, tzinfo=UTC).timestamp()
    plain = {"daily": 0.3, "start": 10.0, "origin": 0.0}
    leaking = plain | {"leak": 0.05, "leak_from": start - 86_400}

    def night(traits: dict[str, float]) -> float:
        first, last = (household_meter(3, start + hours * 3600, traits) for hours in (0, 3))
        return float(last["index"]) - float(first["index"])

    assert night(leaking) - night(plain) == pytest.approx(0.15)

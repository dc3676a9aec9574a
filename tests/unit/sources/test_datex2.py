"""DATEX II is XML from outside: what is dangerous or empty is refused, what is faulty at the source is no value."""

import pytest

from clapas.domain.message import RawMessage
from clapas.sources.datex2 import CONNECTOR
from clapas.sources.errors import Incomplete, Malformed

V3, V2 = (each.message.payload for each in CONNECTOR.examples)


def parse(body: bytes) -> list[tuple[str, object, str]]:
    message = RawMessage("datex2", "/in/datex2", 1_767_268_802_000, body)
    return [
        (reading.channel, reading.value, reading.quantity)
        for uplink in CONNECTOR.parse(message)
        for reading in uplink.values
    ]


def test_entities_and_document_types_are_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'
    for body in (bomb + b"<a>&c;</a>", V3.decode().encode("utf-16"), b"<a><b></a>", b""):
        with pytest.raises((Malformed, Incomplete)):
            parse(body)


def test_a_flow_without_its_period_is_no_count() -> None:
    period = b"<roa:measurementOrCalculationPeriod>360</roa:measurementOrCalculationPeriod>"
    assert period in V3
    assert parse(V3.replace(period, b""))[0] == ("vehicleFlowRate", 1200.0, "")


def test_a_second_lane_and_a_faulty_value_are_not_the_sites_value() -> None:
    speed = V3[
        V3.index(b'<roa:physicalQuantity index="1">') : V3.index(b" </roa:siteMeasurements>")
    ]
    twice = V3.replace(speed, speed + speed.replace(b"87.5", b"-1") + speed.replace(b"87.5", b"30"))
    assert parse(twice)[1:] == [("averageVehicleSpeed", 87.5, "vehicle_speed"), ("averageVehicleSpeed_2", 30.0, "")]  # fmt: skip
    faulty = V2.replace(b"<travelTime>", b"<travelTime><dataError>true</dataError>")
    assert [each[0] for each in parse(faulty)] == ["freeFlowTravelTime"]

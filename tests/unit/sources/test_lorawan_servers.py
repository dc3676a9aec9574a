"""What network servers really send: omitted defaults, other kinds, other forms, other people's topics."""

import json

import pytest

from clapas.domain.message import RawMessage
from clapas.sources import chirpstack_v3, chirpstack_v4, for_topic, helium, understand
from clapas.sources.errors import BadDeviceId, Foreign, FutureDated, Incomplete, Malformed

NOW = 1_767_268_802_000
EUI = "70b3d57ed0000001"


def v4(kind: str, topic_eui: str = EUI, **body: object) -> RawMessage:
    event = {"deviceInfo": {"devEui": EUI}, **body}
    topic = f"application/6a0f/device/{topic_eui}/event/{kind}"
    return RawMessage("chirpstack_v4", topic, NOW, json.dumps(event).encode())


def test_defaults_that_proto3_omits_are_zero() -> None:
    (up,) = chirpstack_v4.parse(v4("up", devAddr="01020304", rxInfo=[{"gatewayId": "aa"}]))
    assert (up.f_cnt, up.f_port, up.payload) == (0, 0, b"")
    assert (up.radio[0].rssi, up.radio[0].snr) == (0.0, 0.0)
    assert up.message_id == f"{EUI}/01020304/0/0"
    assert up.measured is None


@pytest.mark.parametrize("kind", chirpstack_v4.KINDS)
def test_every_kind_of_event_is_kept_under_its_name(kind: str) -> None:
    (event,) = chirpstack_v4.parse(v4(kind, deduplicationId="d1", time="2026-01-01T12:00:00Z"))
    assert event.kind == kind
    assert event.device == EUI


def test_events_of_one_deduplication_id_but_two_kinds_are_two_messages() -> None:
    join, ack = (chirpstack_v4.parse(v4(kind, deduplicationId="d"))[0] for kind in ("join", "ack"))
    assert join.message_id != ack.message_id


def test_a_frame_sent_to_mqtt_and_webhook_is_one_message() -> None:
    by_mqtt = v4("up", devAddr="01020304", fCnt=4, fPort=2)
    by_http = RawMessage("chirpstack_v4", "/in/chirpstack_v4?event=up", NOW, by_mqtt.payload)
    first, second = chirpstack_v4.parse(by_mqtt), chirpstack_v4.parse(by_http)
    assert first[0].message_id == second[0].message_id


def test_topic_of_another_device_is_foreign() -> None:
    with pytest.raises(Foreign):
        chirpstack_v4.parse(v4("up", topic_eui="70b3d57ed0000002"))


def test_unknown_event_is_foreign() -> None:
    with pytest.raises(Foreign):
        chirpstack_v4.parse(v4("dance"))


def test_event_of_tomorrow_is_refused() -> None:
    with pytest.raises(FutureDated) as caught:
        chirpstack_v4.parse(v4("up", time="2026-02-01T00:00:00Z"))
    assert caught.value.code == "future_dated"
    assert caught.value.actor == "owner"


def test_damaged_base64_is_malformed() -> None:
    with pytest.raises(Malformed):
        chirpstack_v4.parse(v4("up", data="%%%"))


def test_device_without_an_id_is_refused() -> None:
    message = RawMessage("chirpstack_v4", "/in/x?event=up", NOW, b'{"deviceInfo":{}}')
    with pytest.raises(BadDeviceId):
        chirpstack_v4.parse(message)


def test_v3_server_on_the_topics_of_v4_is_recognised() -> None:
    topic = f"application/12/device/{EUI}/event/up"
    body = {"devEUI": EUI, "fCnt": 3, "fPort": 1, "data": "AQI="}
    message = RawMessage("", topic, NOW, json.dumps(body).encode())
    assert for_topic(topic) is chirpstack_v4.CONNECTOR
    (up,) = understand(message)
    assert (up.source, up.payload) == ("chirpstack_v3", b"\x01\x02")


def test_v3_uplink_without_a_counter_has_no_identity() -> None:
    message = RawMessage(
        "", f"application/1/device/{EUI}/rx", NOW, b'{"devEUI":"%b"}' % EUI.encode()
    )
    with pytest.raises(Incomplete):
        chirpstack_v3.parse(message)


def test_v3_gateway_with_a_wrong_clock_does_not_cost_the_message() -> None:
    body = {
        "devEUI": EUI,
        "fCnt": 1,
        "publishedAt": "2026-01-01T12:00:00Z",
        "rxInfo": [{"gatewayID": "aa", "time": "2099-01-01T00:00:00Z"}],
    }
    message = RawMessage("", f"application/1/device/{EUI}/rx", NOW, json.dumps(body).encode())
    (up,) = chirpstack_v3.parse(message)
    assert up.measured is not None
    assert up.measured.year == 2026


def test_line_of_the_research_capture_is_read_as_it_is() -> None:
    line = {"devEUI": EUI, "fCnt": 1, "fPort": 3, "data": "500c", "_topic": "application/rx",
            "_date": "2023-06-23T09:10:28.896Z"}  # fmt: skip
    message = RawMessage("chirpstack_v3", "/in/chirpstack_v3", NOW, json.dumps(line).encode())
    (up,) = chirpstack_v3.parse(message)
    assert up.payload == b"\x50\x0c"
    assert up.measured is not None


def test_repeated_helium_frame_keeps_its_identity_and_a_new_one_does_not() -> None:
    def frame(counter: int, at: int) -> str | None:
        body = {"dev_eui": EUI, "fcnt": counter, "port": 5, "payload": "AQBG", "reported_at": at}
        message = RawMessage("helium", "/in/helium", NOW, json.dumps(body).encode())
        return helium.parse(message)[0].message_id

    assert frame(71, NOW - 400_000) == frame(71, NOW - 200_000)
    assert frame(71, NOW - 400_000) != frame(72, NOW - 200_000)

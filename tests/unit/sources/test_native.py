"""Devices that speak for themselves: MQTT, HTTP, SenML."""

import pytest

from clapas.domain.message import RawMessage
from clapas.sources import for_topic, http_push, mqtt_device, understand
from clapas.sources.errors import BadDeviceId, BadTime, Foreign, Incomplete, Malformed, Oversized

NOW = 1_767_268_802_000


def up(payload: bytes, topic: str = "up/meter-1", sender: str = "") -> RawMessage:
    return RawMessage("mqtt_device", topic, NOW, payload, "", sender)


def push(payload: bytes, key: str = "", sender: str = "") -> RawMessage:
    return RawMessage("http_push", "/in/http_push", NOW, payload, key, sender)


def test_array_gives_one_uplink_per_moment() -> None:
    found = mqtt_device.parse(up(b'[{"time":1767225600,"values":{"a":1}},{"values":{"a":2}}]'))
    assert [each.values[0].value for each in found] == [1.0, 2.0]
    assert found[0].message_id == "meter-1@2026-01-01T00:00:00+00:00"
    assert found[1].message_id is None


@pytest.mark.parametrize(
    "time", ["1767225600", "1767225600000", '"2026-01-01T01:00:00+01:00"', '"2026-01-01 00:00:00"']
)
def test_times_of_every_form_are_the_same_instant(time: str) -> None:
    (each,) = mqtt_device.parse(up(b'{"time":%b,"values":{"a":1}}' % time.encode()))
    assert each.measured is not None
    assert each.measured.isoformat() == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"{", Malformed),
        (b'{"values":{}}', Incomplete),
        (b"[]", Incomplete),
        (b'{"values":{"a":1e999}}', Malformed),
        (b'{"time":"yesterday","values":{"a":1}}', BadTime),
        (b'{"time":1e300,"values":{"a":1}}', BadTime),
        (b" " * (1 << 20) + b"{}", Oversized),
        (b'{"values":{%b}}' % b",".join(b'"c%d":1' % i for i in range(513)), Oversized),
    ],
)
def test_bad_messages_have_their_own_code(payload: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        mqtt_device.parse(up(payload))


def test_device_is_the_topics_and_an_eui_has_one_form() -> None:
    (each,) = mqtt_device.parse(up(b'{"values":{"a":1}}', "up/70:B3:D5:7E:D0:00:00:01"))
    assert each.device == "70b3d57ed0000001"


@pytest.mark.parametrize("topic", ["up/", "up/a/b", "up/a/senml/x", "down/a"])
def test_other_topics_are_not_a_devices(topic: str) -> None:
    with pytest.raises((Foreign, BadDeviceId)):
        mqtt_device.parse(up(b'{"values":{"a":1}}', topic))


def test_device_cannot_speak_for_another() -> None:
    with pytest.raises(Foreign):
        http_push.parse(push(b'{"device":"meter-2","values":{"a":1}}', sender="device:meter-1"))
    assert http_push.parse(push(b'{"device":"meter-2","values":{"a":1}}', sender="device:meter-2"))


def test_idempotency_key_names_each_part_of_a_batch() -> None:
    body = b'[{"device":"m","values":{"a":1}},{"device":"m","values":{"a":1}}]'
    assert [each.message_id for each in http_push.parse(push(body, "k"))] == ["k#0", "k#1"]


def test_same_content_at_two_times_is_two_messages() -> None:
    body = b'[{"device":"m","time":1,"values":{"a":1}},{"device":"m","time":2,"values":{"a":1}}]'
    with pytest.raises(BadTime):
        http_push.parse(push(body))
    later = body.replace(b'"time":', b'"time":176722560')
    first, second = http_push.parse(push(later))
    assert first.message_id != second.message_id


def test_senml_on_a_devices_topic_names_channels() -> None:
    pack = b'[{"bn":"urn:dev:ow:10e2:","bt":1767225600,"bu":"%RH","v":20},{"n":"b","v":1,"t":60}]'
    first, second = mqtt_device.parse(up(pack, "up/meter-1/senml"))
    assert (first.device, first.values[0].channel, first.values[0].unit) == (
        "meter-1",
        "10e2",
        "P1",
    )
    assert second.values[0].channel == "b"
    assert second.measured is not None
    assert first.measured is not None
    assert (second.measured - first.measured).total_seconds() == 60


def test_senml_time_may_be_relative_to_now() -> None:
    (each,) = http_push.parse(push(b'[{"bn":"dev1:","n":"t","v":1,"t":-60}]'))
    assert each.measured is not None
    assert each.measured.timestamp() == NOW / 1000 - 60
    assert each.message_id is None


def test_door_is_found_by_topic_and_unknown_topics_are_foreign() -> None:
    assert for_topic("up/x/senml") is mqtt_device.CONNECTOR
    assert for_topic("weather/x") is None
    with pytest.raises(Foreign):
        understand(RawMessage("mqtt", "weather/x", NOW, b"{}"))


def test_message_of_which_only_the_beginning_was_kept_is_oversized() -> None:
    message = RawMessage("http_push", "/in/http_push?cut=9000000", NOW, b'{"device"')
    with pytest.raises(Oversized) as caught:
        http_push.parse(message)
    assert caught.value.values["size"] == 9_000_000

"""What becomes of one message: a table of stories, each on the real engines."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.acceptance.pipeline.conftest import RECEIVED, device

from clapas.bus import Delivery
from clapas.domain.access import RowFilter
from clapas.domain.device import Binding, CodecRef, Model
from clapas.domain.quality import Quality
from clapas.domain.window import Window, instant
from clapas.pipeline import Ports, handle
from clapas.store import Latest

pytestmark = pytest.mark.engines
Log = Callable[..., Delivery]
ALL = RowFilter(everything=True)
MOMENT = instant(RECEIVED - 60_000).isoformat()


def native(**values: object) -> bytes:
    return json.dumps({"time": MOMENT, "values": values}).encode()


async def latest(ports: Ports) -> dict[str, Latest]:
    return {each.attribute: each for each in await ports.store.state.latest(ALL)}


@pytest.fixture
async def meter(ports: Ports) -> None:
    await ports.store.registry.save_devices([device("meter-1")])


class Story(msgspec.Struct, frozen=True):
    name: str
    payload: bytes
    result: str
    reason: str = ""
    topic: str = "up/meter-1"


def at(**shift: float) -> str:
    return (instant(RECEIVED) + timedelta(**shift)).isoformat()


STORIES = (
    Story("a value of a known device", native(temperature=21.5), "stored"),
    Story("a text is a value too", native(state="open"), "stored"),
    Story("not JSON", b"{", "rejected", "malformed"),
    Story("hostile bytes", bytes(range(256)), "rejected", "malformed"),
    Story("nothing in it", b'{"values": {}}', "rejected", "incomplete"),
    Story("an unknown device", native(temperature=1), "rejected", "unknown_device", "up/stranger"),
    Story("an unknown topic", native(temperature=1), "rejected", "unknown_source", "elsewhere/x"),
    Story(
        "two days ahead of its time",
        json.dumps({"time": at(days=2), "values": {"temperature": 1}}).encode(),
        "rejected",
    ),
    Story("oversized", b'{"values": {"a": "' + b"x" * 1_100_000 + b'"}}', "rejected", "too_large"),
)


@pytest.mark.usefixtures("meter")
@pytest.mark.parametrize("story", STORIES, ids=lambda each: each.name)
async def test_a_message_has_one_outcome(ports: Ports, logged: Log, story: Story) -> None:
    delivery = logged(story.payload, topic=story.topic)
    kept = await handle([delivery], ports)
    (outcome,) = kept.outcomes
    assert (outcome.result, outcome.sequence) == (story.result, delivery.sequence)
    if story.reason:
        assert outcome.reason == story.reason
    number = ports.log_numbers["uplink"]
    (count,) = await ports.store.ledger.counts(number)
    assert (count.result, count.messages) == (story.result, 1)
    frame = await ports.store.raw.by_sequence(number, delivery.sequence)
    assert frame.raw.payload == story.payload


@pytest.mark.usefixtures("meter")
async def test_a_value_becomes_the_present_and_a_history(ports: Ports, logged: Log) -> None:
    await handle([logged(native(temperature=21.5, humidity=45))], ports)
    now = await latest(ports)
    assert now["temperature"].value == 21.5
    assert now["temperature"].entity == "urn:ngsi-ld:Device:meter-1"
    assert now["humidity"].value == pytest.approx(0.45)
    window = Window(instant(RECEIVED - 3_600_000), instant(RECEIVED))
    (history,) = await ports.store.history.read(
        ALL, [now["temperature"].series], window=window, step="raw"
    )
    assert (history.times, history.values) == ([RECEIVED - 60_000], [21.5])


@pytest.mark.usefixtures("meter")
async def test_done_twice_changes_nothing(ports: Ports, logged: Log) -> None:
    delivery = logged(native(temperature=21.5))
    await handle([delivery], ports)
    await handle([delivery], ports)
    (count,) = await ports.store.ledger.counts(ports.log_numbers["uplink"])
    assert (count.result, count.messages) == ("stored", 1)


@pytest.mark.usefixtures("meter")
async def test_the_same_message_through_two_doors_is_a_duplicate(ports: Ports, logged: Log) -> None:
    one, other = logged(native(temperature=21.5)), logged(native(temperature=21.5))
    first, second = (await handle([one, other], ports)).outcomes
    assert (first.result, second.result) == ("stored", "duplicate")


@pytest.mark.usefixtures("meter")
async def test_a_late_value_is_flagged_and_does_not_replace_the_present(
    ports: Ports, logged: Log
) -> None:
    await handle([logged(native(temperature=21.5))], ports)
    late = json.dumps({"time": at(days=-5), "values": {"temperature": 5}}).encode()
    kept = await handle([logged(late)], ports)
    assert kept.told.observations[0].quality == Quality.LATE
    assert (await latest(ports))["temperature"].value == 21.5


@pytest.mark.usefixtures("meter")
async def test_an_implausible_value_is_kept_and_flagged(ports: Ports, logged: Log) -> None:
    kept = await handle([logged(native(temperature=4000))], ports)
    assert kept.told.observations[0].quality & Quality.OUT_OF_RANGE


async def test_a_binding_survives_a_replaced_device(ports: Ports, logged: Log) -> None:
    swap = instant(RECEIVED)
    place = Binding(
        channel="index",
        entity="urn:ngsi-ld:WaterMeter:12",
        attribute="waterIndex",
        quantity="water_index",
    )
    await ports.store.registry.save_devices([device("old"), device("new")])
    await ports.store.registry.bind("old", [msgspec.structs.replace(place, end=swap)])
    await ports.store.registry.bind(
        "new", [msgspec.structs.replace(place, scale=0.001, start=swap)]
    )
    before = json.dumps({"time": at(hours=-1), "values": {"index": 12.0}}).encode()
    after = json.dumps({"time": at(seconds=0), "values": {"index": 12_500}}).encode()
    kept = await handle([logged(before, topic="up/old"), logged(after, topic="up/new")], ports)
    assert len({each.series for each in kept.told.observations}) == 1
    assert [each.value for each in kept.told.observations] == [12.0, 12.5]


async def test_a_frame_without_values_is_kept(ports: Ports, logged: Log) -> None:
    script = "function decodeUplink(i){ return {data:{}} }"
    codec = await ports.store.models.save_script("quiet", script)
    await ports.store.models.save([Model(id="quiet", label="Quiet", codec=codec)])
    await ports.store.registry.save_devices([device("0011223344556677", model="quiet")])
    topic = "application/1/device/0011223344556677/event/up"
    (outcome,) = (await handle([logged(lorawan(b"\x3e", 1), topic=topic)], ports)).outcomes
    assert (outcome.result, outcome.observations) == ("stored", 0)


async def test_a_codec_that_throws_refuses_its_own_message_only(ports: Ports, logged: Log) -> None:
    script = "function decodeUplink(i){ if (i.bytes[0] === 0) throw new Error('no'); return {data:{temperature:i.bytes[0]}} }"
    codec = await ports.store.models.save_script("thermo", script)
    model = Model(id="thermo", label="Thermo", codec=codec)
    await ports.store.models.save([model])
    await ports.store.registry.save_devices([device("0011223344556677", model="thermo")])
    frames = [lorawan(b"\x14", 1), lorawan(b"\x00", 2), lorawan(b"\x15", 3)]
    topic = "application/1/device/0011223344556677/event/up"
    kept = await handle([logged(each, topic=topic) for each in frames], ports)
    assert [each.result for each in kept.outcomes] == ["stored", "rejected", "stored"]
    assert kept.outcomes[1].reason == "codec_error"
    assert [each.value for each in kept.told.observations] == [20.0, 21.0]
    assert all(each.codec == codec.version for each in kept.told.observations)
    assert isinstance(model.codec, CodecRef)


def lorawan(payload: bytes, counter: int) -> bytes:
    return json.dumps(
        {
            "deduplicationId": f"00000000-0000-0000-0000-{counter:012d}",
            "time": datetime.fromtimestamp(RECEIVED / 1000 + counter, UTC).isoformat(),
            "deviceInfo": {"devEui": "0011223344556677", "deviceProfileName": "thermo"},
            "devAddr": "01020304",
            "fCnt": counter,
            "fPort": 2,
            "data": base64.b64encode(payload).decode(),
            "rxInfo": [{"gatewayId": "aa00000000000001", "rssi": -80, "snr": 7.5}],
        }
    ).encode()

"""Gateways that run ChirpStack's software are heard and spoken to, in JSON and in protobuf."""

import asyncio
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from chirpstack_api.gw import gw_pb2
from google.protobuf import json_format  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lorawan.parts import Bench, bench, registered

from clapas.lorawan.errors import FrameError
from clapas.lorawan.gateway_proto import EVENTS
from clapas.lorawan.mqtt_door import MqttDoor
from clapas.lorawan.protobuf import decode
from clapas.ops.simulate_lorawan import device_frames
from clapas.ops.simulate_lorawan.device import Device

GATEWAY = "0016c001f153a14c"


def uplink_frame(phy: bytes) -> Any:
    """An UplinkFrame made by the reference library."""
    frame = gw_pb2.UplinkFrame(phy_payload=phy)
    frame.tx_info.frequency = 868_300_000
    lora = frame.tx_info.modulation.lora
    lora.bandwidth, lora.spreading_factor, lora.code_rate = 125_000, 7, gw_pb2.CR_4_5
    rx = frame.rx_info
    rx.gateway_id, rx.rssi, rx.snr, rx.context = GATEWAY, -97, 6.5, b"\x01\x02\x03\x04"
    rx.time_since_gps_epoch.FromMilliseconds(1_400_000_000_123)
    rx.crc_status = gw_pb2.CRC_OK
    return frame


def written(message: Any, *, as_json: bool) -> bytes:
    told: bytes = (
        json_format.MessageToJson(message).encode() if as_json else message.SerializeToString()
    )
    return told


class Broker:
    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    async def send(self, topic: str, payload: bytes) -> None:
        self.sent.append((topic, payload))

    def last(self, *, as_json: bool) -> Any:
        """The last command, read by the reference library."""
        frame = gw_pb2.DownlinkFrame()
        payload = self.sent[-1][1]
        if as_json:
            return json_format.Parse(payload, frame)
        frame.ParseFromString(payload)
        return frame


async def until(broker: Broker, count: int) -> None:
    while len(broker.sent) < count:
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "protobuf"])
async def test_a_device_joins_and_reports_through_chirpstacks_gateway_software(
    tmp_path: Path, as_json: bool
) -> None:
    one, broker = Device(1, "mqtt", place=(0, 0)), Broker()
    async with bench(tmp_path, registered(one, adr=False)) as it:
        door = it.server.open_mqtt(broker.send)
        topic = f"eu868/gateway/{GATEWAY}"
        door.message(f"{topic}/event/up", written(uplink_frame(one.join()), as_json=as_json))
        await until(broker, 1)
        assert broker.sent[0][0] == f"{topic}/command/down"
        frame = broker.last(as_json=as_json)
        rx1, rx2 = frame.items
        assert rx1.tx_info.frequency == 868_300_000
        assert rx1.tx_info.timing.delay.delay.ToMilliseconds() == 5000
        assert rx1.tx_info.context == b"\x01\x02\x03\x04"
        assert rx1.tx_info.modulation.lora.polarization_inversion
        assert (rx2.tx_info.frequency, rx2.tx_info.timing.delay.delay.ToMilliseconds()) == (
            869_525_000,
            6000,
        )
        one._joined(
            device_frames.open_join_accept(rx1.phy_payload, one.app_key, dev_nonce=one.nonce)
        )
        item = await it.server.enqueue(one.eui.hex(), f_port=3, data=b"hi")
        door.message(f"{topic}/event/up", written(uplink_frame(one.uplink()[0]), as_json=as_json))
        await until(broker, 2)
        sent = broker.last(as_json=as_json)
        down = device_frames.open_down(sent.items[0].phy_payload, one.granted, last=-1)  # type: ignore[arg-type]
        assert down.data == b"hi"
        ack = gw_pb2.DownlinkTxAck(gateway_id=GATEWAY, downlink_id=sent.downlink_id)
        ack.items.add(status=gw_pb2.TOO_LATE)
        ack.items.add(status=gw_pb2.OK)
        door.message(f"{topic}/event/ack", written(ack, as_json=as_json))
        await it.settle()
        assert item.state == "sent"
        await told_of_itself(it, door, topic, as_json=as_json)


async def told_of_itself(it: Bench, door: MqttDoor, topic: str, *, as_json: bool) -> None:
    stats = gw_pb2.GatewayStats(gateway_id=GATEWAY, rx_packets_received=12)
    stats.location.latitude, stats.location.longitude = 43.6, 3.87
    door.message(f"{topic}/event/stats", written(stats, as_json=as_json))
    gateway = it.server.network.gateways.get(GATEWAY)
    assert gateway is not None
    assert (gateway.latitude, gateway.statistics["rxnb"], gateway.gps) == (43.6, 12.0, True)
    assert door.reaches(GATEWAY)
    state = gw_pb2.ConnState(gateway_id=GATEWAY, state=gw_pb2.ConnState.State.OFFLINE)
    door.message(f"{topic}/state/conn", written(state, as_json=as_json))
    assert not door.reaches(GATEWAY)


async def test_a_message_in_anothers_name_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        door = it.server.open_mqtt(Broker().send)
        door.message(
            "eu868/gateway/1111111111111111/event/up", uplink_frame(b"x" * 20).SerializeToString()
        )
        door.message("eu868/gateway/short/event/up", b"{}")
        door.message(
            f"eu868/gateway/{GATEWAY}/event/up", b'{"phyPayload":7,"txInfo":{},"rxInfo":{}}'
        )
        assert it.server.figures()["rejected"] == {"gateway_conflict": 1, "malformed_packet": 2}


@given(st.binary(max_size=200), st.sampled_from(sorted(EVENTS)))
def test_any_bytes_are_a_message_or_a_frame_error(data: bytes, kind: str) -> None:
    try:
        assert isinstance(decode(data, EVENTS[kind]), dict)
    except FrameError:
        return


@given(st.binary(max_size=255), st.integers(-150, 0), st.integers(0, 2**32 - 1))
def test_the_same_message_reads_the_same_in_both_forms(
    phy: bytes, rssi: int, frequency: int
) -> None:
    frame = uplink_frame(phy)
    frame.rx_info.rssi, frame.tx_info.frequency = rssi, frequency
    ours = decode(frame.SerializeToString(), EVENTS["up"])
    theirs = msgspec.json.decode(json_format.MessageToJson(frame))
    assert b64decode(ours.get("phyPayload", "")) == phy
    assert ours["txInfo"].get("frequency") == theirs["txInfo"].get("frequency")
    assert ours["rxInfo"].get("rssi") == theirs["rxInfo"].get("rssi")
    assert ours["rxInfo"]["context"] == b64encode(b"\x01\x02\x03\x04").decode()

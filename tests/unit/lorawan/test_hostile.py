"""Nothing that a stranger sends stops a door; it is counted by reason."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lorawan.parts import bench

from clapas.lorawan import semtech, station
from clapas.lorawan.errors import FrameError
from clapas.lorawan.udp import UdpDoor

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["rxpk", "stat", "data", "freq", "datr", "msgtype", "MHdr", "FOpts", "MIC", "upinfo", "txpk_ack", "error"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
EUI = bytes(range(8))


@given(st.binary(max_size=200))
def test_any_datagram_is_read_or_refused(data: bytes) -> None:
    try:
        packet = semtech.parse(data)
    except FrameError:
        return
    assert packet.gateway == data[4:12].hex()


@given(JSON)
def test_any_json_in_a_push_is_read_or_refused(value: Any) -> None:
    body = json.dumps(value).encode()
    for reader in (semtech.read_push, semtech.read_tx_ack):
        try:
            reader(body)
        except FrameError:
            continue


@given(JSON | st.text(max_size=60))
def test_any_message_of_a_station_is_read_or_refused(value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        message = station.read(text)
        assert len(station.phy_payload(message)) >= 4
    except FrameError:
        return


@given(st.one_of(st.integers(), st.text(alphabet="0123456789abcdef:-", max_size=24)))
def test_a_routers_identity_is_an_eui_or_refused(value: int | str) -> None:
    try:
        assert len(bytes.fromhex(station.read_eui(value))) == 8
    except FrameError:
        return


@pytest.mark.parametrize(
    ("text", "eui"),
    [
        ("b827:ebff:fe12:3456", "b827ebfffe123456"),
        ("::1", "0000000000000001"),
        ("1::2:3", "0001000000020003"),
        ("B8-27-EB-FF-FE-12-34-56", "b827ebfffe123456"),
        (258, "0000000000000102"),
    ],
)
def test_routers_write_their_identity_in_several_ways(text: str | int, eui: str) -> None:
    assert station.read_eui(text) == eui


def datagram(body: object, kind: int = 0, eui: bytes = EUI) -> bytes:
    return b"\x02\x12\x34" + bytes((kind,)) + eui + json.dumps(body).encode()


async def test_a_flood_of_rubbish_is_counted_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as it:
        door = UdpDoor(it.server.network, it.server.scheduler)
        for _turn in range(500):
            door.datagram_received(b"\xff" * 40, ("10.0.0.9", 5))
        door.datagram_received(bytes(20_000), ("10.0.0.9", 5))
        door.datagram_received(
            datagram(
                {"rxpk": [{"data": "%%%", "freq": 868.1, "datr": "SF7BW125"}, {"freq": "x"}, 7]}
            ),
            ("10.0.0.9", 5),
        )
        door.datagram_received(
            datagram({"rxpk": [{"data": "QAEC", "freq": 868.1, "datr": "SF7BW125", "stat": -1}]}),
            ("10.0.0.9", 5),
        )
        refused = it.server.figures()["rejected"]
        assert refused == {"malformed_packet": 503, "oversized": 1, "bad_crc": 1}
        assert (
            len([each for each in caplog.records if "malformed_packet" in each.getMessage()]) == 1
        )
        assert len(it.server.network.rejections.recent) <= 500


async def test_another_address_may_not_speak_for_a_living_gateway(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        door = UdpDoor(it.server.network, it.server.scheduler)
        door.datagram_received(datagram({}, kind=2), ("10.0.0.1", 1700))
        door.datagram_received(datagram({}, kind=2), ("10.0.0.1", 1800))
        assert door._paths[EUI.hex()].address == ("10.0.0.1", 1800), "the address last seen"
        door.datagram_received(datagram({}, kind=2), ("10.6.6.6", 1700))
        assert door._paths[EUI.hex()].address == ("10.0.0.1", 1800)
        assert it.server.figures()["rejected"] == {"gateway_conflict": 1}
        door._sources[EUI.hex()] = ("10.0.0.1", -1e9)
        door.datagram_received(datagram({}, kind=2), ("10.6.6.6", 1700))
        assert door._paths[EUI.hex()].address == ("10.6.6.6", 1700), "a silent gateway may move"


async def test_a_gateway_alive_behind_another_door_is_not_spoken_for_over_udp(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as it:
        door = UdpDoor(it.server.network, it.server.scheduler)
        gateways = it.server.network.gateways
        gateways.touch(EUI.hex(), door="station", now=time.monotonic(), wall=1)
        door.datagram_received(datagram({}, kind=2), ("10.6.6.6", 1700))
        assert it.server.figures()["rejected"] == {"gateway_conflict": 1}
        assert not door.reaches(EUI.hex())
        gateways.touch(EUI.hex(), door="station", now=time.monotonic() - 60, wall=1)
        door.datagram_received(datagram({}, kind=2), ("10.6.6.6", 1700))
        assert door.reaches(EUI.hex()), "a gateway that fell silent may change its protocol"


async def test_a_gateway_tells_its_place_and_its_health(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        door = UdpDoor(it.server.network, it.server.scheduler)
        stat = {
            "time": "2026-01-01 00:00:00 GMT",
            "lati": 43.61,
            "long": 3.87,
            "alti": 50,
            "rxnb": 9,
            "ackr": 98.0,
            "temp": 41,
        }
        door.datagram_received(datagram({"stat": stat}), ("10.0.0.1", 1))
        (gateway,) = it.server.gateways()
        assert (gateway.latitude, gateway.longitude, gateway.temperature) == (43.61, 3.87, 41)
        assert gateway.forwarded_share == 0.98
        assert gateway.statistics["rxnb"] == 9


async def test_the_doors_are_closed_until_somebody_opens_them(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        assert it.server.udp is None
        assert it.server.station is None
        assert it.server.network.settings.host == "127.0.0.1"
        assert not it.server.network.settings.enabled

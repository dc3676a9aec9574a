"""Coming from ChirpStack and going back, without any device joining again."""

import json
from pathlib import Path
from typing import Any

from tests.unit.lorawan.parts import bench
from tests.unit.lorawan.test_network import granted

from clapas.lorawan.exchange import BadLine, Imported, Radio, adopt, exported, read_lines
from clapas.lorawan.regions import region
from clapas.ops.simulate_lorawan.device import Device

EU868 = region("EU868")
KEY = "000102030405060708090a0b0c0d0e0f"


def line(one: Device, **activation: Any) -> str:
    """A device as ChirpStack v4's API tells it."""
    return json.dumps(
        {
            "device": {"devEui": one.eui.hex(), "joinEui": "0" * 16, "name": "Compteur 12", "tags": {"rue": "Foch"}},
            "deviceKeys": {"nwkKey": one.app_key.hex(), "appKey": "0" * 32},
            "deviceProfile": {"macVersion": "LORAWAN_1_0_3", "name": "Axioma", "supportsOtaa": True},
            "deviceActivation": {
                "devAddr": "01a2b3c4", "appSKey": KEY, "nwkSEncKey": KEY, "sNwkSIntKey": KEY, "fNwkSIntKey": KEY,
            } | activation,
        }
    )  # fmt: skip


def read(text: str, **radio: Any) -> Imported:
    (found,) = read_lines([text], EU868, radio=Radio(**radio))
    assert isinstance(found, Imported)
    return found


async def test_a_device_goes_on_where_it_was_and_back_again(tmp_path: Path) -> None:
    one = Device(1, "exchange", place=(0, 0))
    found = read(line(one, fCntUp=70_000, nFCntDown=12), rx2_dr=3)
    assert found.device.app_key == one.app_key, "ChirpStack keeps a 1.0.x AppKey in nwkKey"
    assert found.tags == {"rue": "Foch"}
    one.rate, one.counter, one.down_counter = 5, 70_000, 11
    one.granted = granted(0x01A2B3C4, bytes.fromhex(KEY))
    async with bench(tmp_path, found.device) as it:
        await adopt(it.server.network.state, found)
        it.door.hear(one.uplink(confirmed=True)[0])
        await it.settle()
        assert it.events("up")[0]["fCnt"] == 70_000
        down = it.open_down(one)
        assert (down.counter, down.ack) == (12, True)
        back = [json.loads(each) for each in exported(it.server.network.state, [found.device])]
    assert back[0]["deviceActivation"]["fCntUp"] == 70_001
    assert back[0]["deviceActivation"]["nFCntDown"] > 12
    assert back[0]["deviceKeys"]["nwkKey"] == one.app_key.hex()
    again = read(json.dumps(back[0]))
    assert again.device == found.device
    assert again.state.session is not None
    assert again.state.session.f_cnt_up == 70_001


async def test_an_older_export_never_takes_a_counter_back(tmp_path: Path) -> None:
    one = Device(1, "exchange", place=(0, 0))
    async with bench(tmp_path, read(line(one)).device) as it:
        state = it.server.network.state
        await adopt(state, read(line(one, fCntUp=500, nFCntDown=90)))
        await adopt(state, read(line(one, fCntUp=400, nFCntDown=80), counter_margin=5))
        session = it.server.device(one.eui.hex()).session
        assert session is not None
        assert (session.f_cnt_up, session.f_cnt_down) == (500, 90)
        assert session.judge(450) == "replayed"


def test_bad_lines_are_told_by_number_and_the_others_are_read() -> None:
    one = Device(1, "exchange", place=(0, 0))
    wrong = [
        "nonsense",
        "[]",
        '{"device": {"devEui": "12"}}',
        line(one, nwkSEncKey="00"),
        line(one).replace("LORAWAN_1_0_3", "LORAWAN_9"),
        line(one, devAddr="zz"),
    ]
    found = list(read_lines([*wrong, "", line(one)], EU868, radio=Radio()))
    assert [each.values["line"] for each in found if isinstance(each, BadLine)] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    assert isinstance(found[-1], Imported)

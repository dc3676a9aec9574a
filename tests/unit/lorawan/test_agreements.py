"""What network and device agree upon through MAC commands: data rate, channels, time, battery."""

from pathlib import Path

import msgspec
from tests.unit.lorawan.parts import QUICK, bench, registered

from clapas.lorawan import conversation, mac_commands
from clapas.lorawan.network import wall_ms
from clapas.ops.simulate_lorawan import device_frames as frames
from clapas.ops.simulate_lorawan.device import Device


def device(number: int = 1) -> Device:
    found = Device(number, "unit", place=(0, 0))
    found.rate = 5
    return found


async def test_adr_moves_a_well_heard_device_with_its_models_margin(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one, adr_margin_db=3.0)) as it:
        await it.join(one)
        one.rate = 0
        it.door.hear(one.uplink()[0], rate="SF12BW125", snr=-5.0)
        await it.settle()
        one._obey(it.open_down(one).commands)
        assert one.rate == 4, "-5 − (−20) − 3 dB of margin = 12 dB = 4 steps"
        it.door.hear(one.uplink()[0], rate="SF8BW125", snr=-5.0)
        await it.settle()
        session = it.server.device(one.eui.hex()).session
        assert session is not None
        assert session.pending == {}
        assert session.dr == 4


async def test_a_device_is_told_the_time_and_its_margin(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one, adr=False)) as it:
        await it.join(one)
        one.answers = b"\x0d\x02"
        it.door.hear(one.uplink()[0], snr=2.5)
        await it.settle()
        commands = mac_commands.decode_commands(it.open_down(one).commands, uplink=False)
        found = {each.name: each.values for each in commands}
        assert found["LinkCheckAns"] == {"margin": 10, "gw_cnt": 1}
        now = conversation.gps_now(wall_ms()) // 1000
        assert abs(found["DeviceTimeAns"]["seconds"] - now) <= 2


async def test_battery_becomes_a_status_event(tmp_path: Path) -> None:
    one = device()
    settings = msgspec.structs.replace(QUICK, device_status_hours=1, adr=False)
    async with bench(tmp_path, registered(one), settings=settings) as it:
        await it.join(one)
        session = it.server.device(one.eui.hex()).session
        assert session is not None
        session.status_asked = 0
        it.door.hear(one.uplink()[0])
        await it.settle()
        one._obey(it.open_down(one).commands)
        it.door.hear(one.uplink()[0])
        await it.settle()
        (status,) = it.events("status")
        assert status["margin"] == 10
        assert 78 < status["batteryLevel"] < 79


async def test_an_american_device_gets_its_sub_band_and_answers_on_the_downlink_channels(
    tmp_path: Path,
) -> None:
    one = device()
    band = (*range(8, 16), 65)
    settings = msgspec.structs.replace(QUICK, region="US915", enabled_channels=band)
    async with bench(tmp_path, registered(one), settings=settings) as it:
        it.door.hear(one.join(), rate="SF10BW125", frequency=904_100_000)
        await it.settle()
        rx1 = it.door.emitted[-1]
        assert (rx1.slot.frequency, rx1.data_rate.text) == (923_900_000, "SF10BW500")
        session = it.server.device(one.eui.hex()).session
        assert session is not None
        assert session.channels.enabled == band
        one.granted = frames.open_join_accept(rx1.phy, one.app_key, dev_nonce=one.nonce)
        session.channels.enabled = tuple(range(72))
        it.door.hear(one.uplink()[0], rate="SF10BW125", frequency=904_100_000, snr=20.0)
        await it.settle()
        commands = mac_commands.decode_commands(it.open_down(one).commands, uplink=False)
        assert [(each.values["ch_mask_cntl"], each.values["ch_mask"]) for each in commands] == [
            (7, (1,)),
            (0, tuple(range(8, 16))),
        ]
        one.answers = b"\x03\x07\x03\x07"
        it.door.hear(one.uplink()[0], rate="SF7BW125", frequency=904_100_000, snr=20.0)
        await it.settle()
        assert session.channels.enabled == band
        assert session.dr == 3


async def test_an_asian_device_is_asked_to_keep_its_frames_short(tmp_path: Path) -> None:
    one = device()
    settings = msgspec.structs.replace(QUICK, region="AS923", dwell_400ms=True)
    async with bench(tmp_path, registered(one, adr=False), settings=settings) as it:
        it.door.hear(one.join(), rate="SF10BW125", frequency=923_200_000)
        await it.settle()
        one.granted = frames.open_join_accept(
            it.door.emitted[-1].phy, one.app_key, dev_nonce=one.nonce
        )
        it.door.hear(one.uplink()[0], rate="SF10BW125", frequency=923_200_000)
        await it.settle()
        (command,) = mac_commands.decode_commands(it.open_down(one).commands, uplink=False)
        assert (command.name, command.values["uplink_dwell_time"]) == ("TxParamSetupReq", True)
        one.answers = b"\x09"
        it.door.hear(one.uplink()[0], rate="SF10BW125", frequency=923_200_000)
        await it.settle()
        session = it.server.device(one.eui.hex()).session
        assert session is not None
        assert session.dwell
        assert it.server.network.region.payload_size(2, dwell=True) == 11


async def test_commands_for_the_network_are_not_told_as_data(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one, adr=False)) as it:
        await it.join(one)
        assert one.granted is not None
        one.granted.app_key, kept = one.granted.net_key, one.granted.app_key
        it.door.hear(frames.data_up(one.granted, counter=0, port=0, data=b"\x02", adr=False))
        one.granted.app_key = kept
        await it.settle()
        (up,) = it.events("up")
        assert "data" not in up
        (command,) = mac_commands.decode_commands(it.open_down(one).commands, uplink=False)
        assert command.name == "LinkCheckAns"

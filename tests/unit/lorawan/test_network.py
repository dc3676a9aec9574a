"""What the network does with uplinks, copies, counters and downlinks."""

import asyncio
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest
from tests.unit.lorawan.parts import QUICK, bench, registered

from clapas.domain.errors import BadSetting
from clapas.lorawan.errors import QueueRefused, UnknownDevice
from clapas.lorawan.settings import Settings
from clapas.ops.simulate_lorawan import device_frames as frames
from clapas.ops.simulate_lorawan.device import Device


def device(number: int = 1) -> Device:
    found = Device(number, "unit", place=(0, 0))
    found.rate = 5
    return found


def counters(events: list[dict[str, object]]) -> list[object]:
    return [event.get("fCnt", 0) for event in events]


async def test_a_device_joins_and_its_payload_arrives_in_clear(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one, name="Cave", model="ers")) as it:
        await it.join(one)
        phy, data = one.uplink()
        it.door.hear(phy)
        await it.settle()
        (up,) = it.events("up")
        assert b64decode(up["data"]) == data
        assert up["deviceInfo"]["deviceName"] == "Cave"
        assert up["deviceInfo"]["deviceProfileName"] == "ers"
        assert up["txInfo"]["frequency"] == 868_100_000
        assert "fCnt" not in up, "a default value is omitted, as in proto3's JSON"
        (joined,) = it.events("join")
        assert joined["devAddr"] == up["devAddr"]
        assert it.log[-1].idempotency == f"up:{up['deduplicationId']}"


async def test_copies_are_one_uplink_with_every_gateway(tmp_path: Path) -> None:
    one = device()
    settings = msgspec.structs.replace(QUICK, dedup_window_ms=60)
    async with bench(tmp_path, registered(one), settings=settings) as it:
        await it.join(one)
        it.server.network.gateways.touch("gw2", door="hand", now=1e12, wall=0)
        phy, _data = one.uplink()
        for gateway, snr in (("gw1", -3.0), ("gw2", 7.0), ("gw1", -3.0)):
            it.door.hear(phy, gateway=gateway, snr=snr)
        await asyncio.sleep(0.1)
        it.door.hear(phy, gateway="gw3")
        await it.settle()
        (up,) = it.events("up")
        assert [each["gatewayId"] for each in up["rxInfo"]] == ["gw2", "gw1"], "best first"
        assert it.server.figures()["late_copies"] == 1


async def test_devices_that_share_an_address_are_told_apart_by_the_mic(tmp_path: Path) -> None:
    first, second = device(1), device(2)
    async with bench(tmp_path, registered(first), registered(second)) as it:
        for each in (first, second):
            key = each.eui.ljust(16, b"\1")
            await it.server.activate(
                each.eui.hex(), dev_addr=0x01020304, nwk_s_key=key, app_s_key=key
            )
            each.granted = granted(0x01020304, key)
            it.door.hear(each.uplink()[0])
        await it.settle()
        assert {up["deviceInfo"]["devEui"] for up in it.events("up")} == {
            first.eui.hex(),
            second.eui.hex(),
        }


def granted(address: int, key: bytes) -> frames.Granted:
    found = frames.Granted(bytes(28), key, dev_nonce=0)
    found.address, found.net_key, found.app_key = address, key, key
    return found


async def test_the_counter_passes_65535(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        one.counter = 65_534
        for _uplink in range(4):
            it.door.hear(one.uplink()[0])
            await it.settle()
        assert counters(it.events("up")) == [65_534, 65_535, 65_536, 65_537]


async def test_a_replay_a_forgery_and_a_stranger_are_refused_by_name(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        old = one.uplink()[0]
        it.door.hear(old)
        one.counter = 200
        it.door.hear(one.uplink()[0])
        await it.settle()
        it.server.network.dedup.forget()
        it.door.hear(old)
        it.door.hear(old[:-1] + bytes((old[-1] ^ 1,)))
        it.door.hear(old[:1] + b"\1\2\3\4" + old[5:])
        it.door.hear(old[:1] + b"\1\2\3\0" + old[5:])
        it.door.hear(b"\x60" + old[1:])
        it.door.hear(b"\x40\0")
        await it.settle()
        refused = it.server.figures()["rejected"]
        assert refused == {
            "replayed": 1,
            "bad_mic": 1,
            "foreign_network": 1,
            "unknown_dev_addr": 1,
            "wrong_direction": 1,
            "malformed_frame": 1,
        }
        assert len(it.events("up")) == 2


async def test_a_frame_on_a_slower_road_is_still_delivered_once(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        several = [one.uplink()[0] for _uplink in range(5)]
        for at in (0, 4, 2, 1, 3, 2):
            it.door.hear(several[at])
            await it.settle()
        assert counters(it.events("up")) == [0, 4, 2, 1, 3]


async def test_a_confirmed_uplink_is_acknowledged_and_again_when_the_answer_was_lost(
    tmp_path: Path,
) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        phy, _data = one.uplink(confirmed=True)
        it.door.hear(phy)
        await it.settle()
        assert it.open_down(one).ack
        it.server.network.dedup.forget()
        it.door.hear(phy)
        await it.settle()
        assert it.open_down(one).ack
        assert len(it.events("up")) == 1


async def test_no_acknowledgement_before_the_log_has_the_message(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        before = len(it.door.emitted)
        stuck = asyncio.Event()

        async def never(_message: object) -> int:
            await stuck.wait()
            return 1

        it.server.network.publisher._publish = never
        it.door.hear(one.uplink(confirmed=True)[0])
        await asyncio.sleep(0.3)
        assert len(it.door.emitted) == before
        stuck.set()
        await it.settle()
        assert it.open_down(one).ack


async def test_rx1_answers_on_the_uplink_channel_and_rx2_when_rx1_collides(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        item = await it.server.enqueue(one.eui.hex(), f_port=3, data=b"go")
        it.door.errors = ["COLLISION_PACKET"]
        it.door.hear(one.uplink()[0], frequency=867_500_000)
        await it.settle()
        rx1, rx2 = it.door.emitted[-2:]
        assert (rx1.slot.frequency, rx1.slot.dr, rx1.slot.delay) == (867_500_000, 5, 1)
        assert (rx2.slot.frequency, rx2.slot.dr, rx2.slot.delay) == (869_525_000, 3, 2)
        assert rx1.phy == rx2.phy, "the same bytes: no counter is spent on a refusal"
        assert it.open_down(one).data == b"go"
        assert item.state == "sent"


async def test_a_confirmed_downlink_is_tried_again_then_acknowledged(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        item = await it.server.enqueue(one.eui.hex(), f_port=3, data=b"open", confirmed=True)
        for ack, state in ((False, "sent"), (False, "sent"), (True, "acknowledged")):
            one.must_ack = ack
            it.door.hear(one.uplink()[0])
            await it.settle()
            assert item.state == state
        assert it.events("ack")[-1]["acknowledged"] is True
        assert len({each.get("fCntDown", 0) for each in it.events("txack")}) == 2


async def test_a_downlink_is_given_up_after_its_attempts_and_says_why(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        item = await it.server.enqueue(one.eui.hex(), f_port=3, data=b"open")
        for _attempt in range(3):
            it.door.errors = ["TOO_LATE", "TX_FREQ"]
            it.door.hear(one.uplink()[0])
            await it.settle()
        assert (item.state, item.reason) == ("failed", "TX_FREQ")
        assert it.server.queue(one.eui.hex()) == [item]
        assert it.events("log")[-1]["code"] == "DOWNLINK_GATEWAY"


async def test_priority_goes_first_and_expiry_is_said(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        eui = one.eui.hex()
        late = await it.server.enqueue(eui, f_port=3, data=b"late", expires=1)
        await it.server.enqueue(eui, f_port=3, data=b"soon")
        await it.server.enqueue(eui, f_port=3, data=b"first", priority=5)
        heard = []
        for _uplink in range(2):
            it.door.hear(one.uplink()[0])
            await it.settle()
            down = it.open_down(one)
            heard.append((down.data, down.more))
        assert heard == [(b"first", True), (b"soon", False)]
        assert late.state == "expired"


async def test_what_cannot_be_queued_is_refused_at_once(tmp_path: Path) -> None:
    one = device()
    settings = msgspec.structs.replace(QUICK, queue_limit=1)
    async with bench(tmp_path, registered(one), settings=settings) as it:
        with pytest.raises(UnknownDevice):
            await it.server.enqueue(one.eui.hex(), f_port=1, data=b"")
        await it.join(one)
        for port, data in ((0, b"x"), (225, b"x"), (1, bytes(243))):
            with pytest.raises(QueueRefused):
                await it.server.enqueue(one.eui.hex(), f_port=port, data=data)
        await it.server.enqueue(one.eui.hex(), f_port=1, data=b"x")
        with pytest.raises(QueueRefused):
            await it.server.enqueue(one.eui.hex(), f_port=1, data=b"x")


async def test_unknown_settings_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"prot": 1}, Settings)


async def test_a_full_disk_refuses_by_name_and_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        with monkeypatch.context() as broken:
            broken.setattr(
                "os.write", lambda _file, _data: (_ for _ in ()).throw(OSError(28, "full"))
            )
            it.door.hear(one.join())
            await asyncio.sleep(0.05)
        assert it.server.figures()["rejected"] == {"disk_full": 1}
        await it.join(one)
        it.door.hear(one.uplink()[0])
        await it.settle()
        assert len(it.events("up")) == 1


async def test_a_wrong_net_id_is_a_setting_to_mend(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as refused:
        async with bench(tmp_path, settings=msgspec.structs.replace(QUICK, net_id="xyz")):
            pass
    assert refused.value.values["key"] == "lorawan.net_id"


async def test_a_retransmission_heard_elsewhere_on_another_channel_is_acknowledged(
    tmp_path: Path,
) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        phy, _data = one.uplink(confirmed=True)
        it.door.hear(phy, gateway="gw1", frequency=868_100_000)
        await it.settle()
        before = len(it.door.emitted)
        it.door.hear(phy, gateway="gw2", frequency=868_300_000)
        await it.settle()
        assert it.door.emitted[before].slot.frequency == 868_300_000
        assert it.open_down(one).ack
        assert len(it.events("up")) == 1

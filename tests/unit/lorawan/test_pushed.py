"""Class C and B devices, multicast groups, firmware fragments and the clock package."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lorawan.parts import Bench, bench, registered

from clapas.lorawan import class_b, clock, pushed
from clapas.lorawan.bits import Command
from clapas.lorawan.ciphers import aes_encrypt
from clapas.lorawan.errors import FrameError
from clapas.lorawan.keys import mc_ke_key, mc_nwk_s_key, mc_root_key_10
from clapas.lorawan.mic import downlink_mic
from clapas.lorawan.multicast import GroupPlan, session_request, setup_request
from clapas.lorawan.packages import clock_sync, fragments, multicast_setup
from clapas.ops.simulate_lorawan.device import Device


async def joined(it: Bench, one: Device, **heard: object) -> None:
    """Join and report once, so that the network knows which gateways reach the device."""
    one.rate = 5
    await it.join(one)
    it.door.hear(one.uplink()[0], **heard)  # type: ignore[arg-type]
    await it.settle()
    it.server.network.doors["hand"] = it.door


async def until(it: Bench, count: int) -> None:
    """Wait for so many emissions."""
    while len(it.door.emitted) < count:
        await asyncio.sleep(0.01)


async def test_a_class_c_device_is_spoken_to_at_once_in_rx2(tmp_path: Path) -> None:
    one = Device(1, "push", place=(0, 0))
    async with bench(tmp_path, registered(one, device_class="C", adr=False)) as it:
        await joined(it, one)
        before = len(it.door.emitted)
        item = await it.server.enqueue(one.eui.hex(), f_port=9, data=b"now")
        await until(it, before + 1)
        emission = it.door.emitted[-1]
        assert emission.answers is None
        assert emission.gps_ms is None
        assert (emission.slot.frequency, emission.slot.dr) == (869_525_000, 3)
        assert it.open_down(one).data == b"now"
        await it.settle()
        assert item.state == "sent"


async def test_a_busy_gateway_makes_a_class_c_downlink_wait_not_fail(tmp_path: Path) -> None:
    one = Device(1, "push", place=(0, 0))
    async with bench(tmp_path, registered(one, device_class="C", adr=False)) as it:
        await joined(it, one)
        before = len(it.door.emitted)
        it.door.errors = ["COLLISION_PACKET"]
        item = await it.server.enqueue(one.eui.hex(), f_port=9, data=b"later")
        await until(it, before + 2)
        await it.settle()
        assert item.state == "sent"
        assert it.open_down(one).data == b"later"


async def test_a_class_b_device_is_spoken_to_in_its_ping_slot(tmp_path: Path) -> None:
    one = Device(1, "push", place=(0, 0))
    async with bench(tmp_path, registered(one, device_class="B", adr=False)) as it:
        await joined(it, one)
        state = it.server.device(one.eui.hex())
        assert state.session is not None
        state.session.device_class, state.session.ping_periodicity = "B", 0
        before = len(it.door.emitted)
        item = await it.server.enqueue(one.eui.hex(), f_port=9, data=b"ping")
        await asyncio.sleep(0.05)
        assert (len(it.door.emitted), item.reason) == (before, "NO_GATEWAY"), (
            "no gateway knows GPS time"
        )
        it.server.network.gateways.knows_time("gw1")
        await until(it, before + 1)
        emission = it.door.emitted[-1]
        assert emission.gps_ms is not None
        slot = class_b.next_ping_slot(emission.gps_ms - 1, state.session.dev_addr, ping_nb=128)
        assert slot == emission.gps_ms
        assert it.open_down(one).data == b"ping"


async def test_a_group_is_sent_once_through_few_gateways_that_cover_it(tmp_path: Path) -> None:
    several = [Device(number, "group", place=(0, 0)) for number in range(3)]
    async with bench(tmp_path, *(registered(each, adr=False) for each in several)) as it:
        for each, gateway in zip(several, ("gw1", "gw2", "gw1"), strict=True):
            await joined(it, each, gateway=gateway)
        plan = GroupPlan(
            name="lamps",
            mc_addr=0xFF00FF00,
            mc_key=bytes(16),
            members=tuple(each.eui.hex() for each in several),
        )
        state = await it.server.create_group(plan)
        assert set(pushed.cover(it.server.network, state)) == {"gw1", "gw2"}
        before = len(it.door.emitted)
        for data in (b"on", b"off"):
            await it.server.enqueue_group("lamps", f_port=5, data=data)
        await until(it, before + 4)
        sent = it.door.emitted[before:]
        assert [each.gateway for each in sent[:2]] in (["gw1", "gw2"], ["gw2", "gw1"])
        assert sent[0].phy == sent[1].phy != sent[2].phy
        key = mc_nwk_s_key(bytes(16), 0xFF00FF00)
        for counter, emission in enumerate((sent[0], sent[2])):
            phy = emission.phy
            assert downlink_mic(key, phy[:-4], dev_addr=0xFF00FF00, f_cnt=counter) == phy[-4:]
        again = await it.server.create_group(msgspec.structs.replace(plan, members=()))
        assert again.session is not None
        assert again.session.f_cnt_down == 2, "a group's counter never goes back"


async def test_nobody_can_speak_up_with_a_groups_key(tmp_path: Path) -> None:
    one = Device(1, "group", place=(0, 0))
    async with bench(tmp_path, registered(one)) as it:
        await it.server.create_group(GroupPlan(name="g", mc_addr=0x01020304, mc_key=bytes(16)))
        assert it.server.network.state.at_address(0x01020304) == ()


def test_a_device_gets_the_groups_key_wrapped_for_it_alone() -> None:
    device = registered(Device(1, "group", place=(0, 0)))
    plan = GroupPlan(
        name="g", mc_addr=0x01020304, mc_key=bytes(range(16)), frequency=869_525_000, dr=3
    )
    (command,) = multicast_setup.DOWNLINK[1].decode(setup_request(device, plan, group_id=1))
    wrapped = bytes.fromhex(command.values["mc_key_encrypted"])
    assert aes_encrypt(mc_ke_key(mc_root_key_10(device.app_key)), wrapped) == plan.mc_key
    (opened,) = multicast_setup.DOWNLINK[1].decode(
        session_request(plan, group_id=1, start_gps_s=99, time_out=8)
    )
    assert (opened.name, opened.values["dl_frequency"]) == ("McClassCSessionReq", 869_525_000)


@given(st.binary(min_size=1, max_size=400), st.integers(1, 40), st.data())
def test_fragments_give_the_block_or_say_that_more_are_needed(
    block: bytes, size: int, data: st.DataObject
) -> None:
    count = -(-len(block) // size)
    sent = fragments.split(block, size, redundancy=count)
    lost = data.draw(st.sets(st.integers(1, len(sent))))
    received = {number: each for number, each in enumerate(sent, 1) if number not in lost}
    found = fragments.rebuild(received, count, size=size)
    assert found is None or found[: len(block)] == block
    if not lost & set(range(1, count + 1)):
        assert found is not None


@pytest.mark.parametrize("first_lost", [1, 7, 20])
def test_a_firmware_survives_a_burst_of_lost_fragments(first_lost: int) -> None:
    block = bytes(index * 7 % 256 for index in range(1000))
    sent = fragments.split(block, 25, redundancy=20)
    received = {
        number: each
        for number, each in enumerate(sent, 1)
        if not first_lost <= number < first_lost + 10
    }
    assert fragments.rebuild(received, 40, size=25) == block


def test_too_few_fragments_are_said_to_be_too_few() -> None:
    sent = fragments.split(bytes(range(60)), 10, redundancy=3)
    assert fragments.rebuild(dict(enumerate(sent[:5], 1)), 6, size=10) is None
    assert fragments.data_fragment(3, sent[2])[:3] == b"\x08\x03\x00"
    with pytest.raises(FrameError):
        fragments.split(b"", 10, redundancy=0)


async def test_a_device_whose_clock_is_wrong_is_told_by_how_much(tmp_path: Path) -> None:
    one = Device(1, "clock", place=(0, 0))
    async with bench(tmp_path, registered(one, clock_sync=True, adr=False)) as it:
        one.rate = 5
        await it.join(one)
        phy = clock_request(one, device_time=1000)
        it.door.hear(phy)
        await it.settle()
        down = it.open_down(one)
        (command,) = clock_sync.DOWNLINK.decode(down.data)
        assert down.port == clock_sync.PORT
        assert command.values["token_ans"] == 7
        assert command.values["time_correction"] > 1_400_000_000


def clock_request(one: Device, *, device_time: int) -> bytes:
    from clapas.ops.simulate_lorawan import device_frames

    values = {"device_time": device_time, "token_req": 7, "ans_required": False}
    data = clock_sync.UPLINK.encode([Command("AppTimeReq", values)])
    assert one.granted is not None
    return device_frames.data_up(one.granted, counter=0, port=clock_sync.PORT, data=data)


def test_a_right_clock_needs_no_answer_unless_one_is_asked() -> None:
    values = {"device_time": 500, "token_req": 1, "ans_required": False}
    assert clock.correction(Command("AppTimeReq", values), 500) is None
    asked = clock.correction(Command("AppTimeReq", values | {"ans_required": True}), 498)
    assert asked == Command("AppTimeAns", {"time_correction": -2, "token_ans": 1})

"""Joins: what is refused and why, nonces, two sessions at once, and answers that cannot be sent."""

import time
from pathlib import Path

import msgspec
import pytest
from tests.unit.lorawan.parts import QUICK, bench, registered

from clapas.lorawan.network import wall_ms
from clapas.ops.simulate_lorawan import device_frames as frames
from clapas.ops.simulate_lorawan.device import Device


def device(number: int = 1) -> Device:
    found = Device(number, "unit", place=(0, 0))
    found.rate = 5
    return found


def counters(events: list[dict[str, object]]) -> list[object]:
    return [event.get("fCnt", 0) for event in events]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"app_key": bytes(16)}, "join_bad_mic"),
        ({"app_key": b""}, "join_no_key"),
        ({"enabled": False}, "disabled_device"),
        ({"join_eui": "1111111111111111"}, "join_eui_mismatch"),
    ],
)
async def test_a_refused_join_is_explained(
    tmp_path: Path, facts: dict[str, object], reason: str
) -> None:
    one = device()
    async with bench(tmp_path, msgspec.structs.replace(registered(one), **facts)) as it:
        it.door.hear(one.join())
        await it.settle()
        assert it.server.network.rejections.joins[one.eui.hex()].reason == reason
        assert it.door.emitted == []


@pytest.mark.parametrize(
    ("frequency", "rate"), [(902_300_000, "SF10BW125"), (868_100_000, "SF8BW500")]
)
async def test_a_device_of_another_region_is_explained_and_never_answered(
    tmp_path: Path, frequency: int, rate: str
) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        it.door.hear(one.join(), frequency=frequency, rate=rate)
        await it.settle()
        rejections = it.server.network.rejections
        refused = rejections.joins[one.eui.hex()]
        assert (refused.reason, rate in refused.detail) == ("unsupported_frequency", True)
        assert it.door.emitted == []
        await it.join(one)
        assert rejections.joins == {}
        it.door.emitted.clear()
        heard = len(it.events("up"))
        it.door.hear(one.uplink()[0], frequency=frequency, rate=rate)
        await it.settle()
        assert (it.door.emitted, len(it.events("up"))) == ([], heard)
        assert rejections.counts["unsupported_frequency"] == 2


async def test_a_dev_nonce_serves_once_and_its_owner_can_forget_it(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        it.server.network.dedup.forget()
        request = frames.join_request(
            one.app_key, one.join_eui, dev_eui=one.eui, dev_nonce=one.nonce
        )
        it.door.hear(request)
        await it.settle()
        failures = it.server.network.rejections.joins
        assert failures[one.eui.hex()].reason == "dev_nonce_used"
        await it.server.forget_nonces(one.eui.hex())
        assert failures == {}
        it.server.network.dedup.forget()
        it.door.hear(request)
        await it.settle()
        assert it.server.figures()["joins"] == 2


async def test_from_1_0_4_on_a_nonce_only_grows(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one, version="1.0.4")) as it:
        one.nonce = 50
        await it.join(one)
        for nonce in (50, 49, 52):
            one.nonce = nonce - 1
            it.server.network.dedup.forget()
            it.door.hear(one.join())
            await it.settle()
        assert it.server.figures()["rejected"] == {"dev_nonce_used": 2}
        assert it.server.figures()["joins"] == 2


async def test_the_old_session_lives_until_the_new_one_speaks(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        old = one.granted
        await it.join(one)
        new, one.granted = one.granted, old
        it.door.hear(one.uplink()[0])
        await it.settle()
        one.granted = new
        it.door.hear(one.uplink()[0])
        await it.settle()
        one.granted, one.counter = old, 9
        it.door.hear(one.uplink()[0])
        await it.settle()
        assert counters(it.events("up")) == [0, 1]
        assert it.server.figures()["rejected"] == {"unknown_dev_addr": 1}


async def test_a_key_that_was_corrected_serves_and_a_flood_of_gateways_forgets_the_silent_ones(
    tmp_path: Path,
) -> None:
    one = device()
    async with bench(tmp_path, msgspec.structs.replace(registered(one), app_key=bytes(16))) as it:
        it.door.hear(one.join())
        await it.settle()
        it.devices.add(registered(one))
        it.server.network.register.forget(one.eui.hex())
        it.door.hear(one.join())
        await it.settle()
        assert it.server.figures()["joins"] == 1
        gateways = it.server.network.gateways
        for number in range(10_005):
            gateways.touch("gw1", door="hand", now=number, wall=0)
            gateways.touch(f"forged{number}", door="hand", now=number, wall=0)
        assert len(list(gateways)) == 10_000
        assert gateways.get("gw1") is not None


async def test_a_join_that_no_gateway_can_answer_says_which_way_is_missing(tmp_path: Path) -> None:
    one = device()
    settings = msgspec.structs.replace(QUICK, downlink_lead_ms=7000)
    async with bench(tmp_path, registered(one), settings=settings) as it:
        refused = it.server.network.rejections.joins
        it.door.hear(one.join(), gateway="")
        await it.settle()
        assert refused[one.eui.hex()].reason == "no_way_back"
        it.door.hear(one.join())
        await it.settle()
        assert refused[one.eui.hex()].reason == "too_late"
        assert it.server.figures()["joins"] == 0
        assert it.door.emitted == []


async def test_a_join_is_refused_when_the_airtime_is_spent_and_answered_when_it_comes_back(
    tmp_path: Path,
) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        it.server.network.gateways.touch("gw1", door="hand", now=time.monotonic(), wall=0)
        gateway = it.server.network.gateways.get("gw1")
        assert gateway is not None
        now = time.monotonic()
        for band in (868_000_000, 869_400_000):
            gateway.air.reserve(band, now - 3000, seconds=400.0, now=now)
        it.door.hear(one.join())
        await it.settle()
        assert it.server.network.rejections.joins[one.eui.hex()].reason == "duty_cycle"
        assert it.door.emitted == []
        for band in (868_000_000, 869_400_000):
            gateway.air.release(band, now - 3000, seconds=400.0)
        await it.join(one)
        assert it.server.network.rejections.joins == {}


async def test_a_restart_does_not_give_the_airtime_of_the_last_hour_back(tmp_path: Path) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        it.server.network.gateways.touch("gw1", door="hand", now=time.monotonic(), wall=wall_ms())
        (gateway,) = it.server.gateways()
        gateway.uplinks, gateway.placed_by_itself, gateway.latitude = 7, True, 43.6
        now = time.monotonic()
        gateway.air.reserve(868_000_000, now - 3000, seconds=35.99, now=now)
        gateway.air.reserve(869_400_000, now - 3000, seconds=359.0, now=now)
    async with bench(tmp_path, registered(one)) as it:
        (gateway,) = it.server.gateways()
        assert (gateway.id, gateway.uplinks, gateway.latitude) == ("gw1", 7, 43.6)
        it.door.hear(one.join())
        await it.settle()
        assert it.server.network.rejections.joins[one.eui.hex()].reason == "duty_cycle"


async def test_a_gateway_that_refuses_the_answer_is_told_until_the_device_speaks(
    tmp_path: Path,
) -> None:
    one = device()
    async with bench(tmp_path, registered(one)) as it:
        it.door.errors = ["TX_FREQ", "TX_FREQ"]
        await it.join(one)
        (failure,) = it.server.network.rejections.joins.values()
        assert (failure.reason, failure.detail) == ("answer_not_sent", "TX_FREQ")
        it.door.hear(one.uplink()[0])
        await it.settle()
        assert it.server.network.rejections.joins == {}

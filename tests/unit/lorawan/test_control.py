"""Pages and other processes ask a running server; keys never leave it."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.lorawan.parts import Bench, bench, registered

from clapas.lorawan import control
from clapas.lorawan.settings import Settings
from clapas.ops.simulate_lorawan.device import Device


async def ask(it: Bench, **request: Any) -> Any:
    return json.loads(await control.answer(it.server, json.dumps(request).encode()))


async def test_a_page_sees_devices_gateways_frames_and_queues(tmp_path: Path) -> None:
    one = Device(1, "control", place=(0, 0))
    one.rate = 5
    async with bench(tmp_path, registered(one, adr=False)) as it:
        eui = one.eui.hex()
        await it.join(one)
        it.door.hear(one.uplink()[0])
        await it.settle()
        told = await ask(it, ask="device", device=eui)
        assert told["session"]["f_cnt_up"] == 1
        assert told["session"]["snr"] == [5.0]
        assert one.granted is not None
        everything = json.dumps(told)
        assert one.app_key.hex() not in everything
        assert b64encode(one.granted.net_key).decode() not in everything
        gateways = {each["id"]: each for each in await ask(it, ask="gateways")}
        assert gateways["gw1"]["online"]
        assert set(gateways["gw1"]["duty_cycle"]) >= {"869400000"}
        frames = await ask(it, ask="frames", device=eui, limit=2)
        assert [(each["kind"], each["outcome"]) for each in frames] == [
            ("data", "accepted"),
            ("join_accept", "sent"),
        ]
        item = await ask(
            it, ask="enqueue", device=eui, f_port=4, data=b64encode(b"on").decode(), confirmed=True
        )
        assert [each["id"] for each in await ask(it, ask="queue", device=eui)] == [item["id"]]
        assert (await ask(it, ask="figures"))["joins"] == 1


async def test_what_to_type_into_a_gateway_is_told(tmp_path: Path) -> None:
    """The doors as they really are open; a token that gateways must show is never told."""
    settings = Settings(
        host="0.0.0.0",  # noqa: S104 - the door of this test alone
        udp_port=0,
        region="US915",
        enabled_channels=(8, 9, 65),
        station_tokens={"*": "s3cret"},
    )
    async with bench(tmp_path, settings=settings) as it:
        told = await ask(it, ask="doors")
        assert it.server.udp is not None
        assert told["udp_port"] == it.server.udp.port
        assert (told["station_port"], told["station_proof"]) == (None, "token")
        assert (told["reach"], told["region"]) == ("network", "US915")
        assert told["channels"] == [903_900_000, 904_100_000, 904_600_000]
        assert "s3cret" not in json.dumps(told)


async def test_a_failed_join_is_seen_and_mended_from_the_page(tmp_path: Path) -> None:
    one = Device(1, "control", place=(0, 0))
    async with bench(tmp_path, registered(one)) as it:
        await it.join(one)
        one.nonce -= 1
        it.server.network.dedup.forget()
        it.door.hear(one.join())
        await it.settle()
        (failure,) = await ask(it, ask="joins")
        assert (failure["device"], failure["reason"]) == (one.eui.hex(), "dev_nonce_used")
        assert await ask(it, ask="forget_nonces", device=one.eui.hex()) == {"done": True}
        assert await ask(it, ask="joins") == []
        assert await ask(it, ask="changed", device=one.eui.hex()) == {"done": True}


async def test_a_wrong_request_is_answered_by_its_error(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        assert (await ask(it, ask="device", device="none"))["error"] == "lorawan_unknown_device"
        assert (await ask(it, ask="keys"))["error"] == "invalid_input"
        assert (await ask(it, ask="figures", more=1))["error"] == "invalid_input"
        assert (
            json.loads(await control.answer(it.server, b"x" * 70_000))["error"] == "invalid_input"
        )


@given(st.binary(max_size=60))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    import asyncio
    import tempfile

    async def run() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            async with bench(Path(folder)) as it:
                return await control.answer(it.server, data)

    assert b"error" in asyncio.run(run())

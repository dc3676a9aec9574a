"""A firmware campaign is started by its name, survives a restart, and sends by itself when its session opens."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from tests.unit.lorawan.parts import Bench, bench, registered
from tests.unit.lorawan.test_firmware import exchange

from clapas.lorawan import campaigns, control
from clapas.lorawan.ciphers import cmac
from clapas.lorawan.keys import data_block_int_key
from clapas.lorawan.network import wall_ms
from clapas.lorawan.packages import fragmentation, fragments, multicast_setup
from clapas.ops.simulate_lorawan.device import Device

FILE = bytes(index * 31 % 256 for index in range(500))
FINE = {"encoding_unsupported": False, "not_enough_memory": False, "wrong_descriptor": False}


async def ask(it: Bench, **request: Any) -> Any:
    return json.loads(await control.answer(it.server, json.dumps(request).encode()))


def wish(one: Device, **more: Any) -> dict[str, Any]:
    return {
        "name": "pile-2", "block": b64encode(FILE).decode(), "members": [one.eui.hex()], "start_in_s": 600, **more,
    }  # fmt: skip


async def test_a_campaign_goes_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Device(1, "campaign", place=(0, 0))
    one.rate = 5
    entry = registered(one, adr=False)
    async with bench(tmp_path, entry) as it:
        await it.join(one)
        told = await ask(it, ask="campaign_start", campaign=wish(one))
        assert (told["stage"], told["fragments"], told["bytes"]) == ("preparing", 15, 500)
        assert (await ask(it, ask="campaign_start", campaign=wish(one)))["error"] == "conflict"
        it.door.hear(one.uplink()[0])
        await it.settle()
        (setup,) = multicast_setup.DOWNLINK[1].decode(it.open_down(one).data)
        assert setup.name == "McGroupSetupReq"
        await exchange(it, one, 200, "McGroupSetupAns", mc_group_id=0, id_error=False)
    async with bench(tmp_path, entry) as it:
        (told,) = await ask(it, ask="campaigns")
        assert told["members"] == [{"device": one.eui.hex(), "step": "keyed", "reason": ""}]
        prepared = {"frag_session_index_not_supported": False, "frag_index": 0, **FINE}
        down = await exchange(it, one, 201, "FragSessionSetupAns", **prepared)
        (opened,) = multicast_setup.DOWNLINK[1].decode(down.data)
        assert opened.name == "McClassCSessionReq"
        assert "block" not in json.dumps(await ask(it, ask="campaigns"))
        assert await it.server.campaigns.turn() == [], "the session is not open yet"
        monkeypatch.setattr(campaigns, "wall_ms", lambda: wall_ms() + 700_000)
        assert await it.server.campaigns.turn() == ["multicast/firmware-pile-2"]
        group = it.server.network.state.find("multicast/firmware-pile-2")
        assert group is not None
        sent = [fragmentation.DOWNLINK[1].decode(item.data)[0].values for item in group.queue]
        received = {each["n"]: bytes.fromhex(each["data"]) for each in sent if each["n"] != 3}
        found = fragments.rebuild(received, 11, size=48)
        assert found is not None
        assert found[: len(FILE)] == FILE
        (told,) = await ask(it, ask="campaigns")
        assert (told["stage"], told["sent"]) == ("asking", 15)
        assert await ask(it, ask="campaign_remove", id="pile-2") == {"done": True}
        assert await ask(it, ask="campaigns") == []
    async with bench(tmp_path, entry) as it:
        assert await ask(it, ask="campaigns") == []


async def test_nothing_is_sent_while_nobody_was_told_to_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Device(1, "campaign", place=(0, 0))
    async with bench(tmp_path, registered(one, adr=False)) as it:
        await it.join(one)
        await ask(it, ask="campaign_start", campaign=wish(one))
        for later, stage in ((700_000, "preparing"), (10_000_000, "over")):
            monkeypatch.setattr(campaigns, "wall_ms", lambda later=later: wall_ms() + later)
            assert await it.server.campaigns.turn() == []
            (told,) = await ask(it, ask="campaigns")
            assert (told["stage"], told["sent"]) == (stage, 0)


async def test_the_second_version_signs_the_block_for_each_device(tmp_path: Path) -> None:
    one = Device(1, "campaign", place=(0, 0))
    one.rate = 5
    async with bench(tmp_path, registered(one, adr=False)) as it:
        await it.join(one)
        await ask(it, ask="campaign_start", campaign=wish(one, version=2))
        it.door.hear(one.uplink()[0])
        await it.settle()
        it.open_down(one)
        down = await exchange(it, one, 200, "McGroupSetupAns", mc_group_id=0, id_error=False)
        (announced,) = fragmentation.DOWNLINK[2].decode(down.data)
        counter = announced.values["session_cnt"]
        head = b"\x49" + counter.to_bytes(2, "little") + bytes(9) + len(FILE).to_bytes(4, "little")
        code = cmac(data_block_int_key(one.app_key), head + FILE)[:4]
        assert bytes.fromhex(announced.values["mic"]) == code


async def test_what_cannot_be_a_campaign_is_refused(tmp_path: Path) -> None:
    one = Device(1, "campaign", place=(0, 0))
    async with bench(tmp_path) as it:
        wrong: tuple[dict[str, Any], ...] = (
            {"name": "../x"}, {"members": []}, {"block": ""}, {"fragment_size": 250}, {"version": 3},
        )  # fmt: skip
        for each in wrong:
            assert "error" in await ask(it, ask="campaign_start", campaign=wish(one) | each), each
        assert (await ask(it, ask="campaign_start"))["error"] == "invalid_input"
        assert (await ask(it, ask="campaign_remove", id="none"))["error"] == "not_found"
        told = await ask(it, ask="campaign_start", campaign=wish(one))
        assert told["members"][0]["reason"] == "unknown_device"

"""From ChirpStack to the embedded network server and back: no device joins again, no counter comes twice."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chirpstack_api import api
from tests.integration.fleet.chirpstack_double import TOKEN, Registry, serve
from tests.unit.lorawan.parts import QUICK, Bench

from clapas.domain.access import RowFilter
from clapas.domain.message import RawMessage
from clapas.engines import EngineAddresses
from clapas.fleet import chirpstack_sessions
from clapas.fleet.chirpstack import connect
from clapas.fleet.sealing import Sealer
from clapas.fleet.settings import Settings as FleetSettings
from clapas.lorawan import control
from clapas.lorawan.exchange import Radio
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings
from clapas.ops.simulate_lorawan import device_frames as frames
from clapas.ops.simulate_lorawan.device import Device
from clapas.radio_handover import (
    Sessions,
    export,
    keep_models,
    model_id,
    profiles,
    read,
    register,
)
from clapas.roles.lorawan import RegistryDevices
from clapas.store import Store, migrate

ALL = RowFilter(everything=True)
SEALER = Sealer(b"s" * 32)
UP, DOWN = 71_234, 905
"""Where the counters of the device stand in ChirpStack: its next ones."""


def a_device() -> Device:
    """A device that joined ChirpStack long ago."""
    one = Device(1, "handover", place=(0, 0))
    granted = frames.Granted(bytes(28), bytes(16), dev_nonce=0)
    granted.address, granted.net_key, granted.app_key = 0x01F2E3D4, b"n" * 16, b"a" * 16
    one.granted, one.rate, one.counter, one.down_counter = granted, 5, UP, DOWN - 1
    return one


def known_there(registry: Registry, one: Device) -> None:
    """ChirpStack has it, with its session."""
    eui = one.eui.hex()
    assert one.granted is not None
    registry.devices[eui] = api.Device(
        dev_eui=eui, name="Cave 3", application_id="a1", device_profile_id="p1",
        join_eui="70b3d57ed0000000", tags={"secteur": "nord"},
    )  # fmt: skip
    registry.keys[eui] = api.DeviceKeys(dev_eui=eui, nwk_key=one.app_key.hex())
    network = one.granted.net_key.hex()
    registry.activations[eui] = api.DeviceActivation(
        dev_eui=eui, dev_addr=f"{one.granted.address:08x}", app_s_key=one.granted.app_key.hex(),
        nwk_s_enc_key=network, s_nwk_s_int_key=network, f_nwk_s_int_key=network, f_cnt_up=UP, n_f_cnt_down=DOWN,
    )  # fmt: skip


def chirpstack(address: str) -> FleetSettings:
    return FleetSettings(
        chirpstack=address, chirpstack_token=TOKEN, chirpstack_tls=False, chirpstack_rate=1000
    )


@pytest.fixture
async def store(fresh_database: EngineAddresses) -> AsyncIterator[Store]:
    await migrate(fresh_database)
    async with Store.open(fresh_database, pool=2) as opened:
        yield opened


async def imported(
    store: Store, data: Path, addresses: EngineAddresses, lines: list[bytes]
) -> None:
    """What ``clapas lorawan import`` does."""
    found, wrong = read(lines, Settings(), radio=Radio(extra_channels=(867_100_000,)))
    assert wrong == []
    await keep_models(store, profiles(lines))
    await register(store, SEALER, devices=found)
    assert await Sessions(data, addresses).take([each.state for each in found]) == len(found)


async def test_a_device_goes_on_where_it_was_and_comes_back(
    store: Store, fresh_database: EngineAddresses, tmp_path: Path
) -> None:
    one = a_device()
    eui, log = one.eui.hex(), list[RawMessage]()

    async def publish(message: RawMessage) -> int:
        log.append(message)
        return len(log)

    async with serve() as (address, registry):
        known_there(registry, one)
        async with connect(chirpstack(address)) as there:
            remote = await there.read()
            lines = [
                json.dumps(each).encode() async for each in chirpstack_sessions.lines(there, remote)
            ]
        await imported(store, tmp_path, fresh_database, lines)
        row = await store.fleet.one(eui, ALL)
        device = row.row.device
        assert (device.source, device.model, device.name) == ("lorawan", "water", "Cave 3")
        assert device.tags == {"secteur": "nord", "mac_version": "1.0.3", "device_class": "A"}
        assert row.file.join_eui == "70b3d57ed0000000"

        devices = RegistryDevices(store, SEALER)
        folder = tmp_path / "lorawan"
        async with LorawanServer.open(QUICK, folder, publish=publish, devices=devices) as server:
            it = Bench(server, log, devices)  # type: ignore[arg-type]
            await server.enqueue(eui, f_port=7, data=b"hello")
            it.door.hear(one.uplink()[0])
            await it.settle()
            (up,) = it.events("up")
            assert up["fCnt"] == UP, "its own counter goes on: nobody joined"
            assert it.open_down(one).counter == DOWN, "the next downlink counter, not one before"
            assert server.figures()["rejected"] == {}

        registry.activations.clear()
        back = await export(store, SEALER, sessions=Sessions(tmp_path, fresh_database))
        (line,) = (json.loads(each) for each in back)
        async with connect(chirpstack(address)) as there:
            remote = await there.read()
            said = await chirpstack_sessions.give(there, remote, line=line, application="a1")
        assert said == ""
        given = registry.activations[eui]
        assert given.dev_addr == "01f2e3d4"
        assert given.nwk_s_enc_key == (b"n" * 16).hex()
        assert given.f_cnt_up == UP + 1
        assert given.n_f_cnt_down > DOWN, "never a counter that was used here"


async def test_the_running_server_takes_and_gives_sessions_by_file_alone(tmp_path: Path) -> None:
    line = {
        "device": {"devEui": "00000000000000aa"},
        "deviceActivation": {"devAddr": "01020304", "nwkSEncKey": "11" * 16, "appSKey": "22" * 16, "fCntUp": 5},
    }  # fmt: skip
    found, _ = read([json.dumps(line).encode()], Settings(), radio=Radio())
    from clapas.lorawan import handover
    from clapas.lorawan.devices import MemoryDevices

    async def publish(_message: RawMessage) -> int:
        return 1

    async def ask(server: LorawanServer, **request: Any) -> Any:
        return json.loads(await control.answer(server, json.dumps(request).encode()))

    async with LorawanServer.open(
        QUICK, tmp_path, publish=publish, devices=MemoryDevices()
    ) as server:
        path = handover.place(tmp_path, "in")
        handover.write_states(path, [each.state for each in found])
        assert path.stat().st_mode & 0o077 == 0
        assert await ask(server, ask="take_over", id="in") == {"devices": 1}
        assert (await ask(server, ask="device", device="00000000000000aa"))["session"][
            "f_cnt_up"
        ] == 5
        assert await ask(server, ask="hand_over", id="out") == {"devices": 1}
        (state,) = handover.read_states(handover.place(tmp_path, "out"))
        assert state.session is not None
        assert state.session.keys.app_s == bytes.fromhex("22" * 16)
        for wrong in ("../in", "", ".hidden", "/etc/passwd", "nothing"):
            assert "error" in await ask(server, ask="take_over", id=wrong)


def test_what_cannot_be_read_is_told_and_the_rest_goes_on() -> None:
    lines = [b"{}", b"not json", b'{"device":{"devEui":"00000000000000aa"}}']
    found, wrong = read(lines, Settings(), radio=Radio())
    assert [each.device.dev_eui for each in found] == ["00000000000000aa"]
    assert [each.split(":")[0] for each in wrong] == ["line 1", "line 2"]
    assert model_id("Milésight EM300 (TH)") == "mil-sight-em300-th"

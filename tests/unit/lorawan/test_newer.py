"""LoRaWAN 1.1: join with OptNeg, split keys, encrypted FOpts, rejoins of the three types."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.lorawan.parts import Bench, bench

from clapas.lorawan import ciphers, frames, mac_commands, mic
from clapas.lorawan.bits import Command
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.frames import DataFrame, JoinContext, JoinRequest, MType, RejoinRequest
from clapas.lorawan.keys import SessionKeys, join_keys_11, js_enc_key, js_int_key

EUI, JOIN = "0011223344556677", "1122334455667788"
NWK, APP = bytes(range(16)), bytes(range(16, 32))
NEWER = LorawanDevice(
    dev_eui=EUI, join_eui=JOIN, nwk_key=NWK, app_key=APP, version="1.1.0", adr=False
)


async def join(it: Bench, nonce: int = 1) -> tuple[SessionKeys, int]:
    request = JoinRequest(join_eui=JOIN, dev_eui=EUI, dev_nonce=nonce)
    it.door.hear(request.message() + mic.join_mic(NWK, request.message()))
    await it.settle()
    context = JoinContext(js_int_key=js_int_key(NWK, EUI), join_eui=JOIN, dev_nonce=nonce)
    accept, _code, right = frames.open_join_accept(it.door.emitted[-1].phy, NWK, context=context)
    assert right
    assert accept.opt_neg
    keys = join_keys_11(NWK, APP, join_nonce=accept.join_nonce, dev_nonce=nonce, join_eui=JOIN)
    return keys, accept.dev_addr


def uplink(keys: SessionKeys, address: int, counter: int, commands: list[Command]) -> bytes:
    options = mac_commands.encode_commands(commands, uplink=True)
    place: dict[str, Any] = {"direction": ciphers.UP, "dev_addr": address, "f_cnt": counter}
    frame = DataFrame(
        m_type=MType.UNCONFIRMED_UP,
        dev_addr=address,
        f_cnt=counter,
        f_opts=ciphers.crypt_f_opts(keys.nwk_s_enc, options, **place),
        f_port=4,
        payload=ciphers.crypt_payload(keys.app_s, b"new", **place),
    )
    message = frame.message()
    code = mic.uplink_mic_11(
        keys, message, dev_addr=address, f_cnt=counter, conf_f_cnt=0, tx_dr=5, tx_ch=0
    )
    return message + code


def open_commands(it: Bench, keys: SessionKeys) -> list[Command]:
    frame = frames.parse(it.door.emitted[-1].phy)
    assert isinstance(frame, DataFrame)
    code = mic.downlink_mic(
        keys.s_nwk_s_int, frame.message(), dev_addr=frame.dev_addr, f_cnt=frame.f_cnt
    )
    assert code == frame.mic
    clear = ciphers.crypt_f_opts(
        keys.nwk_s_enc,
        frame.f_opts,
        direction=ciphers.DOWN,
        dev_addr=frame.dev_addr,
        f_cnt=frame.f_cnt,
    )
    return mac_commands.decode_commands(clear, uplink=False)


async def test_a_1_1_device_joins_reports_and_its_rekey_is_confirmed(tmp_path: Path) -> None:
    async with bench(tmp_path, NEWER) as it:
        keys, address = await join(it)
        it.door.hear(uplink(keys, address, 0, [Command("RekeyInd", {"dev_lorawan_version": 1})]))
        await it.settle()
        assert it.events("up")[0]["data"] == "bmV3"
        assert open_commands(it, keys) == [Command("RekeyConf", {"serv_lorawan_version": 1})]
        forged = bytearray(uplink(keys, address, 1, []))
        forged[-4] ^= 1
        it.door.hear(bytes(forged))
        await it.settle()
        assert it.server.figures()["rejected"] == {"bad_mic": 1}, (
            "either half of the code is checked"
        )


@pytest.mark.parametrize("kind", [0, 1, 2])
async def test_a_rejoin_gives_new_keys_once(tmp_path: Path, kind: int) -> None:
    async with bench(tmp_path, NEWER) as it:
        keys, address = await join(it)
        it.door.hear(uplink(keys, address, 0, []))
        await it.settle()
        place: dict[str, Any] = {"join_eui": JOIN} if kind == 1 else {"net_id": 0}
        request = RejoinRequest(kind=kind, dev_eui=EUI, count=5, **place)
        key = js_int_key(NWK, EUI) if kind == 1 else keys.s_nwk_s_int
        phy = request.message() + mic.join_mic(key, request.message())
        it.door.hear(phy)
        await it.settle()
        context = JoinContext(
            js_int_key=js_int_key(NWK, EUI), join_eui=JOIN, dev_nonce=5, join_type=kind
        )
        accept, _code, right = frames.open_join_accept(
            it.door.emitted[-1].phy, js_enc_key(NWK, EUI), context=context
        )
        assert right
        fresh = join_keys_11(NWK, APP, join_nonce=accept.join_nonce, dev_nonce=5, join_eui=JOIN)
        it.door.hear(uplink(fresh, accept.dev_addr, 0, []))
        await it.settle()
        assert len(it.events("up")) == 2
        it.server.network.dedup.forget()
        it.door.hear(phy)
        await it.settle()
        refused = it.server.figures()["rejected"]
        assert refused == ({"dev_nonce_used": 1} if kind == 1 else {"join_bad_mic": 1})

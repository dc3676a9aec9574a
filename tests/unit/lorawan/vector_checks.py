"""How each kind of published vector is held against our code, both ways."""

import sys
from collections.abc import Callable
from typing import Any

from tests.unit.lorawan import vector_checks_radio

from clapas.lorawan import ciphers, frames, keys, mac_commands, mic
from clapas.lorawan.addresses import dev_addr_prefix, net_id_number, net_id_type
from clapas.lorawan.bits import Language
from clapas.lorawan.keys import SessionKeys
from clapas.lorawan.packages import clock_sync, fragmentation, multicast_setup

Given = dict[str, Any]
Check = Callable[[Given, Given], None]
hexa = bytes.fromhex


def key_derivation(given: Given, expected: Given) -> None:
    if "nwk_s_enc_key" in given:
        assert keys.root_wor_s_key(hexa(given["nwk_s_enc_key"])).hex() == expected["root_wor_s_key"]
    elif "f_nwk_s_int_key_BE_ORDER" in expected:
        _big_endian_slip(given, expected["f_nwk_s_int_key_BE_ORDER"])
    elif "dev_eui" in given:
        derive = {6: keys.js_int_key, 5: keys.js_enc_key}[int(given["type"], 16)]
        assert derive(hexa(given["nwk_key"]), given["dev_eui"]).hex() == expected["key"]
    else:
        found = keys.session_key(
            hexa(given["key"]),
            int(given["type"], 16),
            join_nonce=given["join_nonce"],
            dev_nonce=given["dev_nonce"],
            net_id=int(given["net_id"], 16),
            join_eui=given["join_eui"] if given["lorawan_1_1"] else None,
        )
        assert found.hex() == expected["session_key"]


def _big_endian_slip(given: Given, wrong: str) -> None:
    """A tool that forgets to turn the fields round finds ``wrong``: the published check is negative."""
    key = hexa(given["nwk_key"])
    nonces = {"join_nonce": given["join_nonce"], "dev_nonce": given["dev_nonce"]}
    right = keys.session_key(key, 1, join_eui=given["join_eui"], **nonces)
    assert right.hex() != wrong
    assert ciphers.aes_decrypt(key, right) == hexa("01030201080706050403020102010000")


def multicast_key(given: Given, expected: Given) -> None:
    (name, value), *_ = expected.items()
    found = {
        "mc_root_key": lambda: (
            keys.mc_root_key_10(hexa(given["gen_app_key"]))
            if "gen_app_key" in given
            else keys.mc_root_key_11(hexa(given["app_key"]))
        ),
        "mc_ke_key": lambda: keys.mc_ke_key(hexa(given["mc_root_key"])),
        "mc_app_s_key": lambda: keys.mc_app_s_key(hexa(given["mc_key"]), int(given["mc_addr"], 16)),
        "mc_nwk_s_key": lambda: keys.mc_nwk_s_key(hexa(given["mc_key"]), int(given["mc_addr"], 16)),
        "mc_key_encrypted": lambda: keys.wrap_mc_key(
            hexa(given["mc_ke_key"]), hexa(given["mc_key"])
        ),
    }[name]()
    assert found.hex() == value


def join_request(given: Given, expected: Given) -> None:
    phy = hexa(given["phy_payload"])
    frame = frames.parse(phy)
    assert isinstance(frame, frames.JoinRequest)
    assert (frame.join_eui, frame.dev_eui, frame.dev_nonce) == (
        expected["join_eui"],
        expected["dev_eui"],
        expected["dev_nonce"],
    )
    assert frame.mic.hex() == expected["mic"]
    assert mic.join_mic(hexa(given["key"]), frame.message()) == frame.mic
    assert frames.encode(frame) == phy


def join_accept(given: Given, expected: Given) -> None:
    key, phy = hexa(given["key"]), hexa(given["phy_payload"])
    context = None
    if given.get("lorawan_1_1_optneg"):
        context = frames.JoinContext(
            js_int_key=key,
            join_eui=given["join_eui"],
            dev_nonce=given["dev_nonce"],
            join_type=int(given["join_req_type"], 16),
        )
    accept, code, right = frames.open_join_accept(phy, key, context=context)
    assert right
    assert code.hex() == expected["mic"]
    assert (accept.payload() + code).hex() == expected["decrypted"]
    assert accept.join_nonce == expected["join_nonce"]
    assert f"{accept.net_id:06x}" == expected["net_id"]
    assert f"{accept.dev_addr:08x}" == expected["dev_addr"]
    assert accept.dl_settings == expected["dl_settings"]
    assert accept.rx_delay == expected["rx_delay"]
    assert accept.cf_list.hex() == expected.get("cflist", "")
    assert frames.seal_join_accept(accept, key, context=context) == phy


def rejoin_request(given: Given, expected: Given) -> None:
    phy = hexa(given["phy_payload"])
    frame = frames.parse(phy)
    assert isinstance(frame, frames.RejoinRequest)
    assert frame.kind == expected["rejoin_type"]
    assert frame.mic.hex() == expected["mic"]
    assert mic.join_mic(hexa(given["key"]), frame.message()) == frame.mic
    assert frames.encode(frame) == phy


def _keys_of(given: Given) -> SessionKeys:
    found = {name: hexa(value) for name, value in given["keys"].items()}
    network = found.get("nwk_s_key", bytes(16))
    return SessionKeys(
        found.get("f_nwk_s_int_key", network),
        found.get("s_nwk_s_int_key", network),
        found.get("nwk_s_enc_key", network),
        found.get("app_s_key", bytes(16)),
    )


def _data_mic(frame: frames.DataFrame, session: SessionKeys, given: Given) -> bytes:
    counter, address = given["f_cnt_32"], frame.dev_addr
    conf = given.get("conf_f_cnt", 0) if frame.ack else 0
    newer = given["lorawan"] == "1.1"
    if not frame.uplink:
        key = session.s_nwk_s_int
        return mic.downlink_mic(
            key, frame.message(), dev_addr=address, f_cnt=counter, conf_f_cnt=conf if newer else 0
        )
    if not newer:
        return mic.uplink_mic_10(
            session.f_nwk_s_int, frame.message(), dev_addr=address, f_cnt=counter
        )
    return mic.uplink_mic_11(
        session,
        frame.message(),
        dev_addr=address,
        f_cnt=counter,
        conf_f_cnt=conf,
        tx_dr=given["tx_dr"],
        tx_ch=given["tx_ch"],
    )


def _f_opts_match(frame: frames.DataFrame, session: SessionKeys, given: Given, wanted: str) -> bool:
    if given["lorawan"] == "1.0" or frame.f_opts.hex() == wanted:
        return frame.f_opts.hex() == wanted
    clear = ciphers.crypt_f_opts(
        session.nwk_s_enc,
        frame.f_opts,
        direction=ciphers.UP if frame.uplink else ciphers.DOWN,
        dev_addr=frame.dev_addr,
        f_cnt=given["f_cnt_32"],
        application_counter=not frame.uplink and bool(frame.f_port),
    )
    return clear.hex() == wanted


def data_frame(given: Given, expected: Given) -> None:
    phy = hexa(given["phy_payload"])
    frame = frames.parse(phy)
    assert isinstance(frame, frames.DataFrame)
    session = _keys_of(given)
    names = {
        "UnconfirmedDataUp": 2,
        "UnconfirmedDataDown": 3,
        "ConfirmedDataUp": 4,
        "ConfirmedDataDown": 5,
    }
    assert frame.m_type == names[expected["m_type"]]
    assert f"{frame.dev_addr:08x}" == expected["dev_addr"]
    assert f"{frame.f_ctrl:02x}" == expected["f_ctrl"]
    assert (frame.f_cnt, frame.f_port) == (expected["f_cnt_16"], expected["f_port"])
    assert frame.mic.hex() == expected["mic"]
    assert _data_mic(frame, session, given) == frame.mic
    assert frames.encode(frame) == phy
    if "f_opts" in expected:
        assert _f_opts_match(frame, session, given, expected["f_opts"])
    if "frm_payload" in expected:
        key = session.app_s if frame.f_port else session.nwk_s_enc
        direction = ciphers.UP if frame.uplink else ciphers.DOWN
        place = {"direction": direction, "dev_addr": frame.dev_addr, "f_cnt": given["f_cnt_32"]}
        clear = hexa(expected["frm_payload"])
        assert ciphers.crypt_payload(key, frame.payload, **place) == clear
        assert ciphers.crypt_payload(key, clear, **place) == frame.payload


def payload_encryption(given: Given, expected: Given) -> None:
    place = {
        "direction": given["direction"],
        "dev_addr": int(given["dev_addr"], 16),
        "f_cnt": given["f_cnt"],
    }
    key, plain, cipher = hexa(given["key"]), hexa(given["plain"]), hexa(expected["cipher"])
    found = [
        ciphers.crypt_payload(key, plain, **place),
        ciphers.crypt_f_opts(key, plain, erratum=False, **place),
        ciphers.crypt_f_opts(key, plain, erratum=True, **place),
    ]
    assert cipher in found[:2]
    assert found[2] != cipher, "the erratum changes the block"


def message_mic(given: Given, expected: Given) -> None:
    key, message = hexa(given["key"]), hexa(given["msg"])
    place = {"dev_addr": int(given["dev_addr"], 16), "f_cnt": given["f_cnt"]}
    session = SessionKeys(key, key, key, key)
    found = {
        mic.uplink_mic_10(key, message, **place).hex(),
        mic.uplink_mic_11(session, message, conf_f_cnt=0, tx_dr=0, tx_ch=0, **place).hex(),
        mic.downlink_mic(key, message, **place).hex(),
    }
    assert len(found) == 3
    assert expected["mic"] in found


_ENUMS = {
    "LoRaWAN1_1": 1, "NoLimit": False, "Limit400ms": True, "ClassA": 0, "ClassC": 2, "Dynamic": 2,
    "Forward": 1, "NoChange": 3,
}  # fmt: skip


def flat(expected: Given) -> Given:
    """The published nested value as our flat one."""
    found: Given = {}
    for name, value in expected.items():
        if name == "_":
            continue
        if name == "time_since_gps_epoch":
            found |= {"seconds": value["secs"], "fraction": value["nanos"] * 256 // 10**9}
        elif isinstance(value, dict):
            found |= flat(value)
        elif name == "items":
            found[name] = [
                {"id": each["mc_group_id"], "address": each["mc_addr"]} for each in value
            ]
        elif name == "filter_list_eui":
            found |= {name: bytes(value).hex(), "filter_list_len": len(value)}
        elif value is not None:
            found["dl_frequency" if name == "dl_frequ" else name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], bool):
        return tuple(index for index, given in enumerate(value) if given)
    if isinstance(value, list):
        return bytes(value).hex()
    return _ENUMS.get(value, value) if isinstance(value, str) else value


def _agrees(language: Language, data: bytes, expected: Given, name: str | None = None) -> None:
    (command,) = language.decode(data)
    if name:
        assert command.name == name
    wanted = flat(expected)
    partial = {key: command.values[key] for key in wanted}
    assert partial == wanted
    assert not {key for key, value in command.values.items() if key not in wanted and value}
    assert language.encode([command]) == data


def mac_command(given: Given, expected: Given) -> None:
    language = mac_commands.UPLINK if given["uplink"] else mac_commands.DOWNLINK
    _agrees(language, hexa(given["bytes"]), expected["fields"], expected["command"])


def _package(up: Language, down: Language) -> Check:
    def check(given: Given, expected: Given) -> None:
        _agrees(up if given["uplink"] else down, hexa(given["bytes"]), expected)

    return check


def cflist(given: Given, expected: Given) -> None:
    data = hexa(given["bytes"])
    found = frames.decode_cf_list(data)
    (argument,) = expected["cflist"]["args"]
    if expected["cflist"]["_"] == "Channels":
        assert list(found.frequencies) == argument
    else:
        wanted = {
            16 * row + at for row, mask in enumerate(argument) for at, bit in enumerate(mask) if bit
        }
        assert found.enabled == wanted
        assert found.masks == len(argument)
    assert frames.encode_cf_list(found) == data


def net_id(given: Given, expected: Given) -> None:
    number = int(given["net_id"], 16)
    assert net_id_type(number) == expected["type"]
    assert net_id_number(number) == int(expected["id"], 16)
    assert number.to_bytes(3, "little").hex() == expected["le_bytes"]
    assert str(dev_addr_prefix(number)) == expected["dev_addr_prefix"]


def f_ctrl(given: Given, expected: Given) -> None:
    control = int(given["byte"], 16)
    size = control & 15
    up = "class_b" in expected or "f_pending" not in expected
    body = bytes((0x40 if up else 0x60, 1, 2, 3, 4, control, 0, 0)) + bytes(size) + bytes(4)
    frame = frames.parse(body)
    assert isinstance(frame, frames.DataFrame)
    found = {
        "adr": frame.adr,
        "adr_ack_req": frame.adr_ack_req,
        "ack": frame.ack,
        "class_b" if up else "f_pending": frame.bit4,
        "f_opts_len": len(frame.f_opts),
    }
    assert {name: value for name, value in found.items() if value} == expected
    assert frame.f_ctrl == control


def payload_codec(given: Given, expected: Given) -> None:
    data = hexa(given["bytes"])
    kind = expected["_"]
    if kind == "JoinAcceptPayload":
        _accept_payload(data, expected)
    elif kind == "Raw":
        assert list(data) == expected["args"][0]
    else:
        head = {"JoinRequest": 0x00, "MACPayload": 0x40}.get(kind, 0xC0)
        frame = frames.parse(bytes((head,)) + data + bytes(4))
        assert frame.message()[1:] == data
        _BODIES[kind](frame, expected)


def _accept_payload(data: bytes, expected: Given) -> None:
    accept = frames.parse_join_accept(data)
    assert accept.payload() == data
    settings = expected["dl_settings"]
    assert (accept.rx2_dr, accept.rx1_dr_offset, accept.opt_neg) == (
        settings["rx2_dr"],
        settings["rx1_dr_offset"],
        settings["opt_neg"],
    )
    assert (accept.join_nonce, accept.rx_delay) == (expected["join_nonce"], expected["rx_delay"])
    if expected["cflist"]:
        assert (
            list(frames.decode_cf_list(accept.cf_list).frequencies) == expected["cflist"]["args"][0]
        )


def _request_body(frame: Any, expected: Given) -> None:
    for name in ("join_eui", "dev_eui", "dev_nonce"):
        assert getattr(frame, name) == expected[name]


def _data_body(frame: Any, expected: Given) -> None:
    header = expected["fhdr"]
    assert f"{frame.dev_addr:08x}" == header["devaddr"]
    assert frame.adr == header["f_ctrl"].get("adr", False)
    assert frame.f_cnt == header["f_cnt"]
    assert list(frame.f_opts) == (header["f_opts"][0]["args"][0] if header["f_opts"] else [])
    assert frame.f_port == expected["f_port"]
    assert list(frame.payload) == (
        expected["frm_payload"]["args"][0] if expected["frm_payload"] else []
    )


def _rejoin_body(frame: Any, expected: Given) -> None:
    assert frame.dev_eui == expected["dev_eui"]
    assert frame.count == expected.get("rj_count_0", expected.get("rj_count_1"))
    assert f"RejoinType{frame.kind}" == expected["rejoin_type"]
    if "netid" in expected:
        assert f"{frame.net_id:06x}" == expected["netid"]
    else:
        assert frame.join_eui == expected["join_eui"]


_BODIES = {
    "JoinRequest": _request_body,
    "MACPayload": _data_body,
    "RejoinRequestType02": _rejoin_body,
    "RejoinRequestType1": _rejoin_body,
}


def scenario_frame(given: Given, expected: Given) -> None:
    phy = hexa(given["bytes"])
    frame = frames.parse(phy)
    assert isinstance(frame, frames.DataFrame)
    assert frame.m_type == expected["m_type"]
    assert frames.encode(frame) == phy
    if given["keys"]:
        key = hexa(given["keys"]["nwk_s_key"])
        code = mic.downlink_mic(
            key, frame.message(), dev_addr=frame.dev_addr, f_cnt=given["keys"]["f_cnt"]
        )
    else:
        code = mic.uplink_mic_10(
            bytes(16), frame.message(), dev_addr=frame.dev_addr, f_cnt=frame.f_cnt
        )
    assert (code == frame.mic) is expected["mic_valid"]


def _checks_of(module: str) -> dict[str, Check]:
    """The module's own checks, by the kind of vector that each is named after."""
    return {
        name: check
        for name, check in vars(sys.modules[module]).items()
        if callable(check)
        and getattr(check, "__module__", "") == module
        and not name.startswith("_")
    }


CHECKS: dict[str, Check] = {
    **_checks_of(__name__),
    **_checks_of(vector_checks_radio.__name__),
    "mic": message_mic,
    "airtime": vector_checks_radio.airtime_us,
    "airtime_eu868": vector_checks_radio.airtime_us,
    "applayer_clocksync_v1": _package(clock_sync.UPLINK, clock_sync.DOWNLINK),
    "applayer_clocksync_v2": _package(clock_sync.UPLINK, clock_sync.DOWNLINK),
    "applayer_fragmentation_v1": _package(fragmentation.UPLINK[1], fragmentation.DOWNLINK[1]),
    "applayer_fragmentation_v2": _package(fragmentation.UPLINK[2], fragmentation.DOWNLINK[2]),
    "applayer_multicastsetup_v1": _package(multicast_setup.UPLINK[1], multicast_setup.DOWNLINK[1]),
    "applayer_multicastsetup_v2": _package(multicast_setup.UPLINK[2], multicast_setup.DOWNLINK[2]),
}

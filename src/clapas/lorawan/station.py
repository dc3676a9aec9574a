"""LoRa Basics Station's LNS protocol: its JSON messages to and from ours.

Source: lorabasics/basicstation (s2e.c, lora.c) and its LNS documentation, read as descriptions. DevAddr and MIC are
signed 32-bit integers there; ``xtime`` and ``rctx`` are the gateway's own and are only ever echoed.
"""

from typing import Any, Final

import msgspec

from clapas.domain.identifiers import EUI
from clapas.lorawan.errors import FrameError
from clapas.lorawan.radio import Emission
from clapas.lorawan.regions.plan import Region

_HALF_SPAN: Final = 400_000
_HWSPEC: Final = "sx1301/1"


class UpInfo(msgspec.Struct, gc=False):
    """How a frame was heard; ``gpstime`` in µs, 0 when unknown."""

    rctx: int = 0
    xtime: int = 0
    gpstime: int = 0
    rssi: float = -127.0
    snr: float = 0.0
    rxtime: float = 0.0


class Message(msgspec.Struct, gc=False):
    """Every message that a station sends, in one: what a kind does not have stays at its default."""

    msgtype: str = ""
    station: str = ""
    firmware: str = ""
    model: str = ""
    features: str = ""
    protocol: int = 0
    MHdr: int = 0
    JoinEui: str = ""
    DevEui: str = ""
    DevNonce: int = 0
    MIC: int = 0
    DevAddr: int = 0
    FCtrl: int = 0
    FCnt: int = 0
    FOpts: str = ""
    FPort: int = -1
    FRMPayload: str = ""
    DR: int = 0
    Freq: int = 0
    RefTime: float = 0.0
    upinfo: UpInfo | None = None
    diid: int = 0
    txtime: float = 0.0
    gpstime: int = 0
    xtime: int = 0


_decoder = msgspec.json.Decoder(Message)


def read(text: str | bytes) -> Message:
    """One message of a station; raises :class:`FrameError`."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise FrameError(f"not a station's message: {wrong}") from wrong


def read_eui(value: int | str) -> str:
    """A router's identity as it writes it: a number, 'b8-27-eb…', or 'b827:ebff:fe12:3456' (with '::')."""
    if isinstance(value, int):
        text = f"{value:016x}" if 0 <= value < 1 << 64 else ""
    elif ":" in value:
        left, _, right = value.partition("::")
        groups = [part.zfill(4) for part in left.split(":") if part]
        tail = [part.zfill(4) for part in right.split(":") if part]
        text = "".join([*groups, *["0000"] * (4 - len(groups) - len(tail)), *tail])
    else:
        text = value.replace("-", "")
    if not EUI.match(text.lower()):
        raise FrameError("not a router's identity", router=str(value)[:40])
    return text.lower()


def id6(eui: str) -> str:
    """An EUI as stations write it."""
    return ":".join(f"{int(eui[at : at + 4], 16):x}" for at in range(0, 16, 4))


def dashed(eui: str) -> str:
    """An EUI in pairs."""
    return "-".join(eui[at : at + 2] for at in range(0, 16, 2)).upper()


def _bare(text: str) -> bytes:
    raw = bytes.fromhex(text.replace("-", "").replace(":", ""))
    if len(raw) != 8:
        raise FrameError("an EUI has 8 bytes", eui=text[:40])
    return raw[::-1]


def phy_payload(message: Message) -> bytes:
    """The frame's bytes, put together again."""
    try:
        mic = (message.MIC & 0xFFFFFFFF).to_bytes(4, "little")
        head = bytes((message.MHdr,))
        if message.msgtype == "jreq":
            body = (
                _bare(message.JoinEui)
                + _bare(message.DevEui)
                + message.DevNonce.to_bytes(2, "little")
            )
            return head + body + mic
        address = (message.DevAddr & 0xFFFFFFFF).to_bytes(4, "little")
        port = b"" if message.FPort < 0 else bytes((message.FPort,))
        return (
            head
            + address
            + bytes((message.FCtrl,))
            + message.FCnt.to_bytes(2, "little")
            + bytes.fromhex(message.FOpts)
            + port
            + bytes.fromhex(message.FRMPayload)
            + mic
        )
    except (ValueError, OverflowError) as wrong:
        raise FrameError(f"{message.msgtype}: {wrong}") from wrong


def _radios(frequencies: list[int]) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """Two radios' centres and, for each frequency, its radio and its offset from it."""
    centres: list[int] = []
    placed = []
    for hertz in sorted(frequencies):
        if not centres or hertz > centres[-1] + _HALF_SPAN:
            centres.append(hertz + _HALF_SPAN)
        if len(centres) <= 2:
            placed.append((len(centres) - 1, hertz - centres[-1]))
    centres = [*centres, centres[0], centres[0]][:2]
    radios = {
        f"radio_{number}": {"enable": True, "freq": hertz} for number, hertz in enumerate(centres)
    }
    return radios, placed


def concentrator(region: Region, extra: tuple[int, ...]) -> dict[str, Any]:
    """The ``sx1301_conf`` of a region's channels: eight multi-SF channels, the fast one and FSK where they fit."""
    frequencies = [channel.frequency for channel in region.channels[:8]] + list(extra)
    radios, placed = _radios(frequencies[:8])
    found: dict[str, Any] = dict(radios)
    for number, (radio, offset) in enumerate(placed):
        found[f"chan_multiSF_{number}"] = {"enable": True, "radio": radio, "if": offset}
    for number in range(len(placed), 8):
        found[f"chan_multiSF_{number}"] = {"enable": False}
    if region.name == "EU868":
        found["chan_Lora_std"] = {
            "enable": True, "radio": 1, "if": -200_000, "bandwidth": 250_000, "spread_factor": 7,
        }  # fmt: skip
        found["chan_FSK"] = {"enable": True, "radio": 1, "if": 300_000}
    else:
        found |= {"chan_Lora_std": {"enable": False}, "chan_FSK": {"enable": False}}
    return found


def data_rates(region: Region) -> list[list[int]]:
    """The sixteen ``DRs``: [SF, bandwidth in kHz, downlink only], FSK as zeros, unused as −1."""
    found = [[-1, 0, 0] for _dr in range(16)]
    for dr, rate in region.data_rates.items():
        if rate.modulation == "LORA" and rate.sf >= 7:
            found[dr] = [rate.sf, rate.bandwidth // 1000, int(not rate.uplink)]
        elif rate.modulation == "FSK":
            found[dr] = [0, 0, 0]
    return found


def router_config(region: Region, extra: tuple[int, ...], *, mux_time: float) -> dict[str, Any]:
    """The configuration that a station asks for."""
    channels = [[each.frequency, each.min_dr, each.max_dr] for each in region.channels]
    beacon = region.class_b
    return {
        "msgtype": "router_config",
        "NetID": None,
        "JoinEui": None,
        "region": region.station_name,
        "hwspec": _HWSPEC,
        "freq_range": list(region.frequency_range),
        "DRs": data_rates(region),
        "sx1301_conf": [concentrator(region, extra)],
        "upchannels": channels + [[hertz, 0, 5] for hertz in extra],
        "max_eirp": region.max_eirp,
        "nocca": False,
        "nodc": False,
        "nodwell": False,
        "bcning": {
            "DR": beacon.beacon_dr,
            "layout": [2, 8, 17],
            "freqs": [beacon.beacon_frequency],
        },
        "MuxTime": mux_time,
    }


def downlink_message(emission: Emission, *, mux_time: float) -> dict[str, Any]:
    """The ``dnmsg`` of an emission: class A with its windows, B with its GPS time, C at once."""
    slot = emission.slot
    message: dict[str, Any] = {
        "msgtype": "dnmsg",
        "DevEui": dashed(emission.dev_eui),
        "diid": emission.id,
        "pdu": emission.phy.hex(),
        "priority": min(max(emission.priority, 0), 255),
        "MuxTime": mux_time,
    }
    if emission.answers is not None:
        rctx, xtime = emission.answers.context
        message |= {
            "dC": 0,
            "RxDelay": slot.delay - (slot.window - 1),
            "rctx": rctx,
            "xtime": xtime,
        }
        message |= {f"RX{slot.window}DR": slot.dr, f"RX{slot.window}Freq": slot.frequency}
        if emission.second is not None:
            message |= {"RX2DR": emission.second.dr, "RX2Freq": emission.second.frequency}
    elif emission.gps_ms is not None:
        message |= {
            "dC": 1,
            "DR": slot.dr,
            "Freq": slot.frequency,
            "gpstime": emission.gps_ms * 1000,
        }
    else:
        message |= {"dC": 2, "RX2DR": slot.dr, "RX2Freq": slot.frequency, "rctx": 0}
    return message

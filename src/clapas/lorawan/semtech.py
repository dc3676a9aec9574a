"""Semtech's UDP packet forwarder protocol, version 2 (and 1), to and from bytes.

Source: PROTOCOL.md of Lora-net/sx1302_hal and packet_forwarder, read as a description.
"""

from base64 import b64decode, b64encode
from enum import IntEnum
from typing import Any, Final

import msgspec

from clapas.lorawan.errors import FrameError
from clapas.lorawan.radio import Emission

MAX_DATAGRAM: Final = 16_384
MAX_PACKETS: Final = 256


class Kind(IntEnum):
    """Packet identifiers."""

    PUSH_DATA = 0
    PUSH_ACK = 1
    PULL_DATA = 2
    PULL_RESP = 3
    PULL_ACK = 4
    TX_ACK = 5


class Packet(msgspec.Struct, frozen=True, gc=False):
    """A datagram: version, 2-byte token, kind, the gateway's EUI (upstream kinds), and the JSON body."""

    version: int
    token: bytes
    kind: Kind
    gateway: str = ""
    body: bytes = b""


class Signal(msgspec.Struct, gc=False):
    """What one antenna heard."""

    ant: int = 0
    chan: int = 0
    rssic: float = -127.0
    lsnr: float = 0.0


class RxPacket(msgspec.Struct, gc=False):
    """One ``rxpk``: ``freq`` in MHz, ``tmst`` µs, ``tmms`` GPS milliseconds."""

    data: str
    freq: float
    datr: str | int
    tmst: int | None = None
    time: str | None = None
    tmms: int | None = None
    chan: int = 0
    rfch: int = 0
    stat: int = 0
    modu: str = "LORA"
    codr: str = ""
    rssi: float | None = None
    lsnr: float = 0.0
    size: int | None = None
    rsig: list[Signal] = []


class GatewayStatus(msgspec.Struct, gc=False):
    """One ``stat``: position in degrees and metres, counts since the last one, ``ackr`` in percent."""

    time: str = ""
    lati: float | None = None
    long: float | None = None
    alti: float | None = None
    rxnb: float = 0
    rxok: float = 0
    rxfw: float = 0
    ackr: float | None = None
    dwnb: float = 0
    txnb: float = 0
    temp: float | None = None


class Push(msgspec.Struct, gc=False):
    """The body of a PUSH_DATA."""

    rxpk: list[msgspec.Raw] = []
    stat: GatewayStatus | None = None


class _Acknowledged(msgspec.Struct):
    error: str = ""
    warn: str = ""
    value: float | None = None


class _TxAck(msgspec.Struct):
    txpk_ack: _Acknowledged | None = None


_push = msgspec.json.Decoder(Push)
_rxpk = msgspec.json.Decoder(RxPacket)
_txack = msgspec.json.Decoder(_TxAck)
_encode = msgspec.json.Encoder().encode


def parse(datagram: bytes) -> Packet:
    """Read a datagram from a gateway; raises :class:`FrameError`."""
    if len(datagram) > MAX_DATAGRAM:
        raise FrameError("datagram too large", size=len(datagram))
    if len(datagram) < 12 or datagram[0] not in {1, 2} or datagram[3] not in {0, 2, 5}:
        raise FrameError("not a packet of Semtech's protocol", size=len(datagram))
    return Packet(
        datagram[0], datagram[1:3], Kind(datagram[3]), datagram[4:12].hex(), datagram[12:]
    )


def acknowledgement(packet: Packet) -> bytes:
    """The PUSH_ACK or PULL_ACK of a packet."""
    kind = Kind.PUSH_ACK if packet.kind is Kind.PUSH_DATA else Kind.PULL_ACK
    return bytes((packet.version,)) + packet.token + bytes((kind,))


def read_push(body: bytes) -> tuple[list[RxPacket], GatewayStatus | None, int]:
    """The frames and status of a PUSH_DATA, and how many frames could not be read."""
    try:
        push = _push.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise FrameError(f"PUSH_DATA: {wrong}") from wrong
    found, bad = [], max(len(push.rxpk) - MAX_PACKETS, 0)
    for raw in push.rxpk[:MAX_PACKETS]:
        try:
            found.append(_rxpk.decode(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            bad += 1
    return found, push.stat, bad


def payload(packet: RxPacket) -> bytes:
    """The frame's bytes; base64 padding may be missing."""
    try:
        return b64decode(packet.data + "=" * (-len(packet.data) % 4), validate=True)
    except ValueError as wrong:
        raise FrameError("rxpk.data is not base64") from wrong


def read_tx_ack(body: bytes) -> tuple[str | None, str]:
    """The error of a TX_ACK (None: sent) and its warning. An empty body means sent."""
    if not body.strip(b"\0 \r\n"):
        return None, ""
    try:
        found = _txack.decode(body).txpk_ack
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise FrameError(f"TX_ACK: {wrong}") from wrong
    if found is None or found.error in {"", "NONE"}:
        return None, found.warn if found else ""
    return found.error[:40], found.warn


def pull_response(emission: Emission, token: bytes, *, version: int = 2) -> bytes:
    """The PULL_RESP that asks a gateway to send; EIRP becomes the ERP that forwarders expect (−2.15 dB)."""
    slot, rate = emission.slot, emission.data_rate
    txpk: dict[str, Any] = {
        "freq": slot.frequency / 1e6,
        "rfch": 0,
        "powe": round(slot.power - 2.15),
        "modu": rate.modulation,
        "size": len(emission.phy),
        "data": b64encode(emission.phy).decode(),
    }
    if rate.modulation == "LORA":
        txpk |= {"datr": rate.text, "codr": rate.coding, "ipol": True, "ncrc": True}
    else:
        txpk |= {"datr": rate.bitrate, "fdev": 25_000, "prea": 5}
    if emission.answers is not None and emission.answers.counter is not None:
        txpk["tmst"] = (emission.answers.counter + slot.delay * 1_000_000) & 0xFFFFFFFF
    elif emission.gps_ms is not None:
        txpk["tmms"] = emission.gps_ms
    else:
        txpk["imme"] = True
    return bytes((version,)) + token + bytes((Kind.PULL_RESP,)) + _encode({"txpk": txpk})

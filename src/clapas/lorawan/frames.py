"""PHYPayloads: joins, rejoins and data frames, to and from bytes (TS001 clause 4 and 6, 1.1 clause 4 and 6).

The bytes of a data frame stay encrypted here; :mod:`clapas.lorawan.ciphers` opens them.
"""

from enum import IntEnum
from typing import Final

import msgspec

from clapas.lorawan.bits import decode_frequency, encode_frequency
from clapas.lorawan.ciphers import aes_decrypt, aes_encrypt
from clapas.lorawan.errors import FrameError
from clapas.lorawan.mic import join_accept_mic_11, join_mic

MAX_PHY_PAYLOAD: Final = 255


class MType(IntEnum):
    """Message types, the three highest bits of MHDR."""

    JOIN_REQUEST = 0
    JOIN_ACCEPT = 1
    UNCONFIRMED_UP = 2
    UNCONFIRMED_DOWN = 3
    CONFIRMED_UP = 4
    CONFIRMED_DOWN = 5
    REJOIN_REQUEST = 6
    PROPRIETARY = 7


UPLINK_TYPES: Final = frozenset({MType.UNCONFIRMED_UP, MType.CONFIRMED_UP})
DATA_TYPES: Final = UPLINK_TYPES | {MType.UNCONFIRMED_DOWN, MType.CONFIRMED_DOWN}


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A device asks to join."""

    join_eui: str
    dev_eui: str
    dev_nonce: int
    mic: bytes = b"\0\0\0\0"

    def message(self) -> bytes:
        return b"\x00" + _eui(self.join_eui) + _eui(self.dev_eui) + _number(self.dev_nonce, 2)


class RejoinRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A 1.1 device asks to rejoin: ``kind`` 0 or 2 carries the NetID, 1 the JoinEUI."""

    kind: int
    dev_eui: str
    count: int
    net_id: int = 0
    join_eui: str = ""
    mic: bytes = b"\0\0\0\0"

    def message(self) -> bytes:
        middle = _eui(self.join_eui) if self.kind == 1 else _number(self.net_id, 3)
        return b"\xc0" + bytes((self.kind,)) + middle + _eui(self.dev_eui) + _number(self.count, 2)


class JoinAccept(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The network's answer, in clear."""

    join_nonce: int
    net_id: int
    dev_addr: int
    rx1_dr_offset: int = 0
    rx2_dr: int = 0
    opt_neg: bool = False
    rx_delay: int = 1
    cf_list: bytes = b""

    @property
    def dl_settings(self) -> int:
        return self.rx2_dr | self.rx1_dr_offset << 4 | int(self.opt_neg) << 7

    def payload(self) -> bytes:
        return (
            _number(self.join_nonce, 3)
            + _number(self.net_id, 3)
            + _number(self.dev_addr, 4)
            + bytes((self.dl_settings, self.rx_delay & 15))
            + self.cf_list
        )


class DataFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A data frame as on air: ``f_cnt`` has 16 bits, ``f_opts`` and ``payload`` are as sent.

    ``bit4`` is FPending in a downlink and ClassB in an uplink.
    """

    m_type: MType
    dev_addr: int
    f_cnt: int
    adr: bool = False
    adr_ack_req: bool = False
    ack: bool = False
    bit4: bool = False
    f_opts: bytes = b""
    f_port: int | None = None
    payload: bytes = b""
    mic: bytes = b"\0\0\0\0"

    @property
    def uplink(self) -> bool:
        return self.m_type in UPLINK_TYPES

    @property
    def confirmed(self) -> bool:
        return self.m_type in {MType.CONFIRMED_UP, MType.CONFIRMED_DOWN}

    @property
    def f_ctrl(self) -> int:
        flags = self.adr << 7 | self.adr_ack_req << 6 | self.ack << 5 | self.bit4 << 4
        return flags | len(self.f_opts)

    def message(self) -> bytes:
        """The frame without its MIC."""
        if len(self.f_opts) > 15:
            raise FrameError("FOpts hold at most 15 bytes", size=len(self.f_opts))
        if self.f_port is None and self.payload:
            raise FrameError("a payload needs a port")
        head = bytes((self.m_type << 5,)) + _number(self.dev_addr, 4) + bytes((self.f_ctrl,))
        port = b"" if self.f_port is None else bytes((self.f_port,))
        return head + _number(self.f_cnt & 0xFFFF, 2) + self.f_opts + port + self.payload


Frame = JoinRequest | RejoinRequest | DataFrame


def _eui(text: str) -> bytes:
    return bytes.fromhex(text)[::-1]


def _number(value: int, size: int) -> bytes:
    try:
        return value.to_bytes(size, "little")
    except OverflowError as wrong:
        raise FrameError("a number does not fit its field", value=value, bytes=size) from wrong


def encode(frame: Frame) -> bytes:
    """A frame's bytes with the MIC that it carries."""
    return frame.message() + frame.mic


def parse(phy: bytes) -> Frame:
    """Read a PHYPayload; raises :class:`FrameError` on anything else than a request or a data frame.

    A join-accept is encrypted and is opened by :func:`open_join_accept`.
    """
    if not 12 <= len(phy) <= MAX_PHY_PAYLOAD:
        raise FrameError("a PHYPayload has 12 to 255 bytes", size=len(phy))
    if phy[0] & 0x1F:
        raise FrameError("unknown major version or reserved bits", mhdr=phy[0])
    m_type = MType(phy[0] >> 5)
    if m_type in DATA_TYPES:
        return _parse_data(m_type, phy)
    if m_type is MType.JOIN_REQUEST:
        return _parse_join(phy)
    if m_type is MType.REJOIN_REQUEST:
        return _parse_rejoin(phy)
    raise FrameError("not a frame that is read in clear", m_type=m_type.name)


def _parse_join(phy: bytes) -> JoinRequest:
    if len(phy) != 23:
        raise FrameError("a join-request has 23 bytes", size=len(phy))
    return JoinRequest(
        join_eui=phy[8:0:-1].hex(),
        dev_eui=phy[16:8:-1].hex(),
        dev_nonce=int.from_bytes(phy[17:19], "little"),
        mic=phy[19:],
    )


def _parse_rejoin(phy: bytes) -> RejoinRequest:
    kind = phy[1]
    if kind > 2 or len(phy) != (24 if kind == 1 else 19):
        raise FrameError(
            "a rejoin-request of type 0 or 2 has 19 bytes, of type 1 it has 24", size=len(phy)
        )
    if kind == 1:
        join_eui, dev_eui, rest = phy[9:1:-1].hex(), phy[17:9:-1].hex(), phy[18:]
        return RejoinRequest(
            kind=1,
            join_eui=join_eui,
            dev_eui=dev_eui,
            count=int.from_bytes(rest[:2], "little"),
            mic=rest[2:],
        )
    return RejoinRequest(
        kind=kind,
        net_id=int.from_bytes(phy[2:5], "little"),
        dev_eui=phy[12:4:-1].hex(),
        count=int.from_bytes(phy[13:15], "little"),
        mic=phy[15:],
    )


def _parse_data(m_type: MType, phy: bytes) -> DataFrame:
    control = phy[5]
    end = 8 + (control & 15)
    body = len(phy) - 4
    if end > body:
        raise FrameError("the frame is shorter than its FOpts", size=len(phy))
    return DataFrame(
        m_type=m_type,
        dev_addr=int.from_bytes(phy[1:5], "little"),
        adr=bool(control & 0x80),
        adr_ack_req=bool(control & 0x40),
        ack=bool(control & 0x20),
        bit4=bool(control & 0x10),
        f_cnt=int.from_bytes(phy[6:8], "little"),
        f_opts=phy[8:end],
        f_port=phy[end] if end < body else None,
        payload=phy[end + 1 : body],
        mic=phy[body:],
    )


class JoinContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a 1.1 join-accept's MIC is bound to; ``join_type`` 0xFF, or the rejoin's type."""

    js_int_key: bytes
    join_eui: str
    dev_nonce: int
    join_type: int = 0xFF


def _accept_mic(accept: JoinAccept, key: bytes, *, context: JoinContext | None) -> bytes:
    message = b"\x20" + accept.payload()
    if context is None:
        return join_mic(key, message)
    return join_accept_mic_11(
        context.js_int_key,
        message,
        join_type=context.join_type,
        join_eui=context.join_eui,
        dev_nonce=context.dev_nonce,
    )


def seal_join_accept(
    accept: JoinAccept, key: bytes, *, context: JoinContext | None = None
) -> bytes:
    """The PHYPayload of a join-accept: signed, then 'encrypted' with AES decryption.

    ``key`` is AppKey (1.0.x), NwkKey (1.1), or JSEncKey when it answers a rejoin.
    """
    return b"\x20" + aes_decrypt(key, accept.payload() + _accept_mic(accept, key, context=context))


def open_join_accept(
    phy: bytes, key: bytes, *, context: JoinContext | None = None
) -> tuple[JoinAccept, bytes, bool]:
    """A join-accept's content, its MIC, and whether that MIC is right."""
    if len(phy) not in {17, 33} or phy[0] != 0x20:
        raise FrameError("a join-accept has 17 or 33 bytes", size=len(phy))
    clear = aes_encrypt(key, phy[1:])
    accept = parse_join_accept(clear[:-4])
    return accept, clear[-4:], _accept_mic(accept, key, context=context) == clear[-4:]


def parse_join_accept(clear: bytes) -> JoinAccept:
    """A join-accept's payload in clear (12 or 28 bytes)."""
    if len(clear) not in {12, 28}:
        raise FrameError("a join-accept's payload has 12 or 28 bytes", size=len(clear))
    settings = clear[10]
    return JoinAccept(
        join_nonce=int.from_bytes(clear[:3], "little"),
        net_id=int.from_bytes(clear[3:6], "little"),
        dev_addr=int.from_bytes(clear[6:10], "little"),
        rx1_dr_offset=settings >> 4 & 7,
        rx2_dr=settings & 15,
        opt_neg=bool(settings & 0x80),
        rx_delay=clear[11],
        cf_list=clear[12:],
    )


class CFList(msgspec.Struct, frozen=True):
    """Channels given at join: frequencies in Hz (type 0), or the enabled channel numbers (type 1)."""

    frequencies: tuple[int, ...] = ()
    enabled: frozenset[int] = frozenset()
    masks: int = 0
    """Number of 16-channel masks written (type 1)."""


def encode_cf_list(cf_list: CFList) -> bytes:
    """16 bytes; five frequencies, or up to seven channel masks (TS001 clause 6.2.3, RP002)."""
    if cf_list.frequencies or not cf_list.masks:
        slots = (*cf_list.frequencies, 0, 0, 0, 0, 0)[:5]
        return b"".join(encode_frequency(hertz).to_bytes(3, "little") for hertz in slots) + b"\0"
    bits = sum(1 << channel for channel in cf_list.enabled)
    return bits.to_bytes(15, "little") + b"\x01"


def decode_cf_list(data: bytes) -> CFList:
    """The inverse of :func:`encode_cf_list`."""
    if len(data) != 16 or data[15] > 1:
        raise FrameError("a CFList has 16 bytes and type 0 or 1", size=len(data))
    if data[15] == 0:
        raw = (int.from_bytes(data[at : at + 3], "little") for at in range(0, 15, 3))
        return CFList(tuple(decode_frequency(value) for value in raw if value))
    bits = int.from_bytes(data[:14], "little")
    masks = max((bits.bit_length() + 15) // 16, 1)
    return CFList((), frozenset(index for index in range(112) if bits >> index & 1), masks)

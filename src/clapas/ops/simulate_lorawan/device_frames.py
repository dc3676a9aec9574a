"""The device's reading of LoRaWAN 1.0.x: what it signs, encrypts and opens."""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC


class WrongFrame(Exception):
    """A downlink that a real device would drop."""


def _aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)  # noqa: S305 - the standard's cipher


def _sign(key: bytes, text: bytes) -> bytes:
    tag = CMAC(algorithms.AES(key))
    tag.update(text)
    return tag.finalize()[:4]


def join_request(app_key: bytes, join_eui: bytes, *, dev_eui: bytes, dev_nonce: int) -> bytes:
    """A join-request; the EUIs are in display order."""
    text = struct.pack("<B8s8sH", 0, join_eui[::-1], dev_eui[::-1], dev_nonce)
    return text + _sign(app_key, text)


class Granted:
    """What a join-accept gave."""

    __slots__ = ("address", "app_key", "channels", "net_key", "offset", "rx2_rate", "rx_delay")

    def __init__(self, clear: bytes, app_key: bytes, *, dev_nonce: int) -> None:
        nonce_and_network, address, settings, delay = clear[:6], clear[6:10], clear[10], clear[11]
        seed = nonce_and_network + struct.pack("<H", dev_nonce) + bytes(7)
        self.net_key = _aes(app_key, b"\x01" + seed)
        self.app_key = _aes(app_key, b"\x02" + seed)
        self.address = struct.unpack("<I", address)[0]
        self.offset, self.rx2_rate = (settings >> 4) & 7, settings & 15
        self.rx_delay = delay & 15 or 1
        listed = clear[12:27]
        triples = (listed[at : at + 3] for at in range(0, len(listed), 3))
        self.channels = [int.from_bytes(each, "little") * 100 for each in triples if any(each)]


def open_join_accept(phy: bytes, app_key: bytes, *, dev_nonce: int) -> Granted:
    """Read a join-accept; raises :class:`WrongFrame` when it is not for this device."""
    if phy[:1] != b"\x20" or len(phy) not in {17, 33}:
        raise WrongFrame("not a join-accept")
    clear = b"".join(_aes(app_key, phy[at : at + 16]) for at in range(1, len(phy), 16))
    if _sign(app_key, phy[:1] + clear[:-4]) != clear[-4:]:
        raise WrongFrame("mic")
    return Granted(clear[:-4], app_key, dev_nonce=dev_nonce)


def _stream(key: bytes, text: bytes, *, way: int, address: int, counter: int) -> bytes:
    out = bytearray()
    for number in range(0, len(text), 16):
        block = _aes(key, struct.pack("<BIBIIBB", 1, 0, way, address, counter, 0, number // 16 + 1))
        out += bytes(a ^ b for a, b in zip(text[number : number + 16], block, strict=False))
    return bytes(out)


def _data_mic(key: bytes, text: bytes, *, way: int, address: int, counter: int) -> bytes:
    return _sign(key, struct.pack("<BIBIIBB", 0x49, 0, way, address, counter, 0, len(text)) + text)


def data_up(
    granted: Granted,
    *,
    counter: int,
    port: int,
    data: bytes,
    confirmed: bool = False,
    ack: bool = False,
    adr: bool = True,
    options: bytes = b"",
) -> bytes:
    """An uplink of ``counter`` (32 bits)."""
    control = adr << 7 | ack << 5 | len(options)
    head = struct.pack(
        "<BIBH", 0x80 if confirmed else 0x40, granted.address, control, counter & 0xFFFF
    )
    text = (
        head
        + options
        + bytes((port,))
        + _stream(granted.app_key, data, way=0, address=granted.address, counter=counter)
    )
    return text + _data_mic(granted.net_key, text, way=0, address=granted.address, counter=counter)


class Down:
    """A downlink that the device accepted."""

    __slots__ = ("ack", "commands", "confirmed", "counter", "data", "more", "port")

    def __init__(self, phy: bytes, granted: Granted, *, counter: int) -> None:
        control = phy[5]
        self.counter, self.confirmed = counter, phy[0] >> 5 == 5
        self.ack, self.more = bool(control & 0x20), bool(control & 0x10)
        end = 8 + (control & 15)
        self.commands = phy[8:end]
        body = phy[end:-4]
        self.port = body[0] if body else None
        key = granted.net_key if self.port == 0 else granted.app_key
        self.data = _stream(key, body[1:], way=1, address=granted.address, counter=counter)
        if self.port == 0:
            self.commands, self.data = self.data, b""


def open_down(phy: bytes, granted: Granted, *, last: int) -> Down:
    """Read a downlink after counter ``last``; raises :class:`WrongFrame` 'address', 'mic' or 'counter'."""
    if len(phy) < 12 or phy[0] >> 5 not in {3, 5}:
        raise WrongFrame("kind")
    address, _control, low = struct.unpack("<IBH", phy[1:8])
    if address != granted.address:
        raise WrongFrame("address")
    counter = (last & ~0xFFFF) | low
    if counter <= last:
        counter += 0x10000
    for each in (counter, (last & ~0xFFFF) | low):
        if (
            each >= 0
            and _data_mic(granted.net_key, phy[:-4], way=1, address=address, counter=each)
            == phy[-4:]
        ):
            if each <= last:
                raise WrongFrame("counter")
            return Down(phy, granted, counter=each)
    raise WrongFrame("mic")


SIZES = {2: 2, 3: 4, 4: 1, 5: 4, 6: 0, 7: 5, 8: 1, 9: 1, 10: 4, 13: 5}
"""Bytes after the identifier of each command that a 1.0.x network sends."""


def split_commands(data: bytes) -> list[bytes]:
    """The network's commands, one by one; stops at an unknown one."""
    found, at = [], 0
    while at < len(data) and data[at] in SIZES:
        end = at + 1 + SIZES[data[at]]
        found.append(data[at:end])
        at = end
    return found

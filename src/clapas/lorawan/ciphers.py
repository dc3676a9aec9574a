"""AES-128 as LoRaWAN uses it: one block, CMAC, and the counter-mode keystream of payloads.

Source: LoRaWAN L2 1.0.4 (TS001) clause 4.3.3 and 4.4, 1.1 clause 4.3 with the 2018 FOpts erratum.
Keys are 16 bytes, DevAddr and counters integers; everything on air is little-endian.
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from clapas.lorawan.errors import FrameError

UP: Final = 0
DOWN: Final = 1


def aes_encrypt(key: bytes, blocks: bytes) -> bytes:
    """Encrypt whole blocks of 16 bytes, each on its own (the standard builds on the bare cipher)."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - TS001 demands it
    return encryptor.update(blocks)


def aes_decrypt(key: bytes, blocks: bytes) -> bytes:
    """The inverse of :func:`aes_encrypt`; a join-accept is 'encrypted' with it."""
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305 - TS001 demands it
    return decryptor.update(blocks)


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (RFC 4493), 16 bytes."""
    tag = CMAC(algorithms.AES(key))
    tag.update(message)
    return tag.finalize()


def _xor(data: bytes, stream: bytes) -> bytes:
    size = len(data)
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream[:size], "big")
    return mixed.to_bytes(size, "big")


def crypt_payload(key: bytes, data: bytes, *, direction: int, dev_addr: int, f_cnt: int) -> bytes:
    """Encrypt or decrypt a FRMPayload (the operation is its own inverse), clause 4.3.3."""
    if not data:
        return b""
    head = b"\x01\0\0\0\0" + bytes((direction,))
    middle = dev_addr.to_bytes(4, "little") + f_cnt.to_bytes(4, "little") + b"\0"
    count = (len(data) + 15) // 16
    blocks = b"".join(head + middle + bytes((index,)) for index in range(1, count + 1))
    return _xor(data, aes_encrypt(key, blocks))


def crypt_f_opts(
    key: bytes,
    data: bytes,
    *,
    direction: int,
    dev_addr: int,
    f_cnt: int,
    application_counter: bool = False,
    erratum: bool = True,
) -> bytes:
    """Encrypt or decrypt the FOpts of a 1.1 frame with NwkSEncKey (1.1 clause 4.3.1.6).

    ``application_counter`` is true for a downlink counted by AFCntDown. Without ``erratum`` (before the
    2018 erratum, still found in the field) the block is that of FRMPayload with index 0.
    """
    if not data:
        return b""
    if len(data) > 15:
        raise FrameError("FOpts hold at most 15 bytes", size=len(data))
    counter = (2 if application_counter else 1) if erratum else 0
    block = b"\x01\0\0\0" + bytes((counter, direction)) + dev_addr.to_bytes(4, "little")
    block += f_cnt.to_bytes(4, "little") + bytes((0, 1 if erratum else 0))
    return _xor(data, aes_encrypt(key, block))

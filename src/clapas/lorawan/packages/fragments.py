"""The erasure code of fragmented transport (TS004 annex A): uncoded fragments, then parity over half of them.

Any loss is mended as soon as enough fragments, coded or not, have arrived; :func:`rebuild` is the receiver's side.
"""

from collections.abc import Mapping

from clapas.lorawan.bits import Command
from clapas.lorawan.ciphers import cmac
from clapas.lorawan.errors import FrameError
from clapas.lorawan.packages.fragmentation import DOWNLINK

MAX_FRAGMENTS = 1 << 14


def _prbs23(value: int) -> int:
    return (value >> 1) | (((value & 1) ^ (value >> 5 & 1)) << 22)


def parity_line(number: int, fragments: int) -> frozenset[int]:
    """Which fragments (from 0) the coded fragment ``number`` (from 1) sums, of ``fragments``."""
    spread = fragments + (fragments & (fragments - 1) == 0)
    seed = 1 + 1001 * number
    found = set()
    for _coefficient in range(fragments // 2):
        index = fragments
        while index >= fragments:
            seed = _prbs23(seed)
            index = seed % spread
        found.add(index)
    return frozenset(found)


def split(block: bytes, size: int, *, redundancy: int) -> list[bytes]:
    """The fragments of a block, padded with zeros, followed by ``redundancy`` coded ones."""
    if not 1 <= size <= 222 or not block:
        raise FrameError("a fragment has 1 to 222 bytes and the block is not empty", size=size)
    padded = block + bytes(-len(block) % size)
    plain = [padded[at : at + size] for at in range(0, len(padded), size)]
    if len(plain) + redundancy >= MAX_FRAGMENTS:
        raise FrameError("too many fragments", fragments=len(plain) + redundancy)
    numbers = [int.from_bytes(each, "big") for each in plain]
    coded = []
    for number in range(1, redundancy + 1):
        total = 0
        for index in parity_line(number, len(plain)):
            total ^= numbers[index]
        coded.append(total.to_bytes(size, "big"))
    return plain + coded


def block_mic(
    int_key: bytes, block: bytes, *, session_counter: int, index: int, descriptor: bytes
) -> bytes:
    """The code over a whole block, without padding, that a v2 announcement carries (TS004 v2 clause 3.3, B0)."""
    head = b"\x49" + session_counter.to_bytes(2, "little") + bytes((index,)) + descriptor
    return cmac(int_key, head + bytes(4) + len(block).to_bytes(4, "little") + block)[:4]


def data_fragment(number: int, data: bytes, *, index: int = 0, version: int = 1) -> bytes:
    """The DataFragment command (port 201) of fragment ``number``, from 1."""
    return DOWNLINK[version].encode(
        [Command("DataFragment", {"n": number, "frag_index": index, "data": data.hex()})]
    )


def rebuild(received: Mapping[int, bytes], fragments: int, *, size: int) -> bytes | None:
    """The block from the fragments received (by number, from 1), padding included; None when too few came."""
    rows: dict[int, tuple[int, int]] = {}
    for number in sorted(received):
        mask = (
            1 << (number - 1)
            if number <= fragments
            else sum(1 << at for at in parity_line(number - fragments, fragments))
        )
        value = int.from_bytes(received[number], "big")
        while mask:
            pivot = mask.bit_length() - 1
            if pivot not in rows:
                rows[pivot] = (mask, value)
                break
            mask, value = mask ^ rows[pivot][0], value ^ rows[pivot][1]
    if len(rows) < fragments:
        return None
    solved: dict[int, int] = {}
    for pivot in sorted(rows):
        mask, value = rows[pivot]
        for index in range(pivot):
            if mask >> index & 1:
                value ^= solved[index]
        solved[pivot] = value
    return b"".join(solved[index].to_bytes(size, "big") for index in range(fragments))

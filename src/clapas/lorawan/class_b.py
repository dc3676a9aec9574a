"""Beacon-timed ping slots (TS001 clause 13 and 1.1 clause 12). Times are GPS milliseconds."""

from clapas.lorawan.ciphers import aes_encrypt
from clapas.lorawan.errors import FrameError

BEACON_PERIOD_MS = 128_000
BEACON_RESERVED_MS = 2_120
BEACON_GUARD_MS = 3_000
SLOT_MS = 30
SLOTS = 4096


def ping_offset(beacon_seconds: int, dev_addr: int, *, ping_period: int) -> int:
    """Slot number of the first ping after a beacon, drawn by AES with a null key."""
    block = (beacon_seconds & 0xFFFFFFFF).to_bytes(4, "little") + dev_addr.to_bytes(4, "little")
    drawn = aes_encrypt(bytes(16), block.ljust(16, b"\0"))
    return (drawn[0] + drawn[1] * 256) % ping_period


def next_ping_slot(after_gps_ms: int, dev_addr: int, *, ping_nb: int) -> int:
    """The first ping slot of a device that opens strictly after an instant.

    ``ping_nb`` is the number of slots a beacon period: 128 for periodicity 0 … 1 for periodicity 7.
    """
    if ping_nb < 1 or SLOTS % ping_nb:
        raise FrameError("the number of ping slots is a power of two up to 128", ping_nb=ping_nb)
    period = SLOTS // ping_nb
    beacon = after_gps_ms // BEACON_PERIOD_MS * BEACON_PERIOD_MS
    while True:
        offset = ping_offset(beacon // 1000, dev_addr, ping_period=period)
        for index in range(ping_nb):
            slot = beacon + BEACON_RESERVED_MS + (offset + index * period) * SLOT_MS
            if slot > after_gps_ms:
                return slot
        beacon += BEACON_PERIOD_MS


def ping_slots(periodicity: int) -> int:
    """Ping slots a beacon period for the device's periodicity 0 (every second) to 7 (once)."""
    return 1 << (7 - (periodicity & 7))

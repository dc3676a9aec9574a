"""Room on the disk of the data directory: short before it is gone, and what to do when it is back.

New messages are refused while room is short, so that what was acknowledged can still be stored. Devices
keep what got no receipt and send it again. The durable log does not recover by itself from a write that
found no room, and what it remembers then disagrees with its files: it is killed once there is room again,
and reads them anew.
"""

import shutil
from pathlib import Path

import msgspec


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes free on the disk, and how many are kept back for what was already acknowledged."""

    free: int
    reserve: int

    @property
    def short(self) -> bool:
        """Must new messages be refused?"""
        return self.free < self.reserve


def space(path: Path, *, reserve_mb: int) -> Space:
    """The room there is now. Costs one call of the system."""
    return Space(free=shutil.disk_usage(path).free, reserve=reserve_mb << 20)


class Shortage:
    """Notices the end of a shortage: there is room again for twice the reserve."""

    def __init__(self) -> None:
        self._short = False

    def ended(self, now: Space) -> bool:
        """True once, when a shortage is over."""
        if now.short:
            self._short = True
        elif self._short and now.free >= 2 * now.reserve:
            self._short = False
            return True
        return False

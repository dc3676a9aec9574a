"""Publishes that rights forbid: the broker acknowledges and drops them, so they are counted from its log.

They never enter the durable log, hence never the ledger. nats-server writes one line for each
("Publish Violation"); the log is read from where it stood at the start, across its rotation.
"""

import os
import time
from collections import Counter
from pathlib import Path

import msgspec

PHRASE = b"Publish Violation"
DAY_HOURS = 24
BLOCK = 1 << 20


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Forbidden publishes since the start, and in the last day of it."""

    total: int = 0
    last_day: int = 0


class Refusals:
    """Reads a log as it grows."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._place = _identity(log)
        self._rest = b""
        self._total = 0
        self._hours: Counter[int] = Counter()

    def read(self) -> Refused:
        """Count what was written since the last time."""
        inode, offset = self._place
        now, _ = _identity(self._log)
        if now != inode:
            offset, self._rest = 0, b""
        found = 0
        try:
            with self._log.open("rb") as file:
                file.seek(offset if offset <= os.fstat(file.fileno()).st_size else 0)
                while block := file.read(BLOCK):
                    *lines, self._rest = (self._rest + block).split(b"\n")
                    found += sum(PHRASE in line for line in lines)
                self._place = (now, file.tell())
        except OSError:
            return self._told()
        self._total += found
        self._hours[int(time.time()) // 3600] += found
        return self._told()

    def _told(self) -> Refused:
        oldest = int(time.time()) // 3600 - DAY_HOURS
        for hour in [each for each in self._hours if each <= oldest]:
            del self._hours[hour]
        return Refused(total=self._total, last_day=self._hours.total())


def _identity(path: Path) -> tuple[int, int]:
    """The file's number and size; zeros when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_size

"""Answers to strangers, remembered a moment: the same question gets the same bytes.

Only for those who say nothing of themselves. The key holds the charter's version, so that a change of
policy never serves what it forbids; and what shapes an answer: path, query, Accept, language, purpose.
"""

import time
from collections import OrderedDict

import msgspec

LARGEST = 1_000_000


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A whole answer: its headers and its body, and until when it is served."""

    until: float
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


Key = tuple[str, str, str, str, str, str]
"""The charter's version (policy and records), path, query, Accept, language, purpose."""


class Keyless:
    """A bounded memory of answers, the oldest first out."""

    def __init__(self, *, seconds: float, megabytes: int) -> None:
        self._seconds = seconds
        self._most = megabytes * 1_000_000
        self._size = 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    @property
    def enabled(self) -> bool:
        """Is anything remembered at all?"""
        return self._seconds > 0

    def get(self, key: Key) -> Kept | None:
        """The answer to serve again, None when there is none that is fresh."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found.until < time.monotonic():
            self._drop(key)
            return None
        return found

    def put(self, key: Key, headers: tuple[tuple[bytes, bytes], ...], *, body: bytes) -> None:
        """Remember an answer, unless it is too large or sets a cookie."""
        if len(body) > LARGEST or any(name == b"set-cookie" for name, _ in headers):
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = Kept(time.monotonic() + self._seconds, headers, body)
        self._size += len(body)
        while self._size > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        self._size -= len(self._kept.pop(key).body)

"""What the pipeline knows of devices, in memory, forgotten as soon as the registry changes."""

import time
from collections.abc import Callable, Collection, Iterable

from clapas.store.values import Known

MOST = 500_000
ABSENT_SECONDS = 5.0


class KnownDevices:
    """A cache that only answers while somebody listens to the registry's changes."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._absent: dict[str, float] = {}
        self._trusted = False
        self._changes = 0
        self.listeners: list[Callable[[str | None], None]] = []
        """Told of each notice, in the words of :meth:`notice`."""

    @property
    def changes(self) -> int:
        """Grows with each notice; an answer read before one is not kept after it."""
        return self._changes

    def get(self, keys: Collection[str]) -> tuple[dict[str, Known], list[str]]:
        """What is known of the keys, and those that must be asked for."""
        if not self._trusted:
            return {}, list(dict.fromkeys(keys))
        now = time.monotonic()
        found: dict[str, Known] = {}
        missing: list[str] = []
        for key in dict.fromkeys(keys):
            known = self._known.get(key)
            if known is not None:
                found[key] = known
            elif self._absent.get(key, 0.0) < now:
                missing.append(key)
        return found, missing

    def keep(self, asked: Iterable[str], found: dict[str, Known], *, changes: int) -> None:
        """Remember an answer, unless the registry changed while it was being read."""
        if not self._trusted or changes != self._changes:
            return
        if len(self._known) > MOST or len(self._absent) > MOST:
            self._known.clear()
            self._absent.clear()
        self._known.update(found)
        until = time.monotonic() + ABSENT_SECONDS
        for key in asked:
            if key not in found:
                self._absent[key] = until

    def notice(self, told: str | None) -> None:
        """One notification: keys by line, '*' for all; None = some may have been missed."""
        self._changes += 1
        self._trusted = True
        for listener in self.listeners:
            listener(told)
        if told is None or told == "*":
            self._known.clear()
            self._absent.clear()
            return
        for key in told.split("\n"):
            self._known.pop(key, None)
            self._absent.pop(key, None)

    def distrust(self) -> None:
        """Nobody listens: answer nothing from memory until the next notice."""
        self._trusted = False
        self._changes += 1

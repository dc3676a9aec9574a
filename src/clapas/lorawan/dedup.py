"""One transmission, several gateways: copies are gathered for a short while that adapts itself.

The wait is what the latest useful copies needed, never more than the setting, and nothing at all while a single
gateway is on line. What comes after the wait still enriches the statistics, but the answer is already on its way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from clapas.lorawan.radio import Reception

LOG = logging.getLogger("clapas.lorawan")
_SAME_GATEWAY_S: Final = 0.4
"""The same gateway cannot hear the same transmission again after that: it is a retransmission."""
_RESENT_S: Final = 2.5
"""A device sends again at the soonest one second after its second window."""
_FLOOR_S: Final = 0.02
_DECAY: Final = 0.995


class Gathering:
    """The copies of one transmission."""

    __slots__ = ("closed", "copies", "handled", "opened", "wait")

    def __init__(self, first: Reception, wait: float) -> None:
        self.copies = [first]
        self.opened = first.arrived
        self.wait = wait
        self.closed = False
        self.handled = False

    def best_first(self) -> list[Reception]:
        """The copies, the strongest link first."""
        return sorted(self.copies, key=lambda copy: (copy.snr, copy.rssi), reverse=True)


class Deduplicator:
    """Groups receptions by their bytes; ``handle`` gets each transmission once, when its wait is over."""

    def __init__(
        self,
        handle: Callable[[Gathering], Awaitable[None]],
        *,
        longest: float,
        keep: float,
        online: Callable[[], int],
    ) -> None:
        self._handle = handle
        self._longest = longest
        self._keep = keep
        self._online = online
        self._open: dict[bytes, Gathering] = {}
        self._lateness = longest / 2
        self._tasks: set[asyncio.Task[None]] = set()
        self.copies = 0
        self.late_copies = 0

    @property
    def wait(self) -> float:
        """Seconds that a transmission heard now would wait for copies."""
        if self._online() < 2:
            return 0.0
        return min(self._longest, max(_FLOOR_S, 1.5 * self._lateness))

    def add(self, reception: Reception) -> Gathering | None:
        """Take a reception; returns the gathering when it opens one, None when it is a copy."""
        known = self._open.get(reception.phy)
        if known is not None and not self._again(known, reception):
            self._copy(known, reception)
            return None
        gathering = Gathering(reception, self.wait)
        self._open[reception.phy] = gathering
        task = asyncio.create_task(self._run(reception.phy, gathering))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return gathering

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("a frame could not be handled", exc_info=task.exception())

    @staticmethod
    def _again(known: Gathering, reception: Reception) -> bool:
        """Whether these bytes were sent once more: another channel, much later, or heard again by the same ear."""
        if (
            reception.frequency != known.copies[0].frequency
            or reception.arrived - known.opened > _RESENT_S
        ):
            return True
        same = [
            copy
            for copy in known.copies
            if copy.gateway == reception.gateway and copy.antenna == reception.antenna
        ]
        return bool(same) and reception.arrived - same[-1].arrived > _SAME_GATEWAY_S

    def _copy(self, known: Gathering, reception: Reception) -> None:
        self.copies += 1
        lateness = reception.arrived - known.opened
        if any(
            copy.gateway == reception.gateway and copy.antenna == reception.antenna
            for copy in known.copies
        ):
            return
        self._lateness = max(self._lateness * _DECAY, min(lateness, self._longest))
        if known.closed:
            self.late_copies += 1
        known.copies.append(reception)

    @property
    def idle(self) -> bool:
        """Whether every transmission remembered has been handled."""
        return all(gathering.handled for gathering in self._open.values())

    @property
    def open(self) -> int:
        """Transmissions remembered now."""
        return len(self._open)

    async def _run(self, phy: bytes, gathering: Gathering) -> None:
        if gathering.wait:
            await asyncio.sleep(gathering.wait)
        gathering.closed = True
        self._lateness *= _DECAY
        try:
            await self._handle(gathering)
        finally:
            gathering.handled = True
        await asyncio.sleep(self._keep)
        if self._open.get(phy) is gathering:
            del self._open[phy]

    def forget(self) -> None:
        """Forget the transmissions remembered, as time does."""
        self._open.clear()

    async def drain(self) -> None:
        """Stop gathering; what is still open is given up (its copies were never answered)."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

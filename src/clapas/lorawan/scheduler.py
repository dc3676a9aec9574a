"""When and through which gateway a downlink goes, and what to try when a gateway says no.

A class A answer has up to two windows and as many gateways as heard the uplink. The candidates are put in order
(RX1 through the best link first), those that break a duty cycle, collide or come too late are left out, and the next
one is tried on each refusal.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec

from clapas.lorawan.gateways import Gateways
from clapas.lorawan.radio import Door, Emission, Reception, Slot
from clapas.lorawan.regions.plan import Region

Outcome = Callable[["Attempt", str | None], Awaitable[None]]
"""Told once for each downlink: the attempt that ended it, and None or the last error."""
_RETRIABLE: Final = frozenset(
    {"TOO_LATE", "COLLISION_PACKET", "COLLISION_BEACON", "DUTY_CYCLE", "QUEUE_FULL", "TX_FREQ", "GPS_UNLOCKED",
     "NO_GATEWAY", "TOO_EARLY", "INTERNAL_ERROR", "NO_ANSWER"}
)  # fmt: skip
ANSWER_S: Final = 3.0
"""How long after the window a silent gateway counts as having failed."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One way to send: the door, what it would emit, and when (monotonic seconds)."""

    door: Door
    emission: Emission
    start: float
    seconds: float


class Attempt(msgspec.Struct, kw_only=True):
    """A downlink on its way: the candidate being tried and those left."""

    current: Candidate
    left: list[Candidate]
    outcome: Outcome
    timer: asyncio.TimerHandle | None = None


class Scheduler:
    """Sends emissions and follows them to their outcome."""

    def __init__(self, region: Region, gateways: Gateways, *, lead: float) -> None:
        self._region = region
        self._gateways = gateways
        self._lead = lead
        self._numbers = itertools.count(1)
        self._running: dict[int, Attempt] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.leads: deque[float] = deque(maxlen=10_000)
        """Seconds left before the window when each class A answer was handed over (the last 10,000)."""

    def candidates(
        self,
        *,
        dev_eui: str,
        phy: bytes,
        copies: Iterable[Reception],
        slots: tuple[Slot, ...],
        uplink_dr: int = 0,
    ) -> list[Candidate]:
        """Every way of answering an uplink, in the order of trying: all gateways for RX1, then for RX2."""
        found = []
        heard = list(copies)
        for index, slot in enumerate(slots):
            for copy in heard:
                if not copy.door.reaches(copy.gateway):
                    continue
                rate = self._region.data_rate(slot.dr)
                second = (
                    slots[index + 1] if copy.door.both_windows and index + 1 < len(slots) else None
                )
                emission = Emission(
                    id=next(self._numbers),
                    gateway=copy.gateway,
                    dev_eui=dev_eui,
                    phy=phy,
                    slot=slot,
                    data_rate=rate,
                    second=second,
                    second_rate=self._region.data_rate(second.dr) if second else None,
                    answers=copy,
                    uplink_dr=uplink_dr,
                )
                seconds = rate.airtime_us(len(phy), crc=False) / 1e6
                found.append(
                    Candidate(
                        door=copy.door,
                        emission=emission,
                        start=copy.arrived + slot.delay,
                        seconds=seconds,
                    )
                )
        return found

    def unanswered(self, emission: Emission, door: Door, *, start: float) -> Candidate:
        """A candidate that answers no uplink (classes B and C)."""
        seconds = emission.data_rate.airtime_us(len(emission.phy), crc=False) / 1e6
        return Candidate(door=door, emission=emission, start=start, seconds=seconds)

    def number(self) -> int:
        """A new emission's number."""
        return next(self._numbers)

    def refusal(self, candidate: Candidate, now: float) -> str | None:
        """Why this candidate cannot be tried now, or None."""
        if candidate.start - now < self._lead and (
            candidate.emission.answers or candidate.emission.gps_ms
        ):
            return "TOO_LATE"
        return self._gateways.may_send(
            candidate.emission.gateway,
            frequency=candidate.emission.slot.frequency,
            start=candidate.start,
            seconds=candidate.seconds,
            now=now,
        )

    async def send(self, candidates: list[Candidate], outcome: Outcome) -> str | None:
        """Try the candidates in order; returns None when one is on its way, else why none could be."""
        reason: str | None = "NO_GATEWAY"
        now = time.monotonic()
        for index, candidate in enumerate(candidates):
            reason = self.refusal(candidate, now)
            if reason is None:
                await self._start(
                    Attempt(current=candidate, left=candidates[index + 1 :], outcome=outcome)
                )
                return None
        return reason

    async def _start(self, attempt: Attempt) -> None:
        candidate = attempt.current
        emission = candidate.emission
        now = time.monotonic()
        band = self._gateways.band(emission.slot.frequency)
        gateway = self._gateways.get(emission.gateway)
        if gateway is not None:
            gateway.air.reserve(band, candidate.start, seconds=candidate.seconds, now=now)
        self._running[emission.id] = attempt
        wait = (
            max(candidate.start - now, 0)
            + (1 if emission.second else 0)
            + candidate.seconds
            + ANSWER_S
        )
        attempt.timer = asyncio.get_running_loop().call_later(
            wait, self.report, emission.id, "NO_ANSWER"
        )
        if emission.answers is not None:
            self.leads.append(candidate.start - now)
        await candidate.door.emit(emission)

    def report(self, number: int, error: str | None) -> None:
        """A door tells what became of an emission; unknown numbers are ignored."""
        attempt = self._running.pop(number, None)
        if attempt is None:
            return
        if attempt.timer is not None:
            attempt.timer.cancel()
        task = asyncio.create_task(self._settle(attempt, error))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, attempt: Attempt, error: str | None) -> None:
        emission = attempt.current.emission
        gateway = self._gateways.get(emission.gateway)
        if gateway is not None:
            if error is None:
                gateway.downlinks += 1
            else:
                gateway.downlink_errors[error] = gateway.downlink_errors.get(error, 0) + 1
                band = self._gateways.band(emission.slot.frequency)
                gateway.air.release(band, attempt.current.start, seconds=attempt.current.seconds)
        if (
            error in _RETRIABLE
            and attempt.left
            and await self.send(attempt.left, attempt.outcome) is None
        ):
            return
        await attempt.outcome(attempt, error)

    @property
    def running(self) -> int:
        return len(self._running)

    async def close(self) -> None:
        for attempt in self._running.values():
            if attempt.timer is not None:
                attempt.timer.cancel()
        self._running.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

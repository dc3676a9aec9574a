"""The engine: observations in batches, alarms out, in one transaction with what it remembers.

A batch is taken whole or not at all: tracks, alarms and notices are committed together, and only then
is the batch acknowledged. A batch that comes again finds every reading in its track and changes
nothing; so a restart misses nothing and repeats nothing. Work per observation is constant: the rules of
a series are matched once, then kept.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Iterable, Sequence

import msgspec

from clapas.domain.errors import ClapasError
from clapas.domain.message import Observation, ObservationBatch
from clapas.domain.quality import Quality
from clapas.rules.because import Moment
from clapas.rules.book import Book
from clapas.rules.conditions import usable
from clapas.rules.groups import Groups
from clapas.rules.held import Held, learn
from clapas.rules.life import Clear, Raise, Signal
from clapas.rules.model import Rule
from clapas.rules.office import Office
from clapas.rules.settings import Settings
from clapas.rules.track import (
    Compiled,
    RuleState,
    Seen,
    Track,
    deadline,
    hear,
    seen,
    take,
    withdraw,
)
from clapas.store.rules import RulesStore
from clapas.store.rules_values import SeriesFacts, TrackRow

logger = logging.getLogger(__name__)
HELD = 400_000
"""Tracks kept in memory; the others come back from the database when they are needed."""
UNUSABLE = int(Quality.OUT_OF_RANGE | Quality.FUTURE | Quality.SUSPECT)
SETTLE_MS = 60_000
HOUR_MS = 3_600_000
"""After a start no deadline is looked at before what waited in the log had time to be read."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Track).decode


def now_ms() -> int:
    """The platform's clock, ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Engine:
    """One engine per platform; ``handle`` is the consumer of the log of observations."""

    def __init__(
        self, store: RulesStore, office: Office, *, book: Book, settings: Settings | None = None
    ) -> None:
        self._history_ms = (settings or Settings()).history_hours * HOUR_MS
        self._store = store
        self._office = office
        self.book = book
        self.groups = Groups(book)
        self._held: dict[int, Held] = {}
        self._due: list[tuple[int, int]] = []
        self._started = now_ms()
        self._lock = asyncio.Lock()
        self.taken = 0

    async def start(self, rules: Sequence[Rule]) -> None:
        """Take rules, remember what must be looked at, hear again what was heard before."""
        async with self._lock:
            self._held.clear()
            self.book.replace(rules)
            settled = self._started + SETTLE_MS
            found = await self._store.deadlines()
            self._due = [(max(due, settled), series) for series, due in found]
            heapq.heapify(self._due)
            attributes = sorted(self.book.compared)
            self.book.references.load(
                await self._store.references(attributes) if attributes else ()
            )
            self.groups.reset()
            await self._office.retire(self.book.rules, now=now_ms())
            if self.book.silences:
                await self._bootstrap()

    async def _bootstrap(self) -> None:
        """Series that rules about silence watch are known even before they speak again."""
        async for page in self._store.all_facts():
            watched = [each for each in page if each.received and self.book.watches_silence(each)]
            known = {row.series for row in await self._store.tracks([s.series for s in watched])}
            fresh = [each for each in watched if each.series not in known]
            for facts in fresh:
                held = self._hold(facts, Track())
                hear(held.rules, held.track, facts.received or 0)
            await self._commit([self._held[each.series] for each in fresh], [], now_ms())

    async def handle(self, batch: ObservationBatch) -> None:
        """Evaluate a batch; durable on return. Replayed batches correct history and raise nothing."""
        if batch.replayed or not batch.observations:
            return
        async with self._lock:
            try:
                await self._evaluate(batch.observations, now_ms())
            except ClapasError:
                self._forget()
                raise

    async def tick(self, clock: int | None = None) -> None:
        """Look at the series whose deadline is past."""
        now = clock if clock is not None else now_ms()
        async with self._lock:
            series = self._past(now)
            if not series:
                return
            try:
                held = await self._hold_all(series)
                await self._commit([each for each in held if not self._later(each, now)], [], now)
            except ClapasError:
                self._forget()
                raise

    def _later(self, held: Held, now: int) -> bool:
        """Was the deadline put off since it was queued? Then it is queued anew."""
        held.queued = 0
        if held.deadline <= now:
            return False
        self._queue(held)
        return True

    def _queue(self, held: Held) -> None:
        """One entry per series at most: an entry that comes too early only asks again."""
        if held.deadline and not 0 < held.queued <= held.deadline:
            held.queued = held.deadline
            heapq.heappush(self._due, (held.deadline, held.facts.series))

    def _past(self, now: int) -> list[int]:
        found: dict[int, None] = {}
        while self._due and self._due[0][0] <= now and len(found) < 5000:
            found[heapq.heappop(self._due)[1]] = None
        return list(found)

    async def _evaluate(self, observations: Sequence[Observation], now: int) -> None:
        held = {h.facts.series: h for h in await self._hold_all({o.series for o in observations})}
        touched: dict[int, Held] = {}
        changed: list[tuple[str, str]] = []
        for each in observations:
            found = held.get(each.series)
            if found is None:
                continue
            self.taken += 1
            if self._take(found, each):
                touched[each.series] = found
            name = (found.facts.entity, found.facts.attribute)
            if found.facts.attribute in self.book.compared and self._refer(name, each):
                changed.append(name)
        for series in self.book.dependents(changed):
            again = self._held.get(series)
            if again is not None:
                self.book.again(again.rules, again.track)
                touched[series] = again
        await self._commit(list(touched.values()), self.groups.signals(now), now)

    def _take(self, held: Held, each: Observation) -> bool:
        """One observation into its track; False when nothing changed."""
        track = held.track
        if each.deleted:
            return withdraw(held.rules, track, each.measured)
        fresh = each.received > track.heard
        hear(held.rules, track, each.received)
        value = usable(each.value)
        if value is None or each.quality & UNUSABLE:
            return fresh
        if not track.ring or each.measured >= track.ring[-1][0]:
            track.lag = max(0, each.received - each.measured)
        if held.facts.series in self.groups.watched and isinstance(value, float):
            self.groups.take(held.facts, each.measured, value)
        if each.received - each.measured > self._history_ms:
            return learn(held, each.measured, value) or fresh
        return take(held.rules, track, each.measured, value) or fresh

    def _refer(self, name: tuple[str, str], each: Observation) -> bool:
        value = usable(each.value)
        if not isinstance(value, float) or each.quality & UNUSABLE or each.deleted:
            return False
        return self.book.references.take(name, each.measured, value)

    async def _hold_all(self, series: Iterable[int]) -> list[Held]:
        """The tracks of these series that rules watch, from memory or from the database."""
        wanted = list(series)
        missing = [
            each for each in wanted if each not in self._held and each not in self.book.ignored
        ]
        if missing:
            await self._fetch(missing)
        return [self._held[each] for each in wanted if each in self._held]

    async def _fetch(self, missing: Sequence[int]) -> None:
        if len(self._held) + len(missing) > HELD:
            self._held.clear()
        known = {row.series: row for row in await self._store.tracks(missing)}
        for facts in await self._store.facts(missing):
            self.groups.meet(facts)
            row = known.get(facts.series)
            held = self._hold(facts, _decode(row.state) if row else Track())
            held.deadline = held.queued = (row.deadline or 0) if row else 0
            if not self._matters(held):
                self.book.ignored.add(facts.series)
                del self._held[facts.series]

    def _matters(self, held: Held) -> bool:
        facts = held.facts
        return bool(
            held.rules
            or facts.series in self.groups.watched
            or facts.attribute in self.book.compared
        )

    def _hold(self, facts: SeriesFacts, track: Track) -> Held:
        rules = self.book.ready(facts)
        self.book.align(rules, track)
        held = self._held[facts.series] = Held(facts, rules, track)
        return held

    def _forget(self) -> None:
        """After a failure memory may be ahead of the database: everything is read again."""
        self._held.clear()
        self.book.ignored.clear()
        self.groups.reset()

    async def _commit(self, held: Sequence[Held], more: Sequence[Signal], now: int) -> None:
        signals = list(more)
        rows = []
        for each in held:
            signals += self._signals(each, now)
            rows.append(self._row(each, now))
        if rows or signals:
            await self._office.commit(signals, tracks=rows, now=now)

    def _signals(self, held: Held, now: int) -> list[Signal]:
        found: list[Signal] = []
        for rule, state in zip(held.rules, held.track.states, strict=True):
            clock = now if rule.silent_ms else now - held.track.lag
            view = seen(rule, state.now, clock)
            told = (state.told_count, state.told_active)
            if (view.count, view.active) == told:
                continue
            if self._is_history(held.track, rule, state, view):
                state.told_count = view.count
                continue
            if view.count > state.told_count or (view.active and not state.told_active):
                since = view.since if view.active else state.now.raised
                found.append(self._raise(held, state, since, now))
            if not view.active:
                reason = "late_data" if view.count < state.told_count else ""
                found.append(self._clear(held, rule, view.since, now, reason))
            state.told_count, state.told_active = view.count, view.active
        return found

    def _is_history(self, track: Track, rule: Compiled, state: RuleState, view: Seen) -> bool:
        """Nobody is told of what was found in readings that came long after they were measured."""
        if rule.silent_ms or state.told_active or not track.ring:
            return False
        over = not view.active and track.ring[-1][0] - state.now.raised > self._history_ms
        return over or track.lag > self._history_ms

    def _row(self, held: Held, now: int) -> TrackRow:
        lag = held.track.lag
        due = [
            wait
            for rule, state in zip(held.rules, held.track.states, strict=True)
            if (wait := deadline(rule, state.now) + (0 if rule.silent_ms else lag)) > now
            and deadline(rule, state.now)
        ]
        held.deadline = min(due, default=0)
        self._queue(held)
        return TrackRow(held.facts.series, _encode(held.track), held.deadline or None)

    def _raise(self, held: Held, state: RuleState, measured: int, now: int) -> Raise:
        last, value = held.track.ring[-1] if held.track.ring else (measured, None)
        moment = Moment(
            memory=state.now.extra, at=last, value=value, offset_ms=self.book.offset_ms()
        )
        return self.book.raised(state.rule, held.facts, measured=measured, at=now, moment=moment)

    def _clear(self, held: Held, rule: Compiled, measured: int, now: int, reason: str) -> Clear:
        value = held.track.ring[-1][1] if held.track.ring else None
        return Clear(
            rule=rule.rule, entity=held.facts.entity, measured=measured, at=now,
            value=value if isinstance(value, float) else None, reason=reason,
        )  # fmt: skip

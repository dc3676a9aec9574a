"""The engine: observations in batches, alarms out, in one transaction with what it remembers.

A batch is taken whole or not at all: tracks, alarms and notices are committed together, and only then
is the batch acknowledged. A batch that comes again finds every reading in its track and changes
nothing; so a restart misses nothing and repeats nothing. Work per observation is constant: the rules of
a series are matched once, then kept.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Sequence

import msgspec

from clapas.domain.errors import ClapasError
from clapas.domain.message import Observation, ObservationBatch
from clapas.rules.agenda import Agenda
from clapas.rules.book import Book
from clapas.rules.conditions import UNUSABLE, usable
from clapas.rules.groups import Groups
from clapas.rules.held import Held, learn
from clapas.rules.life import Signal
from clapas.rules.model import Rule
from clapas.rules.office import Office
from clapas.rules.settings import Settings
from clapas.rules.told import left, signals
from clapas.rules.track import Track, deadline, hear, take, withdraw
from clapas.store.rules import RulesStore
from clapas.store.rules_values import SeriesFacts, TrackRow

logger = logging.getLogger(__name__)
HELD = 400_000
"""Tracks kept in memory; the others come back from the database when they are needed."""
HOUR_MS = 3_600_000
AT_ONCE = 2000
SETTLE_MS = 60_000
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
        self._agenda = Agenda()
        self._started = now_ms()
        self._lock = asyncio.Lock()
        self.taken = 0

    async def start(self, rules: Sequence[Rule]) -> None:
        """Take rules, remember what must be looked at, hear again what was heard before."""
        async with self._lock:
            self._held.clear()
            self.book.replace(rules)
            self.book.members = await self._store.members(self.book.saved_groups)
            settled = self._started + SETTLE_MS
            self._agenda.restart(await self._store.deadlines(), settled=settled)
            attributes = sorted(self.book.compared)
            self.book.references.load(
                await self._store.references(attributes) if attributes else ()
            )
            self.groups.reset()
            await self._office.retire(self.book.rules, now=now_ms())
            if self.book.silences:
                await self._bootstrap()
            await self._leave(await self._office.alarms.active_series())

    async def _leave(self, series: Iterable[int]) -> None:
        """Clear what is active where its rule watches no more."""
        now = now_ms()
        found = [clear for held in await self._hold_all(series) for clear in left(held, now)]
        await self._office.commit(found, now=now)

    async def _bootstrap(self) -> None:
        """Series that rules about silence watch are known even before they speak again."""
        async for page in self._store.all_facts():
            watched = [each for each in page if each.received and self.book.watches_silence(each)]
            known = {row.series for row in await self._store.tracks([s.series for s in watched])}
            fresh = [each for each in watched if each.series not in known]
            await self._look([each.series for each in fresh])

    async def look_again(self, series: Collection[int] | None) -> None:
        """The registry changed: read again what these series are (None: all of them) and who is in a
        saved group. What a rule watches no more is cleared."""
        async with self._lock:
            moved = await self._regroup()
            if series is None:
                self._forget()
                series = await self._office.alarms.active_series()
            if not self.groups.known:
                await self._remember_groups()
            await self._look(moved.union(series))

    async def _regroup(self) -> set[int]:
        """Read again who is in the saved groups that rules name; gives who entered or left one."""
        former, names = self.book.members, self.book.saved_groups
        self.book.members = await self._store.members(names)
        moved: set[int] = set()
        for name in names:
            moved |= set(former.get(name, ())) ^ set(self.book.members.get(name, ()))
        return moved

    async def _look(self, series: Iterable[int]) -> None:
        """Read again what series are, and commit what their rules say then."""
        numbers = sorted(series)
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE]
            for each in some:
                self._held.pop(each, None)
                self.book.ignored.discard(each)
            found = [each for each in await self._hold_all(some) if each.rules or each.left]
            for held in found:
                if not held.track.heard:
                    hear(held.rules, held.track, received=held.facts.received or 0)
            now = now_ms()
            await self._commit(found, self.groups.signals(now), now=now)

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
            series = self._agenda.past(now)
            if not series:
                return
            try:
                held = await self._hold_all(series)
                await self._commit(
                    [each for each in held if not self._agenda.later(each, now)], [], now=now
                )
            except ClapasError:
                self._forget()
                raise

    async def _evaluate(self, observations: Sequence[Observation], now: int) -> None:
        if not self.groups.known:
            await self._remember_groups()
        held = {h.facts.series: h for h in await self._hold_all({o.series for o in observations})}
        touched: dict[int, Held] = {}
        changed: list[tuple[str, str]] = []
        for each in observations:
            found = held.get(each.series)
            if found is None:
                continue
            self.taken += 1
            if self._take(found, each) or found.left:
                touched[each.series] = found
            name = (found.facts.entity, found.facts.attribute)
            if found.facts.attribute in self.book.compared and self._refer(name, each):
                changed.append(name)
        for series in self.book.dependents(changed):
            again = self._held.get(series)
            if again is not None:
                self.book.again(again.rules, again.track)
                touched[series] = again
        await self._commit(list(touched.values()), self.groups.signals(now), now=now)

    async def _remember_groups(self) -> None:
        active = await self._office.alarms.active_of(list(self.book.rules))
        await self.groups.remember(self._store, {str(row[1]) for row in active})

    def _take(self, held: Held, each: Observation) -> bool:
        """One observation into its track; False when nothing changed."""
        track = held.track
        if each.deleted:
            gone = withdraw(held.rules, track, at=each.measured)
            before = track.ring[-1] if track.ring else None
            self.groups.withdraw(held.facts.series, each.measured, before=before)
            return gone
        fresh = each.received > track.heard
        hear(held.rules, track, received=each.received)
        value = usable(each.value)
        if value is None or each.quality & UNUSABLE:
            return fresh
        if not track.ring or each.measured >= track.ring[-1][0]:
            track.lag = max(0, each.received - each.measured)
        if held.facts.series in self.groups.watched and isinstance(value, float):
            self.groups.take(held.facts, each.measured, value=value)
        late = each.received - each.measured > self._history_ms
        if late or track.before_it_began(each.measured):
            return learn(held, each.measured, value=value) or fresh
        return take(held.rules, track, at=each.measured, value=value) or fresh

    def _refer(self, name: tuple[str, str], each: Observation) -> bool:
        value = usable(each.value)
        if not isinstance(value, float) or each.quality & UNUSABLE or each.deleted:
            return False
        return self.book.references.take(name, each.measured, value=value)

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
            or held.left
            or facts.series in self.groups.watched
            or facts.attribute in self.book.compared
        )

    def _hold(self, facts: SeriesFacts, track: Track) -> Held:
        rules = self.book.ready(facts)
        left = self.book.align(rules, track)
        held = self._held[facts.series] = Held(facts, rules, track, left=left)
        return held

    def _forget(self) -> None:
        """After a failure memory may be ahead of the database: everything is read again."""
        self._held.clear()
        self.book.ignored.clear()
        self.groups.reset()

    async def _commit(self, held: Sequence[Held], more: Sequence[Signal], *, now: int) -> None:
        found = list(more)
        rows = []
        for each in held:
            found += signals(self.book, each, now=now, history_ms=self._history_ms)
            rows.append(self._row(each, now))
        if rows or found:
            await self._office.commit(found, tracks=rows, now=now)

    def _row(self, held: Held, now: int) -> TrackRow:
        lag = held.track.lag
        due = [
            wait
            for rule, state in zip(held.rules, held.track.states, strict=True)
            if (wait := deadline(rule, state.now) + (0 if rule.silent_ms else lag)) > now
            and deadline(rule, state.now)
        ]
        held.deadline = min(due, default=0)
        self._agenda.queue(held)
        return TrackRow(held.facts.series, _encode(held.track), held.deadline or None)

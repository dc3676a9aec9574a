"""What a rule would have done on the last thirty days, before it is saved; and what a change changes.

The same steps as on the stream, over history: readings in measured order, values that were usable.
Conditions that learn read six weeks more before, silently. Groups, questions and detectors of trades:
:mod:`clapas.rules.replay_whole`.
"""

import asyncio
import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.window import Window, milliseconds
from clapas.rules.book import Book
from clapas.rules.conditions import UNUSABLE, compared_with
from clapas.rules.model import Drift, Group, Proposed, Rule, SameHour, Shift, Sql, Unusual
from clapas.rules.replay_whole import Occurrence, WholeGroup, asked_again, proposed
from clapas.rules.track import Compiled, Memory, seen, step
from clapas.store import SeriesHistory, Store
from clapas.store.rules import RulesStore
from clapas.store.rules_values import SeriesFacts

DAYS = 30
MOST_SERIES = 400
AT_ONCE = 40
KEPT = 500
WARM_DAYS = 42
LEARNED = (SameHour, Unusual, Shift, Drift)


Basis = Literal["history", "questions", "detector"]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: how many alarms, which (the newest ``KEPT``), on how many of the series watched."""

    basis: Basis
    """What was replayed: 'history', a question asked again ('questions') or a detector's own past."""
    alarms: int
    entities: int
    per_day: float
    watched: int
    replayed: int
    readings: int
    occurrences: list[Occurrence]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """On how much a rule was replayed."""

    watched: int
    replayed: int
    readings: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a changed rule raises more, no more, and still, over the same history."""

    added: list[Occurrence]
    removed: list[Occurrence]
    kept: int


class PastReferences:
    """Other series' values as they were: sorted times and values by (entity, attribute)."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, str], SeriesHistory] = {}

    def at(self, entity: str, attribute: str, *, moment: int, within_ms: int) -> float | None:
        """See :class:`clapas.rules.references.References`."""
        found = self.series.get((entity, attribute))
        if found is None or not found.times:
            return None
        place = bisect_right(found.times, moment) - 1
        if place < 0:
            return found.values[0] if not within_ms else None
        recent = not within_ms or moment - found.times[place] <= within_ms
        return found.values[place] if recent else None


class PastBook(Book):
    """A book whose comparisons are read from history."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__(zone)
        self.past = PastReferences()
        self.references = self.past  # type: ignore[assignment]


async def replay(
    store: Store, rule: Rule, *, rows: RowFilter, now: datetime | None = None
) -> Replay:
    """Replay a rule on the history that may be seen."""
    end = now or datetime.now(UTC)
    past = Window(end - timedelta(days=DAYS), end)
    if isinstance(rule.when, Sql):
        return summed(
            await asked_again(store, rule, when=rule.when, past=past), past, basis="questions"
        )
    if isinstance(rule.when, Proposed):
        return summed(await proposed(store, rule, past=past), past, basis="detector")
    return await _over_history(store, rule, rows=rows, past=past)


async def _over_history(store: Store, rule: Rule, *, rows: RowFilter, past: Window) -> Replay:
    window = Window(past.start - _warm(rule), past.end)
    book = PastBook(await store.territory.zone())
    book.replace([msgspec.structs.replace(rule, enabled=True)])
    watched = await _watched(store, rule, book=book)
    chosen = watched[:MOST_SERIES]
    await _load_references(store, book, rule=rule, chosen=chosen, window=window)
    group = WholeGroup(rule, rule.when, zone=book.zone) if isinstance(rule.when, Group) else None
    found: list[Occurrence] = []
    readings = 0
    for start in range(0, len(chosen), AT_ONCE):
        some = {each.series: each for each in chosen[start : start + AT_ONCE]}
        histories = await store.history.read(rows, list(some), window=window, step="raw")
        readings += sum(len(each.times) for each in histories)
        if group is not None:
            group.take(some, histories)
        else:
            found += await asyncio.to_thread(_all, book, some, past=histories, end=past.end)
    if group is not None:
        found = await asyncio.to_thread(group.occurrences)
    counts = Counts(watched=len(watched), replayed=len(chosen), readings=readings)
    return summed(found, past, basis="history", counts=counts)


def _warm(rule: Rule) -> timedelta:
    """How much history before the thirty days a rule must have read."""
    learned = any(isinstance(each, LEARNED) for each in (rule.when, rule.clear))
    return timedelta(days=WARM_DAYS) if learned else timedelta(days=1)


def summed(
    found: Sequence[Occurrence], past: Window, *, basis: Basis, counts: Counts | None = None
) -> Replay:
    """The answer, of what began within the thirty days."""
    start = milliseconds(past.start)
    inside = sorted((each for each in found if each.raised >= start), reverse=True)
    entities = len({each.entity for each in inside})
    seen_on = counts or Counts(watched=entities, replayed=entities, readings=0)
    share = seen_on.watched / max(1, seen_on.replayed)
    return Replay(
        basis=basis,
        alarms=len(inside),
        entities=entities,
        per_day=round(len(inside) / DAYS * share, 2),
        watched=seen_on.watched,
        replayed=seen_on.replayed,
        readings=seen_on.readings,
        occurrences=inside[:KEPT],
    )


def difference(before: Replay, after: Replay) -> Difference:
    """What changed between two replays over the same history."""
    old = {(each.series, each.raised): each for each in before.occurrences}
    new = {(each.series, each.raised): each for each in after.occurrences}
    return Difference(
        added=[each for key, each in new.items() if key not in old],
        removed=[each for key, each in old.items() if key not in new],
        kept=len(old.keys() & new.keys()),
    )


async def _watched(store: Store, rule: Rule, *, book: Book) -> list[SeriesFacts]:
    kept = RulesStore(store.postgres, store.clickhouse)
    book.members = await kept.members(book.saved_groups)
    found: list[SeriesFacts] = []
    async for page in kept.all_facts():
        found += [each for each in page if book.matches(rule, each)]
    return found


async def _load_references(
    store: Store, book: PastBook, *, rule: Rule, chosen: Sequence[SeriesFacts], window: Window
) -> None:
    names = {name for each in chosen for name in compared_with(rule.when, each)}
    everything = RowFilter(everything=True)
    for entity, attribute in sorted(names)[:MOST_SERIES]:
        numbers = [
            each.id
            for each in await store.series.of_entity(everything, entity)
            if each.key.attribute == attribute
        ]
        past = await store.history.read(everything, numbers, window=window, step="raw")
        if past:
            book.past.series[entity, attribute] = past[0]


def _all(
    book: Book, facts: dict[int, SeriesFacts], *, past: Sequence[SeriesHistory], end: datetime
) -> list[Occurrence]:
    clock = int(end.timestamp() * 1000)
    found: list[Occurrence] = []
    for each in past:
        for rule in book.ready(facts[each.series]):
            run = _silences if rule.silent_ms else _steps
            found += run(rule, facts[each.series], past=each, clock=clock)
    return found


def _steps(
    rule: Compiled, facts: SeriesFacts, *, past: SeriesHistory, clock: int
) -> list[Occurrence]:
    memory = Memory()
    found: list[Occurrence] = []
    active, count = False, 0
    for at, value, quality in zip(past.times, past.values, past.qualities, strict=True):
        if quality & UNUSABLE or math.isnan(value):
            continue
        step(rule, memory, at=at, value=value)
        if memory.count > count:
            found.append(_occurrence(facts, memory.raised, value=value))
            active, count = True, memory.count
        if active and not memory.active:
            found[-1] = msgspec.structs.replace(found[-1], cleared=at)
            active = False
    view = seen(rule, memory, clock=clock)
    if view.active and view.count > count:
        found.append(_occurrence(facts, view.since, value=past.values[-1] if past.values else None))
    return found


def _silences(
    rule: Compiled, facts: SeriesFacts, *, past: SeriesHistory, clock: int
) -> list[Occurrence]:
    found = []
    for at, following in zip(past.times, [*past.times[1:], clock], strict=False):
        if following - at >= rule.silent_ms:
            over = following if following != clock else None
            told = _occurrence(facts, at + rule.silent_ms, value=None)
            found.append(msgspec.structs.replace(told, cleared=over))
    return found


def _occurrence(facts: SeriesFacts, at: int, *, value: float | None) -> Occurrence:
    return Occurrence(
        raised=at, entity=facts.entity, name=facts.name, series=facts.series, value=value
    )

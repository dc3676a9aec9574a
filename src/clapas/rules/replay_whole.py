"""Replays that are not series by series: groups, an analyst's question, a trade's detector."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.window import Window, milliseconds
from clapas.rules.civil import opening
from clapas.rules.conditions import COMPARE, UNUSABLE
from clapas.rules.groups import group_urn, result_of
from clapas.rules.model import Group, Rule, Sql
from clapas.store import SeriesHistory, Store
from clapas.store.rules import AT, RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import SeriesFacts

SLOT_MS = 300_000
"""Values of a group are taken together in slots of five minutes."""
QUESTIONS = 60
"""How often a question is asked over the thirty days."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One time that the rule would have been true: from ``raised`` to ``cleared`` (ms; None: still)."""

    raised: int
    entity: str
    name: str
    series: int
    value: float | None = None
    cleared: int | None = None


class WholeGroup:
    """The present values of a group at each moment of the past."""

    def __init__(self, rule: Rule, when: Group, *, zone: ZoneInfo) -> None:
        self._rule = rule
        self._is_open = opening(rule.schedule, zone) if rule.schedule else None
        self._when = when
        self._readings: dict[str, list[tuple[int, int, float]]] = {}

    def take(self, facts: Mapping[int, SeriesFacts], histories: Sequence[SeriesHistory]) -> None:
        """Add the past of some series."""
        for each in histories:
            place = facts[each.series].commune if self._when.by == "commune" else ""
            self._readings.setdefault(place, []).extend(
                (at, each.series, value)
                for at, value, quality in zip(each.times, each.values, each.qualities, strict=True)
                if not quality & UNUSABLE and value == value  # noqa: PLR0124 - not a number
            )

    def occurrences(self) -> list[Occurrence]:
        """When the group's aggregate passed its limit."""
        return [
            each
            for place, readings in self._readings.items()
            for each in self._of_place(place, sorted(readings))
        ]

    def _of_place(self, place: str, readings: Sequence[tuple[int, int, float]]) -> list[Occurrence]:
        values: dict[int, tuple[int, float]] = {}
        found: list[Occurrence] = []
        active = False
        for slot, some in groupby(readings, key=lambda each: each[0] // SLOT_MS):
            values |= {series: (at, value) for at, series, value in some}
            now = (slot + 1) * SLOT_MS
            oldest = now - self._when.within_s * 1000
            fresh = [value for at, value in values.values() if at >= oldest]
            if len(fresh) < self._when.least:
                continue
            result = result_of(self._when.function, fresh)
            true = COMPARE[self._when.operator](result, self._when.limit)
            true = true and (self._is_open is None or self._is_open(now))
            if true and not active:
                found.append(self._occurrence(place, now, value=result))
            elif active and not true:
                found[-1] = msgspec.structs.replace(found[-1], cleared=now)
            active = true
        return found

    def _occurrence(self, place: str, at: int, *, value: float) -> Occurrence:
        entity = group_urn(self._rule.id, place)
        return Occurrence(raised=at, entity=entity, name=place, series=0, value=value)


async def asked_again(store: Store, rule: Rule, *, when: Sql, past: Window) -> list[Occurrence]:
    """A question asked at moments of the past; one that does not say when is asked once, now.

    Raises InvalidInput when it cannot be asked.
    """
    kept = RulesStore(store.postgres, store.clickhouse)
    start, end = milliseconds(past.start), milliseconds(past.end)
    step = (end - start) // QUESTIONS
    moments = range(start + step, end + 1, step) if AT in when.query else (end,)
    zone = await store.territory.zone()
    is_open = opening(rule.schedule, zone) if rule.schedule else None
    open_: dict[str, Occurrence] = {}
    found: list[Occurrence] = []
    for at in moments:
        closed = is_open is not None and not is_open(at)
        rows = {} if closed else dict(await kept.ask(when.query, at=at))
        gone = [each for each in open_ if each not in rows]
        found += [msgspec.structs.replace(open_.pop(entity), cleared=at) for entity in gone]
        for entity, value in rows.items():
            if entity not in open_:
                open_[entity] = Occurrence(raised=at, entity=entity, name="", series=0, value=value)
    return found + list(open_.values())


async def proposed(store: Store, rule: Rule, *, past: Window) -> list[Occurrence]:
    """What the trade's detector did raise: it is not run again on the past."""
    rows = await Alarms(store.postgres).raised_by(rule.id, since=milliseconds(past.start))
    return [
        Occurrence(raised=row[1], entity=row[0], name=row[2], series=0, value=row[3])
        for row in rows
    ]

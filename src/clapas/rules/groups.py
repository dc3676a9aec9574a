"""Rules over a group: the present values of all targets of a commune, or of all, taken together."""

from collections.abc import Collection
from typing import Any

import msgspec

from clapas.rules.book import Book
from clapas.rules.civil import opening
from clapas.rules.conditions import COMPARE, UNUSABLE
from clapas.rules.life import Clear, Raise, Signal
from clapas.rules.model import Group, Rule
from clapas.store.rules import RulesStore
from clapas.store.rules_values import SeriesFacts


class Members(msgspec.Struct):
    """The present values of one group: series → (measured, value)."""

    rule: Rule
    place: str
    quantity: str = ""
    values: dict[int, tuple[int, float]] = {}
    active: bool = False


class Groups:
    """All groups; a value is O(1), a group is summed once per batch that touched it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._members: dict[tuple[str, str], Members] = {}
        self._touched: set[tuple[str, str]] = set()
        self.watched: dict[int, list[tuple[str, str]]] = {}
        self.known = False

    def reset(self) -> None:
        """Forget everything, until :meth:`remember`."""
        self._members.clear()
        self._touched.clear()
        self.watched.clear()
        self.known = not any(isinstance(each.when, Group) for each in self._book.rules.values())

    async def remember(self, store: RulesStore, active: Collection[str]) -> None:
        """Begin with the present values of all members, and with the groups whose alarm is active.

        So after a start an aggregate is over the whole group, not over those that spoke first.
        """
        self.known = True
        async for page in store.all_facts():
            facts = {each.series: each for each in page if self._book.grouped(each)}
            for each in facts.values():
                self.meet(each)
            for series, measured, value in await store.present(list(facts), unusable=UNUSABLE):
                self.take(facts[series], measured, value=value)
        for key, members in self._members.items():
            members.active = group_urn(*key) in active
        self._touched.clear()

    def meet(self, facts: SeriesFacts) -> None:
        """Put a series in the groups of the rules that match it, and in no other."""
        keys = []
        for rule in self._book.grouped(facts):
            place = facts.commune if _when(rule).by == "commune" else ""
            key = (rule.id, place)
            self._members.setdefault(key, Members(rule=rule, place=place, quantity=facts.quantity))
            keys.append(key)
        for key in set(self.watched.pop(facts.series, ())) - set(keys):
            self._members[key].values.pop(facts.series, None)
            self._touched.add(key)
        if keys:
            self.watched[facts.series] = keys

    def withdraw(self, series: int, measured: int, *, before: tuple[int, Any] | None) -> None:
        """The value measured then never was: the one ``before`` it counts, if there is one."""
        for key in self.watched.get(series, ()):
            values = self._members[key].values
            if values.get(series, (-1, 0.0))[0] != measured:
                continue
            del values[series]
            if before is not None and isinstance(before[1], float):
                values[series] = (before[0], before[1])
            self._touched.add(key)

    def take(self, facts: SeriesFacts, measured: int, *, value: float) -> None:
        """The newer measured value of a series counts."""
        for key in self.watched.get(facts.series, ()):
            values = self._members[key].values
            if values.get(facts.series, (-1, 0.0))[0] <= measured:
                values[facts.series] = (measured, value)
                self._touched.add(key)

    def signals(self, now: int) -> list[Signal]:
        """What the groups that were touched say now."""
        found = [
            signal for key in self._touched for signal in self._signal(self._members[key], now)
        ]
        self._touched.clear()
        return found

    def _is_open(self, rule: Rule, now: int) -> bool:
        return rule.schedule is None or opening(rule.schedule, self._book.zone)(now)

    def _signal(self, members: Members, now: int) -> list[Signal]:
        when = _when(members.rule)
        oldest = now - when.within_s * 1000
        fresh = [value for measured, value in members.values.values() if measured >= oldest]
        if len(fresh) < when.least:
            return []
        result = result_of(when.function, fresh)
        active = self._is_open(members.rule, now) and COMPARE[when.operator](result, when.limit)
        if active == members.active:
            return []
        members.active = active
        return [_told(members, active=active, value=result, count=len(fresh), now=now)]


def _when(rule: Rule) -> Group:
    assert isinstance(rule.when, Group)  # noqa: S101 - the book hands out rules over groups only
    return rule.when


def result_of(function: str, values: list[float]) -> float:
    """An aggregate of present values."""
    computed: dict[str, Any] = {"sum": sum, "min": min, "max": max, "count": len}
    return float(sum(values) / len(values) if function == "mean" else computed[function](values))


def group_urn(rule: str, place: str) -> str:
    """The entity that stands for the group of a rule, in one commune or in all."""
    return f"urn:ngsi-ld:Group:{rule}{':' + place if place else ''}"


def _told(members: Members, *, active: bool, value: float, count: int, now: int) -> Signal:
    rule = members.rule
    when = _when(rule)
    because = {
        "kind": "group", "quantity": members.quantity, "function": when.function, "result": value,
        "count": count, "operator": when.operator, "limit": when.limit,
    }  # fmt: skip
    entity = group_urn(rule.id, members.place)
    if not active:
        return Clear(rule=rule.id, entity=entity, measured=now, at=now, value=value)
    return Raise(
        rule=rule.id,
        entity=entity,
        measured=now,
        at=now,
        severity=rule.severity,
        title=rule.title,
        trade=rule.trade,
        commune=members.place,
        value=value,
        message=rule.message,
        public=rule.public,
        because=because,
    )

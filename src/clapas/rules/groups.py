"""Rules over a group: the present values of all targets of a commune, or of all, taken together."""

from typing import Any

import msgspec

from clapas.rules.book import Book
from clapas.rules.conditions import COMPARE
from clapas.rules.life import Clear, Raise, Signal
from clapas.rules.model import Group, Rule
from clapas.store.rules_values import SeriesFacts


class Members(msgspec.Struct):
    """The present values of one group: series → (measured, value)."""

    rule: Rule
    place: str
    quantity: str = ""
    values: dict[int, tuple[int, float]] = {}
    active: bool | None = None
    """None: not known yet in this process, so the first answer is told whatever it is."""


class Groups:
    """All groups; a value is O(1), a group is summed once per batch that touched it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._members: dict[tuple[str, str], Members] = {}
        self._touched: set[tuple[str, str]] = set()
        self.watched: dict[int, list[tuple[str, str]]] = {}

    def reset(self) -> None:
        """Forget everything; values come back as they are measured."""
        self._members.clear()
        self._touched.clear()
        self.watched.clear()

    def meet(self, facts: SeriesFacts) -> None:
        """Put a series in the groups of the rules that match it."""
        keys = []
        for rule in self._book.grouped(facts):
            place = facts.commune if _when(rule).by == "commune" else ""
            key = (rule.id, place)
            self._members.setdefault(key, Members(rule=rule, place=place, quantity=facts.quantity))
            keys.append(key)
        if keys:
            self.watched[facts.series] = keys

    def take(self, facts: SeriesFacts, measured: int, value: float) -> None:
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

    def _signal(self, members: Members, now: int) -> list[Signal]:
        when = _when(members.rule)
        oldest = now - when.within_s * 1000
        fresh = [value for measured, value in members.values.values() if measured >= oldest]
        if len(fresh) < when.least:
            return []
        result = result_of(when.function, fresh)
        active = COMPARE[when.operator](result, when.limit)
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

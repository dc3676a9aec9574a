"""Figures that somebody else decided: each with its source, its date, and whether it must be confirmed.

Indicators, colours and alarm rules of a pack name them; a number written bare has no source, and is told.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from clapas.usecases.errors import BadPack

DECIDED = ("limit", "low", "high", "per_hour", "margin", "times", "for_s", "intervals")
"""The parts of a condition that somebody decides: what is left is how the condition is computed."""
DURATIONS = ("for_s", "hold_s", "clear_hold_s")
"""Seconds in a rule; a limit that they name may be said in another unit of time."""
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in both languages."""

    fr: str
    en: str


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decided figure. ``value`` is in the quantity's own unit, shown as value × scale in ``unit``.

    A duration is said in ``unit``: s, min, h or d.
    """

    value: float
    unit: str = ""
    scale: float = 1.0
    title: Text | None = None
    source: str | Text
    valid_from: date
    to_confirm: bool = True

    @property
    def shown(self) -> float:
        """The figure in the unit shown."""
        return round(self.value * self.scale, 9)

    @property
    def said(self) -> Text:
        """Its source in both languages."""
        return self.source if isinstance(self.source, Text) else Text(self.source, self.source)


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Rules with numbers in place of limits' names; rule → limits that it names; bare numbers, told in words."""

    rules: list[dict[str, Any]]
    named: dict[str, tuple[str, ...]]
    bare: tuple[str, ...]


def resolve(rules: Iterable[Any], limits: Mapping[str, Any], *, pack: str) -> Resolved:
    """Put the limits' values into the rules as they are written; raises :class:`BadPack` for an unknown name."""
    done: list[dict[str, Any]] = []
    named: dict[str, tuple[str, ...]] = {}
    bare: list[str] = []
    for rule in rules:
        if not isinstance(rule, dict):
            raise BadPack(f"{pack}/rules.json: a rule is an object", pack=pack)
        name = str(rule.get("id", "?"))
        reading = _Reading(limits, where=f"{pack}: the rule {name!r}")
        done.append(reading.rule(rule))
        named[name] = tuple(dict.fromkeys(reading.used))
        bare += reading.bare
    return Resolved(rules=done, named=named, bare=tuple(bare))


class _Reading:
    """One rule as it is read: the limits that it names, the numbers that name none."""

    def __init__(self, limits: Mapping[str, Any], *, where: str) -> None:
        self._limits = limits
        self._where = where
        self.used: list[str] = []
        self.bare: list[str] = []

    def rule(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """The rule with numbers in place of names."""
        fresh = dict(rule)
        for part in ("when", "clear"):
            if isinstance(rule.get(part), dict):
                fresh[part] = {key: self._number(key, value) for key, value in rule[part].items()}
        for key in DURATIONS:
            if isinstance(rule.get(key), str):
                fresh[key] = self._number(key, rule[key])
        return fresh

    def _number(self, key: str, value: Any) -> Any:
        if key not in (*DECIDED, *DURATIONS) or value is None:
            return value
        if not isinstance(value, str):
            self.bare.append(
                f"{self._where}: {key} {value!r} has no source: name a limit of pack.toml"
            )
            return value
        limits = self._limits
        if value not in limits:
            known = ", ".join(limits) or "none"
            raise BadPack(f"{self._where}: no limit {value!r}; there are {known}")
        self.used.append(value)
        found = limits[value] if isinstance(limits[value], dict) else {}
        number = found.get("value")
        if key not in DURATIONS or not isinstance(number, int | float):
            return number
        unit = str(found.get("unit"))
        if unit not in SECONDS:
            units = ", ".join(SECONDS)
            raise BadPack(
                f"{self._where}: {key} is a time: the unit of {value!r} is one of {units}"
            )
        return int(number * SECONDS[unit])

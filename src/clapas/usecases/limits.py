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


def resolve(rules: Iterable[Any], limits: Mapping[str, Any], pack: str) -> Resolved:
    """Put the limits' values into the rules as they are written; raises :class:`BadPack` for an unknown name."""
    done: list[dict[str, Any]] = []
    named: dict[str, tuple[str, ...]] = {}
    bare: list[str] = []
    for rule in rules:
        if not isinstance(rule, dict):
            raise BadPack(f"{pack}/rules.json: a rule is an object", pack=pack)
        name, fresh = str(rule.get("id", "?")), dict(rule)
        used: list[str] = []
        for part in ("when", "clear"):
            if isinstance(rule.get(part), dict):
                fresh[part] = {
                    key: _number(key, value, limits, f"{pack}: the rule {name!r}", used, bare)
                    for key, value in rule[part].items()
                }
        for key in DURATIONS:
            if isinstance(rule.get(key), str):
                fresh[key] = _number(
                    key, rule[key], limits, f"{pack}: the rule {name!r}", used, bare
                )
        done.append(fresh)
        named[name] = tuple(dict.fromkeys(used))
    return Resolved(rules=done, named=named, bare=tuple(bare))


def _number(
    key: str, value: Any, limits: Mapping[str, Any], where: str, used: list[str], bare: list[str]
) -> Any:
    if key not in (*DECIDED, *DURATIONS) or value is None:
        return value
    if not isinstance(value, str):
        bare.append(f"{where}: {key} {value!r} has no source: name a limit of pack.toml")
        return value
    if value not in limits:
        raise BadPack(f"{where}: no limit {value!r}; there are {', '.join(limits) or 'none'}")
    used.append(value)
    found = limits[value] if isinstance(limits[value], dict) else {}
    number = found.get("value")
    if key not in DURATIONS or not isinstance(number, int | float):
        return number
    unit = str(found.get("unit"))
    if unit not in SECONDS:
        raise BadPack(
            f"{where}: {key} is a time: the unit of {value!r} is one of {', '.join(SECONDS)}"
        )
    return int(number * SECONDS[unit])

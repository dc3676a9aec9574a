"""A filter's tree as an SQL condition: texts of our own, the caller's words only as parameters.

Each dialect says how functions are written and which columns there are; what it does not know is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from clapas.store.odata import FilterRefused, Node

COMPARES = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
SUMS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
SHARED = {
    "length": "length({0})",
    "concat": "concat({0}, {1})",
    "tolower": "lower({0})",
    "toupper": "upper({0})",
    "floor": "floor({0})",
    "ceiling": "ceil({0})",
    "now": "now()",
}
POSTGRES = {
    **SHARED,
    "substringof": "strpos({1}, {0}) > 0",
    "contains": "strpos({0}, {1}) > 0",
    "startswith": "starts_with({0}, {1})",
    "endswith": "right({0}, length({1})) = {1}",
    "indexof": "strpos({0}, {1}) - 1",
    "substring": "substr({0}, ({1})::int + 1)",
    "substring3": "substr({0}, ({1})::int + 1, ({2})::int)",
    "trim": "btrim({0})",
    "round": "round(({0})::numeric)",
    **{
        name: f"extract({name} FROM ({{0}})::timestamptz AT TIME ZONE 'UTC')"
        for name in ("year", "month", "day", "hour", "minute", "second")
    },
    "mod": "mod(({0})::numeric, ({1})::numeric)",
    "fractionalseconds": "mod(extract(microseconds FROM ({0})::timestamptz), 1000000) / 1000000.0",
    "date": "(({0})::timestamptz AT TIME ZONE 'UTC')::date::text",
    "time": "(({0})::timestamptz AT TIME ZONE 'UTC')::time::text",
    "totaloffsetminutes": "0 * extract(year FROM {0})",
    "geo.distance": "({0} <-> {1})",
    **dict.fromkeys(
        ("geo.intersects", "st_intersects", "st_within", "geo.within", "st_contains"),
        "({0} <@ {1})",
    ),
    "st_disjoint": "NOT ({0} <@ {1})",
}
CLICKHOUSE = {
    **SHARED,
    **{
        name: f"to{written}({{0}})"
        for name, written in {
            "year": "Year",
            "month": "Month",
            "day": "DayOfMonth",
            "hour": "Hour",
            "minute": "Minute",
            "second": "Second",
        }.items()
    },
    "fractionalseconds": "toUnixTimestamp64Milli({0}) % 1000 / 1000.0",
    "mod": "({0} % {1})",
    "date": "toString(toDate({0}))",
    "round": "round({0})",
    "now": "now64(3, 'UTC')",
    "totaloffsetminutes": "0 * toYear({0})",
}
GEOMETRY = re.compile(r"^\s*(POINT|POLYGON)\s*\(+([^()]*)\)", re.IGNORECASE)
DURATION = re.compile(r"^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")
Column = Callable[[str], str]


class Condition(msgspec.Struct, frozen=True):
    """A condition in SQL and its parameters."""

    text: str
    values: Mapping[str, Any]


TRUE = Condition("true", {})


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One engine: its functions, how it writes a parameter of a kind, its columns by path."""

    functions: Mapping[str, str]
    parameter: Callable[[str, str], str]
    column: Column
    around: Callable[[str, str], str] = lambda _path, text: text
    """Puts a test on a path inside a subquery where the path leads to many."""


def postgres_parameter(name: str, kind: str) -> str:
    """A parameter of PostgreSQL with its type."""
    types = {"number": "float8", "text": "text", "moment": "timestamptz", "truth": "boolean"}
    types |= {"duration": "interval", "point": "point", "polygon": "polygon"}
    return f"%({name})s::{types[kind]}"


def clickhouse_parameter(name: str, kind: str) -> str:
    """A parameter of ClickHouse with its type; moments are milliseconds."""
    if kind == "moment":
        return f"fromUnixTimestamp64Milli({{{name}:Int64}})"
    if kind == "duration":
        return f"toIntervalMillisecond({{{name}:Int64}})"
    return "{" + name + ":" + {"number": "Float64", "text": "String", "truth": "Bool"}[kind] + "}"


class Compiler:
    """Compiles trees for one query; parameters are numbered through."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.values: dict[str, Any] = {}

    def condition(self, node: Node) -> Condition:
        """The condition of a tree. Raises FilterRefused."""
        if node.what in {"path", "value", "geography"} or node.name in SUMS:
            raise FilterRefused("a filter is true or false")
        return Condition(self._text(node), self.values)

    def order(self, path: str, *, descending: bool) -> str:
        """One key of an ordering. Raises FilterRefused."""
        return f"{self._dialect.column(path)} {'DESC' if descending else 'ASC'}"

    def _text(self, node: Node) -> str:
        if node.what in {"either", "both"}:
            joint = " OR " if node.what == "either" else " AND "
            return "(" + joint.join(self._text(each) for each in node.parts) + ")"
        if node.what == "denied":
            return f"(NOT {self._text(node.parts[0])})"
        path = next((p for p in _paths(node)), "")
        return self._dialect.around(path, self._plain(node))

    def _plain(self, node: Node) -> str:
        if node.what == "compared":
            return self._compared(node)
        if node.what == "call":
            return self._call(node)
        if node.what == "path":
            return self._dialect.column(node.name)
        if node.what == "among":
            name = f"f{len(self.values)}"
            self.values[name] = list(node.value)
            return f"({self._dialect.column(node.name)} = ANY(%({name})s))"
        return self._parameter(node)

    def _compared(self, node: Node) -> str:
        left, right = node.parts
        if right.what == "value" and right.value is None:
            return f"({self._plain(left)} IS {'NOT ' if node.name == 'ne' else ''}NULL)"
        return f"({self._plain(left)} {COMPARES[node.name]} {self._plain(right)})"

    def _call(self, node: Node) -> str:
        parts = [self._plain(each) for each in node.parts]
        if node.name in SUMS:
            return f"({parts[0]} {SUMS[node.name]} {parts[1]})"
        name = "substring3" if node.name == "substring" and len(parts) == 3 else node.name
        written = self._dialect.functions.get(name)
        if written is None or (written.count("{") and not _fits(written, len(parts))):
            raise FilterRefused(f"the function {node.name} does not exist here")
        for place, part in enumerate(parts):
            written = written.replace("{" + str(place) + "}", part)
        return f"({written})"

    def _parameter(self, node: Node) -> str:
        name, kind, value = f"f{len(self.values)}", node.name, node.value
        if node.what == "geography":
            kind, value = geometry(value)
        if kind == "duration":
            value = span(value)
        if kind in {"moment", "duration"} and self._dialect.functions is CLICKHOUSE:
            seconds = value.total_seconds() if kind == "duration" else value.timestamp()
            value = round(seconds * 1000)
        self.values[name] = value
        return self._dialect.parameter(name, kind)


def _fits(written: str, parts: int) -> bool:
    return f"{{{parts - 1}}}" in written and f"{{{parts}}}" not in written


def _paths(node: Node) -> list[str]:
    own = [node.name] if node.what in {"path", "among"} else []
    return own + [each for part in node.parts for each in _paths(part)]


def geometry(text: str) -> tuple[str, str]:
    """A WKT point or polygon as PostgreSQL's own geometry: kind and text. Raises FilterRefused."""
    found = GEOMETRY.match(text)
    try:
        if found is None:
            raise ValueError
        pairs = [tuple(float(n) for n in pair.split()[:2]) for pair in found[2].split(",")]
        written = ",".join(f"({x},{y})" for x, y in pairs)
    except ValueError as error:
        raise FilterRefused("a geography is a POINT or a POLYGON in WKT") from error
    return ("point", written) if found[1].upper() == "POINT" else ("polygon", f"({written})")


def span(text: str) -> timedelta:
    """An ISO 8601 duration of days and less. Raises FilterRefused."""
    found = DURATION.match(text)
    if found is None:
        raise FilterRefused(f"{text[:40]!r} is not a duration")
    days, hours, minutes, seconds = (float(each or 0) for each in found.groups()[1:])
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if found[1] else length

"""Indicators as SQL: aggregate expressions over the history of series, with the reader's rights.

The usual ones stand in ``queries/indicator_kinds.sql``. Somebody's own expression holds numbers, the columns of
:data:`COLUMNS`, arithmetic, comparisons and the functions of :data:`FUNCTIONS`: no table, no text, no subquery.
Whatever else stands in it is refused by name. Values written through an API count once they are in the history.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import LiteralString

import msgspec
import pyarrow as pa

from clapas.domain.access import RowFilter
from clapas.domain.errors import InvalidInput
from clapas.domain.window import Window, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.readings import UNUSABLE
from clapas.store.series import SeriesStore
from clapas.store.sql import queries
from clapas.store.territory import Territory

SQL = queries("indicators")
KINDS = queries("indicator_kinds")
SOME = 20
"""Readings that tell a source's usual interval."""
TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|[A-Za-z_][A-Za-z0-9_]*|<=|>=|!=|[-+*/%(),<>=])")
MAX_LENGTH = 500
COLUMNS = frozenset({"value", "civil", "at", "seconds", "before", "swing"})
"""The reading; its civil time; seconds since 1970; seconds that it speaks for; the reading before; the largest
difference within the 24 hours before."""
WORDS = frozenset({"and", "or", "not"})
FUNCTIONS = frozenset({
    "count", "countIf", "sum", "sumIf", "avg", "avgIf", "min", "minIf", "max", "maxIf", "uniq", "uniqIf",
    "median", "medianIf", "quantile", "quantileIf", "stddevPop", "stddevPopIf", "varPop", "skewPop", "any",
    "argMin", "argMax", "if", "abs", "greatest", "least", "round", "floor", "ceil", "sqrt", "exp", "log", "log2",
    "log10", "pow", "nullIf", "toHour", "toMinute", "toDayOfWeek", "toMonth", "toYYYYMMDD",
})  # fmt: skip
"""Aggregates and arithmetic: none reads a table, a file, the network or the server's settings."""


def checked(expression: str) -> LiteralString:
    """The expression, when every word of it is known; raises InvalidInput that names the other ones."""
    if not 0 < len(expression) <= MAX_LENGTH:
        raise InvalidInput(f"an expression has 1 to {MAX_LENGTH} characters", field="sql")
    at, words = 0, set()
    while at < len(expression.rstrip()):
        found = TOKEN.match(expression, at)
        if found is None:
            raise InvalidInput(f"an expression may not hold {expression[at:].strip()[:1]!r}", field="sql")  # fmt: skip
        if found[1][0].isalpha() or found[1][0] == "_":
            words.add(found[1])
        at = found.end()
    unknown = sorted(words - FUNCTIONS - COLUMNS - WORDS)
    if unknown:
        raise InvalidInput(f"an expression may not hold {', '.join(unknown)}", field="sql")
    return expression


class Source(msgspec.Struct, frozen=True):
    """A series; with ``total``, what is asked about is that series' last value minus this one."""

    series: int
    total: int = 0


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which readings count: civil days (1 Monday), seconds of the civil day; how often one is expected."""

    window: Window
    interval_s: float
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    opens: int = 0
    closes: int = 86_400


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One number: a query of ``indicator_kinds.sql`` with its bounds, or an own ``expression``."""

    id: str
    kind: str
    expression: str = ""
    low: float = 0.0
    high: float = 0.0
    percent: float = 50.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a series answered: numbers by ask, and the seconds that its readings speak for.

    A reading speaks until the next one, at most its source's usual interval (the lower quartile of the steps:
    while fewer than three readings in four are lost, the loss shows).
    """

    numbers: dict[str, float]
    covered: float


class Indicators:
    """The reading side of indicators."""

    def __init__(
        self, clickhouse: ClickHouse, series: SeriesStore, *, territory: Territory
    ) -> None:
        self._clickhouse = clickhouse
        self._series = series
        self._territory = territory

    async def read(
        self, rows: RowFilter, sources: Sequence[Source], *, scope: Scope, asks: Sequence[Ask]
    ) -> dict[int, Answer]:
        """Series → answer, for those that may be seen and have usable values; raises InvalidInput."""
        numbers, bounds = _numbers(asks)
        shared = {**_period(scope.window), **bounds, "zone": (await self._territory.zone()).key}
        found: dict[int, Answer] = {}
        for derived, group in groupby(
            await self._visible(rows, sources), lambda one: one.total > 0
        ):
            table = await self._clickhouse.read(
                SQL["figures"]
                .replace("/*source*/", SQL["derived" if derived else "measured"])
                .replace("/*numbers*/", numbers),
                shared | _scoped(scope) | _series(list(group)),
            )
            found |= _answers(table, asks)
        return found

    async def suspect(
        self, rows: RowFilter, series: Collection[int], *, window: Window
    ) -> dict[int, float]:
        """Series → share (0-1) of the readings received that were flagged and left out."""
        visible = await self._series.by_id(rows, series)
        if not visible:
            return {}
        values = {**_period(window), "series": list(visible)}
        table = await self._clickhouse.read(SQL["suspect"], values)
        return dict(
            zip(*(table.column(name).to_pylist() for name in ("series", "share")), strict=True)
        )

    async def began(
        self, rows: RowFilter, series: Collection[int], *, window: Window
    ) -> dict[int, int]:
        """Series → its first usable reading of the period, ms."""
        visible = await self._series.by_id(rows, series)
        if not visible:
            return {}
        values = {**_period(window), "series": list(visible)}
        table = await self._clickhouse.read(SQL["began"], values)
        return dict(
            zip(*(table.column(name).to_pylist() for name in ("series", "first")), strict=True)
        )

    async def _visible(self, rows: RowFilter, sources: Sequence[Source]) -> list[Source]:
        """The sources whose every series may be seen, derived ones last."""
        named = {number for each in sources for number in (each.series, each.total) if number}
        visible = set(await self._series.by_id(rows, named))
        kept = [each for each in sources if {each.series, each.total} - {0} <= visible]
        return sorted(kept, key=lambda one: one.total > 0)


def _numbers(asks: Sequence[Ask]) -> tuple[LiteralString, dict[str, float]]:
    """The expressions as columns, and the values of their parameters, numbered."""
    columns: LiteralString = ""
    values: dict[str, float] = {}
    for n, each in enumerate(asks):
        expression = KINDS[each.kind] if each.kind in KINDS else checked(each.expression)
        for name, value in (("low", each.low), ("high", each.high), ("percent", each.percent)):
            if f"{{{name}:" in expression:
                values[f"{name}_{n}"] = value
                expression = expression.replace(f"{{{name}:", f"{{{name}_{n}:")
        columns += f",\n    toFloat64({expression}\n    ) AS number_{n}"
    return columns, values


def _period(window: Window) -> dict[str, object]:
    return {
        "start": milliseconds(window.start),
        "end": milliseconds(window.end),
        "unusable": UNUSABLE,
    }


def _scoped(scope: Scope) -> dict[str, object]:
    return {
        "last": scope.window.end.timestamp(),
        "interval": scope.interval_s,
        "some": SOME,
        "days": list(scope.days),
        "opens": scope.opens,
        "closes": scope.closes,
    }


def _series(sources: Sequence[Source]) -> dict[str, object]:
    totals = {"totals": [each.total for each in sources]} if sources[0].total else {}
    return {"series": [each.series for each in sources], **totals}


def _answers(table: pa.Table, asks: Sequence[Ask]) -> dict[int, Answer]:
    found = {}
    for row in table.to_pylist():
        numbers = {each.id: row[f"number_{n}"] for n, each in enumerate(asks)}
        found[row["series"]] = Answer(numbers=_finite(numbers), covered=row["covered"])
    return found


def _finite(numbers: Mapping[str, float | None]) -> dict[str, float]:
    """Those that have a value: arithmetic without an answer gives none."""
    return {
        name: each for name, each in numbers.items() if each is not None and math.isfinite(each)
    }

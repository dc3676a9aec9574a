"""Indicators written as SQL: an aggregate expression over the history of series, with the reader's rights.

An expression holds numbers, ``value``, ``civil`` (the civil time of the reading), arithmetic, comparisons and the
functions of :data:`FUNCTIONS`: no table, no text, no subquery. Whatever else stands in it is refused by name.
"""

import math
import re
from collections.abc import Sequence
from typing import LiteralString

from clapas.domain.access import RowFilter
from clapas.domain.errors import InvalidInput
from clapas.domain.window import Window, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.readings import UNUSABLE
from clapas.store.series import SeriesStore
from clapas.store.sql import queries
from clapas.store.territory import Territory

SQL = queries("indicators")
TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|[A-Za-z_][A-Za-z0-9_]*|<=|>=|!=|[-+*/%(),<>=])")
MAX_LENGTH = 500
COLUMNS = frozenset({"value", "civil"})
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


class Indicators:
    """The reading side of indicators."""

    def __init__(self, clickhouse: ClickHouse, series: SeriesStore, territory: Territory) -> None:
        self._clickhouse = clickhouse
        self._series = series
        self._territory = territory

    async def read(
        self, rows: RowFilter, series: Sequence[int], window: Window, expression: str
    ) -> dict[int, float]:
        """Series → number, for those that may be seen and have usable values; raises InvalidInput."""
        asked = checked(expression)
        visible = await self._series.by_id(rows, series)
        if not visible:
            return {}
        table = await self._clickhouse.read(
            SQL["indicator"].replace("/*expression*/", asked),
            {
                "series": list(visible),
                "start": milliseconds(window.start),
                "end": milliseconds(window.end),
                "zone": (await self._territory.zone()).key,
                "unusable": UNUSABLE,
            },
        )
        pairs = zip(table.column("series").to_pylist(), table.column("found").to_pylist(), strict=True)  # fmt: skip
        return {
            number: value for number, value in pairs if value is not None and math.isfinite(value)
        }

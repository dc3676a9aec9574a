"""A row filter as values for the SQL of both engines; the fragments themselves never change.

PostgreSQL: every filtered query holds the same condition over the columns ``dataset`` and
``commune``, and takes :func:`values`. ClickHouse: rows carry only their series, whose place is
mirrored in ``series_place``; its queries hold the same condition there and take the same values.
"""

from typing import Any, LiteralString

from clapas.domain.access import RowFilter

CLICKHOUSE_VISIBLE: LiteralString = """series IN (
    SELECT series FROM series_place FINAL
    WHERE has({datasets:Array(String)}, dataset)
      AND (empty({communes:Array(String)}) OR has({communes:Array(String)}, commune)))"""


def values(rows: RowFilter) -> dict[str, Any]:
    """The parameters of a filtered PostgreSQL query."""
    return {
        "everything": rows.everything,
        "datasets": sorted(rows.datasets),
        "anywhere": not rows.communes,
        "communes": sorted(rows.communes),
    }


def clickhouse(rows: RowFilter) -> tuple[LiteralString, dict[str, Any]]:
    """The condition over ``series`` of a ClickHouse query, and its parameters."""
    if rows.everything:
        return "true", {}
    if not rows.datasets:
        return "false", {}
    return CLICKHOUSE_VISIBLE, {
        "datasets": sorted(rows.datasets),
        "communes": sorted(rows.communes),
    }


def within(query: LiteralString, condition: LiteralString) -> LiteralString:
    """The query with the condition in the place kept for it; both are our own constants."""
    return query.replace("/*visible*/", condition)


def sees(rows: RowFilter, *, dataset: str, commune: str) -> bool:
    """The same decision for one row in memory, which the SQL must equal."""
    if rows.everything:
        return True
    return dataset in rows.datasets and (not rows.communes or commune in rows.communes)

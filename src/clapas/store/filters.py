"""A row filter as values for the SQL of both engines; the fragments themselves never change.

A filtered query of PostgreSQL says ``/*rows dataset, commune*/`` with its two columns;
:func:`written_out` puts the condition there when the query is read from its file, and the query takes
:func:`values`. One that reads the whole table of entities says ``/*rows of e*/``: the condition is
asked once of each pair of a dataset and a commune that exists (table ``row_pair``), each row then
looks its pair up; a row without pair is asked itself. ClickHouse: rows carry only their series, whose place is mirrored in ``series_place``;
its queries hold the same condition there and take the same values.

A union of any rules becomes few parameters: the first rule as it is, the datasets open everywhere,
pairs of a dataset and a commune for the rest, and the rule for datasets that are not named.
"""

import re
from typing import Any, LiteralString

from clapas.domain.access import RowFilter, RowRule

SEPARATOR = "\x1f"
PLACE = re.compile(r"/\*rows ([^*]+?), ([\w.]+)\*/")
WHOLE = re.compile(r"/\*rows of (\w+)\*/")
POSTGRES: LiteralString = """(%(everything)s
     OR ({dataset} = ANY(%(datasets)s) AND (%(anywhere)s OR {commune} = ANY(%(communes)s)))
     OR {dataset} = ANY(%(open)s)
     OR (%(paired)s AND {dataset} || chr(31) || {commune} = ANY(%(pairs)s))
     OR (%(others)s AND NOT {dataset} = ANY(%(named)s)
         AND (%(others_anywhere)s OR {commune} = ANY(%(others_communes)s))))"""
PAIRED = r"""(%(everything)s OR coalesce((ARRAY(
        SELECT coalesce(/*rows p.dataset, p.commune*/, false)
        FROM generate_series(1, (SELECT max(id) FROM row_pair)) AS n LEFT JOIN row_pair p ON p.id = n
        ORDER BY n))[\1.pair], /*rows \1.dataset, \1.commune*/))"""
CLICKHOUSE_VISIBLE: LiteralString = """series IN (
    SELECT series FROM series_place FINAL
    WHERE (has({datasets:Array(String)}, dataset)
           AND (empty({communes:Array(String)}) OR has({communes:Array(String)}, commune)))
       OR has({open:Array(String)}, dataset)
       OR has({pairs:Array(String)}, concat(dataset, char(31), commune))
       OR ({others:UInt8} AND NOT has({named:Array(String)}, dataset)
           AND (empty({others_communes:Array(String)})
                OR has({others_communes:Array(String)}, commune))))"""


def written_out(text: str) -> str:
    """A file of queries with every ``/*rows …*/`` replaced by the condition."""
    return PLACE.sub(
        lambda found: POSTGRES.replace("{dataset}", found[1]).replace("{commune}", found[2]),
        WHOLE.sub(PAIRED, text),
    )


def values(rows: RowFilter) -> dict[str, Any]:
    """The parameters of a filtered PostgreSQL query."""
    shared = _shared(rows)
    return {
        **shared,
        "everything": rows.everything,
        "anywhere": not rows.communes,
        "paired": bool(shared["pairs"]),
        "others_anywhere": not shared["others_communes"],
    }


def clickhouse(rows: RowFilter) -> tuple[LiteralString, dict[str, Any]]:
    """The condition over ``series`` of a ClickHouse query, and its parameters."""
    if rows.everything:
        return "true", {}
    if not rows.datasets and not rows.also and rows.others is None:
        return "false", {}
    shared = _shared(rows)
    return CLICKHOUSE_VISIBLE, {**shared, "others": int(shared["others"])}


def _shared(rows: RowFilter) -> dict[str, Any]:
    others = rows.others or RowRule()
    return {
        "datasets": sorted(rows.datasets),
        "communes": sorted(rows.communes),
        "open": sorted({name for rule in rows.also if not rule.communes for name in rule.datasets}),
        "pairs": sorted(
            {
                f"{name}{SEPARATOR}{commune}"
                for rule in rows.also
                for commune in rule.communes
                for name in rule.datasets
            }
        ),
        "others": rows.others is not None,
        "named": sorted(others.datasets),
        "others_communes": sorted(others.communes),
    }


def within(query: LiteralString, condition: LiteralString) -> LiteralString:
    """The query with the condition in the place kept for it; both are our own constants."""
    return query.replace("/*visible*/", condition)


def sees(rows: RowFilter, *, dataset: str, commune: str) -> bool:
    """The same decision for one row in memory, which the SQL must equal."""
    if rows.everything:
        return True
    first = RowRule(datasets=rows.datasets, communes=rows.communes)
    if any(
        dataset in rule.datasets and (not rule.communes or commune in rule.communes)
        for rule in (first, *rows.also)
    ):
        return True
    rest = rows.others
    return rest is not None and (
        dataset not in rest.datasets and (not rest.communes or commune in rest.communes)
    )

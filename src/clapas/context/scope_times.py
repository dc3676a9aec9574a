"""Scopes over time: which was valid when, and what a scope query leaves of an evolution (4.18, 5.7.4.4, C.5.16)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.http import Request
from clapas.context.model import NULL, SCOPE, moment
from clapas.context.query.select import scope_matches
from clapas.context.search import Query
from clapas.context.temporal import FIRST, LAST, Row, Window
from clapas.context.timeline import heads, instances_of, selected, selected_of_platform


class Validity(msgspec.Struct, frozen=True):
    """A scope that satisfies the query, from an instant (included) to another one (excluded)."""

    since: datetime
    until: datetime
    row: Row | None = None

    def within(self, window: Window) -> bool:
        """Whether it was valid at some time of a window."""
        return self.since < window.end_at and self.until > window.start_at


Valid = Mapping[str, Sequence[Validity]]


async def valid_scopes(
    broker: Broker, request: Request, *, ids: Sequence[str], text: str, window: Window
) -> Valid:
    """When the scopes of entities satisfied a scope query, within a window; entities without are left out.

    A scope of which no evolution is kept is the present one, since ever.
    """
    rows = await instances_of(
        broker,
        request.tenant,
        ids=list(ids),
        window=Window(),
        attributes=[SCOPE],
        datasets=None,
        visible=request.rows,
    )
    by_entity: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_entity[row.entity].append(row)
    found = {name: _matching(held, text) for name, held in by_entity.items()}
    others = [each for each in ids if each not in by_entity]
    for entity in await heads(broker, request.tenant, ids=others, rows=request.rows):
        if scope_matches(text, entity.scopes):
            found[entity.id] = [Validity(FIRST, LAST)]
    kept = {name: [each for each in held if each.within(window)] for name, held in found.items()}
    return {name: held for name, held in kept.items() if held}


async def evolved(broker: Broker, request: Request, *, asked: Query, window: Window) -> list[str]:
    """The ids of entities that satisfy a temporal query, in order."""
    found = await selected(broker, request, asked=asked, window=window)
    if asked.scope and found:
        valid = await valid_scopes(broker, request, ids=found, text=asked.scope, window=window)
        rows = await instances_of(
            broker,
            request.tenant,
            ids=list(valid),
            window=window,
            attributes=asked.attributes or None,
            datasets=None,
            visible=request.rows,
        )
        found = [row.entity for row in kept_by_scope(rows, valid, window=window)]
    return sorted(
        {*found, *await selected_of_platform(broker, request, asked=asked, window=window)}
    )


def _matching(rows: Sequence[Row], text: str) -> list[Validity]:
    """The times in which the scope satisfied the query: each holds until the next one."""
    timed = sorted(((_since(row), row) for row in rows), key=lambda pair: pair[0])
    found: list[Validity] = []
    for place, (since, row) in enumerate(timed):
        until = timed[place + 1][0] if place + 1 < len(timed) else LAST
        start = FIRST if place == 0 and _noted(row) else since
        if scope_matches(text, _values(row)):
            found.append(Validity(start, until, row))
    return found


def _values(row: Row) -> list[str]:
    value = row.doc.get("value", NULL)
    given = value if isinstance(value, list) else [value]
    return [each for each in given if isinstance(each, str) and each != NULL]


def _since(row: Row) -> datetime:
    names = ("observedAt", "deletedAt", "createdAt")
    given = next((row.doc[name] for name in names if name in row.doc), None)
    return moment(given) if given else FIRST


def _noted(row: Row) -> bool:
    """Whether a write of the entity made it: what the scope was before is not known, and taken as the same."""
    return row.doc.get("observedAt") == row.doc.get("createdAt")


def kept_by_scope(rows: Sequence[Row], valid: Valid, *, window: Window) -> list[Row]:
    """Instances of the times in which the scope satisfied the query, and these scopes themselves."""
    found = [
        row
        for row in rows
        if row.attribute != SCOPE
        and any(each.since <= _at(row, window) < each.until for each in valid.get(row.entity, ()))
    ]
    named = {row.entity for row in found}
    scopes = [each.row for name in named for each in valid[name] if each.row is not None]
    return sorted([*found, *scopes], key=lambda row: (row.entity, row.at or FIRST))


def _at(row: Row, window: Window) -> datetime:
    given = row.at or row.doc.get(window.timeproperty)
    return given if isinstance(given, datetime) else moment(given) if given else FIRST

"""Alarms: changed by one writer at a time, in the transaction that keeps what led to the change."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.store import filters
from clapas.store.notify import Notice, insert_notices, resume_notices
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.rules_values import Aftermath, Alarm, AlarmEvent, Silencing, TrackRow
from clapas.store.sql import queries
from clapas.store.values import Page

SQL = queries("alarms")
RULES = queries("rules")
Pair = tuple[str, str]
SEVERITIES = ("critical", "major", "minor", "warning", "indeterminate")


class Worst(msgspec.Struct, frozen=True):
    """What is wrong on an entity: its worst active alarm, and how many there are."""

    severity: str
    count: int


class Change(msgspec.Struct, frozen=True):
    """One alarm as it becomes, with its new lines and the notices that it causes."""

    alarm: Alarm
    events: Sequence[AlarmEvent] = ()
    notices: Sequence[Notice] = ()


Decide = Callable[[Mapping[Pair, Alarm]], Sequence[Change]]
"""Open alarms by (rule, entity) → what changes."""


class Alarms:
    """The alarms of the territory."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def commit(
        self,
        pairs: Collection[Pair],
        decide: Decide,
        *,
        tracks: Sequence[TrackRow] = (),
        ended: Mapping[Pair, int] | None = None,
    ) -> list[Alarm]:
        """Change open alarms and keep the engine's memory, all or nothing; gives the changed alarms.

        ``ended``: pairs that are wrong no more, and since when (ms); a closed alarm notes it too."""
        async with self._postgres.transaction() as connection:
            if tracks:
                await _keep_tracks(connection, tracks)
            if not pairs:
                return []
            await connection.execute(SQL["alone"])
            found = await _alarms(
                connection,
                SQL["open_of"],
                rules=[rule for rule, _ in pairs],
                entities=[entity for _, entity in pairs],
            )
            known = {(each.rule, each.entity): each for each in found}
            await _note_ended(
                connection, {k: at for k, at in (ended or {}).items() if k not in known}
            )
            return await _apply(connection, decide(known))

    async def change(self, ids: Sequence[int], decide: Callable[[Alarm], Change]) -> list[Alarm]:
        """Change alarms by number (a person's action). Raises what ``decide`` raises: then nothing is."""
        async with self._postgres.transaction() as connection:
            await connection.execute(SQL["alone"])
            found = await _alarms(connection, SQL["of_ids"], ids=list(ids))
            return await _apply(connection, [decide(each) for each in found])

    async def reopen(
        self, ids: Sequence[int], decide: Callable[[Alarm, Aftermath | None], Change], *, now: int
    ) -> list[Alarm]:
        """Open closed alarms again: what their closing cancelled is told after all (``now`` ms).

        ``decide`` is given what became of each since it was closed (None: it is open); raises what it raises."""
        async with self._postgres.transaction() as connection:
            await connection.execute(SQL["alone"])
            found = await _alarms(connection, SQL["of_ids"], ids=list(ids))
            reading = await connection.execute(SQL["aftermath"], {"ids": list(ids)})
            names = Aftermath.__struct_fields__
            rows = [dict(zip(names, row, strict=True)) for row in await reading.fetchall()]
            since = {row["alarm"]: Aftermath(**row) for row in rows}
            changed = await _apply(connection, [decide(each, since.get(each.id)) for each in found])
            closed = {each.id: each.closed or now for each in found}
            for each in changed:
                if each.active and each.acknowledged is None:
                    start = closed[each.id]
                    await resume_notices(connection, alarm=each.id, since=start, now=now)
            return changed

    async def page(
        self,
        rows: RowFilter,
        *,
        after: str | None = None,
        limit: int = 50,
        public: bool = False,
        person: str = "",
        **asked: str,
    ) -> Page[Alarm]:
        """Alarms that may be seen, newest first; for a ``person`` what is active, then hers, before.

        Filters: state, severity, rule, trade, entity, commune, assignee, q."""
        start = key_of(after, int, int, int)
        names = ("state", "severity", "rule", "trade", "entity", "commune", "assignee", "q")
        values: dict[str, Any] = {name: asked.get(name, "") for name in names}
        escaped = values["q"].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        async with self._postgres.transaction() as connection:
            found = await _alarms(
                connection,
                SQL["page"],
                **values,
                like=f"%{escaped}%",
                public=public,
                person=person,
                start_rank=start[0] if start else None,
                start=start[1] if start else None,
                start_id=start[2] if start else None,
                limit=bounded(limit) + 1,
                **filters.values(rows),
            )
        more = len(found) > bounded(limit)
        items = found[: bounded(limit)]
        last = [_rank(items[-1], person), items[-1].raised, items[-1].id] if more else []
        return Page(items, cursor(*last) if more else None)

    async def get(self, rows: RowFilter, alarm: int) -> Alarm:
        """One alarm. Raises NotFound, also when it may not be seen."""
        async with self._postgres.transaction() as connection:
            found = await _alarms(connection, SQL["one"], id=alarm, **filters.values(rows))
        if not found:
            raise NotFound(alarm=alarm)
        return found[0]

    async def timeline(self, alarm: int) -> list[AlarmEvent]:
        """The lines of an alarm, oldest first."""
        rows = await self._postgres.rows(SQL["events"], id=alarm)
        return [
            AlarmEvent(alarm=row[0], at=row[1], kind=row[2], who=row[3], values=row[4])
            for row in rows
        ]

    async def counts(self, rows: RowFilter, *, by: str) -> list[dict[str, Any]]:
        """Open alarms per 'commune' or per 'parent' (site, with its name), by severity."""
        names = ("place", "severity", "active", "unacknowledged", "open", "name")
        found = await self._postgres.rows(SQL["counts"], by=by, **filters.values(rows))
        return [dict(zip(names, row, strict=True)) for row in found]

    async def totals(self, rows: RowFilter, *, person: str) -> list[dict[str, Any]]:
        """Open alarms that may be seen, by severity: active, unacknowledged, mine, all."""
        names = ("severity", "active", "unacknowledged", "mine", "open")
        found = await self._postgres.rows(SQL["totals"], person=person, **filters.values(rows))
        return [dict(zip(names, row, strict=True)) for row in found]

    async def active_on(
        self, rows: RowFilter, entities: Collection[str] | None = None
    ) -> dict[str, Worst]:
        """The worst active alarm that may be seen and how many, by entity (None: of all entities)."""
        found = await self._postgres.rows(
            SQL["active_on"],
            every=entities is None,
            entities=list(entities or ()),
            **filters.values(rows),
        )
        return {row[0]: Worst(SEVERITIES[row[1] - 1], row[2]) for row in found}

    async def deaf(self, entities: Collection[str], *, now: int) -> dict[str, str]:
        """Entity → the gateway that hears none of its devices any more, for those that have one."""
        found = await self._postgres.rows(SQL["deaf"], entities=list(entities), now=now)
        return {row[0]: row[1] for row in found}

    async def raised_by(self, rule: str, *, since: int) -> list[Row]:
        """(entity, when raised, name, value) of each occurrence of a rule since then (ms)."""
        return await self._postgres.rows(SQL["raised_by"], rule=rule, since=since)

    async def active_of(self, rules: Collection[str]) -> list[Row]:
        """(rule, entity, commune, parents) of active alarms of these rules."""
        return await self._postgres.rows(SQL["active_of"], rules=list(rules))

    async def active_besides(self, rules: Collection[str]) -> list[Pair]:
        """(rule, entity) of active alarms whose rule is none of these."""
        found = await self._postgres.rows(SQL["active_besides"], rules=list(rules))
        return [(row[0], row[1]) for row in found]

    async def active_series(self) -> list[int]:
        """The series whose readings raised what is active."""
        return [row[0] for row in await self._postgres.rows(SQL["active_series"])]

    async def masked(self) -> list[Alarm]:
        """Active alarms that something keeps quiet."""
        async with self._postgres.transaction() as connection:
            return await _alarms(connection, SQL["masked"])

    async def silences(self, *, now: int) -> list[Silencing]:
        """Silences and maintenance windows that are not over."""
        names = ("id", "kind", "rule", "entity", "commune", "start", "end", "reason", "who")
        rows = await self._postgres.rows(SQL["silences"], now=now)
        return [Silencing(**dict(zip(names, row, strict=True))) for row in rows]

    async def add_silence(self, silence: Silencing) -> int:
        """Keep a new silence; gives its number."""
        row = await self._postgres.row(SQL["add_silence"], **msgspec.structs.asdict(silence))
        return int(row[0]) if row else 0

    async def end_silence(self, silence: int, *, now: int) -> None:
        """End a silence now. Raises NotFound."""
        if not await self._postgres.run(SQL["end_silence"], id=silence, now=now):
            raise NotFound(silence=silence)


def _rank(alarm: Alarm, person: str) -> int:
    return 2 * alarm.active + (alarm.assignee == person) if person else 0


async def _keep_tracks(connection: AsyncConnection[Row], tracks: Sequence[TrackRow]) -> None:
    await connection.execute(
        RULES["keep_tracks"],
        {
            "series": [each.series for each in tracks],
            "states": [each.state for each in tracks],
            "deadlines": [each.deadline for each in tracks],
        },
    )


async def _note_ended(connection: AsyncConnection[Row], ended: Mapping[Pair, int]) -> None:
    """What was closed by hand while it was wrong is told by its timeline to be over."""
    if ended:
        values = {
            "rules": [rule for rule, _ in ended],
            "entities": [entity for _, entity in ended],
            "times": list(ended.values()),
        }
        await connection.execute(SQL["end_closed"], values)


async def _alarms(connection: AsyncConnection[Row], query: Any, **values: Any) -> list[Alarm]:
    async with connection.cursor(row_factory=dict_row) as reading:
        await reading.execute(query, values)
        rows = await reading.fetchall()
    return [Alarm(**{**row, "parents": tuple(row["parents"])}) for row in rows]


async def _apply(connection: AsyncConnection[Row], changes: Sequence[Change]) -> list[Alarm]:
    new = [each for each in changes if each.alarm.id == 0]
    old = [each for each in changes if each.alarm.id != 0]
    ids: list[int] = []
    if new:
        rows = [
            {**msgspec.structs.asdict(each.alarm), "place": place} for place, each in enumerate(new)
        ]
        reading = await connection.execute(SQL["insert"], {"rows": batch(rows)})
        ids = [row[0] for row in await reading.fetchall()]
    if old:
        await connection.execute(SQL["update"], {"rows": batch([each.alarm for each in old])})
    numbers = [*ids, *(each.alarm.id for each in old)]
    ordered = [*new, *old]
    replace = msgspec.structs.replace
    events = [
        replace(event, alarm=number)
        for number, each in zip(numbers, ordered, strict=True)
        for event in each.events
    ]
    if events:
        await connection.execute(SQL["add_events"], {"rows": batch(events)})
    notices = [
        replace(notice, alarm=number, link=f"{notice.link}?state=all&alarm={number}")
        for number, each in zip(numbers, ordered, strict=True)
        for notice in each.notices
    ]
    await insert_notices(connection, notices)
    return [replace(each.alarm, id=number) for number, each in zip(numbers, ordered, strict=True)]

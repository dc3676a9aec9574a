"""Rules, and the memory of the engine that evaluates them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from typing import Any, LiteralString

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.errors import InternalError, InvalidInput, NotFound
from clapas.domain.window import instant
from clapas.store.clickhouse import ClickHouse
from clapas.store.fleet import Fleet
from clapas.store.postgres import Postgres, Row, listen
from clapas.store.rules_values import RuleRow, RuleScore, SeriesFacts, TrackRow
from clapas.store.sql import queries

SQL = queries("rules")
PAGE = 20_000
EVERYTHING = RowFilter(everything=True)
ASKED_ROWS = 1000
AT = "{at:DateTime}"
"""What a question writes for the moment at which it is asked."""


class RulesStore:
    """Rules with their revisions, tracks, and what a rule is worth."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def all(self) -> list[RuleRow]:
        """Every rule by id."""
        return [_rule(row) for row in await self._postgres.rows(SQL["rules"], id="")]

    async def get(self, rule: str) -> RuleRow:
        """One rule. Raises NotFound."""
        row = await self._postgres.row(SQL["rules"], id=rule) if rule else None
        if row is None:
            raise NotFound(rule=rule)
        return _rule(row)

    async def save(self, rule: RuleRow, *, who: str) -> int:
        """Create or change a rule; gives its new revision."""
        body = msgspec.json.encode(rule.body).decode()
        row = await self._postgres.row(
            SQL["save"], id=rule.id, enabled=rule.enabled, owner=rule.owner, body=body, who=who
        )
        revision = int(row[0]) if row else 0
        await self._postgres.run(SQL["align"], id=rule.id, revision=revision)
        return revision

    async def remove(self, rule: str) -> None:
        """Remove a rule; its alarms and revisions stay. Raises NotFound."""
        if not await self._postgres.run(SQL["remove"], id=rule):
            raise NotFound(rule=rule)

    async def revisions(self, rule: str) -> list[dict[str, Any]]:
        """The revisions of a rule, newest first: revision, body, who, at (ms)."""
        names = ("revision", "body", "who", "at")
        rows = await self._postgres.rows(SQL["revisions"], id=rule)
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def scores(self, *, since: int) -> dict[str, RuleScore]:
        """What each rule is worth; ``since`` (ms) is where 'the last thirty days' begin."""
        names = RuleScore.__struct_fields__
        rows = await self._postgres.rows(SQL["score"], since=since)
        return {row[0]: RuleScore(**dict(zip(names, row, strict=True))) for row in rows}

    async def changes(self) -> AsyncIterator[None]:
        """Says that rules changed; also after each connection. Endless."""
        async for _ in self._heard("clapas_rules"):
            yield None

    async def moves(self) -> AsyncGenerator[set[str] | None, None]:
        """Entities whose type, name, commune or relations changed; None: any may have. Endless."""
        async for told in self._heard("clapas_things"):
            several = {each for each in told if each is not None}
            known = len(several) == len(told) and "*" not in several
            yield {each for text in several for each in text.split("\n")} if known else None

    async def _heard(self, channel: LiteralString) -> AsyncIterator[set[str | None]]:
        """What a channel told since the last time; None among it after each connection."""
        told: set[str | None] = set()
        flag = asyncio.Event()

        def hear(text: str | None) -> None:
            told.add(text)
            flag.set()

        listening = asyncio.create_task(
            listen(self._postgres.dsn, channel, told=hear, lost=lambda: hear(None))
        )
        try:
            while True:
                await flag.wait()
                flag.clear()
                heard = told.copy()
                told.clear()
                yield heard
        finally:
            listening.cancel()

    async def facts(self, series: Sequence[int]) -> list[SeriesFacts]:
        """What rules match these series by."""
        rows = await self._postgres.rows(
            SQL["facts"], all=False, after=0, series=list(series), limit=len(series)
        )
        return [_facts(row) for row in rows]

    async def all_facts(self) -> AsyncIterator[list[SeriesFacts]]:
        """Every series, in pages."""
        after = 0
        while rows := await self._postgres.rows(
            SQL["facts"], all=True, after=after, series=[], limit=PAGE
        ):
            after = rows[-1][0]
            yield [_facts(row) for row in rows]

    async def members(self, groups: Collection[str]) -> dict[str, frozenset[int]]:
        """The series that the devices of saved groups feed now; a group that is gone has none."""
        fleet = Fleet(self._postgres)
        return {
            each.name: frozenset(await self.fed_by(await fleet.keys(EVERYTHING, each.query)))
            for each in (await fleet.groups() if groups else ())
            if each.name in groups
        }

    async def fed_by(self, devices: Collection[str], entities: Collection[str] = ()) -> list[int]:
        """The series that devices feed (by key), and those of entities."""
        rows = await self._postgres.rows(
            SQL["fed_by"], devices=list(devices), entities=list(entities)
        )
        return [row[0] for row in rows]

    async def naming_group(self, group: str) -> list[str]:
        """The rules that name a saved group."""
        return [row[0] for row in await self._postgres.rows(SQL["naming_group"], group=group)]

    async def naming_chain(self, chain: str) -> list[str]:
        """The rules that tell a chain."""
        return [row[0] for row in await self._postgres.rows(SQL["naming_chain"], chain=chain)]

    async def present(
        self, series: Sequence[int], *, unusable: int
    ) -> list[tuple[int, int, float]]:
        """(series, measured ms, value) of present numbers without any of these flags of quality."""
        rows = await self._postgres.rows(SQL["present"], series=list(series), unusable=unusable)
        return [(row[0], row[1], row[2]) for row in rows]

    async def references(self, attributes: Sequence[str]) -> list[tuple[str, str, int, float]]:
        """(entity, attribute, measured, value) of present numbers."""
        rows = await self._postgres.rows(SQL["references"], attributes=list(attributes))
        return [(row[0], row[1], row[2], float(row[3])) for row in rows]

    async def tracks(self, series: Sequence[int]) -> list[TrackRow]:
        """The memory of these series, as far as there is one."""
        rows = await self._postgres.rows(SQL["tracks"], series=list(series))
        return [TrackRow(row[0], bytes(row[1]), row[2]) for row in rows]

    async def deadlines(self) -> list[tuple[int, int]]:
        """(series, ms) of every series that must be looked at again."""
        return [(row[0], row[1]) for row in await self._postgres.rows(SQL["deadlines"])]

    async def ask(self, query: str, *, at: int) -> list[tuple[str, float | None]]:
        """An analyst's question, with the reader's rights and bounds: rows of entity and value.

        The question gives a column ``entity`` or ``series`` (its number), and may give ``value``; it
        may say ``{at:DateTime}`` for the moment of asking (ms), so that it can be replayed.
        Raises InvalidInput when it cannot be asked, TooMany when it reads too much.
        """
        bounded: Any = f"SELECT * FROM ({query.strip().rstrip(';')}) LIMIT {ASKED_ROWS}"  # noqa: S608 - the reader may only read
        try:
            table = await self._clickhouse.read(
                bounded, {"at": instant(at)} if AT in query else None
            )
        except InternalError as error:
            raise InvalidInput(str(error), field="when.query") from error
        columns = table.to_pydict()
        nothing: list[None] = [None] * table.num_rows
        if "entity" in columns:
            entities = [str(each) for each in columns["entity"]]
        elif "series" in columns:
            entities = await self._entities(columns["series"])
        else:
            raise InvalidInput("the question must give 'entity' or 'series'", field="when.query")
        return [
            (entity, float(value) if isinstance(value, int | float) else None)
            for entity, value in zip(entities, columns.get("value", nothing), strict=True)
            if entity
        ]

    async def _entities(self, series: Sequence[object]) -> list[str]:
        numbers = [each if isinstance(each, int) else 0 for each in series]
        known = {each.series: each.entity for each in await self.facts(numbers)}
        return [known.get(each, "") for each in numbers]


def _rule(row: Row) -> RuleRow:
    return RuleRow(id=row[0], revision=row[1], body=row[2], enabled=row[3], owner=row[4])


def _facts(row: Row) -> SeriesFacts:
    names = SeriesFacts.__struct_fields__
    values = dict(zip(names, row, strict=True))
    for name in ("models", "tags"):
        values[name] = tuple(each for each in values[name] if each)
    return SeriesFacts(**values)

"""Water: cases, the detector's memory; subscribers in a schema of their own, sealed by who holds the key."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.store import filters
from clapas.store.notify import Notice, insert_notices
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres, batch
from clapas.store.sql import queries
from clapas.store.values import Page

SQL = queries("water")


class CaseRow(msgspec.Struct, frozen=True):
    """A flow that does not stop, on one meter: L/h, litres lost when last updated, times in ms.

    ``state``: open, asked (the subscriber was asked), confirmed, false, closed, passed (it stopped before
    anybody was sure); ``stopped``: since when the flow is gone.
    """

    id: int
    entity: str
    kind: str
    rate: float
    volume: float
    confidence: float
    raised: int
    updated: int
    stopped: int | None
    state: str
    cause: str
    actor: str
    decided: int | None


class SeenCase(CaseRow, frozen=True):
    """A case with its meter's name, place and dataset, as it is listed; the greatest ``urgency`` first."""

    name: str
    commune: str
    longitude: float | None
    latitude: float | None
    simulated: bool
    dataset: str
    urgency: float = 0.0


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Bursts below the confidence ``sure`` that were raised after ``since`` (ms) wait for the subscriber."""

    sure: float
    since: int


IMPATIENT = Patience(sure=0.0, since=0)
"""No case waits for the subscriber alone."""


class NewCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case as the detector raises it."""

    entity: str
    kind: str
    rate: float
    volume: float
    confidence: float
    raised: int


class SubscriberRow(msgspec.Struct, frozen=True):
    """Who is told of a meter: ``sealed`` holds name and addresses, ``stop`` the digest of the stop token.

    ``threshold`` L/day below which nothing is sent; ``consents``: purpose → when it was given (ms).
    """

    entity: str
    sealed: bytes
    language: str
    channel: str
    threshold: float
    away_from: int | None
    away_to: int | None
    stop: bytes
    consents: dict[str, int]


class MessageRow(msgspec.Struct, frozen=True):
    """A message that was handed over: first, sudden (a burst), reminder or holiday."""

    entity: str
    case: int | None
    kind: str
    channel: str
    at: int


class PersonalMeter(msgspec.Struct, frozen=True):
    """The series of a meter's index; ``agreed``: its subscriber lets hours be kept."""

    series: int
    entity: str
    agreed: bool


class Water:
    """The water trade's tables."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def raise_cases(self, cases: Sequence[NewCase]) -> None:
        """Open cases, or bring the living ones up to date."""
        for case in cases:
            await self._postgres.run(SQL["raise"], rows=batch([case]))

    async def stop_cases(self, entities: Collection[str], *, now: int) -> list[str]:
        """These meters' flows have stopped; gives those that ran."""
        rows = await self._postgres.rows(SQL["stop"], entities=list(entities), now=now)
        return [row[0] for row in rows]

    async def let_pass(self, *, sure: float, within: int) -> int:
        """End the bursts below this confidence that stopped within so long (ms); gives how many."""
        return await self._postgres.run(SQL["pass"], sure=sure, within=within)

    async def running(self) -> set[str]:
        """Meters whose case lives and whose flow runs."""
        return {row[0] for row in await self._postgres.rows(SQL["running"])}

    async def living(self, entities: Collection[str]) -> dict[str, CaseRow]:
        """The case of each of these meters that is not over."""
        rows = await self._postgres.rows(SQL["living"], entities=list(entities))
        return {row[1]: CaseRow(*row) for row in rows}

    async def page(
        self,
        rows: RowFilter,
        *,
        patience: Patience = IMPATIENT,
        state: str = "",
        entity: str = "",
        after: str | None = None,
        limit: int = 50,
    ) -> Page[SeenCase]:
        """Cases that may be seen, what is to be done first before; ``state`` 'todo' is open or asked."""
        key = key_of(after, float, int)
        found = await self._postgres.rows(
            SQL["page"],
            state=state,
            entity=entity,
            sure=patience.sure,
            patient=patience.since,
            first=key is None,
            urgency=key[0] if key else 0.0,
            after=key[1] if key else 0,
            limit=bounded(limit) + 1,
            **filters.values(rows),
        )
        items = [SeenCase(*row) for row in found[: bounded(limit)]]
        more = len(found) > bounded(limit)
        return Page(items, cursor(items[-1].urgency, items[-1].id) if more else None)

    async def seen(self, rows: RowFilter, case: int) -> SeenCase:
        """A case. Raises NotFound, also when it may not be seen."""
        found = await self._postgres.row(SQL["one"], id=case, **filters.values(rows))
        if found is None:
            raise NotFound(case=case)
        return SeenCase(*found)

    async def decide(
        self, rows: RowFilter, case: int, *, state: str, cause: str, actor: str, now: int
    ) -> str:
        """Write what a person found out; gives the meter. Raises NotFound, also when it may not be seen."""
        values = {"id": case, "state": state, "cause": cause, "actor": actor, "now": now}
        found = await self._postgres.row(SQL["decide"], **values, **filters.values(rows))
        if found is None:
            raise NotFound(case=case)
        return str(found[0])

    async def verdicts(self, rows: RowFilter, *, since: int) -> list[tuple[str, str, int, float]]:
        """(kind, state, count, mean confidence) of the cases raised since then (ms)."""
        found = await self._postgres.rows(SQL["verdicts"], since=since, **filters.values(rows))
        return [(row[0], row[1], int(row[2]), float(row[3])) for row in found]

    async def memory(self, name: str) -> tuple[int, bytes] | None:
        """What the detector remembers, and up to which instant (ms)."""
        row = await self._postgres.row(SQL["memory"], name=name)
        return (int(row[0]), bytes(row[1])) if row else None

    async def remember(self, name: str, upto: int, *, body: bytes) -> None:
        """Replace the memory."""
        await self._postgres.run(SQL["remember"], name=name, upto=upto, body=body)

    async def subscribe(self, who: SubscriberRow) -> None:
        """Keep who is told of a meter."""
        values: dict[str, Any] = msgspec.structs.asdict(who)
        values["consents"] = msgspec.json.encode(who.consents).decode()
        await self._postgres.run(SQL["subscribe"], **values)

    async def subscribers(self, entities: Collection[str]) -> list[SubscriberRow]:
        """Those of these meters who did not stop the messages."""
        rows = await self._postgres.rows(SQL["subscribers"], entities=list(entities))
        return [SubscriberRow(*row) for row in rows]

    async def away(self, *, now: int) -> list[SubscriberRow]:
        """Those who said that nobody is at home now."""
        return [SubscriberRow(*row) for row in await self._postgres.rows(SQL["away"], now=now)]

    async def stop_messages(self, stop: bytes, *, now: int) -> bool:
        """Stop the messages of the holder of this token; False when nobody holds it."""
        return bool(await self._postgres.run(SQL["stop_messages"], stop=stop, now=now))

    async def answered(self, stop: bytes, *, state: str, cause: str, now: int) -> str | None:
        """Write what the holder of a token says of their living case; gives the meter, None without a case."""
        found = await self._postgres.row(
            SQL["answered"], stop=stop, state=state, cause=cause, now=now
        )
        return str(found[0]) if found else None

    async def accepted(self, *, since: int) -> dict[str, float]:
        """The flow (L/h) that somebody explained by a use since then (ms), by meter."""
        rows = await self._postgres.rows(SQL["accepted"], since=since)
        return {row[0]: float(row[1]) for row in rows}

    async def forget(self, entity: str) -> None:
        """Delete a subscriber's identity."""
        await self._postgres.run(SQL["forget"], entity=entity)

    async def sent(self, entities: Collection[str]) -> list[MessageRow]:
        """What was sent about these meters, newest first."""
        rows = await self._postgres.rows(SQL["sent"], entities=list(entities))
        return [MessageRow(*row) for row in rows]

    async def send(self, message: MessageRow, notice: Notice) -> bool:
        """Put a message in the outbox and write that it was sent, together; False when it was before."""
        async with self._postgres.transaction() as connection:
            asked = await connection.execute(
                SQL["send"],
                {
                    "entity": message.entity,
                    "water_case": message.case,
                    "kind": message.kind,
                    "channel": message.channel,
                    "at": message.at,
                },
            )
            if await asked.fetchone() is None:
                return False
            await insert_notices(connection, [notice])
        return True

    async def personal(self) -> list[PersonalMeter]:
        """The meters that stand for a person, and whether their subscriber agreed that hours are kept."""
        return [PersonalMeter(*row) for row in await self._postgres.rows(SQL["personal"])]

    async def devices(self, entities: Collection[str]) -> list[str]:
        """The devices that speak of these meters."""
        rows = await self._postgres.rows(SQL["devices"], entities=list(entities))
        return [row[0] for row in rows]

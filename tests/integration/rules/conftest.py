"""The rules room over a real database: a tank, its level, people and a chain."""

from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.engines import EngineAddresses
from clapas.rules.book import Book
from clapas.rules.engine import Engine, now_ms
from clapas.rules.model import Rule
from clapas.rules.office import Office
from clapas.store import Store, migrate
from clapas.store.notify import Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import RuleRow


class Room:
    """Everything of the room, and short ways to use it."""

    def __init__(self, store: Store, series: dict[str, int]) -> None:
        self.store = store
        self.series = series
        self.rules = RulesStore(store.postgres, store.clickhouse)
        self.alarms = Alarms(store.postgres)
        self.outbox = Notices(store.postgres)
        self.sequence = 0
        self.start_engine()

    def start_engine(self) -> None:
        """As after a restart: nothing in memory."""
        self.office = Office(self.alarms, self.outbox)
        self.engine = Engine(self.rules, self.office, book=Book(ZoneInfo("Europe/Paris")))

    async def take(self, *rules: Rule) -> None:
        """Keep rules and let the engine take them."""
        kept = []
        for each in rules:
            body = msgspec.to_builtins(each)
            revision = await self.rules.save(RuleRow(id=each.id, revision=0, body=body), who="ana")
            kept.append(msgspec.structs.replace(each, revision=revision))
        self.office.rules = {each.id: each for each in kept}
        await self.engine.start(kept)

    def batch(self, *readings: tuple[str, int, Any], **more: Any) -> ObservationBatch:
        """(series name, measured ms, value) as the pipeline tells them."""
        observations = []
        for name, measured, value in readings:
            self.sequence += 1
            values = {"received": max(measured, 0), **more}
            observations.append(
                Observation(
                    self.series[name], measured, value, log=1, sequence=self.sequence, **values
                )
            )
        return ObservationBatch(observations=observations)

    async def open(self) -> list[Any]:
        """Open alarms."""
        from clapas.domain.access import RowFilter

        return (await self.alarms.page(RowFilter(everything=True), state="open")).items


NOW = now_ms()


@pytest.fixture
async def room(fresh_database: EngineAddresses) -> AsyncIterator[Room]:
    await migrate(fresh_database)
    async with Store.open(fresh_database, pool=4) as store:
        names = {
            "tank": ("urn:ngsi-ld:Tank:1", "level", "tank_level"),
            "limit": ("urn:ngsi-ld:Tank:1", "alertLevel", "tank_level"),
            "other": ("urn:ngsi-ld:Tank:2", "level", "tank_level"),
        }
        await store.entities.upsert(
            [
                Entity(id="urn:ngsi-ld:Tank:1", type="Tank", name="Montmaur", commune="34172"),
                Entity(
                    id="urn:ngsi-ld:Tank:2", type="Tank", name="Valmaillargues", commune="34172"
                ),
            ]
        )
        keys = {name: SeriesKey(*parts) for name, parts in names.items()}
        made = await store.series.ensure(list(keys.values()))
        yield Room(store, {name: made[key].id for name, key in keys.items()})

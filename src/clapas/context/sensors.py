"""Sensors' observations for subscribers: what the pipeline told becomes events, as writes at the door do."""

from typing import Any

from clapas.context.broker import Broker
from clapas.context.core import VOCAB
from clapas.context.model import Instance, dataset_of
from clapas.domain.access import RowFilter
from clapas.domain.keys import LOG_API
from clapas.domain.message import Observation, ObservationBatch
from clapas.store import Store
from clapas.store.context import as_json

EVERYTHING = RowFilter(everything=True)


class Sensors:
    """Takes the batches of the log of observations; a batch taken twice is told twice, never lost."""

    def __init__(self, broker: Broker, store: Store) -> None:
        self._broker = broker
        self._store = store
        self._own = -1

    async def handle(self, batch: ObservationBatch) -> None:
        """Events for the entities that were measured, when anybody subscribed to any."""
        if batch.replayed or not await self._broker.store.rows("anybody"):
            return
        if self._own < 0:
            self._own = await self._store.messages.log_id(LOG_API, "1")
        newest: dict[int, Observation] = {}
        for each in batch.observations:
            held = newest.get(each.series)
            fresh = held is None or held.measured <= each.measured
            if fresh and not each.deleted and each.log != self._own:
                newest[each.series] = each
        events = await self._events(set(newest))
        if events:
            async with self._broker.store.change("") as change:
                await change.run("add_events", events=as_json(events))
            self._broker.on_write()

    async def _events(self, series: set[int]) -> list[dict[str, Any]]:
        known = await self._store.series.by_id(EVERYTHING, series) if series else {}
        measured: dict[str, list[tuple[str, str]]] = {}
        for each in known.values():
            name = each.key.attribute if ":" in each.key.attribute else VOCAB + each.key.attribute
            measured.setdefault(each.key.entity, []).append((name, each.key.dataset_id))
        docs = await self._broker.store.many("", sorted(measured)) if measured else []
        return [
            {
                "entity": doc["@id"],
                "what": "updated",
                "doc": doc,
                "changes": [
                    {"attribute": name, "dataset": dataset, "what": "updated", "after": instance}
                    for name, dataset in measured[doc["@id"]]
                    if (instance := _instance(doc, name, dataset=dataset)) is not None
                ],
            }
            for doc in docs
        ]


def _instance(doc: dict[str, Any], name: str, *, dataset: str) -> Instance | None:
    return next((each for each in doc.get(name, []) if dataset_of(each) == dataset), None)

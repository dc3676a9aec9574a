"""Periodic notifications: subscriptions with ``timeInterval``, to entities (5.8.6) and to registrations (5.11.7)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from clapas.context.broker import Broker
from clapas.context.door.registrations import tell_matching
from clapas.context.notify import Subscriber, delivery, shown
from clapas.context.search import Query, Selector, find
from clapas.context.subscription import status_of
from clapas.domain.errors import ClapasError
from clapas.store.context import as_json

log = logging.getLogger(__name__)
STEP = 0.25
"""How often it is looked whose interval is over, seconds."""
MOST_TOLD = 1000
Key = tuple[str, str, str]
"""Whether it is of entities (e) or of registrations (c), its tenant, its id."""
Following = tuple[str, dict[str, Any], Mapping[str, Any]]
"""A subscription to registrations: tenant, body, state."""


class Periods:
    """Knows when each periodic subscription is told next."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._due: dict[Key, float] = {}
        self.subscribers: Sequence[Subscriber] = ()
        self.following: Sequence[Following] = ()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(STEP)
            held: set[Key] = set()
            for subscriber in self.subscribers:
                key = ("e", subscriber.tenant, subscriber.id)
                held.add(key)
                if subscriber.active and self._is_due(key, subscriber.body):
                    await _safely(key, _tell(self._broker, subscriber))
            for tenant, body, state in self.following:
                key = ("c", tenant, body["id"])
                held.add(key)
                if status_of(body) == "active" and self._is_due(key, body):
                    telling = tell_matching(
                        self._broker, tenant, body=body, state=state, reason="updated"
                    )
                    await _safely(key, telling)
            self._due = {key: at for key, at in self._due.items() if key in held}

    def _is_due(self, key: Key, body: Mapping[str, Any]) -> bool:
        """Whether the interval is over; the first begins when the subscription is seen."""
        interval = body.get("timeInterval")
        if not interval:
            return False
        now = time.monotonic()
        due = self._due.setdefault(key, now + interval)
        if now < due:
            return False
        self._due[key] = now + interval
        return True


async def _safely(key: Key, telling: Awaitable[None]) -> None:
    """Tell; what goes wrong for one is logged, tried again after its interval, and stops no other."""
    try:
        await telling
    except ClapasError as error:
        log.warning("the periodic notification of %s waits: %s", key[2], error)
    except Exception:
        log.exception("the periodic notification of %s cannot be made", key[2])


async def _tell(broker: Broker, subscriber: Subscriber) -> None:
    """The entities that a subscription selects now; nothing when there are none."""
    body = subscriber.body
    asked = Query(
        selectors=tuple(_selector(each) for each in body.get("entities", [])),
        q=body.get("q", ""),
        encoded=True,
        expanded=tuple(body.get("expandValues", ())),
        scope=body.get("scopeQ", ""),
        geo=subscriber.geo,
    )
    terms = subscriber.context.terms
    found = await find(broker, subscriber.tenant, query=asked, terms=terms, limit=MOST_TOLD)
    if not found.entities:
        return
    data = await shown(broker, subscriber, entities=found.entities)
    row = delivery(subscriber, data)
    async with broker.store.change("") as change:
        await change.run("add_deliveries", rows=as_json([row]))
    broker.on_write()


def _selector(selector: Mapping[str, Any]) -> Selector:
    kind, ids = selector["type"], selector.get("id", ())
    return Selector(
        kind=",".join(kind) if isinstance(kind, list) else kind,
        ids=(ids,) if isinstance(ids, str) else tuple(ids),
        pattern=selector.get("idPattern", ""),
    )

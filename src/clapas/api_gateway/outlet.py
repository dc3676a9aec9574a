"""Live values for applications: ``out/<application>/<entity>/<attribute>`` on the broker, as JSON; numbers also
as SensorThings, ``out/<application>/v1.1/Datastreams(<id>)/Observations``.

Applications never subscribe to the devices' topics. Each value is given only when the charter lets the
application subscribe to its series now; a change of charter or of subscription is obeyed by the next
batch (charter) or within ``REVIEW_S`` (subscriptions), and disconnects the applications that it touches.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

import msgspec

from clapas.charter import Charter, Exit
from clapas.domain.access import Principal
from clapas.domain.device import Series
from clapas.domain.errors import ClapasError
from clapas.domain.message import Observation, ObservationBatch, Value
from clapas.domain.window import instant
from clapas.store import Store
from clapas.store.api_gateway import LiveApplication

log = logging.getLogger(__name__)

REVIEW_S = 10.0
MOST_SERIES = 500_000
Publish = Callable[[str, bytes], Awaitable[None]]
"""Publish a payload on an MQTT topic."""
Disconnect = Callable[[Collection[str]], Awaitable[int]]
"""Close the broker's connections of these applications (principals' organisations)."""


async def nobody(_: Collection[str]) -> int:
    """No connection to close."""
    return 0


class Outlet:
    """Follows observations and gives each application its own."""

    def __init__(
        self, store: Store, charter: Charter, *, publish: Publish, disconnect: Disconnect = nobody
    ) -> None:
        self._disconnect = disconnect
        self._store = store
        self._charter = charter
        self._publish = publish
        self._applications: list[LiveApplication] = []
        self._known: dict[str, dict[int, Series | None]] = {}
        self._seen = ("", 0.0)

    async def run(self, batches: AsyncIterator[ObservationBatch]) -> None:
        """Until cancelled; an engine that is down costs the values of that time, never the run."""
        async for batch in batches:
            try:
                await self.give(batch)
            except ClapasError as error:
                log.warning("live values for applications wait: %s", error)

    async def give(self, batch: ObservationBatch) -> int:
        """One batch to every application that may have some of it; how many values went out."""
        if batch.replayed:
            return 0
        await self._review()
        sent = 0
        for each in self._applications:
            known = await self._learn(each, {o.series for o in batch.observations})
            for observation in batch.observations:
                series = known.get(observation.series)
                if series is not None:
                    body = payload(observation, series, decimals=each.decimals)
                    await self._publish(topic_of(each, series), body)
                    if isinstance(observation.value, int | float):
                        await self._publish(*sensorthings(each, observation))
                    sent += 1
        return sent

    async def _review(self) -> None:
        version, then = self._seen
        now = time.monotonic()
        if version == self._charter.version and now - then < REVIEW_S:
            return
        self._seen = (self._charter.version, now)
        before = {str(each.id): each for each in self._applications}
        self._applications = await self._store.api_gateway.live()
        self._known.clear()
        after = {str(each.id): each for each in self._applications}
        first = not version
        touched = [
            each
            for each in before.keys() | after.keys()
            if before.get(each) != after.get(each) or version != self._charter.version
        ]
        if touched and not first:
            await self._disconnect([f"application:{each}" for each in touched])

    async def review(self) -> None:
        """Look for changes although nothing is measured."""
        await self._review()

    async def _learn(
        self, application: LiveApplication, numbers: Collection[int]
    ) -> dict[int, Series | None]:
        known = self._known.setdefault(str(application.id), {})
        fresh = [each for each in numbers if each not in known]
        if fresh:
            if len(known) > MOST_SERIES:
                known.clear()
            way = Exit(
                charter=self._charter, principal=principal_of(application), action="subscribe"
            )
            found = await self._store.series.by_id(way.rows("series"), fresh)
            for number in fresh:
                series = found.get(number)
                given = series is not None and way.shows(series.dataset, series.key.attribute)
                known[number] = series if given else None
        return known


def principal_of(application: LiveApplication) -> Principal:
    """The application as the charter knows it; its decimals are applied by :func:`payload`."""
    return Principal(
        kind="service",
        id=f"application:{application.id}",
        name=application.name,
        scopes=frozenset(f"subscribe@{each}" for each in application.datasets),
        communes=frozenset(application.communes),
        organisation=f"application:{application.id}",
        attributes=frozenset(application.attributes),
        delay=application.delay,
    )


def topic_of(application: LiveApplication, series: Series) -> str:
    """Where a value of a series goes for an application."""
    attribute = "".join("_" if c in "/+#" or ord(c) < 33 else c for c in series.key.attribute)
    entity = "".join("_" if c in "/+#" or ord(c) < 33 else c for c in series.key.entity)
    return f"out/{application.id}/{entity}/{attribute}"


def sensorthings(application: LiveApplication, observation: Observation) -> tuple[str, bytes]:
    """The same value as SensorThings tells it (OGC 18-088, clause 14), below the application's own topic."""
    times = {
        "phenomenonTime": instant(observation.measured),
        "resultTime": instant(observation.received),
    }
    body = {
        "@iot.id": f"{observation.series}_{observation.measured}",
        **times,
        "result": precise(observation.value, application.decimals),
    }
    topic = f"out/{application.id}/v1.1/Datastreams({observation.series})/Observations"
    return topic, msgspec.json.encode(body)


def precise(value: Value, decimals: int) -> Value:
    """A value at the precision of a plan (-1: as it is)."""
    return round(value, decimals) if isinstance(value, float) and decimals >= 0 else value


def payload(observation: Observation, series: Series, *, decimals: int = -1) -> bytes:
    """A value as JSON."""
    value = precise(observation.value, decimals)
    return msgspec.json.encode(
        {
            "entity": series.key.entity,
            "attribute": series.key.attribute,
            "quantity": series.key.quantity,
            "value": value,
            "measured": instant(observation.measured),
            "quality": observation.quality,
        }
    )

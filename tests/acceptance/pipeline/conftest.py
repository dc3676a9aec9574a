"""The main path on the real engines: a fresh database each, the broker's logs shared and drained."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import msgspec
import pytest

from clapas import sources
from clapas.bus import Delivery, NatsBus
from clapas.codecs import CodecPool
from clapas.domain.device import Device
from clapas.domain.keys import LOG_UPLINK
from clapas.domain.message import RawMessage
from clapas.engines import EngineAddresses
from clapas.pipeline import ChannelMemory, Ports
from clapas.store import Store, migrate

RECEIVED = 1_780_000_000_000
"""2026-05-28T20:26:40Z, when the scenarios' messages arrive unless they say otherwise."""


@pytest.fixture
async def ports(fresh_database: EngineAddresses) -> AsyncIterator[Ports]:
    await migrate(fresh_database)
    async with (
        Store.open(fresh_database, pool=4) as store,
        NatsBus.open(fresh_database.nats) as bus,
        CodecPool.open(1) as codecs,
    ):
        await bus.prepare()
        numbers = {name: await store.messages.log_id(name, "test") for name in ("uplink", "mqtt")}
        yield Ports(
            store=store,
            bus=bus,
            codecs=codecs,
            connectors=sources.discover(),
            connector_of_topic=sources.for_topic,
            log_numbers=numbers,
            memory=ChannelMemory(),
        )


def device(key: str, **more: object) -> Device:
    return msgspec.structs.replace(Device(id=uuid4(), key=key), **more)


@pytest.fixture
def logged() -> Callable[..., Delivery]:
    """Make deliveries with the sequences of one log, as the broker would hand them out."""
    counter = iter(range(1, 1_000_000))

    def make(
        payload: bytes,
        *,
        topic: str = "up/meter-1",
        received: int = RECEIVED,
        source: str = "mqtt",
        idempotency: str = "",
    ) -> Delivery:
        message = RawMessage(source, topic, received, payload, idempotency)
        return Delivery(LOG_UPLINK, next(counter), message, "")

    return make

"""The durable logs on the real broker: a promise follows the log, and nothing comes twice once done."""

import asyncio
from collections.abc import AsyncIterator

import aiomqtt
import pytest

from clapas.bus import Authority, Delivery, Grant, NatsBus
from clapas.bus.topics import subject_of
from clapas.domain.errors import OperatorError
from clapas.domain.message import Observation, ObservationBatch, RawMessage
from clapas.engines import EngineAddresses

pytestmark = pytest.mark.engines


@pytest.fixture
async def bus(engines: EngineAddresses) -> AsyncIterator[NatsBus]:
    async with NatsBus.open(engines.nats) as opened:
        await opened.prepare()
        yield opened


def mqtt(engines: EngineAddresses, user: str, password: str) -> aiomqtt.Client:
    return aiomqtt.Client(
        engines.nats.mqtt_host, engines.nats.mqtt_port, username=user, password=password
    )


async def test_what_a_door_publishes_is_handed_out_until_done(bus: NatsBus) -> None:
    before = {state.name: state for state in await bus.log_states()}["uplink"]
    sequences = await bus.publish_uplinks(
        [RawMessage("http_push", "/in/http", n, b"{}") for n in range(3)]
    )
    assert sequences == [before.last + 1, before.last + 2, before.last + 3]
    async with bus.inbox() as inbox:
        taken = [each for each in await inbox.take(100, linger=0.2) if each.log == "uplink"]
        assert [each.message.received for each in taken[-3:]] == [0, 1, 2]
        await inbox.done(taken)
    await asyncio.sleep(0.2)
    after = {state.name: state for state in await bus.log_states()}["uplink"]
    assert (after.last, after.waiting) == (before.last + 3, 0)


async def test_a_device_publishes_its_own_topic_and_no_other(
    bus: NatsBus, engines: EngineAddresses
) -> None:
    async def authorise(user: str, password: str, client: str) -> Grant | None:
        if password != "token-of-" + user:
            return None
        return Grant(name=user, publish=(subject_of(f"up/{user}"),))

    await Authority(client=bus.client, seed=engines.nats.issuer_seed, authorise=authorise).start()
    async with bus.inbox() as inbox:
        async with mqtt(engines, "meter-1", "token-of-meter-1") as client:
            await client.publish("up/meter-1", b"mine", qos=1)
            await client.publish("up/meter-2", b"somebody else's", qos=1)
        taken = await inbox.take(100, linger=0.3)
        await inbox.done(taken)
    said = [(each.message.topic, each.message.payload) for each in taken if each.log == "mqtt"]
    assert said == [("up/meter-1", b"mine")]
    with pytest.raises(aiomqtt.MqttError):
        async with mqtt(engines, "meter-1", "wrong"):
            pass


async def test_quality_of_service_0_reaches_the_log_too(
    bus: NatsBus, engines: EngineAddresses
) -> None:
    await bus.relay_unacknowledged(["up/#"])
    address = engines.nats
    async with bus.inbox() as inbox:
        async with mqtt(engines, address.user, address.password) as client:
            await client.publish("up/zero", b"unheard", qos=0)
            await client.publish("up/one", b"heard", qos=1)
        taken: list[Delivery] = []
        while len(taken) < 2:
            taken += await inbox.take(100, linger=0.3)
        await inbox.done(taken)
    said = sorted((each.log, each.message.topic) for each in taken)
    assert said == [("mqtt", "up/one"), ("uplink", "up/zero")]


async def test_observations_are_told_in_parts_below_the_limit(bus: NatsBus) -> None:
    heard: list[Observation] = []

    async def follow() -> None:
        async for batch in bus.follow():
            heard.extend(batch.observations)

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.1)
    many = [Observation(n, n, "x" * 100, n, 1, n) for n in range(20_000)]
    await bus.publish_observations(ObservationBatch(observations=many))
    while len(heard) < len(many):
        await asyncio.sleep(0.05)
    task.cancel()
    assert heard == many


async def test_a_room_downstream_goes_on_where_it_stopped(bus: NatsBus) -> None:
    heard: list[int] = []

    async def handler(batch: ObservationBatch) -> None:
        heard.extend(each.series for each in batch.observations)

    async def run_until(count: int) -> None:
        task = asyncio.create_task(bus.consume("room-under-test", handler))
        await asyncio.sleep(0.5)
        while len(heard) < count:
            await asyncio.sleep(0.02)
        task.cancel()

    first = asyncio.create_task(run_until(1))
    await asyncio.sleep(0.4)
    await bus.publish_observations(ObservationBatch(observations=[Observation(1, 0, 1.0, 0, 1, 1)]))
    await first
    await bus.publish_observations(ObservationBatch(observations=[Observation(2, 0, 1.0, 0, 1, 2)]))
    await run_until(2)
    assert heard == [1, 2]


async def test_what_the_log_refuses_is_told_in_time(
    bus: NatsBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, a full log: the pipeline tries again; nothing waits for ever, nothing becomes a reject."""
    monkeypatch.setattr("clapas.bus.nats.PUBLISH_S", 1)
    batch = ObservationBatch(observations=[Observation(1, 1000, 7.0, 1000, 1, 1)])
    log = bus.client.jetstream()
    usual = (await log.stream_info("OBSERVATION")).config
    await log.update_stream(usual.evolve(max_msg_size=1))
    try:
        with pytest.raises(OperatorError):
            await bus.publish_observations(batch)
    finally:
        await log.update_stream(usual)
    await bus.publish_observations(batch)

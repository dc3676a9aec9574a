"""A command reaches the broker on which the network server listens."""

import asyncio

import aiomqtt
import pytest

from clapas.fleet.carriers import Downlink
from clapas.fleet.dispatch import Publisher
from clapas.sources.errors import SourceUnavailable
from clapas.sources.settings import Settings
from clapas.sources.speaker import Speaker

TOPIC = "application/1/device/70b3d57ed0000001/command/down"


def settings(port: int) -> Settings:
    remote = {"ours": {"connector": "chirpstack_v4", "host": "127.0.0.1", "port": port}}
    return Settings(remote=remote)


async def test_a_command_goes_to_the_network_server_s_own_broker(broker: int) -> None:
    at_home: list[str] = []

    async def publish(topic: str, body: bytes) -> None:
        at_home.append(topic)

    publisher = Publisher(publish, speaker=Speaker(settings(broker)))
    async with aiomqtt.Client("127.0.0.1", broker) as network_server:
        await network_server.subscribe("application/+/device/+/command/down", qos=1)
        await publisher.give(Downlink(TOPIC, b'{"fPort":10}'), "chirpstack_v4")
        async with asyncio.timeout(20):
            message = await anext(aiter(network_server.messages))
    assert (str(message.topic), message.payload) == (TOPIC, b'{"fPort":10}')
    await publisher.give(Downlink("down/a", b"{}"), "mqtt_device")
    assert at_home == ["down/a"], "the others stay on ours"


async def test_a_broker_that_is_away_is_said() -> None:
    with pytest.raises(SourceUnavailable):
        await Speaker(settings(9)).publish("chirpstack_v4", TOPIC, body=b"")

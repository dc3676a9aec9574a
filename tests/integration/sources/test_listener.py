"""A broker that is not ours: what our log does not have is not acknowledged, and comes again."""

import asyncio
from collections.abc import Sequence

import aiomqtt

from clapas.domain.errors import EngineUnavailable
from clapas.domain.message import RawMessage
from clapas.sources.chirpstack_v4 import CONNECTOR
from clapas.sources.runner import Runner
from clapas.sources.settings import Settings

EUI = "70b3d57ed0000001"
TOPIC = f"application/a/device/{EUI}/event/up"


class Log:
    """A log that may be down, and that tells when it has enough."""

    def __init__(self, *, want: int, down: bool = False) -> None:
        self.messages: list[RawMessage] = []
        self.asked = 0
        self.down = down
        self.want = want
        self.enough = asyncio.Event()

    async def publish(self, messages: Sequence[RawMessage]) -> Sequence[int]:
        self.asked += 1
        if self.down:
            self.enough.set()
            raise EngineUnavailable
        self.messages.extend(messages)
        if len(self.messages) >= self.want:
            self.enough.set()
        return range(len(messages))


def remote(port: int) -> Settings:
    table = {"connector": "chirpstack_v4", "host": "127.0.0.1", "port": port, "client_id": "c1"}
    return Settings(remote={"server": table})


async def say(port: int, *payloads: bytes) -> None:
    async with aiomqtt.Client("127.0.0.1", port, identifier="speaker") as client:
        for payload in payloads:
            await client.publish(TOPIC, payload, qos=1)


async def until_subscribed(runner: Runner) -> None:
    while runner.health["server"].state != "ok":
        await asyncio.sleep(0.01)


async def test_message_that_the_log_refused_comes_again(broker: int) -> None:
    refusing = Log(want=1, down=True)
    async with asyncio.timeout(20), Runner(remote(broker), refusing.publish) as runner:
        await until_subscribed(runner)
        await say(broker, b"one", b"two")
        await refusing.enough.wait()
    log = Log(want=2)
    async with asyncio.timeout(20), Runner(remote(broker), log.publish):
        await log.enough.wait()
    assert {each.payload for each in log.messages} == {b"one", b"two"}
    assert {each.topic for each in log.messages} == {TOPIC}
    assert {each.source for each in log.messages} == {CONNECTOR.name}


async def test_what_is_said_while_we_are_away_waits_for_us(broker: int) -> None:
    async with asyncio.timeout(20), Runner(remote(broker), Log(want=1).publish) as runner:
        await until_subscribed(runner)
    await say(broker, *(b"%d" % place for place in range(30)))
    log = Log(want=30)
    async with asyncio.timeout(20), Runner(remote(broker), log.publish):
        await log.enough.wait()
    assert sorted(int(each.payload) for each in log.messages) == list(range(30))


async def test_what_the_log_has_does_not_come_again(broker: int) -> None:
    log = Log(want=3)
    async with asyncio.timeout(20), Runner(remote(broker), log.publish) as runner:
        await until_subscribed(runner)
        await say(broker, b"1", b"2", b"3")
        await log.enough.wait()
        while runner.health["server"].messages < 3:
            await asyncio.sleep(0.01)
    again = Log(want=1)
    async with asyncio.timeout(20), Runner(remote(broker), again.publish) as runner:
        await until_subscribed(runner)
        await say(broker, b"4")
        await again.enough.wait()
    assert [each.payload for each in again.messages] == [b"4"]

"""The bench speaks the real forms, each message with an identity, and its publisher counts exactly."""

import asyncio
from itertools import islice

import pytest

from clapas.domain.errors import EngineUnavailable, Forbidden, InvalidInput
from clapas.domain.message import RawMessage
from clapas.ops.simulate.bench import PER_MESSAGE, bench_devices, bench_messages
from clapas.ops.simulate.mqtt_publisher import MqttPublisher, length
from clapas.sources import for_topic, understand

MIX = {"native": 0.5, "lpp": 0.3, "elsys": 0.15, "script": 0.05}


def test_kinds_are_mixed_by_their_shares() -> None:
    devices = bench_devices(200, MIX)  # type: ignore[arg-type]
    counts = {kind: sum(each.kind == kind for each in devices) for kind in MIX}
    assert counts == {"native": 100, "lpp": 60, "elsys": 30, "script": 10}
    assert len({each.key for each in devices}) == 200


def test_every_message_is_understood_and_has_its_own_identity() -> None:
    devices = bench_devices(20, MIX)  # type: ignore[arg-type]
    kinds = {each.key: each.kind for each in devices}
    seen = set()
    for topic, payload in islice(
        bench_messages(devices, rate=100, start_ms=1_790_000_000_000), 200
    ):
        connector = for_topic(topic)
        assert connector is not None
        (uplink,) = understand(RawMessage(connector.name, topic, 1_790_000_009_000, payload))
        seen.add(uplink.message_id)
        assert uplink.measured is not None
        if kinds[uplink.device] == "native":
            assert len(uplink.values) == 4
        else:
            assert uplink.payload
            assert PER_MESSAGE[kinds[uplink.device]] in (3, 5)
    assert len(seen) == 200


def test_nonsense_is_refused() -> None:
    with pytest.raises(InvalidInput):
        bench_devices(0, {"native": 1})
    with pytest.raises(InvalidInput):
        next(bench_messages(bench_devices(1, {"native": 1}), rate=1, values_per_message=99))


def test_variable_lengths_are_those_of_the_standard() -> None:
    known = {
        0: "00",
        127: "7f",
        128: "8001",
        16_383: "ff7f",
        16_384: "808001",
        268_435_455: "ffffff7f",
    }
    assert {size: length(size).hex() for size in known} == known
    with pytest.raises(InvalidInput):
        length(268_435_456)


class Broker:
    """A listener that acknowledges, and that hangs up after some messages when told to."""

    def __init__(self, *, hang_up_after: int = 0, answer: int = 0, keep: int = 0) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self.hang_up_after, self.answer, self.keep = hang_up_after, answer, keep

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self.meet, "127.0.0.1", 0)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.packet(reader)
            writer.write(bytes((0x20, 2, 0, self.answer)))
            while True:
                head, body = await self.packet(reader)
                if head & 0xF0 == 0x30:
                    size = int.from_bytes(body[:2], "big")
                    self.packets.append((head, body[2 : 2 + size]))
                    if len(self.packets) == self.hang_up_after:
                        break
                    writer.write(b"\x40\x02" + body[2 + size : 4 + size])
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readexactly(1))[0]
        size = shift = 0
        while True:
            digit = (await reader.readexactly(1))[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return head, await reader.readexactly(size)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def test_all_that_was_acknowledged_is_counted_once() -> None:
    broker, ranks = Broker(), list[int]()
    server = await broker.serve()
    async with (
        server,
        MqttPublisher(
            "127.0.0.1", port_of(server), window=7, on_acknowledged=ranks.append
        ) as publisher,
    ):
        await publisher.publish_many((f"up/{place}", b"x" * place) for place in range(300))
        await publisher.drain()
        assert (publisher.sent, publisher.acknowledged) == (300, 300)
    assert sorted(ranks) == list(range(1, 301))


async def test_what_was_not_acknowledged_is_sent_again_after_a_fall() -> None:
    broker = Broker(hang_up_after=50)
    server = await broker.serve()
    async with server, MqttPublisher("127.0.0.1", port_of(server), window=20) as publisher:
        await publisher.publish_many((f"up/{place}", b"") for place in range(100))
        await publisher.drain()
        assert (publisher.acknowledged, publisher.connections) == (100, 2)
    assert {topic for _, topic in broker.packets} == {
        f"up/{place}".encode() for place in range(100)
    }
    assert any(head & 0x08 for head, _ in broker.packets)


async def test_refusal_and_absence_are_told_apart() -> None:
    server = await Broker(answer=5).serve()
    async with server:
        with pytest.raises(Forbidden):
            await MqttPublisher("127.0.0.1", port_of(server)).__aenter__()
        port = port_of(server)
    with pytest.raises(EngineUnavailable):
        await MqttPublisher("127.0.0.1", port).__aenter__()

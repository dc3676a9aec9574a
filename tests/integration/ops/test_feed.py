"""A feed through real doors: an HTTP server, a broker; counts are exact."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import uvicorn

from clapas.domain.access import Principal
from clapas.domain.errors import EngineUnavailable, InvalidInput
from clapas.domain.message import RawMessage
from clapas.ops.feed import Progress, feed
from clapas.ops.simulate.senders import Doors
from clapas.sources.doors import Scope, in_door
from clapas.sources.recordings import wire_messages
from clapas.sources.wire_message import WireMessage


class Platform:
    """The HTTP door on a real server, with a log that may fail at first."""

    def __init__(self) -> None:
        self.log: list[RawMessage] = []
        self.failures = 0

    async def publish(self, messages: Sequence[RawMessage]) -> Sequence[int]:
        if self.failures:
            self.failures -= 1
            raise EngineUnavailable
        self.log.extend(messages)
        return range(len(self.log))

    async def authenticate(self, _: Scope, connector: str) -> Principal:
        assert connector
        return Principal(kind="service", id="feeder")


@pytest.fixture
async def platform() -> AsyncIterator[tuple[Platform, Doors]]:
    platform = Platform()
    door = in_door(platform.publish, platform.authenticate)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(door, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield platform, Doors(http=f"http://127.0.0.1:{port}")
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def test_archive_goes_through_and_counts_agree(
    platform: tuple[Platform, Doors], tmp_path: Path
) -> None:
    path = tmp_path / "archive.ndjson"
    path.write_text("\n" + '{"id":"a","type":"OffStreetParking","availableSpotNumber":3}\n' * 40)
    seen: list[Progress] = []
    count = await feed(wire_messages(path, "ngsi_v2"), platform[1], tell=seen.append)
    assert (count.sent, count.accepted) == (40, 40)
    assert len(platform[0].log) == 40
    assert seen[-1].accepted == 40


async def test_door_that_falters_gets_the_message_again(platform: tuple[Platform, Doors]) -> None:
    platform[0].failures = 2
    count = await feed([WireMessage("http", "/in/helium", b"{}")], platform[1])
    assert count.accepted == 1


async def test_closed_door_stops_the_feed(platform: tuple[Platform, Doors]) -> None:
    many = (WireMessage("http", "/in/nothing", b"{}") for _ in range(1000))
    with pytest.raises(InvalidInput):
        await feed(many, platform[1])


async def test_recorded_pace_is_kept(
    platform: tuple[Platform, Doors], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await real(0)

    monkeypatch.setattr("clapas.ops.feed.asyncio.sleep", sleep)
    said = [WireMessage("http", "/in/helium", b"{}", ms) for ms in (1000, 61_000)]
    await feed(said, platform[1], speed=6)
    assert any(9 < each <= 10 for each in waits)

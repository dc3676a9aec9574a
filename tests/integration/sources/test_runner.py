"""Remote sources: asked in turn, unchanged things left out, failures seen, nothing lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from clapas.domain.errors import BadSetting
from clapas.domain.message import RawMessage
from clapas.sources import understand
from clapas.sources.errors import SourceUnavailable
from clapas.sources.fetcher import Fetcher
from clapas.sources.runner import LONGEST_WAIT_S, Runner, wait_after
from clapas.sources.settings import Settings


class City:
    """A small HTTP server with an ETag, that may be ill."""

    def __init__(self) -> None:
        self.body = (
            b'[{"id":"a","type":"OffStreetParking","availableSpotNumber":3},{"id":"b","x":1}]'
        )
        self.status = 200
        self.asked = 0
        self.unchanged = 0
        self.port = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        tag = b'"%d"' % len(self.body)
        if b"if-none-match: " + tag in head.lower():
            self.unchanged += 1
            writer.write(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        else:
            line = b"HTTP/1.1 %d X\r\nETag: %b\r\n" % (self.status, tag)
            size = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(self.body)
            writer.write(line + size + self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def city() -> AsyncIterator[City]:
    city = City()
    server = await asyncio.start_server(city.meet, "127.0.0.1", 0)
    city.port = server.sockets[0].getsockname()[1]
    async with server:
        yield city


def settings(city: City, **more: object) -> Settings:
    table = {
        "connector": "ngsi_v2",
        "url": f"http://127.0.0.1:{city.port}",
        "paths": ["offstreetparking?limit=1000"],
        "interval_s": 0.01,
    }
    return Settings(remote={"city": {**table, **more}})


async def test_changed_things_are_logged_once_each(city: City) -> None:
    log: list[RawMessage] = []

    async def publish(messages: Sequence[RawMessage]) -> Sequence[int]:
        log.extend(messages)
        return range(len(messages))

    async with asyncio.timeout(20), Runner(settings(city), publish) as runner:
        while city.unchanged < 2:
            await asyncio.sleep(0.01)
        assert len(log) == 2
        city.body = city.body.replace(b":3}", b":44}")
        while len(log) < 3:
            await asyncio.sleep(0.01)
        assert runner.health["city"].state == "ok"
    assert understand(log[-1])[0].values[0].value == 44.0
    assert all(each.received for each in log)


async def test_city_that_is_ill_is_seen_and_asked_again(city: City) -> None:
    log: list[RawMessage] = []
    city.status = 500

    async def publish(messages: Sequence[RawMessage]) -> Sequence[int]:
        log.extend(messages)
        return range(len(messages))

    async with asyncio.timeout(30), Runner(settings(city), publish) as runner:
        while runner.health["city"].failures < 1:
            await asyncio.sleep(0.01)
        health = runner.health["city"]
        assert (health.state, health.code) == ("error", "source_unavailable")
        city.status = 200
        while not log:
            await asyncio.sleep(0.01)


async def test_endless_answer_is_refused(city: City) -> None:
    city.body = b"x" * 2000
    async with Fetcher(Settings(max_bytes=1000)) as fetcher:
        with pytest.raises(SourceUnavailable):
            await fetcher.fetch(f"http://127.0.0.1:{city.port}/x")


async def test_the_proxy_is_left_out_for_the_machine_itself_and_what_no_proxy_names(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of the operator's: the city stands in for it, and answers what it is asked for."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    proxy = f"http://127.0.0.1:{city.port}"
    far = "http://sensors.example.invalid/x"
    async with Fetcher(Settings(proxy=proxy)) as fetcher:
        assert await fetcher.fetch(far) == city.body
    async with Fetcher(Settings(proxy="http://127.0.0.1:9", timeout_s=5)) as fetcher:
        assert await fetcher.fetch(f"http://127.0.0.1:{city.port}/x") == city.body
    monkeypatch.setenv("NO_PROXY", "example.invalid")
    async with Fetcher(Settings(proxy=proxy, timeout_s=5)) as fetcher:
        with pytest.raises(SourceUnavailable):
            await fetcher.fetch(far)


async def test_secrets_of_an_address_are_not_shown() -> None:
    async with Fetcher(Settings(timeout_s=1)) as fetcher:
        with pytest.raises(SourceUnavailable) as caught:
            await fetcher.fetch("http://user:secret@127.0.0.1:9/x?key=secret")
    assert "secret" not in str(caught.value)


async def test_dropped_files_are_logged_then_filed_away(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date;device;T\n2026-01-01;x;1\n2026-01-02;x;2\n")
    log: list[RawMessage] = []

    async def publish(messages: Sequence[RawMessage]) -> Sequence[int]:
        assert (tmp_path / "a.csv").exists()
        log.extend(messages)
        return range(len(messages))

    table = {"connector": "csv_drop", "folder": str(tmp_path), "interval_s": 0.01, "settled_s": 0.0}
    async with asyncio.timeout(20), Runner(Settings(remote={"files": table}), publish):
        while not (tmp_path / "done" / "a.csv").exists():
            await asyncio.sleep(0.01)
    assert len(log) == 2
    assert understand(log[0])[0].device == "x"


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"connector": "no"},
        {"connector": "gbfs", "colour": 1},
        {"connector": "gbfs", "interval_s": "x"},
    ],
)
def test_wrong_setting_names_the_key(table: dict[str, object]) -> None:
    async def publish(messages: Sequence[RawMessage]) -> Sequence[int]:
        return range(len(messages))

    with pytest.raises(BadSetting) as caught:
        Runner(Settings(remote={"one": table}), publish)
    assert "sources.remote.one" in str(caught.value)
    assert caught.value.values["accepted"]


def test_waits_grow_and_are_bounded() -> None:
    assert 285 <= wait_after(0, 300) <= 315
    assert wait_after(1, 0.01) <= 2
    assert wait_after(60, 1) <= LONGEST_WAIT_S
    assert wait_after(60, 1) >= LONGEST_WAIT_S / 2

"""Ask remote sources in a loop, each on its own: back-off with jitter, health, nothing lost in silence.

A pulling connector is asked every ``interval_s``; a broker that is not ours is listened to
(``clapas.sources.listener``). What one source does never delays another.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from clapas.domain.errors import BadSetting, ClapasError
from clapas.domain.identifiers import message_digest
from clapas.domain.message import RawMessage
from clapas.sources import discover
from clapas.sources.broker import BrokerSettings
from clapas.sources.contract import Connector, Publish
from clapas.sources.fetcher import Fetcher
from clapas.sources.listener import listen
from clapas.sources.settings import Settings

State = Literal["waiting", "ok", "error"]
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 600.0
SEEN = 200_000
"""How many unchanged things are remembered, all sources together one remote source each."""

HEALTH_FILE = "sources.json"
"""Under ``run`` of the data directory: how each remote source is, as the process that asks them last wrote it."""


class Health(msgspec.Struct, kw_only=True):
    """How a remote source is: what it last said and what went wrong."""

    name: str
    connector: str
    state: State = "waiting"
    last_ok: float = 0.0
    failures: int = 0
    messages: int = 0
    code: str = ""
    detail: str = ""

    def well(self, messages: int) -> None:
        """It answered."""
        self.state, self.failures, self.code, self.detail = "ok", 0, "", ""
        self.last_ok, self.messages = time.time(), self.messages + messages

    def ill(self, error: Exception) -> None:
        """It did not; the detail never holds an address's password."""
        self.state, self.failures = "error", self.failures + 1
        self.code = error.code if isinstance(error, ClapasError) else type(error).__name__
        self.detail = str(error)[:300]


def wait_after(failures: int, interval: float) -> float:
    """Seconds to wait: the interval when all is well, else doubling, never shorter, with jitter."""
    if failures == 0:
        return interval * random.uniform(0.95, 1.05)  # noqa: S311
    doubled = min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 20), LONGEST_WAIT_S)
    return max(min(interval, LONGEST_WAIT_S), doubled) * random.uniform(0.5, 1.0)  # noqa: S311


class Runner:
    """All the remote sources of the settings. Use it as an asynchronous context."""

    def __init__(self, settings: Settings, publish: Publish) -> None:
        self._settings = settings
        self._publish = publish
        self._tasks: list[asyncio.Task[None]] = []
        self._sources = [
            (name, *_read(name, dict(table))) for name, table in settings.remote.items()
        ]
        self.health = {
            name: Health(name=name, connector=each.name) for name, each, _ in self._sources
        }

    async def __aenter__(self) -> Self:
        for name, connector, settings in self._sources:
            work = self._listen if isinstance(settings, BrokerSettings) else self._ask
            self._tasks.append(
                asyncio.create_task(work(name, connector, settings=settings), name=f"source {name}")
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, name: str, connector: Connector, *, settings: Any) -> None:
        seen: dict[bytes, None] = {}
        async with Fetcher(self._settings) as fetcher:
            while True:
                health = self.health[name]
                try:
                    health.well(await self._once(connector, settings, fetcher=fetcher, seen=seen))
                except (ClapasError, OSError) as error:
                    fetcher.forget()
                    health.ill(error)
                await asyncio.sleep(wait_after(health.failures, settings.interval_s))

    async def _once(
        self, connector: Connector, settings: Any, *, fetcher: Fetcher, seen: dict[bytes, None]
    ) -> int:
        """Ask once; log what changed; only then is it known as seen. Answers how many messages."""
        if connector.pull is None:
            raise BadSetting("this connector is not asked, it listens", connector=connector.name)
        found = await connector.pull(settings, fetcher.fetch)
        fresh = [each for each in found if _identity(each) not in seen]
        now = time.time_ns() // 1_000_000
        stamped = [msgspec.structs.replace(each, received=now) for each in fresh]
        for start in range(0, len(stamped), 500):
            await self._publish(stamped[start : start + 500])
        for each in fresh:
            seen[_identity(each)] = None
        while len(seen) > SEEN:
            del seen[next(iter(seen))]
        if connector.name == "csv_drop":
            await asyncio.to_thread(_file_away, settings.folder, found)
        return len(fresh)

    async def _listen(self, name: str, connector: Connector, *, settings: BrokerSettings) -> None:
        health = self.health[name]
        while True:
            try:
                await listen(
                    connector,
                    settings,
                    publish=self._publish,
                    ca_file=self._settings.ca_file,
                    heard=health.well,
                )
            except (ClapasError, OSError) as error:
                health.ill(error)
            await asyncio.sleep(wait_after(max(health.failures, 1), FIRST_WAIT_S))


def _identity(message: RawMessage) -> bytes:
    return message_digest(message.topic, message.payload.decode("latin-1"))


def remote_settings(settings: Settings) -> list[tuple[Connector, Any]]:
    """The connector and the settings of each remote source. Raises BadSetting."""
    return [_read(name, dict(table)) for name, table in settings.remote.items()]


def _read(name: str, table: dict[str, Any]) -> tuple[Connector, Any]:
    """The connector and its settings; raises ``BadSetting`` naming the key."""
    kind = table.pop("connector", "")
    connector = discover().get(kind)
    if connector is None:
        accepted = sorted(discover())
        key = f"sources.remote.{name}.connector"
        raise BadSetting(
            f"{key} = {kind!r}; accepted: {accepted}", key=key, value=kind, accepted=accepted
        )
    try:
        return connector, msgspec.convert(table, connector.settings)
    except msgspec.ValidationError as error:
        accepted = list(connector.settings.__struct_fields__)
        key = f"sources.remote.{name}"
        raise BadSetting(f"{key}: {error}", key=key, value=str(error), accepted=accepted) from None


def _file_away(folder: str, found: Sequence[RawMessage]) -> None:
    """Move files whose every line the log has into ``done``; a name taken gets a number."""
    done = Path(folder) / "done"
    for name in sorted({each.topic.partition("?")[0] for each in found}):
        done.mkdir(exist_ok=True)
        target, number = done / name, 1
        while target.exists():
            number += 1
            target = done / f"{number}-{name}"
        (Path(folder) / name).rename(target)

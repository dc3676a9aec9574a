"""The engines, opened: embedded ones started and kept alive, external ones by their address."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from clapas.domain.errors import OperatorError
from clapas.engines import clickhouse, nats, postgres
from clapas.engines.addresses import (
    ClickHouseAddress,
    EngineAddresses,
    NatsAddress,
    PostgresAddress,
    clickhouse_address,
    nats_address,
    postgres_address,
)
from clapas.engines.directory import DataDirectory
from clapas.engines.settings import Settings
from clapas.engines.supervisor import Child

EMBEDDED = "embedded"


class EngineHealth(msgspec.Struct, frozen=True):
    """How one engine does: ``detail`` is its version when it is well, else what is wrong."""

    name: str
    mode: Literal["embedded", "external"]
    ok: bool
    detail: str
    since: datetime
    restarts: int = 0


class Engine(msgspec.Struct, frozen=True):
    """One engine: its name, its child when embedded, and how to ask it."""

    name: str
    child: Child | None
    probe: Callable[[], Awaitable[str]]
    opened: datetime

    async def health(self) -> EngineHealth:
        """Ask it now."""
        child = self.child
        ok = True
        try:
            detail = await asyncio.wait_for(self.probe(), timeout=5)
        except TimeoutError:
            ok, detail = False, "no answer within 5 s"
        except OperatorError as error:
            ok, detail = False, child.detail if child and child.detail else str(error)
        return EngineHealth(
            name=self.name,
            mode="embedded" if child else "external",
            ok=ok,
            detail=detail,
            since=child.since if child else self.opened,
            restarts=child.restarts if child else 0,
        )


class RunningEngines:
    """The three engines while they run."""

    def __init__(self, addresses: EngineAddresses, engines: tuple[Engine, ...]) -> None:
        self.addresses = addresses
        self._engines = engines

    async def health(self) -> tuple[EngineHealth, ...]:
        """How each engine does, asked now, all at once."""
        return tuple(await asyncio.gather(*(engine.health() for engine in self._engines)))

    def child(self, name: str) -> Child | None:
        """The child process of an embedded engine: postgres, clickhouse or nats."""
        return next((engine.child for engine in self._engines if engine.name == name), None)


@contextlib.asynccontextmanager
async def open_engines(
    settings: Settings, directory: DataDirectory
) -> AsyncIterator[RunningEngines]:
    """Start the embedded engines (all at once), check the external ones, stop them without loss at the end.

    Orphans of a killed parent are ended first. Raises OperatorError, whose sentence says what to do.
    """
    await directory.end_orphans()
    opened = datetime.now(UTC)
    pg_child, pg = await _postgres(settings, directory)
    ch_child, writer, reader = await _clickhouse(settings, directory)
    nats_child, bus = await _nats(settings, directory)
    engines = (
        Engine("postgres", pg_child, lambda: postgres.probe(pg), opened),
        Engine("clickhouse", ch_child, lambda: clickhouse.probe(writer), opened),
        Engine("nats", nats_child, lambda: nats.probe(bus), opened),
    )
    try:
        await _start_all(engines)
        yield RunningEngines(EngineAddresses(pg, writer, reader, bus), engines)
    finally:
        await asyncio.gather(*(engine.child.stop() for engine in engines if engine.child))


async def _start_all(engines: tuple[Engine, ...]) -> None:
    starts = [engine.child.start() if engine.child else engine.probe() for engine in engines]
    results = await asyncio.gather(*starts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _postgres(
    settings: Settings, directory: DataDirectory
) -> tuple[Child | None, PostgresAddress]:
    if settings.postgres != EMBEDDED:
        return None, postgres_address(settings.postgres)
    return await postgres.postgres_child(settings, directory)


async def _clickhouse(
    settings: Settings, directory: DataDirectory
) -> tuple[Child | None, ClickHouseAddress, ClickHouseAddress]:
    if settings.clickhouse != EMBEDDED:
        writer = clickhouse_address(settings.clickhouse)
        reader = settings.clickhouse_reader
        return (
            None,
            writer,
            clickhouse_address(reader, key="clickhouse_reader") if reader else writer,
        )
    return await clickhouse.clickhouse_child(settings, directory)


async def _nats(settings: Settings, directory: DataDirectory) -> tuple[Child | None, NatsAddress]:
    if settings.nats != EMBEDDED:
        return None, nats_address(settings.nats, issuer_seed=settings.nats_issuer_seed)
    return await nats.nats_child(settings, directory)

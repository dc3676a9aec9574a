"""Processes that run only when something is configured for them: *sources* asks, *keeping* copies every day."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from clapas.bus import NatsBus
from clapas.domain.errors import BadSetting
from clapas.engines.directory import write_private
from clapas.engines.refusals import Refused
from clapas.engines.space import Space, space
from clapas.ops.keeping.copy import make_backup
from clapas.ops.keeping.keys import key_of_file, make_key_file
from clapas.ops.keeping.schedule import daily, key_path, read_health
from clapas.orders import Orders
from clapas.sources.runner import Health, Runner
from clapas.store import Store, migrate
from clapas.web.services import Notice, SourceSetup

TOLD_S = 5.0
STALE_S = 60.0
MQTT_DOOR = "mqtt_device"
ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, never bound
HEALTH = "sources.json"
BROKER = "broker.json"
BACKUP_LATE = timedelta(hours=26)


async def run_sources(orders: Orders, ready: Callable[[], None]) -> None:
    """Ask the remote sources of the settings; what they say goes to the durable log."""
    async with NatsBus.open(orders.addresses.nats, orders.configuration.bus) as bus:
        await bus.prepare()
        runner = Runner(orders.configuration.sources, bus.publish_uplinks)
        path = Path(orders.directory) / "run" / HEALTH
        with _gone_at_the_end(path):
            async with runner:
                ready()
                while True:
                    body = msgspec.json.encode(list(runner.health.values()))
                    await asyncio.to_thread(write_private, path, body)
                    await asyncio.sleep(TOLD_S)


@contextmanager
def _gone_at_the_end(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


async def source_setups(orders: Orders) -> Sequence[SourceSetup]:
    """The address of the MQTT door, then how the remote sources are, one entry a connector.

    Remote sources are told as the role *sources* last wrote them.
    """
    return (_mqtt_door(orders), *_remote_setups(orders))


def _mqtt_door(orders: Orders) -> SourceSetup:
    """What a device must be told to reach the broker; its host is the page's when it listens for all."""
    nats = orders.addresses.nats
    anywhere = orders.configuration.engines.mqtt_host in ANYWHERE
    known = {} if anywhere else {"host": nats.mqtt_host}
    return SourceSetup(name=MQTT_DOOR, settings={**known, "port": nats.mqtt_port})


def _remote_setups(orders: Orders) -> Sequence[SourceSetup]:
    remote = orders.configuration.sources.remote
    if not remote:
        return ()
    path = Path(orders.directory) / "run" / HEALTH
    found: list[Health] = []
    with contextlib.suppress(OSError, msgspec.DecodeError):
        if time.time() - path.stat().st_mtime < STALE_S:
            found = msgspec.json.decode(path.read_bytes(), type=list[Health])
    connectors = sorted({str(table.get("connector", "")) for table in remote.values()})
    return [_setup(name, [each for each in found if each.connector == name]) for name in connectors]


def _setup(connector: str, found: Sequence[Health]) -> SourceSetup:
    ill = [f"{each.name}: {each.detail or each.code}" for each in found if each.state == "error"]
    silent = [] if found else ["the process that asks remote sources does not answer"]
    return SourceSetup(
        name=connector,
        error="; ".join(ill + silent),
        settings={
            each.name: {
                "state": each.state,
                "last_ok": each.last_ok,
                "failures": each.failures,
                "messages": each.messages,
            }
            for each in found
        },
    )


async def run_keeping(orders: Orders, ready: Callable[[], None]) -> None:
    """Make the daily backup."""
    settings, data = orders.configuration.ops, Path(orders.directory)
    if not settings.backup_folder:
        raise BadSetting("ops.backup_folder is not set", key="ops.backup_folder")
    await migrate(orders.addresses)
    async with (
        Store.open(orders.addresses, pool=3) as store,
        NatsBus.open(orders.addresses.nats, orders.configuration.bus) as bus,
    ):
        await bus.prepare()

        async def make(target: Path) -> object:
            path = key_path(settings, data)
            key = key_of_file(path) if path.exists() else make_key_file(path)
            return await make_backup(store, bus, data=data, target=target, key=key)

        async def timezone() -> str:
            return str(await store.territory.zone())

        ready()
        await daily(settings, data, timezone=timezone, make=make)


async def refused_publishes(orders: Orders) -> Refused:
    """Publishes that rights forbade, as the parent last counted them in the broker's log."""
    path = Path(orders.directory) / "run" / BROKER
    try:
        return msgspec.json.decode(path.read_bytes(), type=Refused)
    except (OSError, msgspec.DecodeError):
        return Refused()


def room(orders: Orders) -> Space:
    """The room on the disk of the data directory now."""
    return space(Path(orders.directory), reserve_mb=orders.configuration.engines.reserve_mb)


async def notices(orders: Orders) -> Sequence[Notice]:
    """What a person should look at besides the ledger, the engines and the sources."""
    found = []
    left = room(orders)
    if left.short:
        values = {"free_mb": left.free >> 20, "reserve_mb": left.reserve >> 20}
        found.append(Notice(kind="disk", severity="critical", values=values, link="/technique"))
    refused = await refused_publishes(orders)
    if refused.last_day:
        values = {"count": refused.last_day}
        found.append(Notice(kind="refused", severity="minor", values=values, link="/appareils"))
    if orders.configuration.ops.backup_folder:
        found += _about_backup(Path(orders.directory))
    return found


def _about_backup(data: Path) -> list[Notice]:
    health = read_health(data)
    if health is None:
        return []
    if health.error:
        return [
            Notice(
                kind="backup",
                severity="major",
                values={"detail": health.error},
                link="/technique",
                since=health.last_ok,
            )
        ]
    if health.last_ok and datetime.now(UTC) - health.last_ok > BACKUP_LATE:
        return [
            Notice(
                kind="backup_late",
                severity="major",
                link="/technique",
                since=health.last_ok,
            )
        ]
    return []

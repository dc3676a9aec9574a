"""What home tells besides the ledger and the engines: the doors' set-up, room, refusals, the daily backup."""

import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from clapas.engines.refusals import Refused
from clapas.engines.space import Space, space
from clapas.ops.keeping.schedule import read_health
from clapas.orders import Orders
from clapas.sources.runner import HEALTH_FILE, Health
from clapas.web.services import Notice, SourceSetup

STALE_S = 60.0
MQTT_DOOR = "mqtt_device"
ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, never bound
BROKER = "broker.json"
BACKUP_LATE = timedelta(hours=26)


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
    path = Path(orders.directory) / "run" / HEALTH_FILE
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

"""The daily backup: when it is due, which old ones go, and how it went, for the home page."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.errors import ClapasError
from clapas.engines.directory import write_private
from clapas.ops.keeping.copy import KEY_FILE
from clapas.ops.settings import Settings

PATTERN = "clapas-*.backup"
HEALTH = "backup.json"
"""In the data directory: kept from one start to the next, part of no copy."""
RETRY_S = 3600.0


class BackupHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the daily backup does."""

    last_ok: datetime | None = None
    file: str = ""
    size: int = 0
    error: str = ""
    """Why the last attempt failed; empty when it did not."""
    tried: datetime | None = None


def name_at(moment: datetime) -> str:
    """The name of a backup made at this moment (UTC)."""
    return f"clapas-{moment:%Y%m%dT%H%M%SZ}.backup"


def key_path(settings: Settings, data: Path) -> Path:
    """Where the key of backups is."""
    chosen = settings.backup_key_file
    return Path(chosen) if chosen else data / "secrets" / KEY_FILE


def next_due(now: datetime, hour: int, *, timezone: str) -> datetime:
    """The next moment (UTC) at which civil clocks show this hour."""
    local = now.astimezone(ZoneInfo(timezone))
    due = local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    if due <= local:
        due = due + timedelta(days=1)
    return due.astimezone(UTC)


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete the oldest daily backups beyond ``keep``; gives which."""
    old = sorted(folder.glob(PATTERN))[:-keep]
    for each in old:
        each.unlink(missing_ok=True)
    return old


def read_health(data: Path) -> BackupHealth | None:
    """How the daily backup does, None when none was ever tried."""
    try:
        return msgspec.json.decode((data / HEALTH).read_bytes(), type=BackupHealth)
    except (OSError, msgspec.DecodeError):
        return None


async def daily(
    settings: Settings,
    data: Path,
    *,
    timezone: Callable[[], Awaitable[str]],
    make: Callable[[Path], Awaitable[object]],
) -> None:
    """Make a backup each day until cancelled; one that failed is tried again after an hour.

    A platform that was off at the hour, or that has no backup yet, makes one soon after its start.
    """
    folder = Path(settings.backup_folder)
    due = _first(read_health(data), datetime.now(UTC))
    while True:
        await asyncio.sleep(max(0.0, due.timestamp() - time.time()))
        health = await attempt(folder, data, make=make)
        now = datetime.now(UTC)
        if health.error:
            due = now + timedelta(seconds=RETRY_S)
            continue
        await asyncio.to_thread(prune, folder, settings.backup_keep)
        due = next_due(now, settings.backup_hour, timezone=await timezone())


def _first(health: BackupHealth | None, now: datetime) -> datetime:
    """At once when the last backup is older than a day, else when it becomes so."""
    if health is None or health.last_ok is None:
        return now + timedelta(seconds=60)
    return max(now + timedelta(seconds=60), health.last_ok + timedelta(days=1))


async def attempt(
    folder: Path, data: Path, *, make: Callable[[Path], Awaitable[object]]
) -> BackupHealth:
    """Make one backup and note how it went."""
    now = datetime.now(UTC)
    target = folder / name_at(now)
    try:
        await make(target)
        size = target.stat().st_size
        health = BackupHealth(last_ok=now, file=str(target), size=size, tried=now)
    except (ClapasError, OSError) as error:
        before = read_health(data) or BackupHealth()
        health = msgspec.structs.replace(before, error=str(error)[:500], tried=now)
    await asyncio.to_thread(write_private, data / HEALTH, msgspec.json.encode(health))
    return health

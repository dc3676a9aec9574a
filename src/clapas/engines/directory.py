"""The data directory: one place for everything that an installation keeps, held by one process at a time.

clapas.toml     settings (optional)
lock            held while the platform runs; names the process
children.json   child processes, so that orphans of a killed parent are found and ended
secrets/        keys that outlive a start
run/            files of this start only (configuration with the start's secrets)
logs/           what the engines say
postgres/ clickhouse/ nats/   the engines' own files
"""

import fcntl
import hashlib
import json
import logging
import os
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from clapas.domain.errors import DataDirectoryBusy, DiskFull
from clapas.engines.errors import DataDirectoryUnusable, NoPlatformHere
from clapas.engines.processes import ProcessId, end, identify

log = logging.getLogger(__name__)

PARTS = ("secrets", "run", "logs", "clickhouse", "nats")
PUBLIC_ROOT = Path("/var/lib/clapas")
"""Where root keeps what PostgreSQL's own user must reach, when it cannot reach the data directory."""


class Orphan(msgspec.Struct, frozen=True):
    """A recorded child: who it is, and the signal that asks it to stop without loss."""

    process: ProcessId
    stop_signal: int


class DataDirectory:
    """An open data directory, locked by this process. Raises DataDirectoryBusy, DataDirectoryUnusable."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._children: dict[str, Orphan] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Make the directory when it is new, and lock it.

        The lock is the kernel's (flock), so that it falls with its process, however that ends.
        """
        path = path.expanduser().absolute()
        try:
            _make(path)
            handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(error, path) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            message = f"{path} is in use by process {holder}; stop it first, or choose another data directory"
            raise DataDirectoryBusy(message, path=str(path), pid=holder) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return cls(path, handle)

    @staticmethod
    def expect(path: Path) -> None:
        """Go on when a platform has been started here, whether it runs or not. Raises NoPlatformHere."""
        if not (path.expanduser() / "lock").is_file():
            message = f"there is no platform in {path}: give its directory with --data, or start one with 'clapas up'"
            raise NoPlatformHere(message, path=str(path))

    @staticmethod
    def held(path: Path) -> bool:
        """True while a process holds this data directory."""
        try:
            handle = os.open(path.expanduser() / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: PLR0917 - Python calls it so
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the directory back."""
        if self._lock >= 0:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = -1

    def secret(self, name: str) -> Path:
        """The file of a secret that outlives a start (write it with ``write_private``)."""
        return self.path / "secrets" / name

    @property
    def run(self) -> Path:
        """Files of this start only."""
        return self.path / "run"

    def log(self, name: str) -> Path:
        """Where the child of this name writes what it has to say."""
        return self.path / "logs" / f"{name}.log"

    def public(self, name: str) -> Path:
        """A place outside this directory, kept for it alone, which an unprivileged user can reach."""
        digest = hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:12]
        return PUBLIC_ROOT / f"{name}-{digest}"

    def claim(self, name: str) -> Path:
        """The ``public`` place of this name, for this directory's own files only.

        What another directory of the same path left there, one that was deleted since, is set aside
        under a name with the time, and never read.
        """
        place, claimed = self.public(name), self.secret(f"{name}_place")
        first = not any((self.path / "secrets").iterdir())
        if first and place.exists():
            aside = place.with_name(f"{place.name}.before-{time.time_ns()}")
            place.rename(aside)
            log.warning("files of a deleted data directory are set aside in %s", aside)
        if not claimed.exists():
            write_private(claimed, f"{place}\n".encode())
        return place

    def record(self, name: str, pid: int, *, stop_signal: int) -> None:
        """Remember a child, so that a later start can end it should this process be killed."""
        process = identify(pid)
        if process is not None:
            self._children[name] = Orphan(process, stop_signal)
            self._save()

    def forget(self, name: str) -> None:
        """The child is gone."""
        if self._children.pop(name, None) is not None:
            self._save()

    async def end_orphans(self) -> list[str]:
        """End the children that a killed parent left behind; their names are returned."""
        try:
            left = msgspec.json.decode(
                (self.path / "children.json").read_bytes(), type=dict[str, Orphan]
            )
        except (OSError, msgspec.DecodeError):
            return []
        found = [
            name for name, orphan in left.items() if identify(orphan.process.pid) == orphan.process
        ]
        for name in found:
            orphan = left[name]
            await end(orphan.process, first=signal.Signals(orphan.stop_signal), patience=20.0)
        return found

    def _save(self) -> None:
        write_private(self.path / "children.json", msgspec.json.encode(self._children))


def write_private(path: Path, content: bytes) -> None:
    """Replace a file at once, readable by its owner only."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def remembered(path: Path) -> dict[str, int]:
    """Small numbers kept from one start to the next; an unreadable file is an empty one."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return (
        {str(name): int(value) for name, value in found.items()} if isinstance(found, dict) else {}
    )


def unusable(error: OSError, path: Path) -> DiskFull | DataDirectoryUnusable:
    """The operator's error for what the system refused."""
    if error.errno == 28:  # ENOSPC
        return DiskFull(f"no space is left for {path}", path=str(path))
    reason = error.strerror or str(error)
    return DataDirectoryUnusable(
        f"the data directory {path} cannot be used: {reason}", path=str(path), reason=reason
    )


def _make(path: Path) -> None:
    mode = 0o711 if os.geteuid() == 0 else 0o700
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    if path.stat().st_uid == os.geteuid():
        path.chmod(mode)
    for part in PARTS:
        (path / part).mkdir(exist_ok=True, mode=0o700)

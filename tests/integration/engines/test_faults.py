"""What breaks, and what the operator is told: kills, stale locks, ports, damaged files."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import msgspec
import psycopg
import pytest

from clapas.domain.errors import DataDirectoryBusy, DiskFull, EngineUnavailable
from clapas.engines import Child, Command, DataDirectory, EngineAddresses, Settings, open_engines
from clapas.engines.directory import Orphan
from clapas.engines.errors import EngineDamaged, PortInUse
from clapas.engines.ports import free_port
from clapas.engines.postgres import postgres_child, probe
from clapas.engines.processes import ProcessId, identify, is_alive
from clapas.engines.supervisor import diagnose

KILLED = """
import asyncio, os, signal, sys, pathlib, msgspec, psycopg
from clapas.engines import DataDirectory, Settings, open_engines

async def main():
    with DataDirectory.open(pathlib.Path(sys.argv[1])) as directory:
        async with open_engines(msgspec.json.decode(sys.argv[2], type=Settings), directory) as engines:
            async with await psycopg.AsyncConnection.connect(engines.addresses.postgres.dsn, autocommit=True) as link:
                await link.execute("CREATE TABLE kept AS SELECT 1 AS value")
            print(" ".join(str(engines.child(name).pid) for name in ("postgres", "clickhouse", "nats")), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new data directory that any user may pass through, as an operator's would be."""
    path = Path(tempfile.mkdtemp(prefix="clapas-fault-"))
    path.chmod(0o711)
    yield path / "data"
    shutil.rmtree(path)


def small() -> Settings:
    return Settings(mqtt_port=free_port(), postgres_shared_buffers_mb=32, clickhouse_memory_mb=800)


async def until_dead(process: ProcessId) -> None:
    async with asyncio.timeout(30):
        while is_alive(process):
            await asyncio.sleep(0.02)


async def test_after_kill_9_of_the_parent_children_die_and_nothing_acknowledged_is_lost(
    folder: Path,
) -> None:
    arguments = [sys.executable, "-c", KILLED, str(folder), msgspec.json.encode(small()).decode()]
    done = await asyncio.to_thread(
        subprocess.run, arguments, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    for pid in done.stdout.split():
        if (process := identify(int(pid))) is not None:
            await until_dead(process)
    with DataDirectory.open(folder) as directory:
        async with open_engines(small(), directory) as engines:
            async with await psycopg.AsyncConnection.connect(
                engines.addresses.postgres.dsn
            ) as link:
                row = await (await link.execute("SELECT value FROM kept")).fetchone()
            assert all(health.ok for health in await engines.health())
    assert row == (1,)


async def test_a_session_that_outlives_a_killed_server_does_not_prevent_the_next_start(
    folder: Path,
) -> None:
    """A session that is slow to notice still holds the server's shared memory."""
    with DataDirectory.open(folder) as directory:
        child, address = await postgres_child(small(), directory)
        await child.start()
        link = await psycopg.AsyncConnection.connect(address.dsn)
        session = identify(link.info.backend_pid)
        assert session is not None
        os.kill(session.pid, signal.SIGSTOP)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await child.stop()
        assert is_alive(session)
        again, address = await postgres_child(small(), directory)
        assert not is_alive(session)
        await link.close()
        await again.start()
        assert await probe(address)
        await again.stop()


async def test_each_killed_engine_comes_back_at_the_same_address(folder: Path) -> None:
    with DataDirectory.open(folder) as directory:
        async with open_engines(small(), directory) as engines:
            for name in ("postgres", "clickhouse", "nats"):
                child = engines.child(name)
                assert child is not None
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)
            async with asyncio.timeout(60):
                while not all(
                    health.ok and health.restarts == 1 for health in await engines.health()
                ):
                    await asyncio.sleep(0.05)


async def test_a_damaged_postgres_is_named(folder: Path) -> None:
    with DataDirectory.open(folder) as directory:
        async with open_engines(small(), directory):
            pass
        clusters = [folder / "postgres", directory.public("postgres")]
        cluster = next(path for path in clusters if path.exists())
        (cluster / "global" / "pg_control").write_bytes(b"\0" * 8192)
        with pytest.raises(EngineDamaged, match="restore a backup"):
            async with open_engines(small(), directory):
                pass


async def test_a_port_in_use_names_the_setting(folder: Path) -> None:
    server = await asyncio.start_server(lambda _read, write: write.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = msgspec.structs.replace(small(), mqtt_port=port)
    with (
        DataDirectory.open(folder) as directory,
        pytest.raises(PortInUse, match=f"{port}.*mqtt_port"),
    ):
        async with open_engines(settings, directory):
            pass
    server.close()
    await server.wait_closed()


def test_a_second_start_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with DataDirectory.open(tmp_path), pytest.raises(DataDirectoryBusy, match=str(os.getpid())):
        DataDirectory.open(tmp_path)
    with DataDirectory.open(tmp_path):
        pass


async def test_orphans_are_ended_but_a_stranger_with_their_number_is_not(tmp_path: Path) -> None:
    orphan = subprocess.Popen(["sleep", "600"])
    stranger = subprocess.Popen(["sleep", "600"])
    known = identify(orphan.pid)
    other = identify(stranger.pid)
    assert known is not None
    assert other is not None
    reused = msgspec.structs.replace(other, started=other.started - 1)
    left = {"nats": Orphan(known, signal.SIGTERM), "postgres": Orphan(reused, signal.SIGTERM)}
    with DataDirectory.open(tmp_path) as directory:
        (tmp_path / "children.json").write_bytes(msgspec.json.encode(left))
        assert await directory.end_orphans() == ["nats"]
    assert orphan.wait(5) == -signal.SIGTERM
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


async def test_a_child_that_never_answers_is_an_operator_s_error(tmp_path: Path) -> None:
    async def never() -> None:
        raise EngineUnavailable("not yet")

    with DataDirectory.open(tmp_path) as directory:
        command = Command(
            name="mute",
            argv=("/bin/sh", "-c", "echo nothing to say; exec sleep 600"),
            start_seconds=0.3,
        )
        child = Child(command, ready=never, directory=directory)
        with pytest.raises(EngineUnavailable, match="nothing to say"):
            await child.start()
        assert child.pid is None


async def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, pathlib, sys\n"
        "from clapas.engines import Child, Command, DataDirectory\n"
        "async def main():\n"
        "    async def ready(): await asyncio.sleep(0.3)\n"
        "    directory = DataDirectory.open(pathlib.Path(sys.argv[1]))\n"
        "    child = Child(Command(name='x', argv=('/bin/sleep', '600')), ready=ready, directory=directory)\n"
        "    await child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path)]
    done = await asyncio.to_thread(
        subprocess.run, arguments, capture_output=True, text=True, timeout=30, check=False
    )
    left = identify(int(done.stdout))
    limit = time.monotonic() + 10
    while left is not None and is_alive(left) and time.monotonic() < limit:
        await asyncio.sleep(0.02)
    assert left is None or not is_alive(left)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ('FATAL:  could not write to file "pg_wal/x": No space left on device', DiskFull),
        ("[FTL] Error listening on port: 127.0.0.1:4222, bind: address already in use", PortInUse),
        ("PANIC:  could not locate a valid checkpoint record at 0/1", EngineDamaged),
        ("Segmentation fault", EngineUnavailable),
    ],
)
def test_the_end_of_a_log_becomes_one_sentence(
    tmp_path: Path, said: str, error: type[Exception]
) -> None:
    path = tmp_path / "engine.log"
    path.write_text(f"No space left on device\n--- started 2026\nordinary\n{said}\n")
    found = diagnose("engine", "ended", path=path)
    assert type(found) is error
    assert found.actor == "operator"
    assert "\n" not in str(found)


async def test_nobody_connects_to_the_broker_without_being_let_in(engines: EngineAddresses) -> None:
    broker = engines.nats
    for user, password in (("device", "guess"), (broker.user, "guess")):
        client = aiomqtt.Client(
            broker.mqtt_host, broker.mqtt_port, username=user, password=password, timeout=10
        )
        with pytest.raises(aiomqtt.MqttError):
            async with client:
                pass


async def test_postgres_demands_its_password(engines: EngineAddresses) -> None:
    start, _, end = engines.postgres.dsn.partition("@")
    for dsn in (f"{start.rpartition(':')[0]}:guess@{end}", f"{start.rpartition(':')[0]}@{end}"):
        with pytest.raises(psycopg.OperationalError):
            await psycopg.AsyncConnection.connect(dsn)

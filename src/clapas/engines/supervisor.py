"""A child process that is kept alive: started, watched, restarted with back-off, stopped without loss.

Used for the engines and for the platform's own roles. A child dies with its parent (see ``leash``), is
recorded in the data directory, and writes what it has to say into its log there.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import msgspec

from clapas.domain.errors import DiskFull, EngineUnavailable, OperatorError
from clapas.engines.directory import DataDirectory
from clapas.engines.errors import EngineDamaged, EngineMissing, PortInUse

log = logging.getLogger(__name__)
LEASH = Path(__file__).with_name("leash.py")
LOG_LIMIT = 8 * 1024 * 1024
SETTLED_SECONDS = 60.0
PAUSES = (0.1, 0.3, 1.0, 3.0, 10.0)
DISK_FULL_PHRASES = ("no space left on device", "not_enough_space", "insufficient storage")
PORT_PHRASES = ("address already in use",)
DAMAGE_PHRASES = (
    "invalid checkpoint record",
    "could not locate a valid checkpoint",
    'could not open file "global/pg_',
    "invalid primary checkpoint",
    "invalid page in block",
    "is not a valid data directory",
    "not compatible with server",
    "database files are incompatible",
    "checksum doesn't match",
    "corrupt",
    "cannot_load_config",
    "pg_control",
)
State = Literal["stopped", "starting", "running", "waiting"]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: program and arguments, and how it is asked to stop.

    ``user`` is (uid, gid) to drop to; ``stdin`` is given once at each start (secrets travel this way);
    times are seconds.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = {}
    cwd: str | None = None
    stdin: bytes = b""
    user: tuple[int, int] | None = None
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 20.0
    start_seconds: float = 60.0


class Child:
    """One supervised child process. ``ready`` returns when the child answers, and raises until then."""

    def __init__(
        self, command: Command, *, ready: Callable[[], Awaitable[object]], directory: DataDirectory
    ) -> None:
        self.command = command
        self.state: State = "stopped"
        self.restarts = 0
        self.since = datetime.now(UTC)
        self.detail = ""
        self._ready = ready
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The number of the running process."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start, wait until it answers, then keep it alive until ``stop``. Raises OperatorError."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.command.name}")

    async def stop(self) -> None:
        """Ask it to stop, wait for it, and insist when it takes too long."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        await self._end()
        self._turn("stopped")

    def renew(self) -> None:
        """Kill it: it is started again at once, from what its files hold and nothing that it remembers."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _launch(self) -> None:
        self._turn("starting")
        self._process = await self._spawn()
        self._directory.record(
            self.command.name, self._process.pid, stop_signal=self.command.stop_signal
        )
        try:
            await self._wait_ready(self._process)
        except BaseException:
            await self._end()
            self._turn("stopped")
            raise
        self._turn("running")

    async def _spawn(self) -> asyncio.subprocess.Process:
        command = self.command
        uid, gid = command.user or (-1, -1)
        leash = [
            sys.executable,
            "-I",
            "-S",
            str(LEASH),
            str(os.getpid()),
            str(int(command.stop_signal)),
        ]
        with _open_log(self._directory.log(command.name)) as output:
            process = await asyncio.create_subprocess_exec(
                *leash, str(uid), str(gid), *command.argv,
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output,
                env={**os.environ, **command.env}, cwd=command.cwd, start_new_session=True,
            )  # fmt: skip
        if process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                process.stdin.write(command.stdin)
                await process.stdin.drain()
                process.stdin.close()
        return process

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        limit = time.monotonic() + self.command.start_seconds
        pause = 0.01
        while True:
            if process.returncode is not None:
                raise self.diagnose(f"ended with status {process.returncode}")
            try:
                await asyncio.wait_for(self._ready(), timeout=5)
            except (OSError, TimeoutError, EngineUnavailable) as error:
                if time.monotonic() > limit:
                    raise self.diagnose(
                        f"did not answer within {self.command.start_seconds:.0f} s"
                    ) from error
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.25)

    async def _keep(self) -> None:
        """Restart it whenever it ends: at once the first time, then more and more slowly."""
        failures = 0
        while True:
            started = time.monotonic()
            status = await self._process.wait() if self._process is not None else None
            self._directory.forget(self.command.name)
            failures = 0 if time.monotonic() - started > SETTLED_SECONDS else failures + 1
            self.detail = str(self.diagnose(f"ended with status {status}"))
            log.warning("%s; it is restarted", self.detail)
            await self._revive(failures)

    async def _revive(self, failures: int) -> None:
        while True:
            self._turn("waiting")
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            self.restarts += 1
            try:
                await self._launch()
            except OperatorError as error:
                failures += 1
                self.detail = str(error)
                log.error("%s", error)
            else:
                self.detail = ""
                return

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            self._directory.forget(self.command.name)
            return
        process.send_signal(self.command.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.command.stop_seconds)
        except TimeoutError:
            log.warning("%s does not stop; it is killed", self.command.name)
            process.kill()
            await process.wait()
        self._directory.forget(self.command.name)

    def _turn(self, state: State) -> None:
        self.state = state
        self.since = datetime.now(UTC)

    def diagnose(self, what: str) -> OperatorError:
        """The operator's error for what the child's log tells."""
        return diagnose(self.command.name, what, path=self._directory.log(self.command.name))


def diagnose(name: str, what: str, *, path: Path) -> OperatorError:
    """Read the end of a child's log and say what happened in one sentence."""
    tail = _tail(path)
    lines = [line for line in tail.splitlines() if line.strip()]
    last = lines[-1].strip()[:300] if lines else "it said nothing"
    low = tail.lower()
    values = {"engine": name, "log": str(path), "detail": last}
    if any(phrase in low for phrase in DISK_FULL_PHRASES):
        return DiskFull(f"{name} stopped: no space is left on the disk", **values)
    if any(phrase in low for phrase in PORT_PHRASES):
        return PortInUse(
            f"{name} cannot listen: another program holds its port ({_matching(lines, PORT_PHRASES)})",
            **values,
        )
    if any(phrase in low for phrase in DAMAGE_PHRASES):
        shown = _matching(lines, DAMAGE_PHRASES)
        return EngineDamaged(
            f"{name} cannot read its files; restore a backup ({shown}; see {path})", **values
        )
    if "no such file or directory" in low and "leash.py" in low:
        return EngineMissing(f"the program of {name} cannot be run ({last})", **values)
    return EngineUnavailable(f"{name} {what} ({last}; see {path})", **values)


def _matching(lines: list[str], phrases: tuple[str, ...]) -> str:
    return next(
        (line.strip()[:300] for line in reversed(lines) if any(p in line.lower() for p in phrases)),
        "",
    )


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            content = file.read().decode(errors="replace")
    except OSError:
        return ""
    return content.rpartition(START_MARK)[2]


START_MARK = "--- started "


def _open_log(path: Path) -> IO[bytes]:
    with contextlib.suppress(OSError):
        if path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".old.log"))
    file = path.open("ab", buffering=0)
    path.chmod(0o600)
    file.write(f"{START_MARK}{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode())
    return file

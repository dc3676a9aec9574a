"""Who a process is: its number and its start time, so that a reused number is never mistaken for it."""

import asyncio
import os
import signal
import time
from pathlib import Path

import msgspec


class ProcessId(msgspec.Struct, frozen=True):
    """A process of this boot: number, start time in clock ticks since boot, boot id (proc(5), stat field 22)."""

    pid: int
    started: int
    boot: str


def identify(pid: int) -> ProcessId | None:
    """The identity of a living process; None when it is gone or only a zombie that nobody reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        return None
    return ProcessId(pid, int(fields[19]), _boot())


def is_alive(process: ProcessId) -> bool:
    """Whether this very process still runs."""
    return identify(process.pid) == process


async def end(process: ProcessId, *, first: signal.Signals, patience: float) -> None:
    """End this very process: politely first, by force when ``patience`` seconds have passed."""
    for number, seconds in ((first, patience), (signal.SIGKILL, 10.0)):
        if not is_alive(process):
            return
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return
        limit = time.monotonic() + seconds
        while is_alive(process) and time.monotonic() < limit:
            await asyncio.sleep(0.02)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()

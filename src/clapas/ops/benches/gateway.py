"""What the gateway costs: one route asked with a key, and the same route without recognition, quota or charter.

Sixteen connections kept open ask over the loopback, as fast as they are answered, then 5,000 times a
second (or four fifths of what is possible, if that is less). The two servers are asked in turn, a quarter
of a second each, so that the load of the machine touches both; the overhead is the middle of the rounds.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop

NEEDS = "doors"
PATH = "/api/v1/quantities"
CONNECTIONS = 16
RATE = 5000
ROUNDS = 41
SECONDS = 0.25
NANOSECONDS = 1e9


class Caller(asyncio.Protocol):
    """One connection: asks again at each answer, while it is allowed to."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._sent = 0.0
        self._missing = 0
        self.waited: list[float] = []
        self.until = 0.0
        self.pause = 0.0
        self.done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the server."""
        self.transport: Any = transport

    def ask(self) -> None:
        """One request."""
        self._sent = time.perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """A part of an answer; a whole one is counted, and followed by the next request."""
        if self._missing:
            self._missing -= len(data)
        else:
            head, _, body = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                self.transport.close()
                self._end(RuntimeError(head[:80].decode("latin-1")))
                return
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            self._missing = length - len(body)
        if self._missing == 0:
            self._answered(time.perf_counter())

    def _answered(self, now: float) -> None:
        self.waited.append(now - self._sent)
        if now >= self.until:
            self._end(None)
        elif self.pause:
            due = self._sent + self.pause - now
            asyncio.get_running_loop().call_later(max(0.0, due), self.ask)
        else:
            self.ask()

    def _end(self, error: Exception | None) -> None:
        if self.done is None or self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Server:
    """One of the two servers, with connections to it."""

    def __init__(self, process: int, callers: list[Caller]) -> None:
        self._process = process
        self._callers = callers

    @classmethod
    async def reach(cls, port: int, process: int, *, key: str) -> "Server":
        """Open the connections."""
        request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nX-API-Key: {key}\r\n\r\n"
        loop = asyncio.get_running_loop()
        callers = []
        for _ in range(CONNECTIONS):
            _, caller = await loop.create_connection(
                lambda: Caller(request.encode()), "127.0.0.1", port
            )
            callers.append(caller)
        return cls(process, callers)

    async def round(self, rate: float = 0) -> dict[str, float]:
        """A quarter of a second of calls: how many a second, processor time of each (µs), waits (ms)."""
        loop = asyncio.get_running_loop()
        before, began = self._processor(), time.perf_counter()
        for each in self._callers:
            each.waited, each.until = [], began + SECONDS
            each.pause = CONNECTIONS / rate if rate else 0.0
            each.done = loop.create_future()
            each.ask()
        await asyncio.gather(*(each.done for each in self._callers if each.done))
        spent, took = self._processor() - before, time.perf_counter() - began
        waited = sorted(wait for each in self._callers for wait in each.waited)
        return {
            "per_s": len(waited) / took,
            "processor_us": spent / len(waited) * 1e6,
            "p50_ms": waited[len(waited) // 2] * 1e3,
            "p99_ms": waited[len(waited) * 99 // 100] * 1e3,
        }

    def _processor(self) -> float:
        """Seconds of processor that the threads of the server have taken (Linux, sched-stats: schedstat)."""
        threads = Path(f"/proc/{self._process}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in threads) / NANOSECONDS


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """``rate`` (5,000 a second), ``rounds`` (41) for each server and each load."""
    rounds = int(options.get("rounds") or ROUNDS)
    wanted = float(options.get("rate") or RATE)
    return await asyncio.to_thread(_measured, options["doors"], wanted, rounds=rounds)


def _measured(doors: Any, wanted: float, *, rounds: int) -> dict[str, Any]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_both(doors, wanted, rounds=rounds))


async def _both(doors: Any, wanted: float, *, rounds: int) -> dict[str, Any]:
    free = await Server.reach(doors.free, doors.free_process, key=doors.key)
    guarded = await Server.reach(doors.guarded, doors.guarded_process, key=doors.key)
    await free.round()
    await guarded.round()
    fast = [(await free.round(), await guarded.round()) for _ in range(rounds)]
    rate = min(wanted, 0.8 * min(_middle(fast, 0, name="per_s"), _middle(fast, 1, name="per_s")))
    even = [(await free.round(rate), await guarded.round(rate)) for _ in range(rounds)]
    return {
        "gateway_free_per_s": round(_middle(fast, 0, name="per_s")),
        "gateway_per_s": round(_middle(fast, 1, name="per_s")),
        "gateway_overhead_percent": _more(fast, "processor_us"),
        "gateway_rate_per_s": round(_middle(even, 1, name="per_s")),
        "gateway_at_rate": {
            "free_processor_us": round(_middle(even, 0, name="processor_us"), 1),
            "processor_us": round(_middle(even, 1, name="processor_us"), 1),
            "overhead_percent": _more(even, "processor_us"),
            "free_p50_ms": round(_middle(even, 0, name="p50_ms"), 2),
            "p50_ms": round(_middle(even, 1, name="p50_ms"), 2),
            "p99_ms": round(_middle(even, 1, name="p99_ms"), 2),
        },
    }


def _middle(
    rounds: list[tuple[dict[str, float], dict[str, float]]], side: int, *, name: str
) -> float:
    return statistics.median(each[side][name] for each in rounds)


def _more(rounds: list[tuple[dict[str, float], dict[str, float]]], name: str) -> float:
    """By how much the second of each pair exceeds the first, in percent: the middle of the rounds."""
    return round(statistics.median((b[name] / a[name] - 1) * 100 for a, b in rounds), 1)

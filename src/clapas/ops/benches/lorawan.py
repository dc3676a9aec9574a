"""``clapas bench lorawan``: what the network server bears by itself, measured on this machine.

Options, ``-o name=value`` (all may be left out): ``seconds`` of the steady load (20; a release run takes 600),
``rate`` of unique uplinks a second (150), ``copies`` of each (4), ``joins`` of the storm (as many as ``storm_rate``,
22 a second, makes in twenty seconds; a release run takes 80,000) over ``gateways`` (60), ``sessions`` held in memory
(80,000), ``mutated`` hostile datagrams (100,000; a release run takes 1,000,000). The load comes from a child process
over real UDP, with frames of the simulator's own code. The durable log is a stub: ``clapas bench lorawan_stored``
measures with the whole platform.
"""

import asyncio
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clapas.domain.message import RawMessage
from clapas.lorawan.devices import LorawanDevice, MemoryDevices
from clapas.lorawan.keys import session_keys_10
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.session import Channels, Session
from clapas.lorawan.settings import Settings
from clapas.lorawan.state import State
from clapas.ops.lorawan_load import LOADED, activate, eui, fire, granted, join_storm, packet
from clapas.ops.simulate_lorawan.device import Device
from clapas.ops.simulate_lorawan.device_frames import data_up

MOST_JOINS = 80_000
PEAK_S = 10.0


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure by name; times in milliseconds, memory in MiB."""
    seconds, rate = float(options.get("seconds") or 20), int(options.get("rate") or 150)
    copies, storm = int(options.get("copies") or 4), int(options.get("storm_rate") or 22)
    joins = min(int(options.get("joins") or storm * 20), MOST_JOINS)
    figures: dict[str, Any] = {"cores": os.cpu_count()}
    figures["steady"] = await _load(rate=rate, copies=copies, seconds=seconds)
    figures["peak"] = await _load(rate=3000 // copies, copies=copies, seconds=min(seconds, PEAK_S))
    figures["join_storm"] = await _storm(
        count=joins, rate=storm, gateways=int(options.get("gateways") or 60)
    )
    figures["sessions"] = await asyncio.to_thread(_sessions, int(options.get("sessions") or 80_000))
    figures["hostile"] = await _hostile(int(options.get("mutated") or 100_000))
    return figures


class _Log:
    """Stands where the durable log is: remembers when each uplink came."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.doubles = 0

    async def publish(self, message: RawMessage) -> int:
        if message.topic.endswith("/up"):
            self.doubles += message.idempotency in self.at
            self.at[message.idempotency] = time.time()
        return len(self.at)


async def _load(*, rate: int, copies: int, seconds: float) -> dict[str, Any]:
    log = _Log()
    with tempfile.TemporaryDirectory() as folder:
        devices = MemoryDevices()
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), log.publish, devices
        ) as server:
            ids = await activate(server)
            sent, elapsed = await fire(server, rate=rate, copies=copies, seconds=seconds)
            await asyncio.sleep(1.5)
            figures = server.figures()
            leads = sorted(server.scheduler.leads)
    waits = sorted(
        log.at[f"up:{ids[device]}-{counter}"] - at
        for device, counter, at in sent
        if f"up:{ids[device]}-{counter}" in log.at
    )
    return {
        "uplinks_per_s": round(len(sent) / elapsed),
        "frames_per_s": round(len(sent) * copies / elapsed),
        "sent": len(sent),
        "delivered": len(waits),
        "doubles": log.doubles,
        "receptions": figures["receptions"],
        "p50_ms": _at(waits, 0.5),
        "p99_ms": _at(waits, 0.99),
        "downlink_lead_p01_ms": _at(leads, 0.01),
        "answers": len(leads),
        "rejected": figures["rejected"],
    }


def _at(values: list[float], share: float) -> float | None:
    return (
        round(1000 * values[min(int(share * len(values)), len(values) - 1)], 1) if values else None
    )


async def _storm(*, count: int, rate: int, gateways: int) -> dict[str, Any]:
    """Join-requests at ``rate`` over ``gateways``: each is answered, or refused as 'duty_cycle'."""
    fleet = [
        (each.eui, each.app_key) for each in (Device(n, "storm", (0, 0)) for n in range(count))
    ]
    register = MemoryDevices(
        tuple(LorawanDevice(dev_eui=dev_eui.hex(), app_key=key) for dev_eui, key in fleet)
    )
    with tempfile.TemporaryDirectory() as folder:
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), _Log().publish, register
        ) as server:
            began = time.monotonic()
            answered = await join_storm(server, fleet, rate=rate, gateways=gateways)
            elapsed = time.monotonic() - began
            figures = server.figures()
    refused = figures["rejected"].get("duty_cycle", 0)
    return {
        "requests": count,
        "joins_per_s": round(count / elapsed, 1),
        "joined": figures["joins"],
        "refused_duty_cycle": refused,
        "unanswered": count - figures["joins"] - refused,
        "answers_on_the_wire": answered,
        "rejected": figures["rejected"],
    }


def _sessions(count: int) -> dict[str, Any]:
    """Memory of ``count`` sessions with a full history, measured in a fresh process."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    child = context.Process(target=_hold, args=(count, told), daemon=True)
    child.start()
    found: dict[str, Any] = told.get(timeout=300)
    child.join(5)
    return found


def _hold(count: int, told: Any) -> None:
    asyncio.run(_held(count, told))


async def _held(count: int, told: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder), journal_bytes=1 << 30)
        start = time.monotonic()
        for number in range(count):
            device = state.obtain(f"{number:016x}")
            device.session = _full_session(number)
            state.note(device)
            state.index(device)
        await state.sync()
        wrote = time.monotonic() - start
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        await state.close()
        start = time.monotonic()
        again = State(Path(folder))
        loaded = time.monotonic() - start
        await again.close()
    told.put(
        {
            "sessions": count,
            "mib": round(used / 1024),
            "journal_s": round(wrote, 1),
            "restart_s": round(loaded, 1),
        }
    )


def _full_session(number: int) -> Session:
    session = Session(
        id=f"{number:016x}",
        dev_eui=f"{number:016x}",
        dev_addr=number,
        keys=session_keys_10(number.to_bytes(16, "big"), number.to_bytes(16, "little")),
        channels=Channels(
            extra={3 + at: 867_100_000 + 200_000 * at for at in range(5)}, enabled=tuple(range(8))
        ),
        last_gateways=("0201000000000001", "0201000000000002"),
    )
    for counter in range(20):
        session.hear(counter, 5.0)
    return session


async def _hostile(count: int) -> dict[str, Any]:
    """Mutated datagrams straight into the door: nothing may escape, and a good frame still passes after."""
    log = _Log()
    drawn = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), log.publish, MemoryDevices()
        ) as server:
            await activate(server)
            door = server.udp
            if door is None:
                return {}
            good = [
                packet(data_up(granted(at), counter=0, port=2, data=b"x"), at, 0, at)
                for at in range(50)
            ]
            start = time.monotonic()
            for number in range(count):
                door.datagram_received(_mutate(drawn, drawn.choice(good)), ("127.0.0.1", 4000))
                if number % 200 == 0:
                    await asyncio.sleep(0)
            elapsed = time.monotonic() - start
            fresh = data_up(granted(LOADED - 1), counter=9, port=2, data=b"still here")
            door.datagram_received(packet(fresh, 1, 0, 1), ("127.0.0.1", 4000))
            await asyncio.sleep(1)
            session = server.device(eui(LOADED - 1)).session
            figures = server.figures()
    alive = session is not None and f"up:{session.id}-9" in log.at
    return {
        "datagrams": count,
        "per_s": round(count / elapsed),
        "alive": alive,
        "rejected": figures["rejected"],
    }


def _mutate(drawn: random.Random, datagram: bytes) -> bytes:
    """One to four random changes: a byte, a cut, a doubling, a splice, another kind."""
    data = bytearray(datagram)
    for _change in range(drawn.randint(1, 4)):
        at = drawn.randrange(len(data)) if data else 0
        kind = drawn.randrange(6)
        if kind == 0 and data:
            data[at] = drawn.randrange(256)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = drawn.randbytes(drawn.randint(1, 8))
        elif kind == 3:
            data[at:at] = data[at : at + drawn.randint(1, 60)]
        elif kind == 4 and len(data) > 4:
            data[3] = drawn.choice((0, 2, 5))
        elif data:
            del data[at : at + drawn.randint(1, 20)]
    return bytes(data)

"""``clapas bench lorawan``: what the network server bears, measured on this machine.

Options (all may be left out): ``seconds`` of the steady load (20), ``rate`` of unique uplinks a second (150),
``copies`` of each (4), ``sessions`` held in memory (80,000), ``mutated`` hostile datagrams (100,000; a release run
takes 1,000,000). The load comes from a child process over real UDP, with frames of the simulator's own code.
"""

import asyncio
import json
import multiprocessing
import os
import random
import resource
import socket
import struct
import tempfile
import time
from base64 import b64encode
from collections.abc import Mapping
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from clapas.domain.message import RawMessage
from clapas.lorawan.devices import LorawanDevice, MemoryDevices
from clapas.lorawan.keys import session_keys_10
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.session import Channels, Session
from clapas.lorawan.settings import Settings
from clapas.lorawan.state import State
from clapas.ops.simulate_lorawan.device import Device
from clapas.ops.simulate_lorawan.device_frames import Granted, data_up, join_request

LOADED = 2000
"""Devices that share the steady load."""


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure by name; times in milliseconds, memory in MiB."""
    seconds, rate = float(options.get("seconds") or 20), int(options.get("rate") or 150)
    copies = int(options.get("copies") or 4)
    figures: dict[str, Any] = {"cores": os.cpu_count()}
    figures["steady"] = await _load(rate=rate, copies=copies, seconds=seconds)
    figures["peak"] = await _load(rate=3000 // copies, copies=copies, seconds=min(seconds, 10))
    figures["join_storm"] = await _storm(rate=22, gateways=60, seconds=min(seconds, 20))
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


def _granted(number: int) -> Granted:
    key = number.to_bytes(16, "big")
    found = Granted(bytes(28), key, 0)
    found.address, found.net_key, found.app_key = number + 1, key, key
    return found


def _packet(phy: bytes, token: int, gateway: int, ticks: int) -> bytes:
    body = {
        "tmst": ticks, "freq": 868.1, "stat": 1, "modu": "LORA", "datr": "SF7BW125", "codr": "4/5",
        "rssi": -90 - gateway, "lsnr": 7.0 - gateway, "size": len(phy), "data": b64encode(phy).decode(),
    }  # fmt: skip
    head = struct.pack(">BHBQ", 2, token & 0xFFFF, 0, 0x0201000000000000 + gateway)
    return head + json.dumps({"rxpk": [body]}).encode()


def _shoot(port: int, rate: int, copies: int, seconds: float, told: Any, ready: Event) -> None:
    """The child: ``rate`` uplinks a second, each through ``copies`` gateways; tells when each was first sent."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _gateway in range(copies)]
    for gateway, each in enumerate(sockets):
        each.connect(("127.0.0.1", port))
        each.settimeout(0)
        each.send(struct.pack(">BHBQ", 2, 1, 2, 0x0201000000000000 + gateway))
    ready.wait(20)
    fleet = [_granted(number) for number in range(LOADED)]
    sent, start = [], time.monotonic()
    for number in range(int(rate * seconds)):
        wait = start + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        device = number % LOADED
        phy = data_up(
            fleet[device],
            counter=number // LOADED,
            port=2,
            data=number.to_bytes(12, "big"),
            confirmed=number % 20 == 0,
        )
        sent.append((device, number // LOADED, time.time()))
        for gateway, each in enumerate(sockets):
            each.send(_packet(phy, number, gateway, number & 0xFFFFFFFF))
            try:
                while each.recv(4096):
                    pass
            except BlockingIOError:
                continue
    told.put((sent, time.monotonic() - start))


async def _load(*, rate: int, copies: int, seconds: float) -> dict[str, Any]:
    log = _Log()
    with tempfile.TemporaryDirectory() as folder:
        devices = MemoryDevices()
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), log.publish, devices
        ) as server:
            ids = await _activate(server)
            sent, elapsed = await _fire(server, rate, copies, seconds)
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


async def _activate(server: LorawanServer) -> list[str]:
    ids = []
    for number in range(LOADED):
        key = number.to_bytes(16, "big")
        session = await server.activate(
            f"{number:016x}", dev_addr=number + 1, nwk_s_key=key, app_s_key=key
        )
        ids.append(session.id)
    return ids


async def _fire(
    server: LorawanServer, rate: int, copies: int, seconds: float
) -> tuple[list[Any], float]:
    context = multiprocessing.get_context("spawn")
    told, ready = context.Queue(), context.Event()
    port = server.udp.port if server.udp else 0
    child = context.Process(
        target=_shoot, args=(port, rate, copies, seconds, told, ready), daemon=True
    )
    child.start()
    await asyncio.sleep(2)
    ready.set()
    found = await asyncio.to_thread(told.get, timeout=seconds * 5 + 30)
    await asyncio.to_thread(child.join, 5)
    return found[0], found[1]


def _at(values: list[float], share: float) -> float | None:
    return (
        round(1000 * values[min(int(share * len(values)), len(values) - 1)], 1) if values else None
    )


async def _storm(*, rate: int, gateways: int, seconds: float) -> dict[str, Any]:
    """Join-requests at ``rate`` over ``gateways``: each is answered, or refused as 'duty_cycle'."""
    count = int(rate * seconds)
    fleet = [Device(number, "storm", (0, 0)) for number in range(count)]
    register = MemoryDevices(
        tuple(LorawanDevice(dev_eui=each.eui.hex(), app_key=each.app_key) for each in fleet)
    )
    with tempfile.TemporaryDirectory() as folder:
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), _Log().publish, register
        ) as server:
            answered = await _requests(server, fleet, rate, gateways)
            figures = server.figures()
    return {
        "requests": count,
        "joined": figures["joins"],
        "answers_on_the_wire": answered,
        "rejected": figures["rejected"],
    }


async def _requests(server: LorawanServer, fleet: list[Device], rate: int, gateways: int) -> int:
    port = server.udp.port if server.udp else 0
    loop = asyncio.get_running_loop()
    answers = [0]

    class _Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _addr: Any) -> None:
            answers[0] += data[3] == 3

    sockets = [
        (await loop.create_datagram_endpoint(_Ear, remote_addr=("127.0.0.1", port)))[0]
        for _gateway in range(gateways)
    ]
    for gateway, each in enumerate(sockets):
        each.sendto(struct.pack(">BHBQ", 2, 1, 2, 0x0201000000000000 + gateway))
    for number, device in enumerate(fleet):
        phy = join_request(device.app_key, device.join_eui, device.eui, number & 0xFFFF)
        for gateway in random.sample(range(gateways), min(3, gateways)):
            sockets[gateway].sendto(_packet(phy, number, gateway, number * 1000))
        await asyncio.sleep(1 / rate)
    await asyncio.sleep(1.0)
    for each in sockets:
        each.close()
    return answers[0]


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
            await _activate(server)
            door = server.udp
            if door is None:
                return {}
            good = [
                _packet(data_up(_granted(at), counter=0, port=2, data=b"x"), at, 0, at)
                for at in range(50)
            ]
            start = time.monotonic()
            for number in range(count):
                door.datagram_received(_mutate(drawn, drawn.choice(good)), ("127.0.0.1", 4000))
                if number % 200 == 0:
                    await asyncio.sleep(0)
            elapsed = time.monotonic() - start
            fresh = data_up(_granted(LOADED - 1), counter=9, port=2, data=b"still here")
            door.datagram_received(_packet(fresh, 1, 0, 1), ("127.0.0.1", 4000))
            await asyncio.sleep(1)
            session = server.device(f"{LOADED - 1:016x}").session
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

"""Mutated datagrams into the UDP door of a network server, and whether it still takes a good frame after them."""

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from clapas.domain.message import RawMessage
from clapas.lorawan.devices import MemoryDevices
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings
from clapas.lorawan.udp import UdpDoor
from clapas.ops.lorawan_load import LOADED, activate, eui, granted, packet, udp_door
from clapas.ops.simulate_lorawan.device_frames import data_up

_BREATH: Final = 200
"""Datagrams between two turns of the loop, as a burst would come."""
_LAST: Final = LOADED - 1
"""The device whose good frame comes after."""


async def withstand(count: int, *, seed: int = 7) -> dict[str, Any]:
    """``count`` datagrams, each a good one changed at random; ``alive``: the good frame after them was logged."""
    logged: set[str] = set()

    async def log(message: RawMessage) -> int:
        logged.add(message.idempotency)
        return len(logged)

    with tempfile.TemporaryDirectory() as folder:
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), publish=log, devices=MemoryDevices()
        ) as server:
            await activate(server)
            door = udp_door(server)
            elapsed = await _throw(door, count, drawn=random.Random(seed))
            after = data_up(granted(_LAST), counter=9, port=2, data=b"still here")
            door.datagram_received(packet(after, 1, gateway=0, ticks=1), ("127.0.0.1", 4000))
            await asyncio.sleep(1)
            session = server.device(eui(_LAST)).session
            refused = server.figures()["rejected"]
    alive = session is not None and f"up:{session.id}-9" in logged
    return {
        "datagrams": count,
        "per_s": round(count / elapsed),
        "alive": alive,
        "refused": refused,
    }


async def _throw(door: UdpDoor, count: int, *, drawn: random.Random) -> float:
    """Into the door, as the loop would; seconds that it took."""
    good = [
        packet(data_up(granted(at), counter=0, port=2, data=b"x"), at, gateway=0, ticks=at)
        for at in range(50)
    ]
    start = time.monotonic()
    for number in range(count):
        door.datagram_received(mutant(drawn, drawn.choice(good)), ("127.0.0.1", 4000))
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return time.monotonic() - start


def mutant(drawn: random.Random, datagram: bytes) -> bytes:
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

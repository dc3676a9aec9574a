"""A join storm against a network server over real UDP: each request is answered, or refused for want of airtime.

Every device asks once, at SF7 on a join channel of EU868, and three gateways hear it. With ``speed`` above 1 the whole
process lives under :mod:`clapas.ops.fast_clock`: the storm keeps its rate and its length on that clock.
"""

import asyncio
import multiprocessing
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from clapas.domain.message import RawMessage
from clapas.lorawan.devices import LorawanDevice, MemoryDevices
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings
from clapas.ops.fast_clock import run_fast
from clapas.ops.lorawan_load import at_share, packet, pull, sent_it, udp_door
from clapas.ops.simulate_lorawan.device import Device
from clapas.ops.simulate_lorawan.device_frames import join_request

JOIN_HZ: Final = (868_100_000, 868_300_000, 868_500_000)
_PULL_S: Final = 10.0
_HEARD_BY: Final = 3
_TAIL_S: Final = 8.0
"""What is answered last is sent by then: RX2 of a join opens after six seconds."""


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """``joins`` requests at ``rate`` a second over ``gateways``, the clock ``speed`` times as fast."""

    joins: int
    rate: float
    gateways: int
    speed: float


def blow(storm: Storm) -> dict[str, Any]:
    """The storm in a process of its own; its figures, in seconds and milliseconds of the storm's clock."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    child = context.Process(target=_child, args=(storm, told), daemon=True)
    began = time.monotonic()
    child.start()
    found: dict[str, Any] = told.get(timeout=120 + 3 * storm.joins / storm.rate)
    child.join(5)
    return found | {"took_s": round(time.monotonic() - began, 1)}


def _child(storm: Storm, told: Any) -> None:
    told.put(run_fast(lambda: _blown(storm), speed=storm.speed))


async def _blown(storm: Storm) -> dict[str, Any]:
    fleet = [Device(number, "storm", place=(0, 0)) for number in range(storm.joins)]
    register = MemoryDevices(
        tuple(LorawanDevice(dev_eui=each.eui.hex(), app_key=each.app_key) for each in fleet)
    )
    with tempfile.TemporaryDirectory() as folder:
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), publish=_logged, devices=register
        ) as server:
            answered, lasted = await _ask(server, fleet, storm=storm)
            figures, leads = server.figures(), sorted(server.scheduler.leads)
    refused: dict[str, int] = figures["rejected"]
    return {
        "requests": storm.joins,
        "heard": figures["receptions"] - figures["copies"],
        "clock": storm.speed,
        "lasted_s": round(lasted, 1),
        "joins_per_s": round(storm.joins / lasted, 1),
        "answered": figures["joins"],
        "refused": refused,
        "neither": storm.joins - figures["joins"] - refused.get("duty_cycle", 0),
        "emissions_asked": answered,
        "accept_lead_p01_ms": at_share(leads, 0.01),
    }


async def _logged(_message: RawMessage) -> int:
    return 1


async def _ask(
    server: LorawanServer, fleet: Sequence[Device], *, storm: Storm
) -> tuple[int, float]:
    """Every device's request, by the clock; how many emissions gateways were asked for, and how long it lasted."""
    ears = [await _ear(server, number) for number in range(storm.gateways)]
    drawn = random.Random(22)
    pulling = asyncio.create_task(_keep_pulling(ears))
    await asyncio.sleep(0.5)
    start = time.monotonic()
    for number, device in enumerate(fleet):
        await asyncio.sleep(max(start + number / storm.rate - time.monotonic(), 0))
        phy = join_request(device.app_key, bytes(8), dev_eui=device.eui, dev_nonce=number & 0xFFFF)
        ticks = int(time.monotonic() * 1e6) & 0xFFFFFFFF
        hertz = drawn.choice(JOIN_HZ)
        for ear in drawn.sample(ears, min(_HEARD_BY, len(ears))):
            ear.send(packet(phy, number, gateway=ear.number, ticks=ticks, hertz=hertz))
    lasted = time.monotonic() - start
    await asyncio.sleep(_TAIL_S)
    while not server.network.dedup.idle:
        await asyncio.sleep(0.1)
    pulling.cancel()
    for ear in ears:
        ear.close()
    return sum(ear.asked for ear in ears), lasted


async def _keep_pulling(ears: Sequence["_Ear"]) -> None:
    while True:
        for ear in ears:
            ear.send(pull(ear.number))
        await asyncio.sleep(_PULL_S)


async def _ear(server: LorawanServer, number: int) -> "_Ear":
    _transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Ear(number), remote_addr=("127.0.0.1", udp_door(server).port)
    )
    return ear


class _Ear(asyncio.DatagramProtocol):
    """A gateway that sends whatever it is asked to, and counts it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.asked = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        if data[3] == 3:
            self.asked += 1
            self.send(sent_it(data, self.number))

    def send(self, data: bytes) -> None:
        self._transport.sendto(data)

    def close(self) -> None:
        self._transport.close()

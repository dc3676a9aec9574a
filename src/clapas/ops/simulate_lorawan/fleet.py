"""The whole simulation: devices, gateways, the air between them, and what was counted."""

import asyncio
import contextlib
import math
import random
import time
from collections import Counter
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from clapas.ops.simulate_lorawan.air import Air
from clapas.ops.simulate_lorawan.airtime import EU868_SF, seconds
from clapas.ops.simulate_lorawan.device import Device
from clapas.ops.simulate_lorawan.gateway_udp import Emit, UdpGateway

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEVICES = 100_000
MAX_GATEWAYS = 500


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate. Rates are a device's uplinks an hour; times in seconds."""

    devices: int = 10
    gateways: int = 1
    uplinks_per_hour: float = 60.0
    join_storm: bool = False
    station: bool = False
    host: str = "127.0.0.1"
    port: int = 1700
    duration: float = 60.0
    uplinks: int = 0
    """Stop after so many uplinks; 0: when the time is over."""
    loss: float = 0.02
    confirmed: float = 0.05
    seed: str = "clapas"
    radius_km: float = 2.0
    start_spread: float = 10.0
    storm_rate: float = 22.0
    token: str = ""
    """Basics Station: what the gateways send in ``Authorization``."""
    url: str = ""
    """Basics Station: ws:// or wss:// address of the discovery endpoint."""


class Gateway(Protocol):
    """The gateway side of a protocol."""

    number: int
    counts: Counter[str]
    leads: list[float]
    ack_delays: list[float]

    def push(
        self, phy: bytes, *, ended: float, frequency: int, sf: int, signal: tuple[float, float]
    ) -> None: ...
    def pull(self) -> None: ...
    def status(self) -> None: ...
    def close(self) -> None: ...


def devices(count: int, seed: str, *, radius_km: float) -> list[Device]:
    """The fleet of a seed: always the same EUIs, keys and places."""
    drawn = random.Random(f"{seed}/places")
    found = []
    for number in range(count):
        far, angle = radius_km * math.sqrt(drawn.random()), drawn.random() * 2 * math.pi
        found.append(Device(number, seed, place=(far * math.cos(angle), far * math.sin(angle))))
    return found


def gateway_places(count: int, radius_km: float) -> list[tuple[float, float]]:
    """Gateways on a sunflower over the disc, the first in the middle."""
    golden = math.pi * (3 - math.sqrt(5))
    return [
        (
            radius_km * math.sqrt(number / count) * math.cos(number * golden),
            radius_km * math.sqrt(number / count) * math.sin(number * golden),
        )
        for number in range(count)
    ]


def gateway_eui(seed: str, number: int) -> bytes:
    """The EUI of a seed's gateway: two fleets have two sets of gateways."""
    return b"\x02\x01" + blake2b(seed.encode(), digest_size=2).digest() + number.to_bytes(4, "big")


class Fleet:
    """A running simulation; ``heard`` holds every payload that at least one gateway demodulated."""

    def __init__(self, options: Options) -> None:
        self.options = options
        count = min(options.devices, MAX_DEVICES)
        self.devices = devices(count, options.seed, radius_km=options.radius_km)
        places = gateway_places(min(options.gateways, MAX_GATEWAYS), options.radius_km)
        self.air = Air(places, loss=options.loss, seed=options.seed)
        self.places = places
        self.gateways: list[Gateway] = []
        self.counts: Counter[str] = Counter()
        self.heard: dict[tuple[str, int], bytes] = {}
        self.on_heard: Callable[[str, int, bytes], None] | None = None
        self._listening: dict[int, Device] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._random = random.Random(f"{options.seed}/fleet")
        self._over = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Simulate for the time or the count asked; gives the counts."""
        started = time.monotonic()
        await self._open_gateways()
        try:
            self._spawn(self._keep_alive())
            for device in self.devices:
                self._spawn(self._live(device))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), self.options.duration)
            await asyncio.sleep(0.3)
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for gateway in self.gateways:
                gateway.close()
            await asyncio.sleep(0.05)
        return self.report(time.monotonic() - started)

    async def _open_gateways(self) -> None:
        for number, place in enumerate(self.places):
            eui = gateway_eui(self.options.seed, number)
            self.gateways.append(
                await open_gateway(self.options, number, eui=eui, place=place, emit=self._emit)
            )
            self.gateways[-1].pull()
            self.gateways[-1].status()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(5)
            for gateway in self.gateways:
                gateway.pull()
                gateway.status()

    async def _live(self, device: Device) -> None:
        """A device's life: join, then report at random moments."""
        count = len(self.devices)
        spread = (
            count / self.options.storm_rate
            if self.options.join_storm
            else self.options.start_spread
        )
        await asyncio.sleep(self._random.random() * spread)
        pause = 9.0
        while device.granted is None:
            device.rate = self._random.choice((5, 4, 3)) if pause > 9 else 5
            await self._transmit(device, device.join(), kind="join_requests")
            await asyncio.sleep(pause * (1 + self._random.random()))
            pause = min(pause * 2, 300)
        while True:
            await asyncio.sleep(self._random.expovariate(self.options.uplinks_per_hour / 3600))
            await self._report(device)

    async def _report(self, device: Device) -> None:
        confirmed = self._random.random() < self.options.confirmed
        counter = device.counter
        phy, data = device.uplink(confirmed=confirmed)
        self.counts["uplinks"] += 1
        device.waiting = phy if confirmed else None
        for _attempt in range(3 if confirmed else 1):
            if await self._transmit(device, phy, kind="frames"):
                self._heard(device, counter, data=data)
            if self.options.uplinks and self.counts["uplinks"] >= self.options.uplinks:
                self._over.set()
            await asyncio.sleep(device.rx_delay + 2.2)
            if device.waiting is None:
                break

    def _heard(self, device: Device, counter: int, *, data: bytes) -> None:
        eui = device.eui.hex()
        if (eui, counter) not in self.heard:
            self.counts["uplinks_heard"] += 1
            if len(self.heard) < 2_000_000:
                self.heard[eui, counter] = data
            if self.on_heard:
                self.on_heard(eui, counter, data)

    async def _transmit(self, device: Device, phy: bytes, *, kind: str) -> bool:
        """Put a frame on the air; true when a gateway heard it."""
        frequency, sf = device.channel(), device.sf
        length = seconds(len(phy), sf)
        start = time.monotonic()
        end = start + length
        self.counts[kind] += 1
        flight = self.air.fly(device.place, start=start, end=end, frequency=frequency, sf=sf)
        device.listen(end, frequency)
        self._listening[device.number] = device
        await asyncio.sleep(length)
        reached = self.air.heard(flight)
        for number, signal in reached.items():
            self.counts["copies"] += 1
            self.gateways[number].push(phy, ended=end, frequency=frequency, sf=sf, signal=signal)
        if reached:
            self.counts[kind + "_heard"] += 1
        return bool(reached)

    def _emit(  # noqa: PLR0917 - what a gateway calls to transmit
        self, _gateway: int, phy: bytes, start: float, frequency: int, sf: int
    ) -> None:
        wait = start - time.monotonic() + seconds(len(phy), sf, crc=False)
        land = partial(self._land, phy, start=start, frequency=frequency, sf=sf)
        asyncio.get_running_loop().call_later(max(wait, 0), land)

    def _land(self, phy: bytes, *, start: float, frequency: int, sf: int) -> None:
        self.counts["downlinks_on_air"] += 1
        if self._random.random() < self.options.loss:
            self.counts["downlinks_faded"] += 1
            return
        for device in self._addressed(phy, start):
            if device.hear(phy, start=start, frequency=frequency, sf=sf):
                self.counts["downlinks_received"] += 1
                self._listening.pop(device.number, None)
                return
        self.counts["downlinks_unclaimed"] += 1

    def _addressed(self, phy: bytes, start: float) -> list[Device]:
        """Devices that a frame may be for: by address, or those that wait for a join-accept."""
        if phy[:1] == b"\x20":
            joining = [each for each in self._listening.values() if each.granted is None]
            near = [
                each
                for each in joining
                if any(abs(window.opens - start) < 0.01 for window in each.windows)
            ]
            return near or joining[:200]
        address = int.from_bytes(phy[1:5], "little")
        return [
            each
            for each in self._listening.values()
            if each.granted is not None and each.granted.address == address
        ]

    def report(self, elapsed: float) -> dict[str, Any]:
        """What was sent, heard, answered, and every rule that a downlink broke."""
        seen: Counter[str] = Counter()
        for device in self.devices:
            seen += device.seen
        gateway: Counter[str] = Counter()
        for each in self.gateways:
            gateway += each.counts
        leads = sorted(lead for each in self.gateways for lead in each.leads)
        delays = sorted(delay for each in self.gateways for delay in each.ack_delays)
        wrong = {name: seen.get(name, 0) for name in WRONGS}
        return {
            "seconds": round(elapsed, 1),
            "devices": len(self.devices),
            "gateways": len(self.gateways),
            "joined": sum(each.granted is not None for each in self.devices),
            **{name: self.counts.get(name, 0) for name in COUNTED},
            "collided": self.air.counts["collided"],
            "faded": self.air.counts["faded"],
            "acknowledged": seen["acknowledged"],
            "gateway": dict(gateway),
            "wrong": wrong,
            "lead_p01_ms": _percentile(leads, 0.01),
            "ack_p99_ms": _percentile(delays, 0.99),
            "data_rates": dict(Counter(f"SF{EU868_SF[each.rate]}" for each in self.devices)),
        }


WRONGS = ("wrong_window", "wrong_frequency", "wrong_data_rate", "wrong_counter")
COUNTED = (
    "join_requests", "join_requests_heard", "uplinks", "uplinks_heard", "frames", "frames_heard", "copies",
    "downlinks_on_air", "downlinks_received", "downlinks_faded", "downlinks_unclaimed",
)  # fmt: skip


def _percentile(values: list[float], share: float) -> float | None:
    if not values:
        return None
    return round(1000 * values[min(int(share * len(values)), len(values) - 1)], 1)


async def open_gateway(
    options: Options, number: int, *, eui: bytes, place: tuple[float, float], emit: Emit
) -> Gateway:
    """A gateway of the protocol asked for."""
    if options.station:
        from clapas.ops.simulate_lorawan.gateway_station import open_station

        address = options.url or f"ws://{options.host}:{options.port}"
        return await open_station(address, number, eui=eui, emit=emit, token=options.token)
    here = (3.877 + place[0] / 78.0, 43.611 + place[1] / 111.0)
    loop = asyncio.get_running_loop()
    _transport, gateway = await loop.create_datagram_endpoint(
        lambda: UdpGateway(number, eui, place=here, emit=emit),
        remote_addr=(options.host, options.port),
    )
    return gateway

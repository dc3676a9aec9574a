"""A server without sockets: a door that the test holds, a log in memory, frames signed by the simulator's code."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from clapas.domain.message import RawMessage
from clapas.lorawan.devices import LorawanDevice, MemoryDevices
from clapas.lorawan.network import wall_ms
from clapas.lorawan.radio import Emission, Reception
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings
from clapas.ops.simulate_lorawan import device_frames as frames
from clapas.ops.simulate_lorawan.device import Device

QUICK = Settings(udp_port=-1, dedup_window_ms=1, downlink_lead_ms=0)


class HandDoor:
    """A door whose emissions the test reads, and answers as it likes."""

    name = "hand"
    both_windows = False
    reports: Literal["always", "success"] = "always"

    def __init__(self, server: LorawanServer) -> None:
        self.server = server
        self.emitted: list[Emission] = []
        self.errors: list[str | None] = []
        """What the next emissions answer; None (sent) when empty."""

    def reaches(self, gateway: str) -> bool:
        return bool(gateway)

    async def emit(self, emission: Emission) -> None:
        self.emitted.append(emission)
        error = self.errors.pop(0) if self.errors else None
        asyncio.get_running_loop().call_soon(self.server.scheduler.report, emission.id, error)

    def hear(
        self,
        phy: bytes,
        *,
        gateway: str = "gw1",
        snr: float = 5.0,
        rate: str = "SF7BW125",
        frequency: int = 868_100_000,
    ) -> None:
        """A gateway heard a frame just now."""
        network = self.server.network
        network.gateways.touch(gateway, door=self.name, now=time.monotonic(), wall=wall_ms())
        network.receive(
            Reception(
                gateway=gateway,
                phy=phy,
                frequency=frequency,
                data_rate=rate,
                rssi=-100,
                snr=snr,
                arrived=time.monotonic(),
                received=wall_ms(),
                door=self,
                counter=1000,
            )
        )


class Bench:
    """Server, door and log of a test."""

    def __init__(
        self, server: LorawanServer, log: list[RawMessage], devices: MemoryDevices
    ) -> None:
        self.server, self.log, self.devices = server, log, devices
        self.door = HandDoor(server)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Decoded events of a kind, in order."""
        found = [each for each in self.log if each.topic.endswith(f"/event/{kind}")]
        return [msgspec.json.decode(each.payload) for each in found]

    async def settle(self) -> None:
        """Let everything under way come to its end."""
        for _turn in range(400):
            await asyncio.sleep(0.005)
            dedup = self.server.network.dedup
            if (
                dedup.idle
                and not self.server.network.publisher.waiting
                and not self.server.scheduler.running
            ):
                await asyncio.sleep(0.005)
                return

    async def join(self, device: Device) -> None:
        """Have a simulated device join for good, through a gateway of its own (joins at once would collide)."""
        before = len(self.door.emitted)
        self.door.hear(device.join(), gateway=f"join{device.number}-{device.nonce}")
        await self.settle()
        emission = self.door.emitted[before]
        device._joined(
            frames.open_join_accept(emission.phy, device.app_key, dev_nonce=device.nonce)
        )

    def open_down(self, device: Device, at: int = -1) -> frames.Down:
        """Read an emitted downlink as the device would."""
        assert device.granted is not None
        down = frames.open_down(self.door.emitted[at].phy, device.granted, last=device.down_counter)
        device.down_counter = down.counter
        return down


def registered(device: Device, **facts: Any) -> LorawanDevice:
    return LorawanDevice(dev_eui=device.eui.hex(), app_key=device.app_key, **facts)


@asynccontextmanager
async def bench(
    folder: Path, *devices: LorawanDevice, settings: Settings = QUICK
) -> AsyncIterator[Bench]:
    """A server on an empty or used folder."""
    log: list[RawMessage] = []

    async def publish(message: RawMessage) -> int:
        await asyncio.sleep(0)
        log.append(message)
        return len(log)

    register = MemoryDevices(devices)
    async with LorawanServer.open(settings, folder, publish=publish, devices=register) as server:
        yield Bench(server, log, register)

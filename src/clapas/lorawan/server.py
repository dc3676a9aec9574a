"""The network server as the composition root sees it.

async with LorawanServer.open(settings, directory, publish, devices) as server:
    ...
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from clapas.domain.errors import DiskFull
from clapas.engines.directory import write_private
from clapas.lorawan import campaigns, gateway_memory, join, multicast, pushed, queue, uplink
from clapas.lorawan.campaigns import Campaigns
from clapas.lorawan.dedup import Gathering
from clapas.lorawan.devices import Devices, LorawanDevice, Personal
from clapas.lorawan.errors import UnknownDevice
from clapas.lorawan.gateways import Gateway
from clapas.lorawan.mqtt_door import MqttDoor, Send
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.personal import personalise
from clapas.lorawan.publisher import Publish
from clapas.lorawan.scheduler import Scheduler
from clapas.lorawan.session import DeviceState, QueueItem, Session
from clapas.lorawan.settings import Settings
from clapas.lorawan.state import State
from clapas.lorawan.station_door import StationDoor
from clapas.lorawan.told import Doors, doors_of
from clapas.lorawan.udp import UdpDoor, open_udp

LOG = logging.getLogger("clapas.lorawan")
_GATEWAYS: Final = "gateways.json"


class LorawanServer:
    """A running network server."""

    def __init__(self, network: Network, scheduler: Scheduler, *, directory: Path) -> None:
        self.directory = directory
        self.campaigns = Campaigns(network, directory)
        self._file = directory / _GATEWAYS
        self.network = network
        self.scheduler = scheduler
        self.udp: UdpDoor | None = None
        self.station: StationDoor | None = None
        self.mqtt: MqttDoor | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, directory: Path, *, publish: Publish, devices: Devices
    ) -> "AsyncIterator[LorawanServer]":
        """Load the state of ``directory``, open the doors that the settings ask for, close all at the end."""
        state = State(
            directory, counter_block=settings.counter_block, journal_bytes=settings.journal_bytes
        )
        network = Network(settings, state=state, devices=devices, publish=publish)
        scheduler = Scheduler(
            network.region, network.gateways, lead=settings.downlink_lead_ms / 1000
        )

        async def handle(parts: Network, gathering: Gathering) -> None:
            await uplink.handle(parts, scheduler, gathering=gathering)

        network.on_gathering(handle)
        server = cls(network, scheduler, directory=directory)
        server._recall()
        try:
            await server._open_doors(settings)
            network.spawn(server._flush())
            network.spawn(server._remember())
            server.campaigns.load()
            network.spawn(server._carry_on())
            server.push_all()
            yield server
        finally:
            await server._close()

    async def _open_doors(self, settings: Settings) -> None:
        if settings.udp_port >= 0:
            self.udp = await open_udp(
                self.network, self.scheduler, host=settings.host, port=settings.udp_port
            )

        if settings.station_port >= 0:
            self.station = StationDoor(self.network, self.scheduler)
            await self.station.open(settings)

    async def _flush(self) -> None:
        """What may wait a second for the disk waits no longer."""
        while True:
            await asyncio.sleep(1.0)
            try:
                await self.network.state.sync()
            except DiskFull as wrong:
                LOG.warning("counters wait for the disk: %s", wrong)

    def _recall(self) -> None:
        """The gateways of before the start, with the airtime that they spent."""
        try:
            gateway_memory.load(
                self.network.gateways,
                gateway_memory.read(self._file),
                now=time.monotonic(),
                wall=wall_ms(),
            )
        except msgspec.DecodeError as wrong:
            LOG.warning("the gateways of before the start cannot be read: %s", wrong)

    async def _remember(self) -> None:
        while True:
            await asyncio.sleep(gateway_memory.EVERY_S)
            self.push_all()
            with contextlib.suppress(OSError):  # the journal tells of a full disk
                await asyncio.to_thread(write_private, self._file, self._gateways())

    async def _carry_on(self) -> None:
        """Turn the firmware campaigns."""
        while True:
            for group in await self.campaigns.turn():
                self.push(group)
            await asyncio.sleep(campaigns.TURN_S)

    def _gateways(self) -> bytes:
        return gateway_memory.dump(self.network.gateways, now=time.monotonic(), wall=wall_ms())

    async def _close(self) -> None:
        if self.udp is not None:
            self.udp.close()
        if self.station is not None:
            await self.station.close()
        await self.network.close()
        await self.scheduler.close()
        await self.network.state.close()
        with contextlib.suppress(OSError):
            write_private(self._file, self._gateways())

    async def enqueue(self, dev_eui: str, **request: Any) -> QueueItem:
        """Queue a downlink (see :func:`clapas.lorawan.queue.enqueue`)."""
        item = await queue.enqueue(self.network, dev_eui, **request)
        self.push(dev_eui)
        return item

    async def cancel(self, dev_eui: str, item_id: str) -> QueueItem:
        """Take back a downlink that still waits (see :func:`clapas.lorawan.queue.cancel`)."""
        return await queue.cancel(self.network, dev_eui, item_id=item_id)

    def push(self, dev_eui: str) -> None:
        """Send at once what waits for a class B or C device or group."""
        state = self.network.state.find(dev_eui)
        if state is not None and pushed.wants_push(state):
            self.network.spawn(pushed.push(self.network, self.scheduler, dev_eui=dev_eui))

    def push_all(self) -> None:
        """Take up again what waited for a gateway or for airtime."""
        for state in self.network.state.devices():
            if state.queue:
                self.push(state.dev_eui)

    async def create_group(self, plan: multicast.GroupPlan) -> DeviceState:
        """Make a multicast group, or change its members."""
        return await multicast.create(self.network, plan)

    async def remove_group(self, name: str) -> None:
        """Take a multicast group away (see :func:`clapas.lorawan.multicast.remove`)."""
        await multicast.remove(self.network, name)

    async def enqueue_group(self, name: str, *, f_port: int, data: bytes) -> QueueItem:
        """Queue a downlink for every member of a group."""
        return await self.enqueue(
            multicast.group(self.network, name).dev_eui, f_port=f_port, data=data
        )

    def open_mqtt(self, send: Send) -> MqttDoor:
        """Open the door for ChirpStack's gateway software; hand it messages of the topics ``mqtt_door.TOPICS``."""
        self.mqtt = MqttDoor(self.network, self.scheduler, send=send)
        return self.mqtt

    def queue(self, dev_eui: str) -> list[QueueItem]:
        """A device's downlinks: those that wait, then the last ones that ended."""
        device = self.network.state.find(dev_eui)
        ended = [item for owner, item in self.network.finished if owner == dev_eui]
        return [*(device.queue if device else ()), *reversed(ended)]

    async def forget_nonces(self, dev_eui: str) -> None:
        """The self-service way out of "DevNonce already used"."""
        await join.forget_nonces(self.network, dev_eui)

    async def activate(
        self, dev_eui: str, *, dev_addr: int, nwk_s_key: bytes, app_s_key: bytes
    ) -> Session:
        """Give a device a session by personalisation (ABP, 1.0.x)."""
        known = await self.network.register.joining(dev_eui)
        given = Personal(dev_addr=dev_addr, nwk_s_key=nwk_s_key, app_s_key=app_s_key)
        device = msgspec.structs.replace(known or LorawanDevice(dev_eui=dev_eui), personal=given)
        return await personalise(self.network, device)

    def device(self, dev_eui: str) -> DeviceState:
        """What is known of a device: session, counters, queue, nonces."""
        found = self.network.state.find(dev_eui)
        if found is None:
            raise UnknownDevice(f"no LoRaWAN device {dev_eui} has been heard", device=dev_eui)
        return found

    def gateways(self) -> list[Gateway]:
        """The gateways that were heard, before the start too."""
        return list(self.network.gateways)

    def doors(self) -> Doors:
        """What must be typed into a gateway so that it speaks to this server."""
        return doors_of(
            self.network,
            udp_port=self.udp.port if self.udp else None,
            station_port=self.station.port if self.station else None,
        )

    def figures(self) -> dict[str, Any]:
        """Counts since the start."""
        network = self.network
        return {
            **network.counts,
            "published": network.publisher.published,
            "waiting": network.publisher.waiting,
            "copies": network.dedup.copies,
            "late_copies": network.dedup.late_copies,
            "sessions": network.state.sessions,
            "rejected": dict(network.rejections.counts),
        }

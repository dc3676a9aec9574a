"""The parts of the network server, put together, and the doors' way in."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from clapas.domain.errors import BadSetting, DiskFull
from clapas.lorawan.addresses import dev_addr_prefix
from clapas.lorawan.dedup import Deduplicator, Gathering
from clapas.lorawan.devices import Devices
from clapas.lorawan.errors import FrameError
from clapas.lorawan.events import Accepted
from clapas.lorawan.frames import MType
from clapas.lorawan.gateways import Gateways
from clapas.lorawan.publisher import Publish, Publisher
from clapas.lorawan.radio import Door, Reception
from clapas.lorawan.regions import region
from clapas.lorawan.register import Register
from clapas.lorawan.rejections import Rejection, Rejections
from clapas.lorawan.settings import Settings
from clapas.lorawan.state import State

if TYPE_CHECKING:
    from clapas.lorawan.session import QueueItem

LOG = logging.getLogger("clapas.lorawan")
_JOIN_REQUEST_SIZE: Final = 23
"""Bytes of a join-request (TS001-1.0.4, 6.2.3)."""
_GATHERINGS: Final = 50_000


class FrameLog(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One frame as the live page shows it. ``at`` in ms since 1970 UTC; ``outcome`` a stable word."""

    at: int
    direction: str
    kind: str
    outcome: str
    gateway: str = ""
    gateways: int = 0
    device: str = ""
    dev_addr: str = ""
    f_cnt: int | None = None
    f_port: int | None = None
    frequency: int = 0
    data_rate: str = ""
    rssi: float | None = None
    snr: float | None = None
    size: int = 0
    phy: str = ""


class Network:
    """Everything that handling a frame needs; one for a server."""

    def __init__(
        self, settings: Settings, *, state: State, devices: Devices, publish: Publish
    ) -> None:
        self.settings = settings
        self.region = region(settings.region)
        self.net_id = _net_id(settings.net_id)
        self.prefix = dev_addr_prefix(self.net_id)
        self.extra = (
            settings.extra_channels
            if settings.extra_channels is not None
            else self.region.usual_extra
        )
        self.rx2_dr = (
            settings.rx2_data_rate
            if settings.rx2_data_rate is not None
            else self.region.rx2_dr_advised
        )
        self.state = state
        self.register = Register(devices)
        self.publisher = Publisher(publish, limit=settings.in_flight)
        self.gateways = Gateways(self.region)
        self.rejections = Rejections()
        self.doors: dict[str, Door] = {}
        self.frames: deque[FrameLog] = deque(maxlen=1000)
        self.shown = 0
        """How many frames were shown since the start: the number of the newest one in ``frames``."""
        self.listeners: list[Callable[[Accepted], Awaitable[None]]] = []
        """Told of each new uplink before it is answered (firmware campaigns)."""
        self.pushing: set[str] = set()
        """Class B and C devices that are being sent to."""
        self.finished: deque[tuple[str, QueueItem]] = deque(maxlen=5000)
        """The last downlinks that ended, with their device."""
        self.counts = dict.fromkeys(
            ("receptions", "uplinks", "joins", "downlinks", "repeated", "late"), 0
        )
        self._handle: Callable[[Network, Gathering], Coroutine[Any, Any, None]] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.dedup = Deduplicator(
            self._gathered,
            longest=settings.dedup_window_ms / 1000,
            keep=settings.late_copies_ms / 1000,
            online=lambda: self.gateways.online(time.monotonic()),
        )

    def on_gathering(
        self, handle: "Callable[[Network, Gathering], Coroutine[Any, Any, None]]"
    ) -> None:
        """Set what becomes of each transmission when its copies are there."""
        self._handle = handle

    def receive(self, reception: Reception) -> None:
        """A door heard a frame. Cheap checks only; the rest happens once for all copies."""
        self.counts["receptions"] += 1
        if reception.gps_ms is not None:
            self.gateways.knows_time(reception.gateway)
        phy = reception.phy
        if not 12 <= len(phy) <= 255 or phy[0] & 0x1F:
            self.reject("malformed_frame", reception, detail=f"{len(phy)} bytes")
        elif (phy[0] >> 5) not in {
            MType.JOIN_REQUEST,
            MType.UNCONFIRMED_UP,
            MType.CONFIRMED_UP,
            MType.REJOIN_REQUEST,
        }:
            self.reject("wrong_direction", reception)
        elif not self.region.hears(reception.frequency, reception.data_rate):
            self._out_of_region(reception)
        elif self.publisher.full or self.dedup.open >= _GATHERINGS:
            self.reject("overload", reception)
        else:
            self.dedup.add(reception)

    def _out_of_region(self, reception: Reception) -> None:
        """A frame of another region is never answered there; a join names its device, whose page explains it."""
        phy, reason = reception.phy, "unsupported_frequency"
        joining = phy[0] >> 5 == MType.JOIN_REQUEST and len(phy) == _JOIN_REQUEST_SIZE
        device = phy[9:17][::-1].hex() if joining else ""
        detail = f"{reception.frequency / 1e6:g} MHz, {reception.data_rate}"
        told = Rejection(reason, reception.received, reception.gateway, device, detail)
        if joining:
            self.rejections.add_join(told)
        else:
            self.rejections.add(told)
        self.show(_log_of(reception, outcome=reason, device=device))

    async def _gathered(self, gathering: Gathering) -> None:
        if self._handle is None:
            return
        try:
            await self._handle(self, gathering)
        except FrameError as wrong:
            self.reject("malformed_frame", gathering.copies[0], detail=str(wrong))
        except DiskFull as wrong:
            self.reject("disk_full", gathering.copies[0], detail=str(wrong))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside; it is awaited or cancelled when the server closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("work of the network server failed", exc_info=task.exception())

    def reject(
        self, reason: str, reception: Reception, *, device: str = "", detail: str = ""
    ) -> None:
        """Count a refused frame and show it in the live log."""
        self.rejections.add(
            Rejection(reason, reception.received, reception.gateway, device, detail)
        )
        self.show(_log_of(reception, outcome=reason, device=device))

    def show(self, frame: FrameLog) -> None:
        """Add a frame to the live log; a reader that comes too late misses the oldest ones."""
        self.frames.append(frame)
        self.shown += 1

    def credit(self, copies: Iterable[Reception]) -> None:
        """These gateways carried a frame of a device of ours."""
        for copy in copies:
            gateway = self.gateways.get(copy.gateway)
            if gateway is not None:
                gateway.ours += 1

    def since(self, number: int) -> list[FrameLog]:
        """The frames shown after that number, oldest first, as far back as they are kept."""
        missed = min(max(self.shown - number, 0), len(self.frames))
        return list(islice(self.frames, len(self.frames) - missed, None))

    async def close(self) -> None:
        await self.dedup.drain()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.publisher.drain(5.0)


def _net_id(text: str) -> int:
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 24:
        raise BadSetting(
            "lorawan.net_id is six hexadecimal digits",
            key="lorawan.net_id",
            value=text,
            accepted="000000 to FFFFFF",
        )
    return number


def _log_of(reception: Reception, *, outcome: str, device: str) -> FrameLog:
    head = reception.phy[0] >> 5 if reception.phy else 7
    return FrameLog(
        at=reception.received,
        direction="up",
        kind=MType(head).name.lower(),
        outcome=outcome,
        gateway=reception.gateway,
        device=device,
        frequency=reception.frequency,
        data_rate=reception.data_rate,
        rssi=reception.rssi,
        snr=reception.snr,
        size=len(reception.phy),
        phy=reception.phy.hex(),
    )


def wall_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000

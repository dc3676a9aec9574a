"""The register of devices as the network reads it: asked rarely, remembered, told when something changed."""

import asyncio
import logging
import time
from typing import Final

import msgspec

from clapas.lorawan.devices import Devices, LorawanDevice

LOG = logging.getLogger("clapas.lorawan")
FRESH_S: Final = 300.0
JOIN_S: Final = 5.0
"""A join reads an entry no older than that: a corrected key serves at the next try."""
_LIMIT: Final = 200_000


class _Entry(msgspec.Struct, frozen=True, gc=False):
    at: float
    device: LorawanDevice | None


class Register:
    """A memory in front of :class:`Devices`; an unknown EUI is remembered too."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._known: dict[str, _Entry] = {}
        self._asking: dict[str, asyncio.Task[LorawanDevice | None]] = {}

    def cached(self, dev_eui: str) -> LorawanDevice | None:
        """What is remembered, however old: enough for an event's labels."""
        known = self._known.get(dev_eui)
        return known.device if known else None

    async def joining(self, dev_eui: str) -> LorawanDevice | None:
        """The device that asks to join."""
        known = self._known.get(dev_eui)
        if known is not None and time.monotonic() - known.at < JOIN_S:
            return known.device
        return await self._ask(dev_eui)

    async def speaking(self, dev_eui: str) -> LorawanDevice | None:
        """The device that sent a frame: what is remembered, refreshed behind its back when it is old."""
        known = self._known.get(dev_eui)
        if known is None:
            return await self._ask(dev_eui)
        if time.monotonic() - known.at > FRESH_S and dev_eui not in self._asking:
            self._start(dev_eui).add_done_callback(_told)
        return known.device

    def _start(self, dev_eui: str) -> "asyncio.Task[LorawanDevice | None]":
        task = asyncio.create_task(self._read(dev_eui))
        self._asking[dev_eui] = task
        return task

    async def _ask(self, dev_eui: str) -> LorawanDevice | None:
        return await asyncio.shield(self._asking.get(dev_eui) or self._start(dev_eui))

    async def _read(self, dev_eui: str) -> LorawanDevice | None:
        try:
            found = await self._devices.device(dev_eui)
            if len(self._known) >= _LIMIT:
                self._known.clear()
            self._known[dev_eui] = _Entry(time.monotonic(), found)
            return found
        finally:
            self._asking.pop(dev_eui, None)

    def forget(self, dev_eui: str | None = None) -> None:
        """Ask again next time: one device, or all."""
        if dev_eui is None:
            self._known.clear()
        else:
            self._known.pop(dev_eui, None)


def _told(task: "asyncio.Task[LorawanDevice | None]") -> None:
    """A refresh that failed is told; what was remembered still serves."""
    if not task.cancelled() and task.exception() is not None:
        LOG.warning("the register of devices did not answer: %s", task.exception())

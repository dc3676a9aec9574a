"""The register of devices as the network reads it: asked rarely, remembered, told when something changed."""

from time import monotonic
from typing import Final

from clapas.lorawan.devices import Devices, LorawanDevice

FRESH_S: Final = 300.0
ABSENT_S: Final = 20.0
_LIMIT: Final = 200_000


class Register:
    """A memory in front of :class:`Devices`; an unknown EUI is remembered for a short time too."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._known: dict[str, tuple[float, LorawanDevice | None]] = {}

    def cached(self, dev_eui: str) -> LorawanDevice | None:
        """What is remembered, however old: enough for an event's labels."""
        known = self._known.get(dev_eui)
        return known[1] if known else None

    async def device(self, dev_eui: str) -> LorawanDevice | None:
        """The device, asked again when what is remembered is old."""
        known = self._known.get(dev_eui)
        now = monotonic()
        if known is not None and now < known[0]:
            return known[1]
        found = await self._devices.device(dev_eui)
        if len(self._known) >= _LIMIT:
            self._known.clear()
        self._known[dev_eui] = (now + (FRESH_S if found else ABSENT_S), found)
        return found

    def forget(self, dev_eui: str | None = None) -> None:
        """Ask again next time: one device, or all."""
        if dev_eui is None:
            self._known.clear()
        else:
            self._known.pop(dev_eui, None)

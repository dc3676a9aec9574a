"""The gateways as the network sees them: alive or not, what they count, how long they have been on the air."""

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from clapas.lorawan.regions.plan import Region

HOUR: Final = 3600.0
ONLINE_S: Final = 120.0


class Airtime:
    """What one gateway sent: its busy intervals ahead, and an hour of airtime by duty-cycle band."""

    __slots__ = ("_busy", "_sent")

    def __init__(self) -> None:
        self._busy: deque[tuple[float, float]] = deque(maxlen=512)
        self._sent: dict[int, deque[tuple[float, float]]] = {}

    def used(self, band: int, now: float) -> float:
        """Seconds on air in the last hour in the band that starts at ``band`` Hz."""
        sent = self._sent.get(band)
        if not sent:
            return 0.0
        while sent and sent[0][0] < now - HOUR:
            sent.popleft()
        return sum(seconds for _start, seconds in sent)

    def collides(self, start: float, seconds: float) -> bool:
        return any(start < end and begin < start + seconds for begin, end in self._busy)

    def reserve(self, band: int | None, start: float, *, seconds: float, now: float) -> None:
        while self._busy and self._busy[0][1] < now - 1:
            self._busy.popleft()
        self._busy.append((start, start + seconds))
        if band is not None:
            self._sent.setdefault(band, deque()).append((start, seconds))

    def release(self, band: int | None, start: float, *, seconds: float) -> None:
        """Give back what a gateway did not send."""
        interval, spent = (start, start + seconds), (start, seconds)
        if interval in self._busy:
            self._busy.remove(interval)
        sent = self._sent.get(band) if band is not None else None
        if sent and spent in sent:
            sent.remove(spent)

    def sent(self) -> dict[int, deque[tuple[float, float]]]:
        """(start, seconds) of what was sent in the last hour, by band."""
        return self._sent

    def put_back(self, band: int, spent: deque[tuple[float, float]]) -> None:
        """Airtime of before a restart."""
        self._sent[band] = spent


class GatewayFacts(msgspec.Struct, kw_only=True):
    """What outlives a restart of a gateway. Times are milliseconds since 1970 UTC; ``noise`` is dBm, slowly averaged."""

    id: str
    door: str = ""
    address: str = ""
    first_seen: int = 0
    last_seen: int = 0
    uplinks: int = 0
    ours: int = 0
    """Uplinks and joins of our own devices among them."""
    crc_errors: int = 0
    downlinks: int = 0
    downlink_errors: dict[str, int] = {}
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    placed_by_itself: bool = False
    """The gateway tells its place; else it is the one that somebody gave it."""
    noise: float | None = None
    temperature: float | None = None


class Gateway(GatewayFacts, kw_only=True):
    """A gateway, alive."""

    heard_at: float = 0.0
    """Monotonic seconds."""
    forwarded_share: float | None = None
    """Share of upstream datagrams that the gateway says were acknowledged (0 to 1)."""
    statistics: dict[str, float] = {}
    gps: bool = False
    """It tells GPS time: it can serve class B."""
    air: Airtime = msgspec.field(default_factory=Airtime)


class Gateways:
    """Every gateway heard, the last heard last; forged EUIs cannot fill the memory."""

    def __init__(self, region: Region, *, limit: int = 10_000) -> None:
        self.region = region
        self._known: dict[str, Gateway] = {}
        self._limit = limit

    def __iter__(self) -> Iterator[Gateway]:
        return iter(list(self._known.values()))

    def get(self, gateway: str) -> Gateway | None:
        return self._known.get(gateway)

    def touch(self, gateway: str, *, door: str, now: float, wall: int) -> Gateway:
        """The gateway of that EUI, seen now."""
        found = self._known.pop(gateway, None)
        if found is None:
            found = Gateway(id=gateway, first_seen=wall)
            if len(self._known) >= self._limit:
                del self._known[next(iter(self._known))]
        self._known[gateway] = found
        found.door, found.last_seen, found.heard_at = door, wall, now
        return found

    def remember(self, gateway: Gateway) -> None:
        """A gateway known from before the start."""
        self._known.setdefault(gateway.id, gateway)

    def knows_time(self, gateway: str) -> None:
        """A gateway told GPS time."""
        found = self._known.get(gateway)
        if found is not None:
            found.gps = True

    def online(self, now: float) -> int:
        return sum(now - each.heard_at < ONLINE_S for each in self._known.values())

    def band(self, frequency: int) -> int | None:
        """The low bound of the frequency's duty-cycle band, None when the region has none there."""
        found = self.region.sub_band(frequency)
        return found.low if found else None

    def may_send(
        self, gateway: str, *, frequency: int, start: float, seconds: float, now: float
    ) -> str | None:
        """None when the gateway may send then, else 'DUTY_CYCLE', 'COLLISION_PACKET' or 'NO_GATEWAY'."""
        found = self._known.get(gateway)
        if found is None:
            return "NO_GATEWAY"
        if found.air.collides(start, seconds):
            return "COLLISION_PACKET"
        band = self.region.sub_band(frequency)
        if band and found.air.used(band.low, now) + seconds > band.duty_cycle * HOUR:
            return "DUTY_CYCLE"
        return None

    def duty_cycle(self, gateway: str, now: float) -> dict[int, float]:
        """Share of each band's hourly allowance that is spent, by the band's low bound in Hz."""
        found = self._known.get(gateway)
        if found is None:
            return {}
        return {
            band.low: found.air.used(band.low, now) / (band.duty_cycle * HOUR)
            for band in self.region.sub_bands
        }

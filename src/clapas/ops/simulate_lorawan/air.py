"""The air between devices and gateways: distance, fading, collisions and loss."""

import math
import random
from collections import Counter, deque

from clapas.ops.simulate_lorawan.airtime import SNR_LIMIT

NOISE_DBM = -117.0
CAPTURE_DB = 6.0
"""A frame that much stronger survives a collision on its channel and spreading factor."""


class Flight:
    """A frame on the air."""

    __slots__ = ("end", "frequency", "power", "sf", "start")

    def __init__(
        self, start: float, end: float, *, frequency: int, sf: int, power: dict[int, float]
    ) -> None:
        self.start, self.end, self.frequency, self.sf, self.power = start, end, frequency, sf, power


class Air:
    """Which gateways hear a frame, how well, and which frames are lost."""

    def __init__(self, places: list[tuple[float, float]], *, loss: float, seed: str) -> None:
        self._places = places
        self._loss = loss
        self._random = random.Random(f"{seed}/air")
        self._flights: deque[Flight] = deque()
        self.counts: Counter[str] = Counter()

    def signal(self, place: tuple[float, float]) -> dict[int, float]:
        """Received power in dBm at each gateway: log-distance loss (exponent 3.2) with 3 dB of fading."""
        found = {}
        for number, gateway in enumerate(self._places):
            kilometres = max(math.dist(place, gateway), 0.02)
            found[number] = 14 - 121 - 32 * math.log10(kilometres) + self._random.gauss(0, 3)
        return found

    def fly(
        self, place: tuple[float, float], *, start: float, end: float, frequency: int, sf: int
    ) -> Flight:
        """Put a frame on the air; forget those that ended long ago."""
        while self._flights and self._flights[0].end < start - 5:
            self._flights.popleft()
        flight = Flight(start, end, frequency=frequency, sf=sf, power=self.signal(place))
        self._flights.append(flight)
        return flight

    def heard(self, flight: Flight) -> dict[int, tuple[float, float]]:
        """Gateway → (RSSI, SNR) of those that demodulated the frame, asked once it has ended."""
        found = {}
        for number, power in flight.power.items():
            snr = min(power - NOISE_DBM, 12.0)
            if snr < SNR_LIMIT[flight.sf]:
                continue
            if self._drowned(flight, number, power=power):
                self.counts["collided"] += 1
            elif self._random.random() < self._loss:
                self.counts["faded"] += 1
            else:
                found[number] = (round(power, 1), round(snr, 1))
        return found

    def _drowned(self, flight: Flight, gateway: int, *, power: float) -> bool:
        return any(
            other is not flight
            and other.frequency == flight.frequency
            and other.sf == flight.sf
            and other.start < flight.end
            and flight.start < other.end
            and other.power[gateway] > power - CAPTURE_DB
            for other in self._flights
        )

"""One simulated device: joins, reports, listens in its windows and judges what it hears."""

import math
import random
from collections import Counter
from hashlib import blake2b

from clapas.ops.simulate_lorawan import device_frames as frames
from clapas.ops.simulate_lorawan.airtime import EU868_CHANNELS, EU868_SF, EU868_SIZES

JOIN_DELAY = 5.0
TOLERANCE = 0.0005
"""Seconds by which a downlink may miss its window's opening."""


class Window:
    """A receive window: when it opens (seconds of the shared clock), on which frequency and data rate."""

    __slots__ = ("frequency", "opens", "rate")

    def __init__(self, opens: float, frequency: int, *, rate: int) -> None:
        self.opens, self.frequency, self.rate = opens, frequency, rate


class Device:
    """A class A device of LoRaWAN 1.0.3 on EU868."""

    def __init__(self, number: int, seed: str, *, place: tuple[float, float]) -> None:
        self.number = number
        self.place = place
        self.eui = blake2b(f"{seed}/{number}/eui".encode(), digest_size=5).digest()
        self.eui = b"\x02\x00\x00" + self.eui
        self.join_eui = bytes(8)
        self.app_key = blake2b(f"{seed}/{number}/key".encode(), digest_size=16).digest()
        self.random = random.Random(f"{seed}/{number}")
        self.nonce = self.random.randrange(1 << 16)
        self.granted: frames.Granted | None = None
        self.rate = 0
        self.rx2 = (869_525_000, 0)
        self.rx_delay, self.offset = 1, 0
        self.channels = list(EU868_CHANNELS)
        self.enabled = {0, 1, 2}
        self.counter = 0
        self.down_counter = -1
        self.windows: list[Window] = []
        self.answers = b""
        self.sticky = b""
        self.must_ack = False
        self.waiting: bytes | None = None
        self.received: list[bytes] = []
        self.seen: Counter[str] = Counter()

    @property
    def sf(self) -> int:
        return EU868_SF[self.rate]

    def payload(self) -> bytes:
        """Cayenne LPP: temperature (°C), humidity (%), and the counter, so that no two payloads of a device are one."""
        warmth = 15 + 10 * math.sin(self.counter / 12 + self.number) + self.random.gauss(0, 0.2)
        return (
            b"\x01\x67"
            + round(warmth * 10).to_bytes(2, "big", signed=True)
            + b"\x02\x68"
            + self.random.randrange(60, 180).to_bytes(1)
            + b"\x03\x64"
            + self.counter.to_bytes(4, "big")
        )

    def join(self) -> bytes:
        """A new join-request."""
        self.nonce = (self.nonce + 1) & 0xFFFF
        self.granted = None
        return frames.join_request(
            self.app_key, self.join_eui, dev_eui=self.eui, dev_nonce=self.nonce
        )

    def uplink(self, *, confirmed: bool = False) -> tuple[bytes, bytes]:
        """The next uplink and its payload in clear; needs a session."""
        if self.granted is None:
            raise frames.WrongFrame("no session")
        data = self.payload()[: EU868_SIZES[self.rate]]
        phy = frames.data_up(
            self.granted,
            counter=self.counter,
            port=2,
            data=data,
            confirmed=confirmed,
            ack=self.must_ack,
            options=(self.answers + self.sticky)[:15],
        )
        self.answers, self.must_ack = b"", False
        self.counter += 1
        return phy, data

    def channel(self) -> int:
        """A frequency among those switched on."""
        return self.channels[
            self.random.choice(sorted(self.enabled & set(range(len(self.channels)))))
        ]

    def listen(self, ended: float, frequency: int) -> None:
        """Open the two windows of a frame that ended then."""
        joining = self.granted is None
        delay = JOIN_DELAY if joining else float(self.rx_delay)
        rate = max(self.rate - (0 if joining else self.offset), 0)
        second, slow = (869_525_000, 0) if joining else self.rx2
        self.windows = [
            Window(ended + delay, frequency, rate=rate),
            Window(ended + delay + 1, second, rate=slow),
        ]

    def hear(self, phy: bytes, *, start: float, frequency: int, sf: int) -> bool:
        """A frame is on the air; true when it was for this device and well sent."""
        try:
            opened = self._open(phy)
        except frames.WrongFrame as wrong:
            if str(wrong) == "counter":
                self.seen["wrong_counter"] += 1
            return False
        fault = self._fault(start, frequency, sf=sf)
        if fault:
            self.seen[fault] += 1
            return False
        self.windows = []
        self._take(opened)
        return True

    def _open(self, phy: bytes) -> frames.Granted | frames.Down:
        if self.granted is None:
            return frames.open_join_accept(phy, self.app_key, dev_nonce=self.nonce)
        return frames.open_down(phy, self.granted, last=self.down_counter)

    def _fault(self, start: float, frequency: int, *, sf: int) -> str:
        """Which rule of the windows the frame breaks, '' when none."""
        near = [each for each in self.windows if abs(each.opens - start) <= TOLERANCE]
        if not near:
            return "wrong_window"
        if all(each.frequency != frequency for each in near):
            return "wrong_frequency"
        right = any(each.frequency == frequency and EU868_SF[each.rate] == sf for each in near)
        return "" if right else "wrong_data_rate"

    def _take(self, opened: frames.Granted | frames.Down) -> None:
        if isinstance(opened, frames.Granted):
            self._joined(opened)
            return
        self.seen["downlinks"] += 1
        self.down_counter = opened.counter
        self.must_ack = opened.confirmed
        self.sticky = b""
        if opened.ack:
            self.seen["acknowledged"] += 1
            self.waiting = None
        if opened.port:
            self.received.append(opened.data)
        for command in frames.split_commands(opened.commands):
            self._obey(command)

    def _joined(self, granted: frames.Granted) -> None:
        self.seen["joined"] += 1
        self.granted = granted
        self.counter, self.down_counter = 0, -1
        self.rx_delay, self.offset = granted.rx_delay, granted.offset
        self.rx2 = (869_525_000, granted.rx2_rate)
        self.channels = list(EU868_CHANNELS) + granted.channels
        self.enabled = set(range(len(self.channels)))

    def _obey(self, command: bytes) -> None:
        kind, body = command[0], command[1:]
        if kind == 3:
            self._link_adr(body)
        elif kind == 5:
            self.rx2 = (int.from_bytes(body[1:], "little") * 100, body[0] & 15)
            self.offset = body[0] >> 4 & 7
            self.sticky += b"\x05\x07"
        elif kind == 6:
            self.answers += bytes((6, 200, 10))
        elif kind == 7:
            self._new_channel(body)
        elif kind == 8:
            self.rx_delay = body[0] & 15 or 1
            self.sticky += b"\x08"

    def _link_adr(self, body: bytes) -> None:
        rate, mask = body[0] >> 4, int.from_bytes(body[1:3], "little")
        wanted = {index for index in range(16) if mask >> index & 1}
        known = body[3] >> 4 & 7 == 0 and wanted <= set(range(len(self.channels))) and bool(wanted)
        fits = rate < len(EU868_SF)
        if known and fits:
            self.rate, self.enabled = rate, wanted
        self.seen["adr"] += 1
        self.answers += bytes((3, known | fits << 1 | 4))

    def _new_channel(self, body: bytes) -> None:
        index, frequency = body[0], int.from_bytes(body[1:4], "little") * 100
        while len(self.channels) <= index:
            self.channels.append(0)
        self.channels[index] = frequency
        self.enabled = {each for each in (*self.enabled, index) if self.channels[each]}
        self.answers += b"\x07\x03"

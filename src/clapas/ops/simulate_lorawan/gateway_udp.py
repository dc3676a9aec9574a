"""A simulated gateway that speaks Semtech UDP v2."""

import asyncio
import base64
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from clapas.ops.simulate_lorawan.airtime import seconds

Emit = Callable[[int, bytes, float, int, int], None]
"""Told of each frame on the air: gateway number, bytes, start, frequency, spreading factor."""


class UdpGateway(asyncio.DatagramProtocol):
    """Pushes what it hears, pulls what it must send, and refuses what it cannot."""

    def __init__(self, number: int, eui: bytes, *, place: tuple[float, float], emit: Emit) -> None:
        self.number, self.eui, self.place = number, eui, place
        self._emit = emit
        self._origin = time.monotonic() - secrets.randbelow(4_000_000_000) / 1e6
        self._transport: asyncio.DatagramTransport | None = None
        self._busy: list[tuple[float, float]] = []
        self._pushed: dict[bytes, float] = {}
        self.counts: Counter[str] = Counter()
        self.ack_delays: list[float] = []
        self.leads: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def ticks(self, moment: float) -> int:
        """The concentrator's 32-bit microsecond clock at a monotonic instant."""
        return round((moment - self._origin) * 1e6) & 0xFFFFFFFF

    def _moment(self, ticks: int) -> float:
        now = time.monotonic()
        ahead = (ticks - self.ticks(now)) & 0xFFFFFFFF
        return now + (ahead if ahead < 1 << 31 else ahead - (1 << 32)) / 1e6

    def _send(self, kind: int, token: bytes, *, body: bytes = b"") -> None:
        if self._transport is not None:
            self._transport.sendto(bytes((2,)) + token + bytes((kind,)) + self.eui + body)

    def pull(self) -> None:
        """Keep the way back open."""
        self._send(2, secrets.token_bytes(2))

    def status(self) -> None:
        """Say who and where we are."""
        stat = {
            "time": time.strftime("%Y-%m-%d %H:%M:%S GMT", time.gmtime()),
            "lati": self.place[1],
            "long": self.place[0],
            "alti": 100,
            "rxnb": self.counts["heard"],
            "rxok": self.counts["heard"],
            "rxfw": self.counts["heard"],
            "ackr": 100.0,
            "dwnb": self.counts["asked"],
            "txnb": self.counts["emitted"],
        }
        self._send(0, secrets.token_bytes(2), body=json.dumps({"stat": stat}).encode())

    def push(
        self, phy: bytes, *, ended: float, frequency: int, sf: int, signal: tuple[float, float]
    ) -> None:
        """Forward a frame that ended at a monotonic instant."""
        self.counts["heard"] += 1
        packet = {
            "tmst": self.ticks(ended),
            "freq": frequency / 1e6,
            "chan": 0,
            "rfch": 0,
            "stat": 1,
            "modu": "LORA",
            "datr": f"SF{sf}BW125",
            "codr": "4/5",
            "rssi": signal[0],
            "lsnr": signal[1],
            "size": len(phy),
            "data": base64.b64encode(phy).decode(),
        }
        token = secrets.token_bytes(2)
        if len(self._pushed) > 5000:
            self._pushed.clear()
        self._pushed[token] = time.monotonic()
        self._send(0, token, body=json.dumps({"rxpk": [packet]}).encode())

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002 - one server
        kind = data[3] if len(data) >= 4 else -1
        if kind == 1:
            asked = self._pushed.pop(data[1:3], None)
            if asked is not None:
                self.ack_delays.append(time.monotonic() - asked)
        elif kind == 3:
            self.counts["asked"] += 1
            error = self._transmit(data[4:])
            body = json.dumps({"txpk_ack": {"error": error or "NONE"}}).encode()
            self.counts[error or "emitted"] += 1
            self._send(5, data[1:3], body=body)

    def _transmit(self, body: bytes) -> str:
        """Plan a txpk; '' when it will be sent, else Semtech's word for why not."""
        try:
            asked = json.loads(body)["txpk"]
            phy = base64.b64decode(asked["data"])
            frequency, sf = round(asked["freq"] * 1e6), int(asked["datr"][2:].partition("BW")[0])
            start = time.monotonic() if asked.get("imme") else self._moment(asked["tmst"])
        except (ValueError, KeyError, TypeError):
            self.counts["unreadable"] += 1
            return "TX_FREQ"
        if asked.get("ipol") is not True or len(phy) != asked["size"]:
            self.counts["unreadable"] += 1
        now = time.monotonic()
        if not asked.get("imme") and start - now < 0.03:
            return "TOO_LATE"
        self.leads.append(start - now)
        end = start + seconds(len(phy), sf, crc=False)
        self._busy = [each for each in self._busy if each[1] > now]
        if any(begin < end and start < finish for begin, finish in self._busy):
            return "COLLISION_PACKET"
        self._busy.append((start, end))
        self._emit(self.number, phy, start, frequency, sf)
        return ""

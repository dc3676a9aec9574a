"""A simulated gateway that speaks LoRa Basics Station's protocol over WebSocket."""

import asyncio
import json
import secrets
import time
from collections import Counter
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from clapas.ops.simulate_lorawan.airtime import seconds
from clapas.ops.simulate_lorawan.gateway_udp import Emit


class StationGateway:
    """Discovers its server, asks for its configuration, forwards, sends and says what it sent."""

    def __init__(
        self, number: int, eui: bytes, *, connection: ClientConnection, emit: Emit
    ) -> None:
        self.number, self.eui = number, eui
        self._connection = connection
        self._emit = emit
        self._session = secrets.randbits(7) << 48
        self._origin = time.monotonic()
        self._rates: list[list[int]] = []
        self._busy: list[tuple[float, float]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.counts: Counter[str] = Counter()
        self.leads: list[float] = []
        self.ack_delays: list[float] = []

    def start(self, config: dict[str, Any]) -> None:
        """Take the configuration and listen."""
        self._rates = config["DRs"]
        self._spawn(self._read())

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, message: dict[str, Any]) -> None:
        self._spawn(self._connection.send(json.dumps(message)))

    def pull(self) -> None:
        """Ask the time, as stations do."""
        self._tell({"msgtype": "timesync", "txtime": int(time.monotonic() * 1e6)})

    def status(self) -> None:
        """Stations say nothing of themselves after their version."""

    def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        closing = asyncio.get_running_loop().create_task(self._connection.close())
        self._tasks.add(closing)

    def _rate(self, sf: int) -> int:
        return next(number for number, rate in enumerate(self._rates) if rate[:2] == [sf, 125])

    def push(
        self, phy: bytes, *, ended: float, frequency: int, sf: int, signal: tuple[float, float]
    ) -> None:
        """Forward a frame that ended at a monotonic instant."""
        self.counts["heard"] += 1
        xtime = self._session | int((ended - self._origin) * 1e6)
        info = {
            "rctx": 0,
            "xtime": xtime,
            "gpstime": 0,
            "rssi": signal[0],
            "snr": signal[1],
            "rxtime": time.time(),
        }
        common = {"DR": self._rate(sf), "Freq": frequency, "RefTime": time.time(), "upinfo": info}
        self._tell(_fields(phy) | common)

    async def _read(self) -> None:
        try:
            async for text in self._connection:
                message = json.loads(text)
                if message["msgtype"] == "dnmsg":
                    self.counts["asked"] += 1
                    self._send(message)
                else:
                    self.counts[message["msgtype"]] += 1
        except ConnectionClosed:
            self.counts["closed"] += 1

    def _send(self, message: dict[str, Any]) -> None:
        """Send in RX1 when it can, else in RX2; silence tells the server that it could not."""
        ended = (message["xtime"] & ((1 << 48) - 1)) / 1e6 + self._origin
        phy = bytes.fromhex(message["pdu"])
        for window, later in ((1, 0), (2, 1)):
            if f"RX{window}Freq" not in message:
                continue
            start = ended + message["RxDelay"] + later
            rate, frequency = message[f"RX{window}DR"], message[f"RX{window}Freq"]
            sf = self._rates[rate][0]
            end = start + seconds(len(phy), sf, crc=False)
            clash = any(begin < end and start < finish for begin, finish in self._busy)
            if start - time.monotonic() < 0.02 or clash:
                continue
            self._busy = [*self._busy[-50:], (start, end)]
            self.leads.append(start - time.monotonic())
            self.counts["emitted"] += 1
            self._emit(self.number, phy, start, frequency, sf)
            told = {
                "msgtype": "dntxed",
                "diid": message["diid"],
                "DevEui": message["DevEui"],
                "DR": rate,
            }
            told |= {
                "Freq": frequency,
                "rctx": 0,
                "xtime": message["xtime"],
                "txtime": time.time(),
                "gpstime": 0,
            }
            self._spawn(self._told(told, start))
            return
        self.counts["refused"] += 1

    async def _told(self, message: dict[str, Any], start: float) -> None:
        await asyncio.sleep(max(start - time.monotonic(), 0))
        await self._connection.send(json.dumps(message))


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _pairs(data: bytes) -> str:
    return "-".join(f"{byte:02X}" for byte in reversed(data))


def _fields(phy: bytes) -> dict[str, Any]:
    """A frame as a station takes it apart."""
    if phy[0] >> 5 == 0:
        return {
            "msgtype": "jreq",
            "MHdr": phy[0],
            "JoinEui": _pairs(phy[1:9]),
            "DevEui": _pairs(phy[9:17]),
            "DevNonce": int.from_bytes(phy[17:19], "little"),
            "MIC": _signed(phy[19:23]),
        }
    end = 8 + (phy[5] & 15)
    body = phy[end:-4]
    return {
        "msgtype": "updf",
        "MHdr": phy[0],
        "DevAddr": _signed(phy[1:5]),
        "FCtrl": phy[5],
        "FCnt": int.from_bytes(phy[6:8], "little"),
        "FOpts": phy[8:end].hex(),
        "FPort": body[0] if body else -1,
        "FRMPayload": body[1:].hex(),
        "MIC": _signed(phy[-4:]),
    }


async def open_station(
    url: str, number: int, *, eui: bytes, emit: Emit, token: str = ""
) -> StationGateway:
    """Discover, connect and be configured."""
    headers = {"Authorization": token} if token else None
    async with connect(f"{url}/router-info", additional_headers=headers) as discovery:
        await discovery.send(json.dumps({"router": "-".join(f"{byte:02x}" for byte in eui)}))
        found = json.loads(await discovery.recv())
    connection = await connect(found["uri"], additional_headers=headers)
    version = {
        "msgtype": "version",
        "station": "clapas-simulator",
        "protocol": 2,
        "features": "rmtsh prod",
    }
    await connection.send(json.dumps(version))
    gateway = StationGateway(number, eui, connection=connection, emit=emit)
    gateway.start(json.loads(await connection.recv()))
    return gateway

"""The door for Semtech UDP gateways: acknowledges at once, listens, and sends to the address last seen."""

import asyncio
import secrets
import socket
import time
from typing import Final, Literal, cast

import msgspec

from clapas.lorawan import semtech
from clapas.lorawan.errors import FrameError
from clapas.lorawan.gateways import Gateway
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.radio import SEND_ERRORS, Emission, Reception
from clapas.lorawan.rejections import Rejection
from clapas.lorawan.scheduler import Scheduler
from clapas.lorawan.semtech import Kind, Packet, RxPacket

Address = tuple[str, int]
_PULL_S: Final = 60.0
_SOURCES: Final = 20_000
_BUFFER: Final = 8 * 1024 * 1024
"""Receive buffer asked of the kernel: a burst waits there while the loop is busy."""


class _Path(msgspec.Struct):
    """Where a gateway is reached: the source of its last PULL_DATA."""

    address: Address
    version: int
    at: float


class UdpDoor(asyncio.DatagramProtocol):
    """Implements :class:`clapas.lorawan.radio.Door` over one UDP socket."""

    name = "udp"
    both_windows = False
    reports: Literal["always", "success"] = "always"

    def __init__(self, network: Network, scheduler: Scheduler) -> None:
        self._network = network
        self._scheduler = scheduler
        self._transport: asyncio.DatagramTransport | None = None
        self._paths: dict[str, _Path] = {}
        self._sources: dict[str, tuple[str, float]] = {}
        self._asked: dict[tuple[str, bytes], int] = {}

    @property
    def port(self) -> int:
        """The port that the socket really has."""
        if self._transport is None:
            return 0
        return int(self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        own: socket.socket | None = transport.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Everything that a stranger can send comes through here; nothing of it may stop the server."""
        now = time.monotonic()
        try:
            packet = semtech.parse(data)
        except FrameError as wrong:
            reason = "oversized" if len(data) > semtech.MAX_DATAGRAM else "malformed_packet"
            self._reject(reason, addr, detail=str(wrong))
            return
        refusal = self._stranger(packet, addr, now=now)
        if refusal:
            self._reject(refusal, addr, gateway=packet.gateway)
            return
        gateway = self._network.gateways.touch(
            packet.gateway, door=self.name, now=now, wall=wall_ms()
        )
        gateway.address = f"{addr[0]}:{addr[1]}"
        if packet.kind is Kind.PUSH_DATA:
            self._send(semtech.acknowledgement(packet), addr)
            self._push(packet, addr, gateway=gateway, now=now)
        elif packet.kind is Kind.PULL_DATA:
            self._paths[packet.gateway] = _Path(addr, packet.version, now)
            self._send(semtech.acknowledgement(packet), addr)
        else:
            self._tx_ack(packet, addr)

    def _stranger(self, packet: Packet, addr: Address, *, now: float) -> str | None:
        """Why this sender may not speak for that EUI: not declared, or alive elsewhere (another address or door)."""
        settings = self._network.settings
        if not settings.unknown_gateways and packet.gateway not in settings.gateways:
            return "unknown_gateway"
        known = self._network.gateways.get(packet.gateway)
        if known and known.door != self.name and now - known.heard_at < settings.gateway_takeover_s:
            return "gateway_conflict"
        host, at = self._sources.get(packet.gateway, (addr[0], now))
        if host != addr[0] and now - at < settings.gateway_takeover_s:
            return "gateway_conflict"
        self._sources.pop(packet.gateway, None)
        if len(self._sources) >= _SOURCES:
            del self._sources[next(iter(self._sources))]
        self._sources[packet.gateway] = (addr[0], now)
        return None

    def _push(self, packet: Packet, addr: Address, *, gateway: Gateway, now: float) -> None:
        try:
            packets, status, bad = semtech.read_push(packet.body)
        except FrameError as wrong:
            self._reject("malformed_packet", addr, gateway=packet.gateway, detail=str(wrong))
            return
        for _each in range(bad):
            self._reject("malformed_packet", addr, gateway=packet.gateway, detail="rxpk")
        if status is not None:
            note_status(gateway, status)
        wall = wall_ms()
        for each in packets:
            self._heard(each, gateway, now=now, wall=wall)

    def _heard(self, packet: RxPacket, gateway: Gateway, *, now: float, wall: int) -> None:
        if packet.stat == -1:
            gateway.crc_errors += 1
            self._network.rejections.counts["bad_crc"] += 1
            return
        try:
            phy = semtech.payload(packet)
        except FrameError as wrong:
            self._network.rejections.add(
                Rejection("malformed_packet", wall, gateway.id, "", str(wrong))
            )
            return
        gateway.uplinks += 1
        signal = max(packet.rsig, key=lambda each: each.lsnr, default=None)
        rssi = packet.rssi if packet.rssi is not None else signal.rssic if signal else -127.0
        note_noise(gateway, rssi, snr=packet.lsnr)
        self._network.receive(
            Reception(
                gateway=gateway.id,
                phy=phy,
                frequency=round(packet.freq * 1e6),
                data_rate=str(packet.datr)[:16],
                rssi=rssi,
                snr=signal.lsnr if signal and not packet.lsnr else packet.lsnr,
                arrived=now,
                received=wall,
                door=self,
                counter=packet.tmst,
                channel=packet.chan,
                rf_chain=packet.rfch,
                antenna=signal.ant if signal else 0,
                time=packet.time,
                gps_ms=packet.tmms,
            )
        )

    def _tx_ack(self, packet: Packet, addr: Address) -> None:
        try:
            error, _warning = semtech.read_tx_ack(packet.body)
        except FrameError as wrong:
            self._reject("malformed_packet", addr, gateway=packet.gateway, detail=str(wrong))
            return
        number = self._asked.pop((packet.gateway, packet.token), None)
        if number is not None:
            self._scheduler.report(
                number, error if error is None or error in SEND_ERRORS else "INTERNAL_ERROR"
            )

    def _reject(self, reason: str, addr: Address, *, gateway: str = "", detail: str = "") -> None:
        self._network.rejections.add(
            Rejection(reason, wall_ms(), gateway, "", f"{addr[0]} {detail}"[:120])
        )

    def _send(self, data: bytes, addr: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(data, addr)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reaches(self, gateway: str) -> bool:
        path = self._paths.get(gateway)
        return path is not None and time.monotonic() - path.at < _PULL_S

    async def emit(self, emission: Emission) -> None:
        path = self._paths.get(emission.gateway)
        if path is None:
            self._scheduler.report(emission.id, "NO_GATEWAY")
            return
        token = secrets.token_bytes(2)
        if len(self._asked) > 10_000:
            self._asked.clear()
        self._asked[emission.gateway, token] = emission.id
        self._send(semtech.pull_response(emission, token, version=path.version), path.address)
        if path.version == 1:
            self._scheduler.report(emission.id, None)


def note_status(gateway: Gateway, status: semtech.GatewayStatus) -> None:
    """Keep what a gateway says of itself."""
    if (
        status.lati is not None
        and status.long is not None
        and abs(status.lati) <= 90
        and abs(status.long) <= 180
    ):
        gateway.latitude, gateway.longitude, gateway.altitude = (
            status.lati,
            status.long,
            status.alti,
        )
        gateway.placed_by_itself = True
    gateway.temperature = status.temp
    gateway.forwarded_share = status.ackr / 100 if status.ackr is not None else None
    names = ("rxnb", "rxok", "rxfw", "dwnb", "txnb")
    gateway.statistics = {name: float(getattr(status, name)) for name in names}


def note_noise(gateway: Gateway, rssi: float, *, snr: float) -> None:
    """Noise floor from receptions: RSSI minus SNR, averaged over some dozens of frames."""
    floor = rssi - snr
    gateway.noise = floor if gateway.noise is None else 0.97 * gateway.noise + 0.03 * floor


async def open_udp(network: Network, scheduler: Scheduler, *, host: str, port: int) -> UdpDoor:
    """Bind the socket."""
    loop = asyncio.get_running_loop()
    _transport, door = await loop.create_datagram_endpoint(
        lambda: UdpDoor(network, scheduler), local_addr=(host, port)
    )
    network.doors[door.name] = door
    return door

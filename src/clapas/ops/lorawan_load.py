"""A load of real frames over real UDP for the benches of the network server, from a process of its own."""

import asyncio
import json
import multiprocessing
import socket
import struct
import time
from base64 import b64encode
from multiprocessing.synchronize import Event
from typing import Any

from clapas.domain.errors import InternalError
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.udp import UdpDoor
from clapas.ops.simulate_lorawan.device_frames import Granted, data_up

LOADED = 2000
"""Devices that share a steady load."""
GATEWAY = 0x0201000000000000
Sent = tuple[int, int, float]
"""Device, counter, and when its first copy was sent (seconds since 1970)."""


def granted(number: int) -> Granted:
    """The session of a device of the load."""
    key = number.to_bytes(16, "big")
    found = Granted(bytes(28), key, dev_nonce=0)
    found.address, found.net_key, found.app_key = number + 1, key, key
    return found


def eui(number: int) -> str:
    """The EUI of a device of the load."""
    return f"{number:016x}"


async def activate(server: LorawanServer) -> list[str]:
    """Give the server the sessions of the load's devices; gives the sessions' ids."""
    ids = []
    for number in range(LOADED):
        key = number.to_bytes(16, "big")
        session = await server.activate(
            eui(number), dev_addr=number + 1, nwk_s_key=key, app_s_key=key
        )
        ids.append(session.id)
    return ids


def udp_door(server: LorawanServer) -> UdpDoor:
    """The server's door for Semtech UDP. Raises InternalError when its settings closed it."""
    if server.udp is None:
        raise InternalError("the load needs the UDP door")
    return server.udp


def packet(phy: bytes, token: int, *, gateway: int, ticks: int, hertz: int = 868_100_000) -> bytes:
    """A PUSH_DATA with one frame (Semtech UDP v2)."""
    body = {
        "tmst": ticks, "freq": hertz / 1e6, "stat": 1, "modu": "LORA", "datr": "SF7BW125", "codr": "4/5",
        "rssi": -90 - gateway % 60, "lsnr": 7.0 - gateway % 10, "size": len(phy), "data": b64encode(phy).decode(),
    }  # fmt: skip
    head = struct.pack(">BHBQ", 2, token & 0xFFFF, 0, GATEWAY + gateway)
    return head + json.dumps({"rxpk": [body]}).encode()


def pull(gateway: int) -> bytes:
    """A PULL_DATA."""
    return struct.pack(">BHBQ", 2, 1, 2, GATEWAY + gateway)


def sent_it(response: bytes, gateway: int) -> bytes:
    """The TX_ACK that says that a PULL_RESP will be sent."""
    return b"\x02" + response[1:3] + b"\x05" + struct.pack(">Q", GATEWAY + gateway)


def payload(number: int) -> bytes:
    """Cayenne LPP: a temperature and the number."""
    return b"\x01\x67" + (number % 400).to_bytes(2, "big") + b"\x03\x64" + number.to_bytes(4, "big")


def _shoot(
    port: int, rate: int, *, copies: int, seconds: float, first: int, told: Any, ready: Event
) -> None:
    """The child: ``rate`` uplinks a second, each through ``copies`` gateways; tells when each was first sent."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _gateway in range(copies)]
    for gateway, each in enumerate(sockets):
        each.connect(("127.0.0.1", port))
        each.settimeout(0)
        each.send(pull(gateway))
    ready.wait(60)
    fleet = [granted(number) for number in range(LOADED)]
    sent: list[Sent] = []
    start, pulled = time.monotonic(), time.monotonic()
    for number in range(int(rate * seconds)):
        wait = start + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        if time.monotonic() - pulled > 10:
            pulled = time.monotonic()
            for gateway, each in enumerate(sockets):
                each.send(pull(gateway))
        device, counter = number % LOADED, first + number // LOADED
        phy = data_up(
            fleet[device], counter=counter, port=2, data=payload(number), confirmed=number % 20 == 0
        )
        sent.append((device, counter, time.time()))
        ticks = int(time.monotonic() * 1e6) & 0xFFFFFFFF
        for gateway, each in enumerate(sockets):
            each.send(packet(phy, number, gateway=gateway, ticks=ticks))
            _answer(each, gateway)
    told.put((sent, time.monotonic() - start))


def _answer(each: socket.socket, gateway: int) -> None:
    """Read what came back; every emission asked for is said to be sent."""
    try:
        while data := each.recv(4096):
            if data[3] == 3:
                each.send(sent_it(data, gateway))
    except BlockingIOError:
        return


async def fire(
    server: LorawanServer, *, rate: int, copies: int, seconds: float, first: int = 0
) -> tuple[list[Sent], float]:
    """Load a server's UDP door, counters from ``first`` on; gives what was sent and how long it took (seconds)."""
    context = multiprocessing.get_context("spawn")
    told, ready = context.Queue(), context.Event()
    port = udp_door(server).port
    child = context.Process(
        target=_shoot,
        args=(port, rate),
        kwargs={
            "copies": copies,
            "seconds": seconds,
            "first": first,
            "told": told,
            "ready": ready,
        },
        daemon=True,
    )
    child.start()
    await asyncio.sleep(2)
    ready.set()
    found = await asyncio.to_thread(told.get, timeout=seconds * 5 + 60)
    await asyncio.to_thread(child.join, 5)
    return found[0], found[1]


def at_share(values: list[float], share: float) -> float | None:
    """The value below which ``share`` of the sorted ``values`` (seconds) lie, in milliseconds; None without any."""
    at = min(int(share * len(values)), len(values) - 1)
    return round(1000 * values[at], 1) if values else None

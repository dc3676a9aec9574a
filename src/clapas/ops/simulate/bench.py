"""Messages for measuring: as many as one wants, quickly made, each with an identity of its own.

Four kinds: ``native`` (JSON on ``up/…``), and ChirpStack v4 events that carry ``lpp`` (Cayenne), ``elsys``
(a Python codec of ours) or ``script`` (Elsys bytes for a device whose model decodes them in JavaScript).
"""

import struct
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from clapas.domain.errors import InvalidInput

BenchKind = Literal["native", "lpp", "elsys", "script"]
CHANNELS = ("index", "flow", "temperature", "battery", "pressure", "humidity", "co2", "level")
EUI_PREFIX = 0x70B3D57ED2000000
APPLICATION = "0c1a9a5d-0000-4000-8000-000000000002"
PER_MESSAGE = {"lpp": 3, "elsys": 5, "script": 5}
"""Values in a frame of each coded kind."""


class BenchDevice(msgspec.Struct, frozen=True):
    """A device to register before measuring."""

    key: str
    kind: BenchKind


def bench_devices(devices: int, kinds: Mapping[BenchKind, float]) -> tuple[BenchDevice, ...]:
    """The devices, kinds mixed evenly by their shares (which need not add up to 1)."""
    total = sum(kinds.values())
    if devices < 1 or total <= 0 or any(share < 0 for share in kinds.values()):
        raise InvalidInput("a bench has devices and shares", devices=devices)
    owed = dict.fromkeys(kinds, 0.0)
    found = []
    for number in range(1, devices + 1):
        for kind, share in kinds.items():
            owed[kind] += share / total
        kind = max(owed, key=lambda each: owed[each])
        owed[kind] -= 1
        key = f"bench-{number:06}" if kind == "native" else f"{EUI_PREFIX + number:016x}"
        found.append(BenchDevice(key, kind))
    return tuple(found)


def bench_messages(
    devices: tuple[BenchDevice, ...], *, rate: float, values_per_message: int = 4, start_ms: int = 0
) -> Iterator[tuple[str, bytes]]:
    """Topic and payload without end, devices in turn, measured times ``1/rate`` seconds apart.

    Native messages hold ``values_per_message`` values; coded ones as many as ``PER_MESSAGE`` says.
    """
    if not 1 <= values_per_message <= len(CHANNELS) or rate <= 0:
        raise InvalidInput(f"1 to {len(CHANNELS)} values a message, a rate above 0")
    start = start_ms or time.time_ns() // 1_000_000
    pattern = _native_pattern(values_per_message)
    topics = [_topic(each) for each in devices]
    heads = [_head(each) for each in devices]
    turn = 0
    while True:
        for place, device in enumerate(devices):
            now = start + int((turn * len(devices) + place) * 1000 / rate)
            if device.kind == "native":
                numbers = _numbers(turn, place, values=values_per_message)
                yield topics[place], pattern % (now, *numbers)
            else:
                yield topics[place], heads[place] % _event(device.kind, turn, place=place, now=now)
        turn += 1


def _topic(device: BenchDevice) -> str:
    if device.kind == "native":
        return f"up/{device.key}"
    return f"application/{APPLICATION}/device/{device.key}/event/up"


def _native_pattern(values: int) -> bytes:
    inside = b",".join(b'"%b":%%.3f' % name.encode() for name in CHANNELS[:values])
    return b'{"time":%d,"values":{' + inside + b"}}"


def _numbers(turn: int, place: int, *, values: int) -> tuple[float, ...]:
    wave = ((turn * 37 + place * 11) % 200) / 100 - 1
    series = (
        1000 + place + turn * 0.012,
        0.4 + 0.2 * wave,
        14 + 6 * wave,
        3.6,
        4.2,
        0.55,
        600.0,
        0.8,
    )
    return series[:values]


def _head(device: BenchDevice) -> bytes:
    port = 2 if device.kind == "lpp" else 5
    return (
        b'{"deduplicationId":"%d-%b","time":"%b","deviceInfo":{"deviceProfileName":"bench","deviceName":'
        b'"%b","devEui":"%b"},"devAddr":"%b","dr":5,"fCnt":%%d,"fPort":%d,"data":"%%b","rxInfo":[{'
        b'"gatewayId":"0016c001ff10a235","rssi":-97,"snr":7.2}],"txInfo":{"frequency":868100000,'
        b'"modulation":{"lora":{"bandwidth":125000,"spreadingFactor":7}}}}'
    ).replace(b'"%d-%b","time":"%b"', b'"%%d","time":"%%b"') % (
        device.key.encode(), device.key.encode(), device.key[-8:].encode(), port,
    )  # fmt: skip


def _event(kind: str, turn: int, *, place: int, now: int) -> tuple[int, bytes, int, bytes]:
    """What the head misses: deduplication id, time, counter, data."""
    seconds, rest = divmod(now, 1000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%03dZ" % rest
    warm = 140 + (turn * 7 + place) % 90
    if kind == "lpp":
        data = struct.pack(">BBhBBBBBH", 1, 103, warm, 2, 104, 110, 3, 116, 361)
    else:
        data = struct.pack(">BhBBBHBHBH", 1, warm, 2, 55, 4, 300, 6, 700 + warm, 7, 3600)
    return turn * 1_000_000 + place, stamp, turn & 0xFFFF, b64encode(data)

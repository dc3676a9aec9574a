"""Wyres W-BASE (wbasev2): door, movement, climate and light nodes of the University of Grenoble.

Source: wyres/mynewt-generic-app ``app_msg.h`` (Apache-2.0) for the frame, and the maker's published decoder
wyres/wyresdecoder for the tags. Byte 0: bits 0–3 downlink id, 4–5 version, 6 the node listens, 7 parity;
byte 1: length of what follows; then tag, length, little-endian value, again and again.
"""

from collections.abc import Callable, Sequence

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import G, number
from clapas.domain.message import Reading

TAG_VERSION, TAG_UPTIME, TAG_TEMPERATURE, TAG_PRESSURE = 0x00, 0x01, 0x03, 0x04
TAG_LIGHT, TAG_BATTERY, TAG_NOISE, TAG_MOVE, TAG_FALL, TAG_SHOCK = (
    0x06,
    0x07,
    0x0A,
    0x0C,
    0x0D,
    0x0E,
)
TAG_ORIENTATION, TAG_REBOOT, TAG_ASSERT, TAG_LOG_CALLER = 0x0F, 0x10, 0x11, 0x18
GRAVITY_STEPS = 64
"""Acceleration counts of one g, as still nodes show in the capture."""
PRODUCTS = {0x69CD143F: "wbasev2_houches"}
"""Hash of the firmware's target → its name, as the capture gives it."""


def decode(frame: Frame) -> Sequence[Reading]:
    """Readings of one uplink; tags that say nothing of the place are left out."""
    payload = frame.payload
    header = number(payload, 0, size=1)
    version = header >> 4 & 3
    if version != 1:
        raise CodecError(f"version {version} of the Wyres frame is not known")
    if number(payload, 1, size=1) != len(payload) - 2:
        raise CodecError(f"{payload[1]} bytes are announced, {len(payload) - 2} follow")
    readings = [
        Reading("payloadVersion", float(version)),
        Reading("willListen", bool(header & 0x40)),
    ]
    at = 2
    while at < len(payload):
        tag, size = payload[at], number(payload, at + 1, size=1)
        value = payload[at + 2 : at + 2 + size]
        if len(value) < size:
            raise CodecError(f"tag 0x{tag:02x} at byte {at} is cut short")
        if tag in _READERS:
            readings += _READERS[tag](value)
        at += 2 + size
    return readings


def _scaled(
    channel: str, size: int, *, divisor: float, quantity: str, signed: bool = False
) -> Callable[[bytes], list[Reading]]:
    def read(value: bytes) -> list[Reading]:
        raw = number(value, 0, size=size, order="little", signed=signed)
        return [Reading(channel, raw / divisor, quantity)]

    return read


def _light(value: bytes) -> list[Reading]:
    """The raw reading of the light cell, which has no unit; it is one byte long, or two."""
    return [Reading("light", float(int.from_bytes(value[:2], "little")))]


def _seconds(channel: str) -> Callable[[bytes], list[Reading]]:
    """Seconds of the node's own clock, which starts when it starts."""

    def read(value: bytes) -> list[Reading]:
        return [Reading(channel, float(number(value, 0, size=4, order="little")), "", "SEC")]

    return read


def _uptime(value: bytes) -> list[Reading]:
    return [Reading("uptime", float(number(value, 0, size=4, order="little")), "uptime")]


def _orientation(value: bytes) -> list[Reading]:
    axes = [number(value, 1 + place, size=1, signed=True) for place in range(3)]
    return [Reading("orientation", float(number(value, 0, size=1)))] + [
        Reading(f"orientation.{axis}", round(raw * G / GRAVITY_STEPS, 6), f"acceleration_{axis}")
        for axis, raw in zip("xyz", axes, strict=True)
    ]


def _hexadecimal(channel: str) -> Callable[[bytes], list[Reading]]:
    def read(value: bytes) -> list[Reading]:
        return [Reading(channel, value.hex().upper())]

    return read


def _version(value: bytes) -> list[Reading]:
    major, minor = number(value, 0, size=1), number(value, 1, size=1)
    product = number(value, 4, size=4, order="little")
    return [
        Reading("version.version", f"{major}.{minor}"),
        Reading("version.build", float(number(value, 2, size=2, order="little"))),
        Reading("version.product", PRODUCTS.get(product, f"{product:08x}")),
    ]


_READERS: dict[int, Callable[[bytes], list[Reading]]] = {
    TAG_VERSION: _version,
    TAG_UPTIME: _uptime,
    TAG_TEMPERATURE: _scaled("temperature", 2, divisor=100, quantity="temperature", signed=True),
    TAG_PRESSURE: _scaled("pressure", 4, divisor=100, quantity="atmospheric_pressure"),
    TAG_LIGHT: _light,
    TAG_BATTERY: _scaled("battery", 2, divisor=1000, quantity="battery_voltage"),
    TAG_MOVE: _seconds("move"),
    TAG_FALL: _seconds("fall"),
    TAG_SHOCK: _seconds("shock"),
    TAG_ORIENTATION: _orientation,
    TAG_REBOOT: _hexadecimal("rebootReason"),
    TAG_ASSERT: _hexadecimal("lastAssert"),
    TAG_LOG_CALLER: _hexadecimal("lastLogCaller"),
}

_CAPTURE = "CampusIoT, Grenoble, Saint-Eynard 2023 (ODbL-1.0)"

CODEC = DeviceCodec(
    name="wyres_wbase",
    label="Wyres W-BASE",
    maker="Wyres",
    models=("W-BASE v2",),
    profiles=("wyres", "wbase", "w-base"),
    decode=decode,
    examples=(
        Example(
            description="a door that moved, in the light",
            payload=(
                "50270c048b920a000f040203fbba06010f0302d70904045f570100f00c000000000000000000a40108"
            ),
            f_port=3,
            values={
                "payloadVersion": 1.0,
                "willListen": True,
                "move": 692875.0,
                "orientation": 2.0,
                "orientation.x": 0.459687,
                "orientation.y": -0.766145,
                "orientation.z": -10.726023,
                "light": 15.0,
                "temperature": 25.19,
                "pressure": 879.03,
            },
            source=_CAPTURE,
        ),
        Example(
            description="battery among the values",
            payload=(
                "502b0c04d4a00a000f0400fd40fe06010007026c0d0302d3060404f7560100"
                "f00c000000000000000000a40108"
            ),
            f_port=3,
            values={
                "payloadVersion": 1.0,
                "willListen": True,
                "move": 696532.0,
                "orientation": 0.0,
                "orientation.x": -0.459687,
                "orientation.y": 9.80665,
                "orientation.z": -0.306458,
                "light": 0.0,
                "battery": 3.436,
                "temperature": 17.47,
                "pressure": 877.99,
            },
            source=_CAPTURE,
        ),
        Example(
            description="just started",
            payload="5006010423000000",
            f_port=1,
            values={"payloadVersion": 1.0, "willListen": True, "uptime": 35.0},
            source=_CAPTURE,
        ),
    ),
)

"""Cayenne Low Power Payload, both ways: channel (1 byte), type (1 byte), value, again and again.

Types and resolutions: myDevices' Cayenne LPP (IPSO objects minus 3200) with the extended types of the
widespread ElectronicCats library. Multi-byte values are big endian. The channels of readings are
``<type>_<channel>`` (``temperature_1``); a type of several values adds its own part (``gps_2.altitude``).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from clapas.codecs.errors import CodecError
from clapas.codecs.job import MAX_INPUT
from clapas.domain.message import Reading


class Part(msgspec.Struct, frozen=True, gc=False):
    """One number of a type: bytes, resolution, sign; its quantity and the factor to its unit.

    The decoded number is ``raw / divisor`` in LPP's unit; a reading holds ``raw * scale / divisor`` in
    the quantity's internal unit.
    """

    name: str
    size: int
    divisor: int = 1
    signed: bool = False
    quantity: str = ""
    scale: float = 1.0
    unit: str = ""


class Kind(msgspec.Struct, frozen=True, gc=False):
    """An LPP type: its code, name and parts."""

    code: int
    name: str
    parts: tuple[Part, ...]


G = 9.80665
"""Standard gravity, m/s²."""

KINDS: tuple[Kind, ...] = (
    Kind(0, "digital_input", (Part("", 1),)),
    Kind(1, "digital_output", (Part("", 1),)),
    Kind(2, "analog_input", (Part("", 2, 100, signed=True),)),
    Kind(3, "analog_output", (Part("", 2, 100, signed=True),)),
    Kind(100, "generic", (Part("", 4),)),
    Kind(101, "illuminance", (Part("", 2, quantity="illuminance"),)),
    Kind(102, "presence", (Part("", 1, quantity="presence"),)),
    Kind(103, "temperature", (Part("", 2, 10, signed=True, quantity="temperature"),)),
    Kind(104, "humidity", (Part("", 1, 2, quantity="relative_humidity", scale=0.01),)),
    Kind(
        113,
        "accelerometer",
        tuple(
            Part(axis, 2, 1000, signed=True, quantity=f"acceleration_{axis}", scale=G)
            for axis in "xyz"
        ),
    ),
    Kind(115, "barometer", (Part("", 2, 10, quantity="atmospheric_pressure"),)),
    Kind(116, "voltage", (Part("", 2, 100, quantity="voltage"),)),
    Kind(117, "current", (Part("", 2, 1000, quantity="current"),)),
    Kind(118, "frequency", (Part("", 4, quantity="frequency"),)),
    Kind(120, "percentage", (Part("", 1, unit="P1"),)),
    Kind(121, "altitude", (Part("", 2, signed=True, unit="MTR"),)),
    Kind(125, "concentration", (Part("", 2, unit="59"),)),
    Kind(128, "power", (Part("", 2, quantity="power"),)),
    Kind(130, "distance", (Part("", 4, 1000, quantity="distance"),)),
    Kind(131, "energy", (Part("", 4, 1000, quantity="energy_index"),)),
    Kind(132, "direction", (Part("", 2, unit="DD"),)),
    Kind(133, "time", (Part("", 4, unit="SEC"),)),
    Kind(134, "gyrometer", tuple(Part(axis, 2, 100, signed=True, unit="E96") for axis in "xyz")),
    Kind(135, "colour", tuple(Part(each, 1) for each in ("red", "green", "blue"))),
    Kind(
        136,
        "gps",
        (
            Part("latitude", 3, 10_000, signed=True, unit="DD"),
            Part("longitude", 3, 10_000, signed=True, unit="DD"),
            Part("altitude", 3, 100, signed=True, unit="MTR"),
        ),
    ),
    Kind(142, "switch", (Part("", 1),)),
)
"""Every type that is decoded; 'concentration' is in ppm, 'time' in seconds since 1970."""

_BY_CODE = {kind.code: kind for kind in KINDS}
_BY_NAME = {kind.name: kind for kind in KINDS}


def decode_cayenne(payload: bytes) -> list[Reading]:
    """Readings of a whole payload.

    Raises:
        CodecError: an unknown type, or bytes missing or left over.
    """
    if len(payload) > MAX_INPUT:
        raise CodecError(f"the payload is longer than {MAX_INPUT} bytes")
    readings: list[Reading] = []
    at = 0
    while at < len(payload):
        if at + 2 > len(payload):
            raise CodecError(f"a channel without a type at byte {at}")
        channel, code = payload[at], payload[at + 1]
        kind = _BY_CODE.get(code)
        if kind is None:
            raise CodecError(f"type {code} at byte {at + 1} is not a Cayenne LPP type")
        at = _take(payload, at + 2, channel=channel, kind=kind, readings=readings)
    return readings


def _take(payload: bytes, at: int, *, channel: int, kind: Kind, readings: list[Reading]) -> int:
    for part in kind.parts:
        chunk = payload[at : at + part.size]
        if len(chunk) < part.size:
            raise CodecError(f"the {kind.name} of channel {channel} is cut short")
        raw = int.from_bytes(chunk, "big", signed=part.signed)
        name = f"{kind.name}_{channel}" + (f".{part.name}" if part.name else "")
        value = round(raw * part.scale / part.divisor, 9)
        readings.append(Reading(name, value, part.quantity, part.unit))
        at += part.size
    return at


def encode_cayenne(items: Iterable[tuple[int, str, Any]]) -> bytes:
    """Bytes of ``(channel, type name, value in LPP's unit)``; several values as a sequence.

    LPP's units: °C, % of humidity, hPa, V, A, W, m, kWh, g of acceleration, ° and metres of a place.

    Raises:
        CodecError: an unknown type, or a value that does not fit.
    """
    out = bytearray()
    for channel, name, value in items:
        kind = _BY_NAME.get(name)
        if kind is None:
            raise CodecError(f"{name!r} is not a Cayenne LPP type")
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        if len(values) != len(kind.parts) or not 0 <= channel <= 255:
            raise CodecError(f"{name} takes {len(kind.parts)} values, on a channel from 0 to 255")
        out += bytes((channel, kind.code))
        for part, each in zip(kind.parts, values, strict=True):
            out += _put(name, part, value=each)
    return bytes(out)


def _put(name: str, part: Part, *, value: Any) -> bytes:
    try:
        raw = round(float(value) * part.divisor)
        return raw.to_bytes(part.size, "big", signed=part.signed)
    except (TypeError, ValueError, OverflowError) as problem:
        raise CodecError(f"{value!r} does not fit in {name}") from problem

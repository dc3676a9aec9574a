"""Elsys sensors: ERS, ERS CO2, ERS Sound, ERS Eye, EMS, ELT-2, ESM…

Every Elsys sensor speaks the same language: a type byte, then its big-endian value, again and again.
Source: ELSYS "Payload format" and the maker's published decoder (elsys.se/en/elsys-payload). Port 5 carries
measurements, port 6 the sensor's settings, which are not measurements. Type 0x3D is the maker's debugging.
"""

from collections.abc import Sequence

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import Field, G, read_fields
from clapas.domain.message import Reading

SETTINGS_PORT = 6
SETTINGS_TYPE = 0x3E

TYPES: dict[int, tuple[int, tuple[Field, ...]]] = {
    0x01: (2, (Field("temperature", 2, 10, signed=True, quantity="temperature"),)),
    0x02: (1, (Field("humidity", 1, 100, quantity="relative_humidity"),)),
    0x03: (
        3,
        tuple(
            Field(axis, 1, 63, signed=True, quantity=f"acceleration_{axis}", at=place, scale=G)
            for place, axis in enumerate("xyz")
        ),
    ),
    0x04: (2, (Field("light", 2, quantity="illuminance"),)),
    0x05: (1, (Field("motion", 1, quantity="presence"),)),
    0x06: (2, (Field("co2", 2, quantity="co2"),)),
    0x07: (2, (Field("vdd", 2, 1000, quantity="battery_voltage"),)),
    0x08: (2, (Field("analog1", 2, 1000, quantity="voltage"),)),
    0x09: (
        6,
        (
            Field("lat", 3, 10_000, signed=True, unit="DD"),
            Field("long", 3, 10_000, signed=True, unit="DD", at=3),
        ),
    ),
    0x0A: (2, (Field("pulse1", 2, unit="C62"),)),
    0x0B: (4, (Field("pulseAbs", 4, quantity="count_index"),)),
    0x0C: (2, (Field("externalTemperature", 2, 10, signed=True, quantity="temperature"),)),
    0x0D: (1, (Field("digital", 1, unit="C62"),)),
    0x0E: (2, (Field("distance", 2, 1000, quantity="distance"),)),
    0x0F: (1, (Field("accMotion", 1, unit="C62"),)),
    0x10: (
        4,
        (
            Field("irInternalTemperature", 2, 10, signed=True, quantity="temperature"),
            Field(
                "irExternalTemperature", 2, 10, signed=True, quantity="surface_temperature", at=2
            ),
        ),
    ),
    0x11: (1, (Field("occupancy", 1, quantity="presence"),)),
    0x12: (1, (Field("waterleak", 1, quantity="water_leak", flag=True),)),
    0x13: (65, ()),
    0x14: (4, (Field("pressure", 4, 1000, signed=True, quantity="atmospheric_pressure"),)),
    0x15: (
        2,
        (
            Field("soundPeak", 1, quantity="sound_level_max"),
            Field("soundAvg", 1, quantity="sound_level", at=1),
        ),
    ),
    0x16: (2, (Field("pulse2", 2, unit="C62"),)),
    0x17: (4, (Field("pulseAbs2", 4, quantity="count_index"),)),
    0x18: (2, (Field("analog2", 2, 1000, quantity="voltage"),)),
    0x19: (2, (Field("externalTemperature2", 2, 10, signed=True, quantity="temperature"),)),
    0x1A: (1, (Field("digital2", 1, unit="C62"),)),
    0x1B: (4, (Field("analogUv", 4, 1_000_000, signed=True, quantity="voltage"),)),
    0x1C: (2, (Field("tvoc", 2, unit="61"),)),
    0x3D: (4, ()),
}
"""Type → bytes and values. TVOC is in ppb (code 61): no exact conversion to µg/m³ exists."""


def decode(frame: Frame) -> Sequence[Reading]:
    """Readings of one uplink; several probes of type 0x19 are numbered from the second on."""
    payload, at = frame.payload, 0
    readings: list[Reading] = []
    if frame.f_port == SETTINGS_PORT or payload[:1] == bytes((SETTINGS_TYPE,)):
        return readings
    probes = 0
    while at < len(payload):
        code = payload[at]
        if code not in TYPES:
            raise CodecError(f"type 0x{code:02x} at byte {at} is not an Elsys type")
        size, fields = TYPES[code]
        if at + 1 + size > len(payload):
            raise CodecError(f"the value of type 0x{code:02x} at byte {at} is cut short")
        block = read_fields(fields, payload, start=at + 1, order="big")
        if code == 0x13:
            block = _grid(payload, at + 1)
        if code == 0x19:
            probes += 1
            if probes > 1:
                block = [
                    Reading(f"{each.channel}.{probes}", each.value, each.quantity, each.unit)
                    for each in block
                ]
        readings += block
        at += 1 + size
    return readings


def _grid(payload: bytes, at: int) -> list[Reading]:
    """Grid-EYE: a reference in °C, then 64 pixels above it in tenths of a degree."""
    reference = payload[at]
    return [
        Reading(f"grideye.{place}", round(reference + payload[at + 1 + place] / 10, 1), "", "CEL")
        for place in range(64)
    ]


_CAPTURE = "CampusIoT, Grenoble, Tour Perret 2023 (ODbL-1.0)"

CODEC = DeviceCodec(
    name="elsys",
    label="Elsys ERS, EMS, ELT",
    maker="Elsys",
    models=("ERS", "ERS CO2", "ERS Sound", "ERS Eye", "EMS", "EMS Door", "ELT-2", "ESM5k"),
    profiles=("elsys", "ers-co2", "ers co2", "ems door", "elt-2", "elt2"),
    decode=decode,
    examples=(
        Example(
            description="EMS on a tower in January",
            payload="0100460253033b0ffd070e200b000000000d000f001200",
            f_port=5,
            values={
                "temperature": 7.0,
                "humidity": 0.83,
                "x": 9.184006,
                "y": 2.334917,
                "z": -0.466983,
                "vdd": 3.616,
                "pulseAbs": 0.0,
                "digital": 0.0,
                "accMotion": 0.0,
                "waterleak": 0.0,
            },
            source=_CAPTURE,
        ),
        Example(
            description="EMS without climate values, maker's debugging at the end",
            payload="03c5ecf4070e0e0b000000000d000f0012003d01000002",
            f_port=5,
            values={
                "x": -9.184006,
                "y": -3.113222,
                "z": -1.867933,
                "vdd": 3.598,
                "pulseAbs": 0.0,
                "digital": 0.0,
                "accMotion": 0.0,
                "waterleak": 0.0,
            },
            source=_CAPTURE,
        ),
        Example(
            description="settings, on port 6: no measurement",
            payload=(
                "3e4b0701080509010a010b050d000c0513000002021400000258150000000116000000011700"
                "0000011d000000011e000000011f0000000120000000002200000000250326002700f51efb00e8"
            ),
            f_port=6,
            values={},
            source=_CAPTURE,
        ),
        Example(
            description="ERS CO2: climate, light, movement, CO₂, battery",
            payload="0100e202290400270506060308070d62",
            f_port=5,
            values={
                "temperature": 22.6,
                "humidity": 0.41,
                "light": 39.0,
                "motion": 6.0,
                "co2": 776.0,
                "vdd": 3.426,
            },
            source="ELSYS payload format, ERS CO2 example (elsys.se/en/elsys-payload)",
        ),
        Example(
            description="a value cut short",
            payload="010046025303",
            f_port=5,
            error="cut short",
            source="made from the first example",
        ),
    ),
)

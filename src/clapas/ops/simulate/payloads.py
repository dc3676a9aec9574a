"""What devices put in a LoRaWAN frame: Cayenne LPP and Elsys bytes, written apart from our decoders."""

import struct

Values = dict[str, float | bool]


def _voltage(values: Values) -> bytes:
    return struct.pack(">BBH", 3, 116, round(float(values["battery"]) * 100))


def meter(values: Values) -> bytes:
    """A water meter's index in litres: LPP generic sensor (100), channel 1."""
    return struct.pack(">BBI", 1, 100, round(float(values["index"]) * 1000) & 0xFFFFFFFF)


def climate(values: Values) -> bytes:
    """LPP temperature (channel 1), humidity (2, steps of 0.5 %), voltage (3)."""
    temperature = struct.pack(">BBh", 1, 103, round(float(values["temperature"]) * 10))
    return (
        temperature
        + struct.pack(">BBB", 2, 104, round(float(values["humidity"]) * 200))
        + _voltage(values)
    )


def soil(values: Values) -> bytes:
    """LPP humidity of the soil (channel 1), temperature (2), voltage (3)."""
    moisture = struct.pack(">BBB", 1, 104, round(float(values["moisture"]) * 200))
    return (
        moisture
        + struct.pack(">BBh", 2, 103, round(float(values["temperature"]) * 10))
        + _voltage(values)
    )


def waste(values: Values) -> bytes:
    """LPP distance in millimetres (channel 1), temperature (2), voltage (3)."""
    distance = struct.pack(">BBI", 1, 130, round(float(values["distance"]) * 1000))
    return (
        distance
        + struct.pack(">BBh", 2, 103, round(float(values["temperature"]) * 10))
        + _voltage(values)
    )


def elsys(values: Values) -> bytes:
    """An Elsys ERS CO₂: temperature, humidity, light, movement, CO₂, battery."""
    return struct.pack(
        ">BhBBBHBBBHBH",
        0x01,
        round(float(values["temperature"]) * 10),
        0x02,
        round(float(values["humidity"]) * 100),
        0x04,
        round(float(values["light"])),
        0x05,
        min(255, round(float(values["motion"]))),
        0x06,
        round(float(values["co2"])),
        0x07,
        round(float(values["vdd"]) * 1000),
    )

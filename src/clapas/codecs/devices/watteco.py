"""Watteco (nke) sensors: standard reports in the manner of Zigbee's cluster library, on port 125.

Source: Watteco "LoRaWAN applicative layer" and the examples of Watteco/Codec-API-LoRaWAN. Byte 0 holds the
end point, then command, cluster (2), attribute (2), ZCL type, value, big endian. 0x0A is a report, 0x8A a
report with the causes of an alarm behind it, 0x01 the answer to a reading. Batch reports are refused:
their Huffman tables belong to each model and are read by the maker's JavaScript codec.
"""

from collections.abc import Callable, Sequence

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import number
from clapas.domain.message import Reading

READ_RESPONSE, REPORT, ALARM_REPORT = 0x01, 0x0A, 0x8A
SIZES = {0x08: 1, 0x10: 1, 0x18: 1, 0x20: 1, 0x21: 2, 0x23: 4, 0x28: 1, 0x29: 2, 0x2B: 4}
SIGNED = frozenset({0x28, 0x29, 0x2B})
BYTES = 0x41

Reader = Callable[[int], Reading]


def decode(frame: Frame) -> Sequence[Reading]:
    """Readings of one standard report; clusters that measure nothing give none."""
    payload = frame.payload
    control, command = number(payload, 0, size=1), number(payload, 1, size=1)
    if not control & 1:
        raise CodecError("this is a batch report: use the maker's JavaScript codec")
    if command not in (READ_RESPONSE, REPORT, ALARM_REPORT):
        return []
    cluster, attribute = number(payload, 2, size=2), number(payload, 4, size=2)
    at = 7 if command == READ_RESPONSE else 6
    end_point = (control & 0xE0) >> 5 | (control & 0x06) << 2
    suffix = f"_{end_point + 1}" if end_point else ""
    kind = number(payload, at, size=1)
    if kind == BYTES:
        size = number(payload, at + 1, size=1)
        content = payload[at + 2 : at + 2 + size]
        if len(content) < size:
            raise CodecError("the value is cut short")
        return _structure(cluster, attribute, content=content, suffix=suffix)
    if (cluster, attribute) not in VALUES:
        return []
    if kind not in SIZES:
        raise CodecError(f"type 0x{kind:02x} is not one of a measurement")
    channel, divisor, quantity, unit = VALUES[cluster, attribute]
    raw = number(payload, at + 1, size=SIZES[kind], signed=kind in SIGNED)
    return [Reading(channel + suffix, raw / divisor, quantity, unit)]


VALUES: dict[tuple[int, int], tuple[str, float, str, str]] = {
    (0x0402, 0x0000): ("temperature", 100, "temperature", ""),
    (0x0405, 0x0000): ("humidity", 10_000, "relative_humidity", ""),
    (0x0403, 0x0000): ("pressure", 1, "atmospheric_pressure", ""),
    (0x0400, 0x0000): ("illuminance", 1, "illuminance", ""),
    (0x0406, 0x0000): ("occupancy", 1, "presence", ""),
    (0x000F, 0x0055): ("state", 1, "", "C62"),
    (0x000F, 0x0402): ("index", 1, "count_index", ""),
}
"""(cluster, attribute) → channel, divisor, quantity, unit."""


def _structure(cluster: int, attribute: int, *, content: bytes, suffix: str) -> list[Reading]:
    if (cluster, attribute) == (0x0052, 0x0000):
        return [
            Reading(
                f"{channel}{suffix}",
                number(content, at, size=size, signed=signed) / divisor,
                quantity,
                unit,
            )
            for channel, at, size, signed, divisor, quantity, unit in METERING
        ]
    if (cluster, attribute) == (0x0050, 0x0006):
        return _power(content)
    return []


METERING = (
    ("active_energy", 0, 3, True, 1000, "energy_index", ""),
    ("reactive_energy", 3, 3, True, 1, "", "K3"),
    ("samples", 6, 2, False, 1, "", "C62"),
    ("active_power", 8, 2, True, 1, "power", ""),
    ("reactive_power", 10, 2, True, 1, "reactive_power", ""),
)
"""Cluster 0x0052: sums in W·h and var·h since the start, then the powers."""

SOURCES = ("mains", "rechargeable_battery", "disposable_battery", "solar", "tic")


def _power(content: bytes) -> list[Reading]:
    """Cluster 0x0050, node power: a bitmap of the sources there are, a voltage in mV for each."""
    present, at = number(content, 1, size=1), 2
    readings = []
    for bit, source in enumerate(SOURCES):
        if present >> bit & 1:
            volts = number(content, at, size=2) / 1000
            quantity = "battery_voltage" if "battery" in source else "voltage"
            readings.append(Reading(f"{source}_voltage", volts, quantity))
            at += 2
    return readings


_SOURCE = "Watteco/Codec-API-LoRaWAN clusters_examples/"

CODEC = DeviceCodec(
    name="watteco",
    label="Watteco standard reports",
    maker="Watteco",
    models=("TH", "Flash'O", "Pulse Sens'O", "In'O", "Smart Plug", "Atm'O"),
    profiles=("watteco", "nke"),
    decode=decode,
    examples=(
        Example(
            description="temperature",
            payload="110a04020000290b89",
            f_port=125,
            values={"temperature": 29.53},
            source=_SOURCE + "examples_temperature.json",
        ),
        Example(
            description="temperature with the causes of two alarms",
            payload="118a0402000029075590b0b1",
            f_port=125,
            values={"temperature": 18.77},
            source=_SOURCE + "examples_temperature.json",
        ),
        Example(
            description="humidity",
            payload="110a04050000210e89",
            f_port=125,
            values={"humidity": 0.3721},
            source=_SOURCE + "examples_humidity.json",
        ),
        Example(
            description="a pulse counter at its start",
            payload="110a000f04022300000000",
            f_port=125,
            values={"index": 0.0},
            source=_SOURCE + "examples_binary.json",
        ),
        Example(
            description="battery",
            payload="110a00500006410503040e6804",
            f_port=125,
            values={"disposable_battery_voltage": 3.688},
            source=_SOURCE + "examples_configuration.json",
        ),
        Example(
            description="energy, second end point",
            payload="310a00520000410c000047ffffbe0063002fffd6",
            f_port=125,
            values={
                "active_energy_2": 0.071,
                "reactive_energy_2": -66.0,
                "samples_2": 99.0,
                "active_power_2": 47.0,
                "reactive_power_2": -42.0,
            },
            source=_SOURCE + "examples_simple_metering_like.json",
        ),
    ),
)

"""Dragino LDDS75, DDS75-LB: ultrasonic distance of bins, tanks and sewers.

Source: Dragino LDDS75 user manual 2.3 (uplink payload): battery (mV), distance (mm), interrupt, DS18B20 in
tenths of °C, sensor flag. Without its probe the device sends a temperature of zero, which is left out.
"""

from collections.abc import Sequence

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.octets import Field, number, read_fields
from clapas.domain.message import Reading

DATA_PORT = 2
_FIELDS = (
    Field("distance", 2, 1000, quantity="distance", at=2, absent=0),
    Field("temperature", 2, 10, signed=True, quantity="temperature", at=5, absent=0),
)


def decode(frame: Frame) -> Sequence[Reading]:
    """Readings of the data port; a distance of zero means that the sensor is not there."""
    payload = frame.payload
    if frame.f_port not in {None, DATA_PORT}:
        return []
    battery = Reading("battery", (number(payload, 0, size=2) & 0x3FFF) / 1000, "battery_voltage")
    return [battery, *read_fields(_FIELDS, payload, start=0, order="big")]


_MANUAL = "made of the field examples of the Dragino LDDS75 user manual 2.3"

CODEC = DeviceCodec(
    name="dragino_ldds75",
    label="Dragino LDDS75 distance",
    maker="Dragino",
    models=("LDDS75", "DDS75-LB"),
    profiles=("ldds75", "dds75"),
    decode=decode,
    examples=(
        Example(
            description="distance",
            payload="0d0a07e900000001",
            f_port=2,
            values={"battery": 3.338, "distance": 2.025},
            source="chirpstack/lorawan-device-profiles test_decode_ldds75.json (MIT)",
        ),
        Example(
            description="with a probe",
            payload="0b490b0500010501",
            f_port=2,
            values={"battery": 2.889, "distance": 2.821, "temperature": 26.1},
            source=_MANUAL,
        ),
        Example(
            description="frost, and no ultrasonic sensor",
            payload="0b45000000ff3f00",
            f_port=2,
            values={"battery": 2.885, "temperature": -19.3},
            source=_MANUAL,
        ),
    ),
)

"""Dragino LHT65, LHT65N: climate, with a temperature probe, a light cell or a counter outside.

Source: Dragino LHT65 user manual 2.4 (uplink payload). Bits 14–15 of the battery say its state; byte 6 which
probe is plugged in.
"""

from collections.abc import Sequence

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.octets import Field, read_fields
from clapas.codecs.octets import number as take
from clapas.domain.message import Reading

DATA_PORT = 2
ABSENT = 0x7FFF
_CLIMATE = (
    Field("temperature", 2, 100, signed=True, quantity="temperature", at=2, absent=ABSENT),
    Field("humidity", 2, 1000, quantity="relative_humidity", at=4, absent=0xFFFF),
)
_PROBES: dict[int, tuple[Field, ...]] = {
    1: (
        Field(
            "probe_temperature", 2, 100, signed=True, quantity="temperature", at=7, absent=ABSENT
        ),
    ),
    5: (Field("illuminance", 2, quantity="illuminance", at=7),),
    6: (Field("adc_voltage", 2, 1000, quantity="voltage", at=7),),
    7: (Field("count", 2, quantity="count_index", at=7),),
    8: (Field("count", 4, quantity="count_index", at=7),),
}


def decode(frame: Frame) -> Sequence[Reading]:
    """Readings of the data port; other ports carry settings and logs."""
    payload = frame.payload
    if frame.f_port not in {None, DATA_PORT}:
        return []
    battery = take(payload, 0, size=2)
    readings = [
        Reading("battery", (battery & 0x3FFF) / 1000, "battery_voltage"),
        *read_fields(_CLIMATE, payload, start=0, order="big"),
    ]
    probe = take(payload, 6, size=1) & 0x7F
    if probe in _PROBES:
        readings += read_fields(_PROBES[probe], payload, start=0, order="big")
    return readings


CODEC = DeviceCodec(
    name="dragino_lht65",
    label="Dragino LHT65 climate",
    maker="Dragino",
    models=("LHT65", "LHT65N"),
    profiles=("lht65",),
    decode=decode,
    examples=(
        Example(
            description="climate, the probe not plugged in",
            payload="cbc6008200f2017fff7fff",
            f_port=2,
            values={"battery": 3.014, "temperature": 1.3, "humidity": 0.242},
            source="chirpstack/lorawan-device-profiles test_decode_lht65n.json (MIT)",
        ),
        Example(
            description="climate and probe",
            payload="cbf60b0d0376010add7fff",
            f_port=2,
            values={
                "battery": 3.062,
                "temperature": 28.29,
                "humidity": 0.886,
                "probe_temperature": 27.81,
            },
            source="Dragino LHT65 user manual, uplink payload",
        ),
        Example(
            description="cut short",
            payload="cbf60b0d",
            f_port=2,
            error="cut short",
            source="made from the second example",
        ),
    ),
)

"""Decentlab DL-MBX: ultrasonic distance to water, waste or snow.

Source: decentlab/decentlab-decoders DL-MBX (Python decoder and its payloads).
"""

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._decentlab import BATTERY, Sensor, Value, decoder

decode = decoder(
    Sensor(
        2,
        (
            Value("distance", lambda x, _: x[0] / 1000, "distance"),
            Value("samples", lambda x, _: float(x[1]), "", "C62"),
        ),
    ),
    BATTERY,
)

_SOURCE = "decentlab/decentlab-decoders DL-MBX"

CODEC = DeviceCodec(
    name="decentlab_mbx",
    label="Decentlab DL-MBX distance",
    maker="Decentlab",
    models=("DL-MBX",),
    profiles=("dl-mbx",),
    decode=decode,
    examples=(
        Example(
            description="distance",
            payload="02012f000304d200010bb1",
            values={"distance": 1.234, "samples": 1.0, "battery": 2.993},
            source=_SOURCE,
        ),
        Example(
            description="battery alone",
            payload="02012f00020bb1",
            values={"battery": 2.993},
            source=_SOURCE,
        ),
        Example(
            description="words announced that do not come",
            payload="02012f000304d2",
            error="cut short",
            source="made from the first example",
        ),
    ),
)

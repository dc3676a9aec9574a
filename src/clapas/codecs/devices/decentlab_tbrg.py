"""Decentlab DL-TBRG: tipping-bucket rain gauge.

Source: decentlab/decentlab-decoders DL-TBRG. The variable ``resolution`` is the millimetres of one tip (0.1
when it is not given).
"""

from collections.abc import Mapping
from typing import Any

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._decentlab import BATTERY, Sensor, Value, decoder, variable


def _resolution(variables: Mapping[str, Any]) -> float:
    return variable(variables, "resolution", default=0.1)


decode = decoder(
    Sensor(
        4,
        (
            Value("precipitation", lambda x, v: x[0] * _resolution(v), "precipitation"),
            Value("interval", lambda x, _: float(x[1]), "", "SEC"),
            Value("total", lambda x, v: (x[2] + x[3] * 65536) * _resolution(v), "rain_index"),
        ),
    ),
    BATTERY,
)

_SOURCE = "decentlab/decentlab-decoders DL-TBRG (resolution=0.1)"

CODEC = DeviceCodec(
    name="decentlab_tbrg",
    label="Decentlab DL-TBRG rain",
    maker="Decentlab",
    models=("DL-TBRG",),
    profiles=("dl-tbrg",),
    decode=decode,
    examples=(
        Example(
            description="rain in ten minutes",
            payload="0202f8000300040258409a00000c54",
            values={
                "precipitation": 0.4,
                "interval": 600.0,
                "total": 1653.8,
                "battery": 3.156,
            },
            source=_SOURCE,
        ),
        Example(
            description="battery alone",
            payload="0202f800020c54",
            values={"battery": 3.156},
            source=_SOURCE,
        ),
        Example(
            description="a gauge of 0.2 mm",
            payload="0202f8000300040258409a00000c54",
            variables={"resolution": "0.2"},
            values={
                "precipitation": 0.8,
                "interval": 600.0,
                "total": 3307.6,
                "battery": 3.156,
            },
            source=_SOURCE,
        ),
    ),
)

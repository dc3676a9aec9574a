"""Decentlab DL-PR26, DL-PR21: pressure, liquid level and temperature of water.

Source: decentlab/decentlab-decoders DL-PR26 and DL-PR21. The range is the device's own: variables ``pmin``
and ``pmax`` in bar (0 to 1 when they are not given).
"""

from collections.abc import Mapping
from typing import Any

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._decentlab import BATTERY, Sensor, Value, Words, decoder, variable


def _pressure(words: Words, variables: Mapping[str, Any]) -> float:
    low, high = variable(variables, "pmin", default=0.0), variable(variables, "pmax", default=1.0)
    return (words[0] - 16384) / 32768 * (high - low) + low


decode = decoder(
    Sensor(
        2,
        (
            Value("pressure", _pressure, "water_pressure"),
            Value("temperature", lambda x, _: (x[1] - 384) * 0.003125 - 50, "water_temperature"),
        ),
    ),
    BATTERY,
)

_SOURCE = "decentlab/decentlab-decoders DL-PR26"

CODEC = DeviceCodec(
    name="decentlab_pr26",
    label="Decentlab DL-PR26, DL-PR21 level",
    maker="Decentlab",
    models=("DL-PR26", "DL-PR21"),
    profiles=("dl-pr26", "dl-pr21"),
    decode=decode,
    examples=(
        Example(
            description="pressure and temperature",
            payload="02016700033e8060170c7f",
            values={"pressure": -0.011719, "temperature": 25.671875, "battery": 3.199},
            source=_SOURCE,
        ),
        Example(
            description="battery alone",
            payload="02016700020c7f",
            values={"battery": 3.199},
            source=_SOURCE,
        ),
        Example(
            description="a range of its own",
            payload="02016700033e8060170c7f",
            variables={"pmin": "-1", "pmax": "10"},
            values={"pressure": -1.128906, "temperature": 25.671875, "battery": 3.199},
            source="decentlab/decentlab-decoders DL-PR21 (Pmin=-1.0, Pmax=10.0)",
        ),
        Example(
            description="another version of the frame",
            payload="01016700020c7f",
            error="version 1",
            source="made from the second example",
        ),
    ),
)

"""Decentlab DL-BLG: temperature of a black globe, for heat stress in streets and parks.

Source: decentlab/decentlab-decoders DL-BLG; Steinhart–Hart coefficients of its thermistor.
"""

from collections.abc import Mapping
from math import log
from typing import Any

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._decentlab import BATTERY, Sensor, Value, Words, decoder


def _ohms(words: Words) -> float:
    ratio = ((words[0] + words[1] * 65536) / 8388608 - 1) / 2
    return 1000 / ratio - 41000


def _celsius(words: Words, _: Mapping[str, Any]) -> float:
    logarithm = log(_ohms(words))
    inverse = 0.0008271111 + 0.000208802 * logarithm + 0.000000080592 * logarithm**3
    return 1 / inverse - 273.15


decode = decoder(Sensor(2, (Value("temperature", _celsius, "globe_temperature", "", 3),)), BATTERY)

_SOURCE = "decentlab/decentlab-decoders DL-BLG"

CODEC = DeviceCodec(
    name="decentlab_blg",
    label="Decentlab DL-BLG black globe",
    maker="Decentlab",
    models=("DL-BLG",),
    profiles=("dl-blg",),
    decode=decode,
    examples=(
        Example(
            description="black globe",
            payload="0230c50003a40c00810c60",
            values={"temperature": 22.029, "battery": 3.168},
            source=_SOURCE,
        ),
        Example(
            description="battery alone",
            payload="0230c500020c60",
            values={"battery": 3.168},
            source=_SOURCE,
        ),
        Example(
            description="a thermistor that is not connected",
            payload="0230c50003000000800c60",
            error="cannot be computed",
            source="made from the first example",
        ),
    ),
)

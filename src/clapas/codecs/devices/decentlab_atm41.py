"""Decentlab DL-ATM41: all-in-one weather station (METER ATMOS 41).

Source: decentlab/decentlab-decoders DL-ATM41. Every word is offset by 32768.
"""

from collections.abc import Mapping
from typing import Any

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._decentlab import BATTERY, Convert, Sensor, Value, Words, decoder


def _word(place: int, divisor: float = 1.0) -> Convert:
    def convert(words: Words, _: Mapping[str, Any]) -> float:
        return (words[place] - 32768) / divisor

    return convert


decode = decoder(
    Sensor(
        17,
        (
            Value("solar_radiation", _word(0), "solar_radiation"),
            Value("precipitation", _word(1, 1000), "precipitation"),
            Value("lightning_count", _word(2), "", "C62"),
            Value("lightning_distance", _word(3), "", "KMT"),
            Value("wind_speed", _word(4, 100), "wind_speed"),
            Value("wind_direction", _word(5, 10), "wind_direction"),
            Value("wind_gust", _word(6, 100), "wind_gust"),
            Value("temperature", _word(7, 10), "temperature"),
            Value("vapour_pressure", _word(8, 100), "", "KPA"),
            Value("pressure", _word(9, 10), "atmospheric_pressure"),
            Value("humidity", _word(10, 1000), "relative_humidity"),
            Value("sensor_temperature", _word(11, 10), "", "CEL"),
            Value("tilt_x", _word(12, 10), "tilt"),
            Value("tilt_y", _word(13, 10), "tilt"),
            Value("heading", _word(14), "", "DD"),
            Value("wind_north", _word(15, 100), "", "MTS"),
            Value("wind_east", _word(16, 100), "", "MTS"),
        ),
    ),
    BATTERY,
)

_SOURCE = "decentlab/decentlab-decoders DL-ATM41"

CODEC = DeviceCodec(
    name="decentlab_atm41",
    label="Decentlab DL-ATM41 weather station",
    maker="Decentlab",
    models=("DL-ATM41",),
    profiles=("dl-atm41",),
    decode=decode,
    examples=(
        Example(
            description="weather",
            payload=(
                "02035a0003800a8000800080008009812b8014810880b4a57c820c810980027fe88056800880040bf5"
            ),
            values={
                "solar_radiation": 10.0,
                "precipitation": 0.0,
                "lightning_count": 0.0,
                "lightning_distance": 0.0,
                "wind_speed": 0.09,
                "wind_direction": 29.9,
                "wind_gust": 0.2,
                "temperature": 26.4,
                "vapour_pressure": 1.8,
                "pressure": 959.6,
                "humidity": 0.524,
                "sensor_temperature": 26.5,
                "tilt_x": 0.2,
                "tilt_y": -2.4,
                "heading": 86.0,
                "wind_north": 0.08,
                "wind_east": 0.04,
                "battery": 3.061,
            },
            source=_SOURCE,
        ),
        Example(
            description="battery alone",
            payload="02035a00020bf5",
            values={"battery": 3.061},
            source=_SOURCE,
        ),
        Example(
            description="cut short",
            payload="02035a0003800a8000",
            error="cut short",
            source="made from the first example",
        ),
    ),
)

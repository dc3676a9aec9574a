"""The frame of every Decentlab sensor, protocol version 2.

Version (1 byte), device id (2), flags (2), then 16-bit big-endian words: bit n of the flags says that the
words of sensor n follow. What the words mean depends on the model. Source: decentlab/decentlab-decoders
(MIT), one directory a model, and the maker's data sheets.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from clapas.codecs.device import Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import number
from clapas.domain.message import Reading

VERSION = 2

Words = tuple[int, ...]
Convert = Callable[[Words, Mapping[str, Any]], float]


class Value(msgspec.Struct, frozen=True):
    """One value of a sensor: its channel, how the words and the device's variables give it."""

    channel: str
    convert: Convert
    quantity: str = ""
    unit: str = ""
    digits: int = 6


class Sensor(msgspec.Struct, frozen=True):
    """One sensor of the device: so many words, these values."""

    words: int
    values: tuple[Value, ...]


BATTERY = Sensor(1, (Value("battery", lambda x, _: x[0] / 1000, "battery_voltage"),))


def decoder(*sensors: Sensor) -> Callable[[Frame], Sequence[Reading]]:
    """The decoder of a model, from its sensors in the order of the flags."""

    def decode(frame: Frame) -> Sequence[Reading]:
        payload = frame.payload
        version = number(payload, 0, size=1)
        if version != VERSION:
            raise CodecError(f"version {version} of the Decentlab frame is not known")
        flags, at = number(payload, 3, size=2), 5
        readings: list[Reading] = []
        for place, sensor in enumerate(sensors):
            if not flags >> place & 1:
                continue
            words = tuple(number(payload, at + 2 * each, size=2) for each in range(sensor.words))
            readings += [
                _reading(value, words, variables=frame.variables) for value in sensor.values
            ]
            at += 2 * sensor.words
        return readings

    return decode


def variable(variables: Mapping[str, Any], name: str, *, default: float) -> float:
    """A number among the device's variables, which are text in most network servers."""
    try:
        return float(variables.get(name, default))
    except (TypeError, ValueError):
        raise CodecError(f"the device's variable {name!r} is not a number") from None


def _reading(value: Value, words: Words, *, variables: Mapping[str, Any]) -> Reading:
    try:
        number_ = value.convert(words, variables)
    except (ZeroDivisionError, OverflowError, ValueError) as problem:
        raise CodecError(f"{value.channel} cannot be computed: {problem}") from None
    if isinstance(number_, complex):
        raise CodecError(f"{value.channel} cannot be computed")
    return Reading(value.channel, round(number_, value.digits), value.quantity, value.unit)

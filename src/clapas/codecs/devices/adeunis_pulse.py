"""Adeunis Pulse 4 and Temp 4: pulse counters of water, gas and energy meters; temperatures.

Source: the examples of the device repository's vendor/adeunis (pulse-codec.yaml, temp-codec.yaml) and the
maker's user guides. Byte 0: frame code; byte 1: bits 5–7 counter, 4 two channels, 2 time stamp, 1 low
battery, 0 configured. The time stamp is in seconds since 2013-01-01, at the end. The device does not say
how far apart its samples are: past values are dated when the variable ``period_s`` gives it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import number
from clapas.domain.message import Reading

EPOCH = datetime(2013, 1, 1, tzinfo=UTC)
PULSE_A, PULSE_B, TEMPERATURE = 0x5A, 0x5B, 0x57


def decode(frame: Frame) -> Sequence[Reading]:
    """Readings of a frame of data; frames of settings and of life give the battery alone."""
    payload = frame.payload
    code, status = number(payload, 0, size=1), number(payload, 1, size=1)
    readings = [Reading("low_battery", bool(status & 2))]
    end, moment = len(payload), None
    if status & 4:
        end -= 4
        moment = EPOCH + timedelta(seconds=number(payload, max(end, 2), size=4))
    period = _period(frame.variables)
    if code in {PULSE_A, PULSE_B}:
        channel = "counter_a" if code == PULSE_A else "counter_b"
        return readings + _pulses(channel, payload[:end], moment=moment, period=period)
    if code == TEMPERATURE:
        return readings + _temperatures(payload[:end], moment, period=period, two=bool(status & 16))
    return readings


def _pulses(
    channel: str, payload: bytes, *, moment: datetime | None, period: timedelta | None
) -> list[Reading]:
    """The counter now, then what it rose by in each period before."""
    count = number(payload, 2, size=4)
    values = [float(count)]
    for at in range(6, len(payload) - 1, 2):
        count -= number(payload, at, size=2)
        values.append(float(count))
    return _dated(channel, values, quantity="count_index", moment=moment, period=period)


def _temperatures(
    payload: bytes, moment: datetime | None, *, period: timedelta | None, two: bool
) -> list[Reading]:
    values = [number(payload, at, size=2, signed=True) / 10 for at in range(2, len(payload) - 1, 2)]
    names = ("temperature_1", "temperature_2") if two else ("temperature_1",)
    return [
        reading
        for place, name in enumerate(names)
        for reading in _dated(
            name, values[place :: len(names)], quantity="temperature", moment=moment, period=period
        )
    ]


def _dated(
    channel: str,
    values: Sequence[float],
    *,
    quantity: str,
    moment: datetime | None,
    period: timedelta | None,
) -> list[Reading]:
    """The newest value first; older ones only where their times are known."""
    if moment is None or period is None:
        return [Reading(channel, each, quantity, "", moment) for each in values[:1]]
    return [
        Reading(channel, each, quantity, "", moment - place * period)
        for place, each in enumerate(values)
    ]


def _period(variables: Mapping[str, Any]) -> timedelta | None:
    if "period_s" not in variables:
        return None
    try:
        return timedelta(seconds=float(variables["period_s"]))
    except (TypeError, ValueError, OverflowError):
        raise CodecError("the device's variable 'period_s' is not a number of seconds") from None


_PULSE = "5a67000001270001000200030004" + "14aba3e9"
_SOURCE = "TheThingsNetwork/lorawan-devices vendor/adeunis/"

CODEC = DeviceCodec(
    name="adeunis_pulse",
    label="Adeunis Pulse 4, Temp 4",
    maker="Adeunis",
    models=("PULSE 4", "TEMP 4"),
    profiles=("adeunis pulse", "adeunis temp", "pulse 4", "temp 4"),
    decode=decode,
    examples=(
        Example(
            description="pulses of channel A, samples not dated",
            payload=_PULSE,
            f_port=1,
            values={"low_battery": True},
            times={"counter_a": (("2023-12-28T19:22:17Z", 295.0),)},
            source=_SOURCE + "pulse-codec.yaml",
        ),
        Example(
            description="the same, hourly",
            payload=_PULSE,
            f_port=1,
            variables={"period_s": "3600"},
            values={"low_battery": True},
            times={
                "counter_a": (
                    ("2023-12-28T19:22:17Z", 295.0),
                    ("2023-12-28T18:22:17Z", 294.0),
                    ("2023-12-28T17:22:17Z", 292.0),
                    ("2023-12-28T16:22:17Z", 289.0),
                    ("2023-12-28T15:22:17Z", 285.0),
                )
            },
            source=_SOURCE + "pulse-codec.yaml",
        ),
        Example(
            description="two temperatures",
            payload="579601b3ff9c01f4ffff14aba3e9",
            f_port=1,
            variables={"period_s": "600"},
            values={"low_battery": True},
            times={
                "temperature_1": (
                    ("2023-12-28T19:22:17Z", 43.5),
                    ("2023-12-28T19:12:17Z", 50.0),
                ),
                "temperature_2": (
                    ("2023-12-28T19:22:17Z", -10.0),
                    ("2023-12-28T19:12:17Z", -0.1),
                ),
            },
            source=_SOURCE + "temp-codec.yaml",
        ),
    ),
)

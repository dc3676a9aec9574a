"""Axioma Qalcosonic W1 water meter: the index now and the indexes of the hours before.

Source: Axioma Metering "W1 LoRa payload (long) extended" V01.8, and a capture of the 24-hour frame in the
device repository's vendor/axioma. Port 100, little endian. Extended (from 17 bytes): time, status, index,
time and index of the log, then what each hour added, in litres. Enhanced (51 bytes, version 1): time, status,
index at midnight, 23 hourly amounts of 14 bits. Times are UTC seconds since 1970.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import number
from clapas.domain.message import Reading
from clapas.domain.window import instant

DATA_PORTS = frozenset({None, 100})
ALARM_PORT = 103
ENHANCED_SIZE, ENHANCED_HOURS = 51, 23
HOUR = timedelta(hours=1)
UNUSED = 0x2F
LOW_BATTERY, PERMANENT, TEMPORARY, LEAK, COLD = 0x04, 0x08, 0x10, 0x20, 0x80
BACKFLOW, BURST = 0x60, 0xA0


def decode(frame: Frame) -> Sequence[Reading]:
    """Readings of a data frame or of an alarm."""
    payload = frame.payload
    if frame.f_port == ALARM_PORT:
        return _status(number(payload, 4, size=1), _time(payload, 0))
    if frame.f_port not in DATA_PORTS:
        return []
    if len(payload) == ENHANCED_SIZE and payload[0] == 1:
        return _enhanced(payload)
    return _extended(payload)


def _extended(payload: bytes) -> list[Reading]:
    now, status, litres = _time(payload, 0), number(payload, 4, size=1), _litres(payload, 5)
    readings = [_index(litres, now), *_status(status, now)]
    log_time, litres = _time(payload, 9), _litres(payload, 13)
    readings.append(_index(litres, log_time))
    for at in range(17, len(payload) - 1, 2):
        if payload[at] == UNUSED and payload[at + 1] == 0:
            break
        litres += number(payload, at, size=2, order="little")
        log_time += HOUR
        readings.append(_index(litres, log_time))
    return readings


def _enhanced(payload: bytes) -> list[Reading]:
    now, status, litres = _time(payload, 1), number(payload, 5, size=1), _litres(payload, 6)
    packed = int.from_bytes(payload[10:], "little")
    if packed >> (14 * ENHANCED_HOURS) & 0x3F:
        raise CodecError("the hourly amounts are scaled in a way that is not documented")
    moment = now.replace(minute=0, second=0, microsecond=0) - ENHANCED_HOURS * HOUR
    readings = [*_status(status, now), _index(litres, moment)]
    for hour in range(ENHANCED_HOURS):
        litres += packed >> (14 * hour) & 0x3FFF
        moment += HOUR
        readings.append(_index(litres, moment))
    return readings


def _index(litres: int, moment: datetime) -> Reading:
    return Reading("volume", litres / 1000, "water_index", "", moment)


def _status(status: int, moment: datetime) -> list[Reading]:
    """The status byte (section 3): leak, burst and backflow share bits."""
    backflow, burst = status & BACKFLOW == BACKFLOW, status & BURST == BURST
    leak = bool(status & LEAK) and not backflow and not burst
    flags = (
        ("low_battery", bool(status & LOW_BATTERY)),
        ("permanent_error", bool(status & PERMANENT)),
        ("temporary_error", bool(status & TEMPORARY)),
        ("backflow", backflow),
        ("burst", burst),
        ("low_temperature", bool(status & COLD) and not burst),
    )
    return [
        Reading("status", float(status), "device_status", "", moment),
        Reading("leak", float(leak), "water_leak", "", moment),
        *(Reading(name, value, "", "", moment) for name, value in flags if value),
    ]


def _time(payload: bytes, at: int) -> datetime:
    return instant(number(payload, at, size=4, order="little") * 1000)


def _litres(payload: bytes, at: int) -> int:
    return number(payload, at, size=4, order="little")


CODEC = DeviceCodec(
    name="axioma_w1",
    label="Axioma Qalcosonic W1 water meter",
    maker="Axioma Metering",
    models=("Qalcosonic W1",),
    profiles=("qalcosonic", "axioma"),
    decode=decode,
    examples=(
        Example(
            description="extended: the maker's example, with a leak",
            payload=(
                "0ea0355d302935000054c0345de7290000b800b900b800b800b800b900b8"
                "00b800b800b800b800b800b900b900b900"
            ),
            f_port=100,
            times={
                "volume": (
                    ("2019-07-22T11:37:50Z", 13.609),
                    ("2019-07-21T19:43:16Z", 10.727),
                    ("2019-07-21T20:43:16Z", 10.911),
                    ("2019-07-21T21:43:16Z", 11.096),
                    ("2019-07-21T22:43:16Z", 11.28),
                    ("2019-07-21T23:43:16Z", 11.464),
                    ("2019-07-22T00:43:16Z", 11.648),
                    ("2019-07-22T01:43:16Z", 11.833),
                    ("2019-07-22T02:43:16Z", 12.017),
                    ("2019-07-22T03:43:16Z", 12.201),
                    ("2019-07-22T04:43:16Z", 12.385),
                    ("2019-07-22T05:43:16Z", 12.569),
                    ("2019-07-22T06:43:16Z", 12.753),
                    ("2019-07-22T07:43:16Z", 12.937),
                    ("2019-07-22T08:43:16Z", 13.122),
                    ("2019-07-22T09:43:16Z", 13.307),
                    ("2019-07-22T10:43:16Z", 13.492),
                ),
                "status": (("2019-07-22T11:37:50Z", 48.0),),
                "leak": (("2019-07-22T11:37:50Z", 1.0),),
                "temporary_error": (("2019-07-22T11:37:50Z", True),),
            },
            source="Axioma Metering, W1 LoRa payload, example of decoding",
        ),
        Example(
            description="extended: a house in summer",
            payload=(
                "aeb9e760001c950100b0dae660e693010011001e0004000f000b00200005"
                "001d0054002d000f000a000a0000000300"
            ),
            f_port=100,
            times={
                "volume": (
                    ("2021-07-09T02:51:26Z", 103.708),
                    ("2021-07-08T11:00:00Z", 103.398),
                    ("2021-07-08T12:00:00Z", 103.415),
                    ("2021-07-08T13:00:00Z", 103.445),
                    ("2021-07-08T14:00:00Z", 103.449),
                    ("2021-07-08T15:00:00Z", 103.464),
                    ("2021-07-08T16:00:00Z", 103.475),
                    ("2021-07-08T17:00:00Z", 103.507),
                    ("2021-07-08T18:00:00Z", 103.512),
                    ("2021-07-08T19:00:00Z", 103.541),
                    ("2021-07-08T20:00:00Z", 103.625),
                    ("2021-07-08T21:00:00Z", 103.67),
                    ("2021-07-08T22:00:00Z", 103.685),
                    ("2021-07-08T23:00:00Z", 103.695),
                    ("2021-07-09T00:00:00Z", 103.705),
                    ("2021-07-09T01:00:00Z", 103.705),
                    ("2021-07-09T02:00:00Z", 103.708),
                ),
                "status": (("2021-07-09T02:51:26Z", 0.0),),
                "leak": (("2021-07-09T02:51:26Z", 0.0),),
            },
            source="public decoder tests of the Qalcosonic W1 extended frame",
        ),
        Example(
            description="enhanced: 24 hours",
            payload=(
                "01aeac986a003217000000000000000000008003800054000e4005100048"
                "000240020000200000000000000000000000000000"
            ),
            f_port=100,
            times={
                "volume": (
                    ("2026-09-02T00:00:00Z", 5.938),
                    ("2026-09-02T01:00:00Z", 5.938),
                    ("2026-09-02T02:00:00Z", 5.938),
                    ("2026-09-02T03:00:00Z", 5.938),
                    ("2026-09-02T04:00:00Z", 5.938),
                    ("2026-09-02T05:00:00Z", 5.938),
                    ("2026-09-02T06:00:00Z", 5.952),
                    ("2026-09-02T07:00:00Z", 5.96),
                    ("2026-09-02T08:00:00Z", 5.981),
                    ("2026-09-02T09:00:00Z", 5.995),
                    ("2026-09-02T10:00:00Z", 6.016),
                    ("2026-09-02T11:00:00Z", 6.017),
                    ("2026-09-02T12:00:00Z", 6.035),
                    ("2026-09-02T13:00:00Z", 6.037),
                    ("2026-09-02T14:00:00Z", 6.046),
                    ("2026-09-02T15:00:00Z", 6.046),
                    ("2026-09-02T16:00:00Z", 6.054),
                    ("2026-09-02T17:00:00Z", 6.054),
                    ("2026-09-02T18:00:00Z", 6.054),
                    ("2026-09-02T19:00:00Z", 6.054),
                    ("2026-09-02T20:00:00Z", 6.054),
                    ("2026-09-02T21:00:00Z", 6.054),
                    ("2026-09-02T22:00:00Z", 6.054),
                    ("2026-09-02T23:00:00Z", 6.054),
                ),
                "status": (("2026-09-02T23:09:34Z", 0.0),),
                "leak": (("2026-09-02T23:09:34Z", 0.0),),
            },
            source="TheThingsNetwork/lorawan-devices vendor/axioma/qalcosonic-w1-codec.yaml",
        ),
    ),
)

"""Bosch TPS110 parking lot sensor: is the bay taken.

Source: Bosch TPS110 application note, as in the device repository's vendor/bosch (2020–2022, Apache-2.0) with
its examples. Port 1: parking status; 2: heartbeat; 3: start-up; 4 to 6: information and debugging.
"""

from collections.abc import Sequence

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import number
from clapas.domain.message import Reading

STATUS, HEARTBEAT, STARTUP = 1, 2, 3
SILENT_PORTS = frozenset({4, 5, 6})


def decode(frame: Frame) -> Sequence[Reading]:
    """Occupied or not; the temperature in heartbeats; firmware and cause at start-up."""
    payload = frame.payload
    match frame.f_port:
        case 1 | 2:
            readings = [_occupied(number(payload, 0, size=1))]
            if frame.f_port == HEARTBEAT and len(payload) >= 2:
                degrees = number(payload, 1, size=1, signed=True)
                readings.append(Reading("temperature", float(degrees), "temperature"))
            return readings
        case 3:
            occupied = _occupied(number(payload, 16, size=1))
            firmware = ".".join(str(each) for each in payload[12:15])
            return [occupied, Reading("firmwareVersion", firmware)]
        case port if port in SILENT_PORTS:
            return []
        case port:
            raise CodecError(f"a TPS110 does not speak on port {port}")


def _occupied(octet: int) -> Reading:
    return Reading("occupied", float(octet & 1), "parking_occupied")


_SOURCE = "TheThingsNetwork/lorawan-devices vendor/bosch/tps110-0292-codec.yaml"

CODEC = DeviceCodec(
    name="bosch_tps110",
    label="Bosch TPS110 parking",
    maker="Bosch",
    models=("TPS110",),
    profiles=("tps110", "bosch parking"),
    decode=decode,
    examples=(
        Example(
            description="a car arrived",
            payload="01",
            f_port=1,
            values={"occupied": 1.0},
            source=_SOURCE,
        ),
        Example(
            description="heartbeat in the cold",
            payload="01ff",
            f_port=2,
            values={"occupied": 1.0, "temperature": -1.0},
            source=_SOURCE,
        ),
        Example(
            description="start-up",
            payload="240300007503000000000000001d020301",
            f_port=3,
            values={"occupied": 1.0, "firmwareVersion": "0.29.2"},
            source=_SOURCE,
        ),
        Example(
            description="a frame without its byte",
            payload="",
            f_port=1,
            error="cut short",
            source="made from the first example",
        ),
    ),
)

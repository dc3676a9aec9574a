"""The embedded network server's events: ChirpStack v4's JSON, named by session and counter.

Topic ``application/lorawan/device/<devEUI>/event/<kind>``. The message's identity is the idempotency key that the
network server gave (``up:<session id>-<FCntUp>``): exact, where another server's events only allow a guess.
A frame without an application port carries commands for the network alone, and decodes to nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from clapas.domain.message import Radio, RawMessage, Uplink
from clapas.sources import chirpstack_v4
from clapas.sources.contract import Connector, Example

NAME = "lorawan"


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One event, one uplink of that kind."""
    return tuple(_own(each, message) for each in chirpstack_v4.parse(message))


def _own(uplink: Uplink, message: RawMessage) -> Uplink:
    named = message.idempotency or uplink.message_id
    if uplink.kind == "up" and not uplink.f_port:
        return msgspec.structs.replace(
            uplink, source=NAME, message_id=named, kind="mac", payload=None
        )
    return msgspec.structs.replace(uplink, source=NAME, message_id=named)


_HEAD = (
    b'{"deduplicationId":"5e62e9211b750238-1","time":"2026-01-01T12:00:01.500Z","deviceInfo":'
    b'{"devEui":"70b3d57ed0000001","deviceName":"Cave 3","deviceProfileName":"ers"},'
    b'"devAddr":"0136f28f","adr":true,"dr":5,"fCnt":1,'
)
_TAIL = (
    b'"rxInfo":[{"gatewayId":"0016c001ff10a235","rssi":-97,"snr":7.5}],"txInfo":{"frequency":'
    b'868100000,"modulation":{"lora":{"bandwidth":125000,"spreadingFactor":7,"codeRate":"CR_4_5"}}}}'
)


def _example(middle: bytes, expected: Uplink) -> Example:
    topic = "application/lorawan/device/70b3d57ed0000001/event/up"
    key = "up:5e62e9211b750238-1"
    return Example(
        RawMessage(NAME, topic, 1_767_268_802_000, _HEAD + middle + _TAIL, key, NAME), (expected,)
    )


_UP = Uplink(
    source=NAME,
    device="70b3d57ed0000001",
    message_id="up:5e62e9211b750238-1",
    measured=datetime(2026, 1, 1, 12, 0, 1, 500_000, tzinfo=UTC),
    f_port=2,
    f_cnt=1,
    payload=b"\x01\x00\xe2",
    profile="ers",
    name="Cave 3",
    radio=(Radio(gateway="0016c001ff10a235", rssi=-97.0, snr=7.5),),
    frequency_hz=868_100_000,
    data_rate="SF7BW125",
)
EXAMPLES = (
    _example(b'"fPort":2,"data":"AQDi",', _UP),
    _example(b"", msgspec.structs.replace(_UP, kind="mac", f_port=0, payload=None)),
)

CONNECTOR = Connector(name=NAME, parse=parse, examples=EXAMPLES)

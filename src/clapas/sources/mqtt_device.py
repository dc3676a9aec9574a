"""Devices that speak MQTT to the platform itself: the fast path.

Topic ``up/<device>``: ``{"time"?, "values": {channel: value, …}}`` or an array of these;
topic ``up/<device>/senml``: a SenML pack (RFC 8428). The device is the one of the topic, which the
broker grants to that device's credentials alone; a ``device`` field in the body is not read.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.domain.identifiers import DEVICE, normalise_device
from clapas.domain.message import RawMessage, Reading, Uplink
from clapas.sources.contract import Connector, Example
from clapas.sources.errors import BadDeviceId, Foreign, Incomplete, Malformed, Oversized
from clapas.sources.senml import uplinks as senml_uplinks
from clapas.sources.wire import MAX_BYTES, MAX_VALUES, moment, own_device

MAX_MESSAGES = 1000


class Sample(msgspec.Struct, gc=False):
    """One moment of a device: its values, and when (RFC 3339, Unix seconds or milliseconds)."""

    values: dict[str, float | bool | str | dict[str, Any] | list[Any] | None]
    time: str | float | None = None


DECODER: msgspec.json.Decoder[Sample | list[Sample]] = msgspec.json.Decoder(Sample | list[Sample])


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink per moment; the message id is the device and its measured time."""
    device, form = _address(message.topic)
    payload = message.payload
    if len(payload) > MAX_BYTES:
        raise Oversized(size=len(payload), limit=MAX_BYTES)
    if message.sender:
        own_device(message, device)
    if form == "senml":
        return senml_uplinks(message, source="mqtt_device", device=device)
    try:
        body = DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the JSON cannot be read: {error}", detail=str(error)) from None
    if type(body) is Sample:
        return (uplink(body, device, received=message.received, source="mqtt_device"),)
    return batch(body, device, received=message.received)  # type: ignore[arg-type]


def batch(samples: list[Sample], device: str, *, received: int) -> tuple[Uplink, ...]:
    """Several moments of one device in one message."""
    if not samples:
        raise Incomplete("the array is empty")
    if len(samples) > MAX_MESSAGES:
        raise Oversized("too many moments", size=len(samples), limit=MAX_MESSAGES)
    return tuple(uplink(each, device, received=received, source="mqtt_device") for each in samples)


def uplink(sample: Sample, device: str, *, received: int, source: str) -> Uplink:
    """The native form as an uplink; raises ``InvalidInput``."""
    values = sample.values
    if not values:
        raise Incomplete("there are no values")
    if len(values) > MAX_VALUES:
        raise Oversized("too many values", size=len(values), limit=MAX_VALUES)
    time = sample.time
    if time is None:
        measured, message_id = None, None
    else:
        measured = moment(time, received=received)
        message_id = f"{device}@{measured.isoformat()}" if measured else None
    return Uplink(
        source=source,
        device=device,
        message_id=message_id,
        measured=measured,
        values=tuple([Reading(name, value) for name, value in values.items()]),
    )


def _address(topic: str) -> tuple[str, str]:
    """Device and form that the topic says."""
    levels = topic.split("/")
    if levels[0] != "up" or not 2 <= len(levels) <= 3 or levels[2:] not in ([], ["senml"]):
        raise Foreign("a device publishes on up/<device> or up/<device>/senml", topic=topic[:200])
    device = normalise_device(levels[1])
    if not DEVICE.match(device):
        raise BadDeviceId(device=levels[1][:160])
    return device, levels[2] if len(levels) == 3 else ""


EXAMPLES = (
    Example(
        RawMessage(
            "mqtt_device",
            "up/meter-17",
            1_767_225_600_000,
            b'{"time":"2026-01-01T00:00:00Z","values":{"index":1234.5,"leak":false}}',
        ),
        (
            Uplink(
                source="mqtt_device",
                device="meter-17",
                message_id="meter-17@2026-01-01T00:00:00+00:00",
                measured=datetime(2026, 1, 1, tzinfo=UTC),
                values=(Reading("index", 1234.5), Reading(channel="leak", value=False)),
            ),
        ),
    ),
    Example(
        RawMessage(
            "mqtt_device", "up/70-B3-D5-7E-D0-00-00-01", 0, b'{"values":{"temperature":21}}'
        ),
        (
            Uplink(
                source="mqtt_device",
                device="70b3d57ed0000001",
                values=(Reading("temperature", 21.0),),
            ),
        ),
    ),
)

CONNECTOR = Connector(
    name="mqtt_device", parse=parse, examples=EXAMPLES, topics=("up/+", "up/+/senml")
)

"""Values pushed over HTTP: ``POST /in/http_push``, one object, an array, or SenML (RFC 8428).

``{"device": "meter-17", "time"?, "values": {channel: value, …}}``. Who sends again after a lost answer
gives the same ``Idempotency-Key``; without one a message is named by its device and measured time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from clapas.domain.message import RawMessage, Reading, Uplink
from clapas.sources.contract import Connector, Example
from clapas.sources.errors import Incomplete, Malformed, Oversized
from clapas.sources.mqtt_device import MAX_MESSAGES, Sample, uplink
from clapas.sources.senml import uplinks as senml_uplinks
from clapas.sources.wire import bounded, device_key, own_device


class Push(Sample, kw_only=True):
    """One moment of a device that is named in the body."""

    device: str


DECODER: msgspec.json.Decoder[Push | list[Push]] = msgspec.json.Decoder(Push | list[Push])
_ANY: msgspec.json.Decoder[list[dict[str, object]]] = msgspec.json.Decoder(list[dict[str, object]])


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink per moment, all named by the idempotency key when there is one."""
    payload = bounded(message)
    try:
        body = DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _is_senml(payload):
            return _checked(message, senml_uplinks(message, source="http_push"))
        raise Malformed(f"the JSON cannot be read: {error}", detail=str(error)) from None
    pushes = [body] if isinstance(body, Push) else body
    if not pushes:
        raise Incomplete("the array is empty")
    if len(pushes) > MAX_MESSAGES:
        raise Oversized("too many moments", size=len(pushes), limit=MAX_MESSAGES)
    found = [
        uplink(each, device_key(each.device), received=message.received, source="http_push")
        for each in pushes
    ]
    return _checked(message, found)


def _checked(message: RawMessage, found: Sequence[Uplink]) -> tuple[Uplink, ...]:
    """Each uplink belongs to its sender, and bears the sender's key if there is one."""
    for each in found:
        own_device(message, each.device)
    if not message.idempotency:
        return tuple(found)
    return tuple(
        msgspec.structs.replace(each, message_id=f"{message.idempotency}#{position}")
        for position, each in enumerate(found)
    )


def _is_senml(payload: bytes) -> bool:
    try:
        records = _ANY.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(records) and any(not {"n", "bn"}.isdisjoint(each) for each in records)


_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_STAMP = 1_767_225_600
EXAMPLES = (
    Example(
        RawMessage(
            "http_push",
            "/in/http_push",
            _STAMP * 1000,
            b'{"device":"meter-17","time":1767225600,"values":{"index":12}}',
            "a1b2",
        ),
        (
            Uplink(
                source="http_push",
                device="meter-17",
                message_id="a1b2#0",
                measured=_TIME,
                values=(Reading("index", 12.0),),
            ),
        ),
    ),
    Example(
        RawMessage(
            "http_push",
            "/in/http_push",
            _STAMP * 1000,
            b'[{"bn":"urn:dev:mac:0024befffe804ff1:","bt":1767225600,"n":"temp","u":"Cel","v":20.5},'
            b'{"n":"open","vb":true}]',
        ),
        (
            Uplink(
                source="http_push",
                device="urn:dev:mac:0024befffe804ff1",
                message_id="urn:dev:mac:0024befffe804ff1@2026-01-01T00:00:00+00:00",
                measured=_TIME,
                values=(Reading("temp", 20.5, "", "CEL"), Reading(channel="open", value=True)),
            ),
        ),
    ),
)

CONNECTOR = Connector(name="http_push", parse=parse, examples=EXAMPLES, http="http_push")

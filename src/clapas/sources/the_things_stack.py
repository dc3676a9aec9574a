"""The Things Stack v3: MQTT topics ``v3/<app>/devices/<id>/…`` and webhooks, the same JSON.

Webhook: ``POST /in/the_things_stack``. Empty and zero fields are omitted, as in ChirpStack. Source: The
Things Stack documentation, "Data formats" and "MQTT server". The kind is read from the body, which names
itself; its MQTT server gives QoS 0 only, so the webhook is the door that keeps its promise.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.domain.message import Radio, RawMessage, Reading, Uplink
from clapas.sources.broker import BrokerSettings
from clapas.sources.contract import Connector, Example
from clapas.sources.errors import Foreign, Incomplete
from clapas.sources.wire import base64_bytes, device_key, flatten, local_id, moment, read

KINDS = {
    "uplink_message": "up",
    "uplink_normalized": "normalized",
    "join_accept": "join",
    "downlink_ack": "ack",
    "downlink_nack": "nack",
    "downlink_sent": "txack",
    "downlink_failed": "failed",
    "downlink_queued": "queued",
    "downlink_queue_invalidated": "invalidated",
    "location_solved": "location",
    "service_data": "service",
}


class Ids(msgspec.Struct, gc=False):
    """Which device."""

    device_id: str = ""
    dev_eui: str = ""
    dev_addr: str = ""


class Location(msgspec.Struct, gc=False):
    """WGS 84 degrees."""

    latitude: float = 0.0
    longitude: float = 0.0


class GatewayIds(msgspec.Struct, frozen=True, gc=False):
    """Which gateway."""

    gateway_id: str = ""
    eui: str = ""


class RxMetadata(msgspec.Struct, gc=False):
    """One gateway's reception: RSSI in dBm, SNR in dB."""

    gateway_ids: GatewayIds = GatewayIds()
    time: str | None = None
    rssi: float = 0.0
    snr: float = 0.0
    location: Location | None = None


class Lora(msgspec.Struct, gc=False):
    """LoRa modulation: bandwidth in Hz."""

    bandwidth: int = 0
    spreading_factor: int = 0


class DataRate(msgspec.Struct, gc=False):
    """One of the modulations."""

    lora: Lora | None = None


class Settings(msgspec.Struct, gc=False):
    """How the device sent: the frequency is a text, in Hz."""

    data_rate: DataRate | None = None
    frequency: str = ""


class VersionIds(msgspec.Struct, gc=False):
    """The model as its repository names it."""

    brand_id: str = ""
    model_id: str = ""


class Message(msgspec.Struct, gc=False):
    """``uplink_message``."""

    session_key_id: str = ""
    f_port: int = 0
    f_cnt: int = 0
    frm_payload: str = ""
    decoded_payload: Any = None
    rx_metadata: list[RxMetadata] = []
    settings: Settings | None = None
    received_at: str | None = None
    version_ids: VersionIds | None = None


class Event(msgspec.Struct, gc=False):
    """All kinds of events in one."""

    end_device_ids: Ids | None = None
    received_at: str | None = None
    correlation_ids: list[str] = []
    uplink_message: Message | None = None
    uplink_normalized: dict[str, Any] | None = None
    join_accept: dict[str, Any] | None = None
    downlink_ack: dict[str, Any] | None = None
    downlink_nack: dict[str, Any] | None = None
    downlink_sent: dict[str, Any] | None = None
    downlink_failed: dict[str, Any] | None = None
    downlink_queued: dict[str, Any] | None = None
    downlink_queue_invalidated: dict[str, Any] | None = None
    location_solved: dict[str, Any] | None = None
    service_data: dict[str, Any] | None = None


DECODER = msgspec.json.Decoder(Event)


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One event, one uplink of that kind."""
    event = read(DECODER, message)
    ids = event.end_device_ids
    if ids is None or not (ids.dev_eui or ids.device_id):
        raise Incomplete("an event has end_device_ids", field="end_device_ids")
    kind = next((name for field, name in KINDS.items() if getattr(event, field) is not None), "")
    if not kind:
        raise Foreign("not an event of The Things Stack", topic=message.topic[:200])
    device = device_key(ids.dev_eui) if ids.dev_eui else local_id(ids.device_id)
    if event.uplink_message is not None:
        return (
            _up(event, event.uplink_message, ids=ids, device=device, received=message.received),
        )
    named = event.correlation_ids[-1] if event.correlation_ids else event.received_at or ""
    return (
        Uplink(
            source="the_things_stack",
            kind=kind,
            device=device,
            message_id=f"{kind}:{device}:{named}" if named else None,
            measured=moment(event.received_at, received=message.received),
            name=ids.device_id,
        ),
    )


def _up(event: Event, up: Message, *, ids: Ids, device: str, received: int) -> Uplink:
    session = ids.dev_addr or up.session_key_id or "-"
    settings = up.settings or Settings()
    model = up.version_ids
    return Uplink(
        source="the_things_stack",
        device=device,
        message_id=f"{device}/{session}/{up.f_cnt}/{up.f_port}",
        measured=moment(up.received_at or event.received_at, received=received),
        f_port=up.f_port,
        f_cnt=up.f_cnt,
        payload=base64_bytes(up.frm_payload),
        values=flatten(up.decoded_payload),
        profile=f"{model.brand_id}/{model.model_id}" if model and model.model_id else "",
        name=ids.device_id,
        radio=tuple(_radio(each) for each in up.rx_metadata[:64]),
        frequency_hz=int(settings.frequency) if settings.frequency.isdecimal() else None,
        data_rate=_data_rate(settings.data_rate),
    )


def _data_rate(rate: DataRate | None) -> str:
    if rate is None or rate.lora is None:
        return ""
    return f"SF{rate.lora.spreading_factor}BW{rate.lora.bandwidth // 1000}"


def _radio(rx: RxMetadata) -> Radio:
    place = rx.location
    return Radio(
        gateway=(rx.gateway_ids.eui or rx.gateway_ids.gateway_id).lower(),
        rssi=rx.rssi,
        snr=rx.snr,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
    )


_IDS = (
    b'{"end_device_ids":{"device_id":"cave-3","dev_eui":"70B3D57ED0000001","dev_addr":"260B1234"},'
)
_TIME = datetime(2026, 1, 1, 12, 0, 1, 500_000, tzinfo=UTC)
EXAMPLES = (
    Example(
        RawMessage(
            "the_things_stack",
            "v3/city@ttn/devices/cave-3/up",
            1_767_268_802_000,
            _IDS + b'"received_at":"2026-01-01T12:00:01.7Z","uplink_message":{"f_port":5,"f_cnt":7,'
            b'"frm_payload":"AQDi","decoded_payload":{"temperature":22.6},"rx_metadata":[{"gateway_ids":'
            b'{"gateway_id":"gw-1","eui":"0016C001FF10A235"},"rssi":-97,"snr":6.5}],"settings":'
            b'{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":7}},"frequency":"868300000"},'
            b'"received_at":"2026-01-01T12:00:01.5Z"}}',
        ),
        (
            Uplink(
                source="the_things_stack",
                device="70b3d57ed0000001",
                message_id="70b3d57ed0000001/260B1234/7/5",
                measured=_TIME,
                f_port=5,
                f_cnt=7,
                payload=b"\x01\x00\xe2",
                values=(Reading("temperature", 22.6),),
                name="cave-3",
                radio=(Radio(gateway="0016c001ff10a235", rssi=-97.0, snr=6.5),),
                frequency_hz=868_300_000,
                data_rate="SF7BW125",
            ),
        ),
    ),
    Example(
        RawMessage(
            "the_things_stack",
            "/in/the_things_stack",
            1_767_268_802_000,
            _IDS + b'"correlation_ids":["as:up:01"],"received_at":"2026-01-01T12:00:01.5Z",'
            b'"join_accept":{"session_key_id":"AXA"}}',
        ),
        (
            Uplink(
                source="the_things_stack",
                kind="join",
                device="70b3d57ed0000001",
                message_id="join:70b3d57ed0000001:as:up:01",
                measured=_TIME,
                name="cave-3",
            ),
        ),
    ),
)

CONNECTOR = Connector(
    name="the_things_stack",
    parse=parse,
    examples=EXAMPLES,
    topics=("v3/+/devices/+/#",),
    http="the_things_stack",
    settings=BrokerSettings,
)

"""ChirpStack v4 events, JSON, over MQTT or by its HTTP integration.

Topic ``application/<id>/device/<devEUI>/event/<kind>``; webhook ``POST /in/chirpstack_v4?event=<kind>``.
The JSON is proto3's: a field that holds its default (0, false, "") is omitted, bytes are base64, times
RFC 3339 with nanoseconds. Source: chirpstack/api/proto/integration/integration.proto at v4.20. Every kind
is kept: up join ack txack status log location, and integration, which servers before 4.14 still send.
A v3 server that publishes on the same topics is recognised by its body.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.domain.message import Radio, RawMessage, Reading, Uplink
from clapas.sources import chirpstack_v3
from clapas.sources.broker import BrokerSettings
from clapas.sources.contract import Connector, Example
from clapas.sources.errors import Foreign, Incomplete
from clapas.sources.wire import base64_bytes, device_key, first, flatten, moment, query, read

KINDS = ("up", "join", "ack", "txack", "status", "log", "location", "integration")
TOPIC = "application/+/device/+/event/+"


class DeviceInfo(msgspec.Struct, rename="camel", gc=False):
    """Whose event it is."""

    dev_eui: str = ""
    device_name: str = ""
    device_profile_name: str = ""


class Location(msgspec.Struct, gc=False):
    """WGS 84 degrees; a coordinate that is exactly 0 is omitted on the wire."""

    latitude: float = 0.0
    longitude: float = 0.0


class RxInfo(msgspec.Struct, rename="camel", gc=False):
    """One gateway's reception: RSSI in dBm, SNR in dB (omitted when 0)."""

    gateway_id: str = ""
    rssi: float = 0.0
    snr: float = 0.0
    location: Location | None = None


class Lora(msgspec.Struct, rename="camel", gc=False):
    """LoRa modulation: bandwidth in Hz."""

    bandwidth: int = 0
    spreading_factor: int = 0


class Modulation(msgspec.Struct, rename="camel", gc=False):
    """One of the three modulations."""

    lora: Lora | None = None
    fsk: dict[str, Any] | None = None
    lr_fhss: dict[str, Any] | None = None


class TxInfo(msgspec.Struct, gc=False):
    """How the device sent: frequency in Hz."""

    frequency: int = 0
    modulation: Modulation | None = None


class Event(msgspec.Struct, rename="camel", gc=False):
    """All kinds of events in one: what a kind does not have is at its default."""

    device_info: DeviceInfo | None = None
    deduplication_id: str = ""
    time: str | None = None
    dev_addr: str = ""
    dr: int = 0
    f_cnt: int = 0
    f_port: int = 0
    data: str = ""
    object: Any = None
    rx_info: list[RxInfo] = []
    tx_info: TxInfo | None = None
    downlink_id: int | str = ""
    battery_level: float | None = None
    battery_level_unavailable: bool = False
    external_power_source: bool = False


DECODER = msgspec.json.Decoder(Event)


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One event, one uplink of that kind."""
    event = read(DECODER, message)
    if event.device_info is None:
        if b'"devEUI"' in message.payload:
            return chirpstack_v3.parse(message)
        raise Incomplete("an event has deviceInfo", field="deviceInfo")
    device = device_key(event.device_info.dev_eui)
    kind = _kind(message, device)
    shared: dict[str, Any] = {
        "source": "chirpstack_v4",
        "kind": kind,
        "device": device,
        "measured": moment(event.time, received=message.received),
        "profile": event.device_info.device_profile_name,
        "name": event.device_info.device_name,
    }
    if kind == "up":
        return (_up(event, device, shared=shared),)
    named = event.deduplication_id or event.downlink_id or event.time or ""
    return (
        Uplink(
            **shared,
            message_id=f"{kind}:{device}:{named}" if named else None,
            values=_status(event) if kind == "status" else (),
        ),
    )


def _kind(message: RawMessage, device: str) -> str:
    """The kind that the topic or the webhook's query says; the topic's device must be the body's."""
    kind = query(message.topic).get("event", "")
    if not kind and message.topic.startswith("application/"):
        kind = first(message.topic, position=5)
        named = first(message.topic, position=3)
        if device_key(named) != device:
            raise Foreign("the topic names another device", topic=named, device=device)
    if kind not in KINDS:
        raise Foreign("not an event of ChirpStack v4", event=kind[:40], topic=message.topic[:200])
    return kind


def _up(event: Event, device: str, *, shared: dict[str, Any]) -> Uplink:
    session = event.dev_addr or "-"
    modulation = event.tx_info.modulation if event.tx_info else None
    return Uplink(
        **shared,
        message_id=f"{device}/{session}/{event.f_cnt}/{event.f_port}",
        f_port=event.f_port,
        f_cnt=event.f_cnt,
        payload=base64_bytes(event.data),
        values=flatten(event.object),
        radio=tuple(_radio(each) for each in event.rx_info[:64]),
        frequency_hz=event.tx_info.frequency if event.tx_info else None,
        data_rate=_data_rate(modulation, event.dr),
    )


def _radio(rx: RxInfo) -> Radio:
    place = rx.location
    return Radio(
        gateway=rx.gateway_id,
        rssi=rx.rssi,
        snr=rx.snr,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
    )


def _data_rate(modulation: Modulation | None, dr: int) -> str:
    if modulation is None:
        return f"DR{dr}"
    if modulation.lora is not None:
        return f"SF{modulation.lora.spreading_factor}BW{modulation.lora.bandwidth // 1000}"
    return "FSK" if modulation.fsk is not None else f"DR{dr}"


def _status(event: Event) -> tuple[Reading, ...]:
    """The battery that the network asked for (DevStatusAns), when the device can say."""
    if event.battery_level_unavailable or event.external_power_source:
        return ()
    return (Reading("battery_level", (event.battery_level or 0.0) / 100, "battery_level"),)


_TOPIC = "application/6a0f/device/70b3d57ed0000001/event/"
_INFO = (
    b'"deviceInfo":{"deviceName":"Cave 3","devEui":"70b3d57ed0000001","deviceProfileName":"ERS"}'
)
_TIME = datetime(2026, 1, 1, 12, 0, 1, 500_000, tzinfo=UTC)
EXAMPLES = (
    Example(
        RawMessage(
            "chirpstack_v4",
            _TOPIC + "up",
            1_767_268_802_000,
            b'{"deduplicationId":"3ac7","time":"2026-01-01T12:00:01.500000000+00:00",'
            + _INFO
            + b',"devAddr":"01a2b3c4","dr":5,"fCnt":7,"fPort":5,"data":"AQDi","object":{"temperature":'
            b'22.6},"rxInfo":[{"gatewayId":"0016c001ff10a235","rssi":-97,"location":{"latitude":43.6,'
            b'"longitude":3.9}}],"txInfo":{"frequency":868100000,"modulation":{"lora":{"bandwidth":'
            b'125000,"spreadingFactor":7,"codeRate":"CR_4_5"}}}}',
        ),
        (
            Uplink(
                source="chirpstack_v4",
                device="70b3d57ed0000001",
                message_id="70b3d57ed0000001/01a2b3c4/7/5",
                measured=_TIME,
                f_port=5,
                f_cnt=7,
                payload=b"\x01\x00\xe2",
                values=(Reading("temperature", 22.6),),
                profile="ERS",
                name="Cave 3",
                radio=(
                    Radio(
                        gateway="0016c001ff10a235",
                        rssi=-97.0,
                        snr=0.0,
                        latitude=43.6,
                        longitude=3.9,
                    ),
                ),
                frequency_hz=868_100_000,
                data_rate="SF7BW125",
            ),
        ),
    ),
    Example(
        RawMessage(
            "chirpstack_v4",
            "/in/chirpstack_v4?event=status",
            1_767_268_802_000,
            b'{"deduplicationId":"3ac8","time":"2026-01-01T12:00:01.5Z",'
            + _INFO
            + b',"margin":9,"batteryLevel":87.5}',
        ),
        (
            Uplink(
                source="chirpstack_v4",
                kind="status",
                device="70b3d57ed0000001",
                message_id="status:70b3d57ed0000001:3ac8",
                measured=_TIME,
                values=(Reading("battery_level", 0.875, "battery_level"),),
                profile="ERS",
                name="Cave 3",
            ),
        ),
    ),
)

CONNECTOR = Connector(
    name="chirpstack_v4",
    parse=parse,
    examples=EXAMPLES,
    topics=(TOPIC,),
    http="chirpstack_v4",
    settings=BrokerSettings,
)

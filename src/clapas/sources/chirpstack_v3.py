"""ChirpStack v3 events (application server), JSON, over MQTT or by its HTTP integration.

Topics ``application/<number>/device/<devEUI>/rx`` (before 3.11) or ``…/event/<kind>``; webhook
``POST /in/chirpstack_v3?event=<kind>``. ``data``, ``devEUI`` and ``gatewayID`` are base64 or hexadecimal
as the server's marshaler says. Source: brocaar/chirpstack-api, integration.proto 3.12. The research
capture of Grenoble (CampusIoT) is read as it is: fields that begin with ``_``, ``data`` in hexadecimal.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.domain.identifiers import EUI, normalise_device
from clapas.domain.message import Radio, RawMessage, Reading, Uplink
from clapas.sources.broker import BrokerSettings
from clapas.sources.contract import Connector, Example
from clapas.sources.errors import BadTime, Foreign, Incomplete, Malformed
from clapas.sources.wire import base64_bytes, device_key, first, flatten, moment, query, read

KINDS = {
    "rx": "up",
    "up": "up",
    "join": "join",
    "ack": "ack",
    "txack": "txack",
    "status": "status",
    "error": "log",
    "log": "log",
    "location": "location",
    "integration": "integration",
}
TOPICS = tuple(f"application/+/device/+/{kind}" for kind in KINDS if kind not in ("up", "log"))


class Location(msgspec.Struct, gc=False):
    """WGS 84 degrees."""

    latitude: float = 0.0
    longitude: float = 0.0


class RxInfo(msgspec.Struct, gc=False):
    """One gateway's reception: RSSI in dBm, SNR in dB."""

    gateway: str = msgspec.field(default="", name="gatewayID")
    time: str | None = None
    rssi: float | None = None
    snr: float | None = msgspec.field(default=None, name="loRaSNR")
    location: Location | None = None


class TxInfo(msgspec.Struct, gc=False):
    """How the device sent: frequency in Hz, data rate number of the region."""

    frequency: int | None = None
    dr: int | None = None


class Event(msgspec.Struct, gc=False):
    """All kinds of events in one: what a kind does not have is at its default."""

    dev_eui: str = msgspec.field(default="", name="devEUI")
    device_name: str = msgspec.field(default="", name="deviceName")
    profile: str = msgspec.field(default="", name="deviceProfileName")
    dev_addr: str = msgspec.field(default="", name="devAddr")
    published: str | None = msgspec.field(default=None, name="publishedAt")
    rx_info: list[RxInfo] | None = msgspec.field(default=None, name="rxInfo")
    tx_info: TxInfo | None = msgspec.field(default=None, name="txInfo")
    dr: int | None = None
    f_cnt: int | None = msgspec.field(default=None, name="fCnt")
    f_port: int | None = msgspec.field(default=None, name="fPort")
    data: str | None = None
    object: Any = None
    object_json: str = msgspec.field(default="", name="objectJSON")
    battery_level: float = msgspec.field(default=0.0, name="batteryLevel")
    unavailable: bool = msgspec.field(default=False, name="batteryLevelUnavailable")
    powered: bool = msgspec.field(default=False, name="externalPowerSource")
    capture_topic: str = msgspec.field(default="", name="_topic")
    capture_date: str = msgspec.field(default="", name="_date")


DECODER = msgspec.json.Decoder(Event)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One event, one uplink of that kind."""
    event = read(DECODER, message)
    if not event.dev_eui:
        raise Incomplete("an event has devEUI", field="devEUI")
    device = _eui(event.dev_eui)
    kind = _kind(message, event, device=device)
    measured = _time(event, message.received)
    shared: dict[str, Any] = {
        "source": "chirpstack_v3",
        "kind": kind,
        "device": device,
        "measured": measured,
        "profile": event.profile,
        "name": event.device_name,
    }
    if kind == "up":
        return (_up(event, device, shared=shared),)
    named = f"{kind}:{device}:{measured.isoformat()}" if measured else None
    values = _status(event) if kind == "status" else ()
    return (Uplink(**shared, message_id=named, values=values),)


def _kind(message: RawMessage, event: Event, *, device: str) -> str:
    """The kind that the topic, the webhook's query or the capture says."""
    kind = query(message.topic).get("event", "")
    levels = message.topic.split("/")
    if not kind and len(levels) >= 5 and levels[0] == "application":
        kind = levels[-1]
        named = first(message.topic, position=3)
        if _eui(named) != device:
            raise Foreign("the topic names another device", topic=named[:80], device=device)
    kind = kind or event.capture_topic.rpartition("/")[2]
    if kind not in KINDS:
        raise Foreign("not an event of ChirpStack v3", event=kind[:40], topic=message.topic[:200])
    return KINDS[kind]


def _up(event: Event, device: str, *, shared: dict[str, Any]) -> Uplink:
    if event.f_cnt is None:
        raise Incomplete("an uplink has fCnt", field="fCnt")
    tx = event.tx_info or TxInfo()
    dr = tx.dr if tx.dr is not None else event.dr
    session = event.dev_addr or "-"
    return Uplink(
        **shared,
        message_id=f"{device}/{session}/{event.f_cnt}/{event.f_port or 0}",
        f_port=event.f_port or 0,
        f_cnt=event.f_cnt,
        payload=_data(event),
        values=_decoded(event),
        radio=tuple(_radio(each) for each in (event.rx_info or [])[:64]),
        frequency_hz=tx.frequency,
        data_rate=f"DR{dr}" if dr is not None else "",
    )


def _data(event: Event) -> bytes:
    """base64 as the server sends it; hexadecimal in the capture."""
    if not event.capture_topic:
        return base64_bytes(event.data or "")
    try:
        return bytes.fromhex(event.data or "")
    except ValueError:
        raise Malformed("the capture's data is not hexadecimal") from None


def _decoded(event: Event) -> tuple[Reading, ...]:
    if event.object is not None or not event.object_json:
        return flatten(event.object)
    try:
        return flatten(_OBJECT.decode(event.object_json))
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("objectJSON cannot be read", detail=str(error)) from None


def _time(event: Event, received: int) -> datetime | None:
    """A gateway's own clock when one has it, else when the server published."""
    for rx in event.rx_info or ():
        if rx.time and not rx.time.startswith("0001"):
            try:
                return moment(rx.time, received=received)
            except BadTime:
                continue  # a gateway with a wrong clock must not cost the message
    return moment(event.published or event.capture_date, received=received)


def _radio(rx: RxInfo) -> Radio:
    place = rx.location
    return Radio(
        gateway=_hex(rx.gateway),
        rssi=rx.rssi,
        snr=rx.snr,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
    )


def _hex(text: str) -> str:
    """An EUI in hexadecimal, from the base64 of a protobuf-style marshaler (12 characters)."""
    if len(text) == 12 and text.endswith("="):
        return base64_bytes(text).hex()
    return text.lower()


def _eui(text: str) -> str:
    key = normalise_device(_hex(text))
    return key if EUI.match(key) else device_key(text)


def _status(event: Event) -> tuple[Reading, ...]:
    """The battery that the network asked for (DevStatusAns), when the device can say."""
    if event.unavailable or event.powered:
        return ()
    return (Reading("battery_level", event.battery_level / 100, "battery_level"),)


EXAMPLES = (
    Example(
        RawMessage(
            "chirpstack_v3",
            "application/12/device/d1d1e80000000032/rx",
            1_687_511_430_000,
            b'{"deviceName":"DOOR 32","devEUI":"d1d1e80000000032","rxInfo":[{"gatewayID":'
            b'"d0fa38a195124ddd","time":"2023-06-23T09:10:28.649Z","rssi":-112,"loRaSNR":-5}],"txInfo":'
            b'{"frequency":868100000,"dr":5},"adr":true,"fCnt":1143,"fPort":3,"data":"UCcM",'
            b'"object":{"temperature":25.19}}',
        ),
        (
            Uplink(
                source="chirpstack_v3",
                device="d1d1e80000000032",
                message_id="d1d1e80000000032/-/1143/3",
                measured=datetime(2023, 6, 23, 9, 10, 28, 649_000, tzinfo=UTC),
                f_port=3,
                f_cnt=1143,
                payload=b"\x50\x27\x0c",
                values=(Reading("temperature", 25.19),),
                name="DOOR 32",
                radio=(Radio(gateway="d0fa38a195124ddd", rssi=-112.0, snr=-5.0),),
                frequency_hz=868_100_000,
                data_rate="DR5",
            ),
        ),
    ),
    Example(
        RawMessage(
            "chirpstack_v3",
            "/in/chirpstack_v3?event=status",
            1_687_511_430_000,
            b'{"devEUI":"0dHoAAAAADI=","margin":-27,"batteryLevelUnavailable":true,'
            b'"publishedAt":"2023-06-23T09:10:29Z"}',
        ),
        (
            Uplink(
                source="chirpstack_v3",
                kind="status",
                device="d1d1e80000000032",
                message_id="status:d1d1e80000000032:2023-06-23T09:10:29+00:00",
                measured=datetime(2023, 6, 23, 9, 10, 29, tzinfo=UTC),
            ),
        ),
    ),
)

CONNECTOR = Connector(
    name="chirpstack_v3",
    parse=parse,
    examples=EXAMPLES,
    topics=TOPICS,
    http="chirpstack_v3",
    settings=BrokerSettings,
)

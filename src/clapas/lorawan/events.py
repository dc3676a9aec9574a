"""Events for the durable log, in the JSON of ChirpStack v4's events: the pipeline reads both alike.

Topic ``application/lorawan/device/<devEUI>/event/<kind>``, source ``lorawan``. As in proto3's JSON a default
value is omitted, bytes are base64, times RFC 3339. What differs: ``deduplicationId`` is the message's identity
(``<session id>-<FCntUp>`` for an uplink), and the raw message carries it as its idempotency key.
Source: chirpstack/api/proto/integration/integration.proto v4.20, read as a description.
"""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from clapas.domain.message import RawMessage
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.frames import DataFrame
from clapas.lorawan.gateways import Gateways
from clapas.lorawan.radio import Reception
from clapas.lorawan.regions.plan import DataRate, Region
from clapas.lorawan.session import QueueItem, Session

SOURCE: Final = "lorawan"
_encode = msgspec.json.Encoder().encode


def stamp(milliseconds: int) -> str:
    """Milliseconds since 1970 UTC as RFC 3339."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_defaults(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (0, "", False, None)}


def _info(dev_eui: str, device: LorawanDevice | None) -> dict[str, Any]:
    name = device.name if device and device.name else dev_eui
    info = {
        "devEui": dev_eui,
        "deviceName": name,
        "applicationId": "lorawan",
        "applicationName": "Clapas",
    }
    if device is not None:
        if device.model:
            info |= {"deviceProfileName": device.model, "deviceProfileId": device.model}
        if device.device_class != "A":
            info["deviceClassEnabled"] = f"CLASS_{device.device_class}"
    return info


def _message(
    kind: str, dev_eui: str, *, body: dict[str, Any], identity: str, received: int
) -> RawMessage:
    topic = f"application/lorawan/device/{dev_eui}/event/{kind}"
    return RawMessage(SOURCE, topic, received, _encode(body), f"{kind}:{identity}", "lorawan")


def modulation(rate: DataRate) -> dict[str, Any]:
    """A data rate as ChirpStack writes it."""
    if rate.modulation == "FSK":
        return {"fsk": {"datarate": rate.bitrate}}
    if rate.modulation == "LR_FHSS":
        return {"lrFhss": {"operatingChannelWidth": rate.width, "codeRate": rate.coding}}
    code = "CR_" + rate.coding.replace("/", "_")
    return {"lora": {"bandwidth": rate.bandwidth, "spreadingFactor": rate.sf, "codeRate": code}}


def _rx_info(copy: Reception, gateways: Gateways) -> dict[str, Any]:
    info: dict[str, Any] = _without_defaults(
        {
            "gatewayId": copy.gateway,
            "gwTime": copy.time,
            "nsTime": stamp(copy.received),
            "rssi": round(copy.rssi),
            "snr": copy.snr,
            "channel": copy.channel,
            "rfChain": copy.rf_chain,
            "antenna": copy.antenna,
        }
    )
    gateway = gateways.get(copy.gateway)
    if gateway is not None and gateway.latitude is not None and gateway.longitude is not None:
        info["location"] = {"latitude": gateway.latitude, "longitude": gateway.longitude}
    info["crcStatus"] = "CRC_OK"
    return info


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """An uplink that passed every check: its frame, 32-bit counter, payload in clear, copies best first."""

    session: Session
    device: LorawanDevice | None
    copies: list[Reception]
    frame: DataFrame
    f_cnt: int
    data: bytes
    dr: int

    @property
    def identity(self) -> str:
        """The message's name: session and counter."""
        return f"{self.session.id}-{self.f_cnt}"


def up(accepted: Accepted, gateways: Gateways, *, region: Region) -> RawMessage:
    """An uplink's event."""
    session, frame, copies = accepted.session, accepted.frame, accepted.copies
    first = min(copies, key=lambda copy: copy.received)
    body: dict[str, Any] = {
        "deduplicationId": accepted.identity,
        "time": stamp(first.received),
        "deviceInfo": _info(session.dev_eui, accepted.device),
        "devAddr": f"{session.dev_addr:08x}",
    }
    body |= _without_defaults(
        {
            "adr": frame.adr,
            "dr": accepted.dr,
            "fCnt": accepted.f_cnt,
            "fPort": frame.f_port,
            "confirmed": frame.confirmed,
            "data": b64encode(accepted.data).decode() if frame.f_port else "",
        }
    )
    body["rxInfo"] = [_rx_info(copy, gateways) for copy in copies]
    body["txInfo"] = {
        "frequency": first.frequency,
        "modulation": modulation(region.data_rate(accepted.dr)),
    }
    body["regionConfigId"] = region.name.lower()
    return _message(
        "up", session.dev_eui, body=body, identity=accepted.identity, received=first.received
    )


def join(session: Session, device: LorawanDevice, *, received: int) -> RawMessage:
    """A device joined."""
    body = {
        "deduplicationId": session.id,
        "time": stamp(received),
        "deviceInfo": _info(session.dev_eui, device),
        "devAddr": f"{session.dev_addr:08x}",
    }
    return _message("join", session.dev_eui, body=body, identity=session.id, received=received)


def status(
    session: Session,
    device: LorawanDevice | None,
    *,
    margin: int,
    battery: int,
    f_cnt: int,
    received: int,
) -> RawMessage:
    """A device told its margin (dB) and its battery: 0 external power, 1 to 254, 255 cannot measure."""
    identity = f"{session.id}-{f_cnt}"
    body = {
        "deduplicationId": identity,
        "time": stamp(received),
        "deviceInfo": _info(session.dev_eui, device),
    }
    body |= _without_defaults(
        {
            "margin": margin,
            "externalPowerSource": battery == 0,
            "batteryLevelUnavailable": battery == 255,
            "batteryLevel": round((battery - 1) / 2.53, 2) if 0 < battery < 255 else 0,
        }
    )
    return _message("status", session.dev_eui, body=body, identity=identity, received=received)


def ack(
    session: Session, device: LorawanDevice | None, *, item: QueueItem, received: int
) -> RawMessage:
    """A confirmed downlink was acknowledged, or given up (``acknowledged`` is then omitted)."""
    identity = f"{item.id}-{item.attempts}"
    body = {
        "deduplicationId": identity,
        "time": stamp(received),
        "deviceInfo": _info(session.dev_eui, device),
    }
    body |= _without_defaults(
        {
            "queueItemId": item.id,
            "acknowledged": item.state == "acknowledged",
            "fCntDown": item.f_cnt,
        }
    )
    return _message("ack", session.dev_eui, body=body, identity=identity, received=received)


def txack(
    session: Session, device: LorawanDevice | None, *, item: QueueItem, gateway: str, received: int
) -> RawMessage:
    """A gateway sent a queued downlink."""
    identity = f"{item.id}-{item.f_cnt}"
    body = {
        "deduplicationId": identity,
        "time": stamp(received),
        "deviceInfo": _info(session.dev_eui, device),
    }
    body |= _without_defaults(
        {"queueItemId": item.id, "fCntDown": item.f_cnt, "gatewayId": gateway}
    )
    return _message("txack", session.dev_eui, body=body, identity=identity, received=received)


def log(
    dev_eui: str,
    device: LorawanDevice | None,
    *,
    code: str,
    description: str,
    identity: str,
    received: int,
    context: dict[str, str] | None = None,
    level: str = "ERROR",
) -> RawMessage:
    """Something that the device's owner should know: a failed join, an expired downlink…"""
    body: dict[str, Any] = {
        "time": stamp(received),
        "deviceInfo": _info(dev_eui, device),
        "level": level,
        "code": code,
        "description": description,
    }
    if context:
        body["context"] = context
    return _message("log", dev_eui, body=body, identity=identity, received=received)

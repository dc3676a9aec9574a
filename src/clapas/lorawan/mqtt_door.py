"""The door for gateways that run ChirpStack's own software (MQTT forwarder, gateway bridge, Concentratord).

Topics ``{prefix}/gateway/{id}/event/{up|stats|ack}``, ``…/state/conn`` and, towards the gateway, ``…/command/down``.
A gateway that writes JSON is answered in JSON, one that writes protobuf in protobuf. The broker is the platform's own:
the composition root hands the messages in and gives the way out.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import msgspec

from clapas.lorawan import events
from clapas.lorawan.errors import FrameError
from clapas.lorawan.gateway_proto import DOWNLINK_FRAME, EVENTS
from clapas.lorawan.gateways import Gateway
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.protobuf import decode, encode
from clapas.lorawan.radio import SEND_ERRORS, Emission, Reception, Slot
from clapas.lorawan.rejections import Rejection
from clapas.lorawan.scheduler import Scheduler
from clapas.lorawan.station import read_eui
from clapas.lorawan.udp import note_noise

Send = Callable[[str, bytes], Awaitable[None]]
TOPICS: Final = ("+/gateway/+/event/+", "+/gateway/+/state/conn")
_MAX: Final = 65_536
_ALIVE_S: Final = 180.0


class _Path(msgspec.Struct):
    prefix: str
    as_json: bool
    at: float


class MqttDoor:
    """Implements :class:`clapas.lorawan.radio.Door` over a broker."""

    name = "mqtt"
    both_windows = True
    reports: Literal["always", "success"] = "always"

    def __init__(self, network: Network, scheduler: Scheduler, *, send: Send) -> None:
        self._network = network
        self._scheduler = scheduler
        self._send = send
        self._paths: dict[str, _Path] = {}
        network.doors[self.name] = self

    def message(self, topic: str, payload: bytes) -> None:
        """Take a message of a gateway; what is not one is counted."""
        try:
            prefix, eui, kind = _address(topic)
            if len(payload) > _MAX:
                raise FrameError("the message is too large", size=len(payload))
            as_json = payload[:1] == b"{"
            body = (
                msgspec.json.decode(payload, type=dict[str, Any])
                if as_json
                else decode(payload, EVENTS[kind])
            )
            named = body.get("gatewayId") or (body.get("rxInfo") or {}).get("gatewayId") or eui
            if named != eui:
                self._reject("gateway_conflict", eui, detail=f"the body speaks for {named}"[:80])
                return
            self._take(kind, eui, body=body, path=_Path(prefix, as_json, time.monotonic()))
        except (FrameError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
            self._reject("malformed_packet", "", detail=str(wrong))
        except (TypeError, ValueError, AttributeError, KeyError) as wrong:
            self._reject(
                "malformed_packet", "", detail=f"a field is not what it should be: {wrong}"
            )

    def _take(self, kind: str, eui: str, *, body: dict[str, Any], path: _Path) -> None:
        settings = self._network.settings
        if not settings.unknown_gateways and eui not in settings.gateways:
            self._reject("unknown_gateway", eui)
            return
        gateway = self._network.gateways.touch(eui, door=self.name, now=path.at, wall=wall_ms())
        gateway.address = f"mqtt:{path.prefix}"[:80]
        self._paths[eui] = path
        if kind == "up":
            self._heard(gateway, body)
        elif kind == "stats":
            _note(gateway, body)
        elif kind == "ack":
            self._acknowledged(body)
        elif body.get("state", "OFFLINE") != "ONLINE":
            del self._paths[eui]

    def _heard(self, gateway: Gateway, body: dict[str, Any]) -> None:
        rx, tx = body["rxInfo"], body["txInfo"]
        if rx.get("crcStatus") == "BAD_CRC":
            gateway.crc_errors += 1
            self._network.rejections.counts["bad_crc"] += 1
            return
        gateway.uplinks += 1
        rssi, snr = float(rx.get("rssi", 0)), float(rx.get("snr", 0.0))
        note_noise(gateway, rssi, snr=snr)
        self._network.receive(
            Reception(
                gateway=gateway.id,
                phy=b64decode(body["phyPayload"]),
                frequency=int(tx["frequency"]),
                data_rate=_rate(tx["modulation"]),
                rssi=rssi,
                snr=round(snr, 1),
                arrived=time.monotonic(),
                received=wall_ms(),
                door=self,
                context=rx.get("context", ""),
                channel=int(rx.get("channel", 0)),
                rf_chain=int(rx.get("rfChain", 0)),
                antenna=int(rx.get("antenna", 0)),
                gps_ms=milliseconds(rx.get("timeSinceGpsEpoch")),
            )
        )

    def _acknowledged(self, body: dict[str, Any]) -> None:
        statuses = [each.get("status", "IGNORED") for each in body.get("items", [])]
        if "OK" in statuses:
            error = None
        else:
            told = [each for each in statuses if each != "IGNORED"]
            error = (
                told[-1].replace("DUTY_CYCLE_OVERFLOW", "DUTY_CYCLE") if told else "INTERNAL_ERROR"
            )
            error = error if error in SEND_ERRORS else "INTERNAL_ERROR"
        self._scheduler.report(int(body.get("downlinkId", 0)), error)

    def _reject(self, reason: str, eui: str, *, detail: str = "") -> None:
        self._network.rejections.add(Rejection(reason, wall_ms(), eui, "", detail[:120]))

    def reaches(self, gateway: str) -> bool:
        path = self._paths.get(gateway)
        return path is not None and time.monotonic() - path.at < _ALIVE_S

    async def emit(self, emission: Emission) -> None:
        path = self._paths.get(emission.gateway)
        if path is None:
            self._scheduler.report(emission.id, "NO_GATEWAY")
            return
        frame = downlink_frame(emission, as_json=path.as_json)
        payload = msgspec.json.encode(frame) if path.as_json else encode(frame, DOWNLINK_FRAME)
        await self._send(f"{path.prefix}/gateway/{emission.gateway}/command/down", payload)


def _address(topic: str) -> tuple[str, str, str]:
    """Prefix, gateway and kind of a topic."""
    head, _, rest = topic.rpartition("/gateway/")
    parts = rest.split("/")
    if not head or len(parts) != 3 or parts[1] not in {"event", "state"} or parts[2] not in EVENTS:
        raise FrameError("not a gateway's topic", topic=topic[:100])
    return head, read_eui(parts[0]), parts[2]


def _rate(modulation: dict[str, Any]) -> str:
    if "lora" in modulation:
        lora = modulation["lora"]
        return f"SF{int(lora['spreadingFactor'])}BW{int(lora['bandwidth']) // 1000}"
    if "fsk" in modulation:
        return str(int(modulation["fsk"]["datarate"]))
    return f"M0CW{int(modulation['lrFhss']['operatingChannelWidth']) // 1000}"


def milliseconds(value: Any) -> int | None:
    """A duration of proto3 ('1.2s', or seconds and nanos) in milliseconds."""
    if value is None:
        return None
    if isinstance(value, dict):
        return int(value.get("seconds", 0)) * 1000 + int(value.get("nanos", 0)) // 1_000_000
    return round(float(str(value).removesuffix("s")) * 1000)


def _duration(milliseconds_: int, *, as_json: bool) -> Any:
    if as_json:
        return f"{milliseconds_ / 1000:.3f}s"
    return {"seconds": milliseconds_ // 1000, "nanos": milliseconds_ % 1000 * 1_000_000}


def _note(gateway: Gateway, body: dict[str, Any]) -> None:
    place = body.get("location") or {}
    if place.get("latitude") or place.get("longitude"):
        gateway.latitude, gateway.longitude = (
            float(place.get("latitude", 0)),
            float(place.get("longitude", 0)),
        )
        gateway.altitude = float(place.get("altitude", 0))
        gateway.placed_by_itself = True
    names = {
        "rxnb": "rxPacketsReceived",
        "rxok": "rxPacketsReceivedOk",
        "dwnb": "txPacketsReceived",
        "txnb": "txPacketsEmitted",
    }
    gateway.statistics = {short: float(body.get(name, 0)) for short, name in names.items()}


def downlink_frame(emission: Emission, *, as_json: bool) -> dict[str, Any]:
    """The DownlinkFrame of an emission: RX1 then RX2, the first that can be sent is."""
    ways = [(emission.slot, emission.data_rate)]
    if emission.second is not None:
        ways.append((emission.second, emission.second_rate))
    return {
        "downlinkId": emission.id & 0xFFFFFFFF,
        "gatewayId": emission.gateway,
        "items": [_item(emission, slot, rate=rate, as_json=as_json) for slot, rate in ways],
    }


def _item(emission: Emission, slot: Slot, *, rate: Any, as_json: bool) -> dict[str, Any]:
    modulation = events.modulation(rate)
    if "lora" in modulation:
        modulation["lora"]["polarizationInversion"] = True
    else:
        modulation["fsk"]["frequencyDeviation"] = 25_000
    if emission.answers is not None:
        timing: dict[str, Any] = {"delay": {"delay": _duration(slot.delay * 1000, as_json=as_json)}}
    elif emission.gps_ms is not None:
        timing = {"gpsEpoch": {"timeSinceGpsEpoch": _duration(emission.gps_ms, as_json=as_json)}}
    else:
        timing = {"immediately": {}}
    info = {
        "frequency": slot.frequency,
        "power": round(slot.power),
        "modulation": modulation,
        "timing": timing,
    }
    if emission.answers is not None and emission.answers.context:
        info["context"] = emission.answers.context
    return {"phyPayload": b64encode(emission.phy).decode(), "txInfo": info}

"""What each simulated device says at its hours, in the wire form of its door."""

import heapq
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from clapas.ops.simulate.fleet import Fleet, SimulatedDevice
from clapas.ops.simulate.noise import draw
from clapas.sources.wire_message import WireMessage

APPLICATION = "0c1a9a5d-0000-4000-8000-000000000001"
"""The application id that the simulated ChirpStack shows."""
FREQUENCIES = (868_100_000, 868_300_000, 868_500_000, 867_100_000, 867_300_000, 867_500_000)


def said_between(fleet: Fleet, start: datetime, *, end: datetime) -> Iterator[WireMessage]:
    """Every message said in [start, end), in order of time."""
    turns = [
        _turns(device, order, start=start.timestamp(), end=end.timestamp())
        for order, device in enumerate(fleet.devices)
    ]
    for time, order in heapq.merge(*turns):
        yield say(fleet.devices[order], time)


def _turns(
    device: SimulatedDevice, order: int, *, start: float, end: float
) -> Iterator[tuple[float, int]]:
    """The device's own hours: its interval, with a phase of its own."""
    interval = device.what.interval_s
    phase = round(draw(device.seed, 0) * interval, 1)
    step = int((start - phase) // interval) + 1
    while (time := step * interval + phase) < end:
        if time >= start:
            yield time, order
        step += 1


def say(device: SimulatedDevice, time: float) -> WireMessage:
    """What the device says at that time (seconds since 1970)."""
    kind = device.what
    values = kind.signal(device.seed, time, device.traits)
    stamp = (
        datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    if kind.door == "chirpstack_v4":
        return _chirpstack(device, values, time=time, stamp=stamp)
    if kind.door == "mqtt_device":
        body = orjson.dumps({"time": stamp, "values": values})
        return WireMessage("mqtt", f"up/{device.key}", body, round(time * 1000))
    return _ngsi(device, values, time=time, stamp=stamp)


def _chirpstack(
    device: SimulatedDevice, values: dict[str, float | bool], *, time: float, stamp: str
) -> WireMessage:
    kind = device.what
    count = int(time // kind.interval_s) & 0xFFFF
    payload = kind.encode(values) if kind.encode else b""
    event: dict[str, Any] = {
        "deduplicationId": f"{device.seed:010x}-{int(time)}",
        "time": stamp,
        "deviceInfo": {
            "applicationId": APPLICATION,
            "applicationName": "Simulation",
            "deviceProfileName": kind.model.label if kind.model else "",
            "deviceName": device.name,
            "devEui": device.key,
        },
        "devAddr": f"{device.seed & 0xFFFFFFFF:08x}",
        "adr": True,
        "dr": 5,
        "fCnt": count,
        "fPort": kind.f_port,
        "data": b64encode(payload).decode(),
        "rxInfo": _heard(device, int(time)),
        "txInfo": {
            "frequency": FREQUENCIES[count % len(FREQUENCIES)],
            "modulation": {
                "lora": {"bandwidth": 125_000, "spreadingFactor": 7, "codeRate": "CR_4_5"}
            },
        },
    }
    if count == 0:
        del event["fCnt"]
    topic = f"application/{APPLICATION}/device/{device.key}/event/up"
    return WireMessage("mqtt", topic, orjson.dumps(event), round(time * 1000))


def _heard(device: SimulatedDevice, step: int) -> list[dict[str, Any]]:
    """The nearest gateway always, the others now and then, farther ones fainter."""
    return [
        {
            "gatewayId": gateway,
            "rssi": round(-72 - 14 * rank - 25 * draw(device.seed + rank, step)),
            "snr": round(9 - 4 * rank - 6 * draw(device.seed - rank, step), 1),
            "crcStatus": "CRC_OK",
        }
        for rank, gateway in enumerate(device.gateways)
        if draw(device.seed + 10 * rank, step) < 1 - 0.4 * rank
    ]


def _ngsi(
    device: SimulatedDevice, values: dict[str, float | bool], *, time: float, stamp: str
) -> WireMessage:
    """The city's own feed form, normalized."""
    attributes = {
        name: {
            "type": "Number",
            "value": value,
            "metadata": {"timestamp": {"type": "DateTime", "value": stamp}},
        }
        for name, value in values.items()
    }
    place = {"type": "Point", "coordinates": [device.longitude, device.latitude]}
    entity = {
        "id": device.key,
        "type": device.entity.type,
        "name": {"type": "Text", "value": device.name, "metadata": {}},
        "location": {"type": "geo:json", "value": place, "metadata": {}},
        **attributes,
    }
    if device.kind == "counter":
        entity["vehicleType"] = {"type": "Text", "value": "bicycle", "metadata": {}}
    path = f"/in/ngsi_v2?feed={device.what.feed}"
    return WireMessage("http", path, orjson.dumps(entity), round(time * 1000))

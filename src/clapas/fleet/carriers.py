"""How a command reaches each network: the MQTT topic and body that it takes.

Sources: ChirpStack v4, integration events and commands over MQTT (``application/+/device/+/command/down``);
The Things Stack, MQTT server (``v3/{application}@{tenant}/devices/{id}/down/push``); ours:
``down/{device}``.
"""

import base64
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from clapas.domain.device import Device
from clapas.domain.errors import InvalidInput
from clapas.domain.keys import LORAWAN_ASK
from clapas.domain.window import milliseconds
from clapas.store.fleet_commands import Command


class Downlink(msgspec.Struct, frozen=True):
    """A message that carries a command; ``asks``: the network's answer says whether it takes it."""

    topic: str
    body: bytes
    asks: bool = False


class Carrier(Protocol):
    """Writes a command in a network's words. Raises InvalidInput when the device lacks what it needs."""

    def __call__(self, command: Command, device: Device) -> Downlink: ...


def chirpstack(command: Command, device: Device) -> Downlink:
    """ChirpStack v4; the tag ``application`` holds the application's id."""
    body: dict[str, Any] = {
        "devEui": device.key,
        "confirmed": command.confirmed,
        "fPort": command.f_port or 1,
        "id": command.reference,
        "data": base64.b64encode(command.payload).decode(),
    }
    application = _tag(device, "application")
    return Downlink(
        f"application/{application}/device/{device.key}/command/down", msgspec.json.encode(body)
    )


def things_stack(command: Command, device: Device) -> Downlink:
    """The Things Stack v3; tags ``application`` (with @tenant) and ``device_id``."""
    one = {
        "f_port": command.f_port or 1,
        "frm_payload": base64.b64encode(command.payload).decode(),
        "confirmed": command.confirmed,
        "correlation_ids": [command.reference],
    }
    name = device.tags.get("device_id") or f"eui-{device.key}"
    topic = f"v3/{_tag(device, 'application')}/devices/{name}/down/push"
    return Downlink(topic, msgspec.json.encode({"downlinks": [one]}))


def native(command: Command, device: Device) -> Downlink:
    """A device that speaks MQTT to us."""
    body = {
        "id": command.reference,
        "name": command.name,
        "payload": command.payload.hex(),
        "values": command.object or {},
        "confirmed": command.confirmed,
    }
    return Downlink(f"down/{device.key}", msgspec.json.encode(body))


def embedded(command: Command, device: Device) -> Downlink:
    """The embedded LoRaWAN network server, asked over the bus as any process of the platform is."""
    body = {
        "ask": "enqueue",
        "device": device.key,
        "id": command.reference,
        "f_port": command.f_port or 1,
        "data": base64.b64encode(command.payload).decode(),
        "confirmed": command.confirmed,
        "expires": milliseconds(command.expires),
    }
    return Downlink(LORAWAN_ASK, msgspec.json.encode(body), asks=True)


CARRIERS: Mapping[str, Carrier] = {
    "lorawan": embedded,
    "chirpstack_v4": chirpstack,
    "the_things_stack": things_stack,
    "mqtt_device": native,
}


def carrier_of(source: str) -> Carrier:
    """The carrier of a source. Raises InvalidInput when this network takes no command."""
    found = CARRIERS.get(source)
    if found is None:
        raise InvalidInput(
            "no command can be sent over this network", reason="no_way_to_it", source=source
        )
    return found


def _tag(device: Device, name: str) -> str:
    text = device.tags.get(name, "")
    if not text:
        raise InvalidInput(
            "the device's tag is missing", reason=f"tag_{name}_missing", device=device.key, tag=name
        )
    return text

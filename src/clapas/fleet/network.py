"""What a network server's registry is to us, whichever it is: read whole, written device by device."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from clapas.domain.device import Device
from clapas.domain.errors import EngineUnavailable
from clapas.store.fleet import FleetRow


class RemoteDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device as the network server has it; ``tags`` are what our commands need to reach it."""

    dev_eui: str
    name: str
    profile: str
    profile_id: str
    application: str
    application_id: str
    tags: dict[str, str] = {}


class RemoteProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A device profile as ChirpStack has it; ``mac`` is its LoRaWAN version's number (3 or less: 1.0.x)."""

    id: str
    name: str
    tenant_id: str
    mac: int


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """The whole registry of a network server."""

    applications: dict[str, str]
    """Name by id."""
    profiles: dict[str, RemoteProfile]
    """By name; empty where the network has none."""
    devices: dict[str, RemoteDevice]
    """By DevEUI."""


class Network(Protocol):
    """A network server, connected. Every call may raise BadSetting or EngineUnavailable."""

    source: str
    """The source of its devices, in our words."""

    async def read(self) -> Remote:
        """Everything that it has registered."""
        ...

    async def keys(self, device: RemoteDevice, remote: Remote) -> dict[str, bytes]:
        """The root keys of a device under their LoRaWAN names; empty when it has none."""
        ...

    def why_not(self, row: FleetRow, remote: Remote) -> str:
        """Why a device of ours cannot be created there; '' when it can."""
        ...

    async def create(
        self, row: FleetRow, remote: Remote, *, keys: dict[str, bytes], radio: Mapping[str, Any]
    ) -> None:
        """Create a device there with its keys; ``radio`` is the model's radio profile."""
        ...


class NotThere(EngineUnavailable):
    """The network server does not have it."""

    code = "network_not_there"


def application_of(device: Device, remote: Remote) -> str:
    """The id of the application that a device's tag names by id or by name; '' when there is none."""
    wanted = device.tags.get("application", "").partition("@")[0]
    if wanted in remote.applications:
        return wanted
    return next((number for number, name in remote.applications.items() if name == wanted), "")

"""Sessions of a ChirpStack v4 over gRPC, both ways, in the lines that the import of sessions reads.

A line holds ChirpStack's own messages as proto3 JSON: ``device``, ``deviceKeys``, ``deviceProfile``,
``deviceActivation``. Its API does not tell DevNonces: the device's next join decides.
"""

import importlib
from collections.abc import AsyncIterator
from typing import Any

from clapas.domain.errors import ClapasError
from clapas.fleet.chirpstack import ChirpStack
from clapas.fleet.network import NotThere, Remote


def _words() -> Any:
    return importlib.import_module("google.protobuf.json_format")


async def lines(chirpstack: ChirpStack, remote: Remote) -> AsyncIterator[dict[str, Any]]:
    """Every device with its keys, its profile and its session, one line each."""
    profiles: dict[str, dict[str, Any]] = {}
    for device in remote.devices.values():
        if device.profile_id not in profiles:
            profiles[device.profile_id] = await _profile(chirpstack, device.profile_id)
        yield await _line(chirpstack, device.dev_eui, profile=profiles[device.profile_id])


async def _profile(chirpstack: ChirpStack, number: str) -> dict[str, Any]:
    request = chirpstack.api.GetDeviceProfileRequest(id=number)
    answer = await chirpstack.call(chirpstack.profiles.Get, request)
    return _told(answer.device_profile)


async def _line(chirpstack: ChirpStack, dev_eui: str, *, profile: dict[str, Any]) -> dict[str, Any]:
    api, devices = chirpstack.api, chirpstack.devices
    told = await chirpstack.call(devices.Get, api.GetDeviceRequest(dev_eui=dev_eui))
    line = {"device": _told(told.device), "deviceProfile": profile}
    asked = (
        ("deviceKeys", devices.GetKeys, api.GetDeviceKeysRequest, "device_keys"),
        ("deviceActivation", devices.GetActivation, api.GetDeviceActivationRequest, "device_activation"),
    )  # fmt: skip
    for name, call, request, field in asked:
        try:
            answer = await chirpstack.call(call, request(dev_eui=dev_eui))
        except NotThere:
            continue
        if answer.HasField(field):
            line[name] = _told(getattr(answer, field))
    return line


def _told(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = _words().MessageToDict(message)
    return found


async def give(
    chirpstack: ChirpStack, remote: Remote, *, line: dict[str, Any], application: str
) -> str:
    """Create a device of a line in ChirpStack and give it its session; says what went wrong, or ''."""
    api, devices, told = chirpstack.api, chirpstack.devices, line["device"]
    dev_eui = told["devEui"]
    profile = remote.profiles.get(line.get("deviceProfile", {}).get("name", ""))
    if profile is None:
        return "no profile named like the model"
    parse = _words().ParseDict
    try:
        if dev_eui not in remote.devices:
            device = parse(told, api.Device(), ignore_unknown_fields=True)
            device.application_id, device.device_profile_id = application, profile.id
            await chirpstack.call(devices.Create, api.CreateDeviceRequest(device=device))
            keys = parse(line["deviceKeys"], api.DeviceKeys(), ignore_unknown_fields=True)
            await chirpstack.call(devices.CreateKeys, api.CreateDeviceKeysRequest(device_keys=keys))
        if line.get("deviceActivation"):
            session = parse(line["deviceActivation"], api.DeviceActivation())
            request = api.ActivateDeviceRequest(device_activation=session)
            await chirpstack.call(devices.Activate, request)
    except ClapasError as wrong:
        return str(wrong)
    return ""

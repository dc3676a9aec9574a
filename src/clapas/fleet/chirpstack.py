"""The registry of a ChirpStack v4 over gRPC: read whole, written device by device, at a bounded rate.

Source: ChirpStack v4 API (tenant, application, device_profile, device services); metadata
``authorization: Bearer <key>``. For LoRaWAN 1.0.x its ``nwk_key`` field holds the AppKey.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from clapas.domain.errors import BadSetting, EngineUnavailable
from clapas.fleet.network import NotThere, Remote, RemoteDevice, RemoteProfile, application_of
from clapas.fleet.settings import Settings
from clapas.store.fleet import FleetRow

PAGE = 500
TIMEOUT_S = 20.0


class ChirpStack:
    """A connection; made by :func:`connect`."""

    source = "chirpstack_v4"

    def __init__(self, channel: Any, api: Any, *, grpc: Any, settings: Settings) -> None:
        self.api = api
        self._grpc = grpc
        self._metadata = (("authorization", f"Bearer {settings.chirpstack_token}"),)
        self._pause = 1.0 / max(settings.chirpstack_rate, 0.1)
        self._turn = asyncio.Lock()
        self.tenants = api.TenantServiceStub(channel)
        self.applications = api.ApplicationServiceStub(channel)
        self.profiles = api.DeviceProfileServiceStub(channel)
        self.devices = api.DeviceServiceStub(channel)

    async def read(self) -> Remote:
        """Tenants, applications, profiles and devices. Raises EngineUnavailable."""
        applications: dict[str, str] = {}
        profiles: dict[str, RemoteProfile] = {}
        tenants = [each async for each in self._all(self.tenants.List, self.api.ListTenantsRequest)]
        for tenant in tenants:
            own = {"tenant_id": tenant.id}
            async for each in self._all(
                self.applications.List, self.api.ListApplicationsRequest, **own
            ):
                applications[each.id] = each.name
            async for each in self._all(
                self.profiles.List, self.api.ListDeviceProfilesRequest, **own
            ):
                profiles[each.name] = RemoteProfile(
                    id=each.id, name=each.name, tenant_id=tenant.id, mac=int(each.mac_version)
                )
        devices = await self._devices(applications)
        return Remote(applications=applications, profiles=profiles, devices=devices)

    async def _devices(self, applications: dict[str, str]) -> dict[str, RemoteDevice]:
        found: dict[str, RemoteDevice] = {}
        for number, name in applications.items():
            async for each in self._all(
                self.devices.List, self.api.ListDevicesRequest, application_id=number
            ):
                found[each.dev_eui.lower()] = RemoteDevice(
                    dev_eui=each.dev_eui.lower(),
                    name=each.name,
                    profile=each.device_profile_name,
                    profile_id=each.device_profile_id,
                    application=name,
                    application_id=number,
                    tags={"application": number},
                )
        return found

    def why_not(self, row: FleetRow, remote: Remote) -> str:
        """A device needs an application, and a profile named like its model."""
        if not application_of(row.row.device, remote):
            return "no_such_application"
        named = row.row.device.model in remote.profiles
        return "" if named else "no_such_profile"

    async def create(
        self,
        row: FleetRow,
        remote: Remote,
        *,
        keys: dict[str, bytes],
        radio: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        """Create a device, then its keys: two calls, as the API wants."""
        dev_eui, profile = row.row.device.key, remote.profiles[row.row.device.model]
        api = self.api
        device = api.Device(
            dev_eui=dev_eui,
            name=row.row.device.name or dev_eui,
            application_id=application_of(row.row.device, remote),
            device_profile_id=profile.id,
            join_eui=row.file.join_eui or "0" * 16,
        )
        await self.call(self.devices.Create, api.CreateDeviceRequest(device=device))
        app, network = keys.get("app_key", b"").hex(), keys.get("nwk_key", b"").hex()
        if app or network:
            newer = profile.mac >= self._newer()
            sealed = api.DeviceKeys(
                dev_eui=dev_eui,
                nwk_key=network if newer else app or network,
                app_key=app if newer else "",
            )
            await self.call(
                self.devices.CreateKeys, api.CreateDeviceKeysRequest(device_keys=sealed)
            )

    async def keys(self, device: RemoteDevice, remote: Remote) -> dict[str, bytes]:
        """The root keys of a device under their LoRaWAN names; empty when ChirpStack has none."""
        request = self.api.GetDeviceKeysRequest(dev_eui=device.dev_eui)
        try:
            answer = await self.call(self.devices.GetKeys, request)
        except NotThere:
            return {}
        given, profile = answer.device_keys, remote.profiles.get(device.profile)
        if profile and profile.mac >= self._newer():
            texts = {"app_key": given.app_key, "nwk_key": given.nwk_key}
        else:
            texts = {"app_key": given.nwk_key}
        return {kind: bytes.fromhex(text) for kind, text in texts.items() if text.strip("0")}

    def _newer(self) -> int:
        common = importlib.import_module("chirpstack_api.common")
        return int(common.MacVersion.LORAWAN_1_1_0)

    async def _all(
        self, call: Callable[..., Awaitable[Any]], request: Any, **fields: Any
    ) -> AsyncIterator[Any]:
        offset = 0
        while True:
            answer = await self.call(call, request(limit=PAGE, offset=offset, **fields))
            for each in answer.result:
                yield each
            offset += PAGE
            if offset >= answer.total_count:
                return

    async def call(self, call: Callable[..., Awaitable[Any]], request: Any) -> Any:
        """One call in its turn. Raises NotThere, BadSetting, EngineUnavailable."""
        async with self._turn:
            await asyncio.sleep(self._pause)
        try:
            return await call(request, metadata=self._metadata, timeout=TIMEOUT_S)
        except self._grpc.aio.AioRpcError as error:
            code = error.code()
            if code == self._grpc.StatusCode.NOT_FOUND:
                raise NotThere from error
            if code in {
                self._grpc.StatusCode.UNAUTHENTICATED,
                self._grpc.StatusCode.PERMISSION_DENIED,
            }:
                raise BadSetting(
                    "ChirpStack refuses the API key", key="chirpstack_token"
                ) from error
            raise EngineUnavailable(
                f"ChirpStack does not answer: {error.details()}", engine="chirpstack"
            ) from error


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[ChirpStack]:
    """Connect. Raises BadSetting when no address is set, or the client library is not installed."""
    if not settings.networks()["chirpstack"]:
        why = "no ChirpStack is set: give its host:port in fleet.chirpstack, its API key in fleet.chirpstack_token"
        raise BadSetting(why, reason="network_not_set", key="fleet.chirpstack")
    try:
        grpc: Any = importlib.import_module("grpc")
        api: Any = importlib.import_module("chirpstack_api.api")
    except ImportError as error:
        raise BadSetting("install chirpstack-api to speak to ChirpStack", key="fleet") from error
    if settings.chirpstack_tls:
        channel = grpc.aio.secure_channel(settings.chirpstack, grpc.ssl_channel_credentials())
    else:
        channel = grpc.aio.insecure_channel(settings.chirpstack)
    async with channel:
        yield ChirpStack(channel, api, grpc=grpc, settings=settings)

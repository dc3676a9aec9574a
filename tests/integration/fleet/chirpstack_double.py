"""A double of ChirpStack's registry: its own gRPC services, from the published API, over a list in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from chirpstack_api import api, common
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]

TOKEN = "a-token"


class Registry:
    """What the double holds."""

    def __init__(self) -> None:
        self.devices: dict[str, Any] = {}
        self.keys: dict[str, Any] = {}
        self.activations: dict[str, Any] = {}


async def allowed(context: Any) -> None:
    """The API key is asked at each call."""
    if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")


class Tenants(api.TenantServiceServicer):  # type: ignore[misc]
    """One tenant."""

    async def List(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        await allowed(context)
        return api.ListTenantsResponse(
            total_count=1, result=[api.TenantListItem(id="t1", name="Métropole")]
        )


class Applications(api.ApplicationServiceServicer):  # type: ignore[misc]
    """One application."""

    async def List(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        item = api.ApplicationListItem(id="a1", name="eau")
        return api.ListApplicationsResponse(total_count=1, result=[item])


class Profiles(api.DeviceProfileServiceServicer):  # type: ignore[misc]
    """A profile in 1.0.3, one in 1.1."""

    async def List(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        items = [
            api.DeviceProfileListItem(
                id="p1", name="water", mac_version=common.MacVersion.LORAWAN_1_0_3
            ),
            api.DeviceProfileListItem(
                id="p2", name="air", mac_version=common.MacVersion.LORAWAN_1_1_0
            ),
        ]
        return api.ListDeviceProfilesResponse(total_count=2, result=items)

    async def Get(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        version = {"p1": common.MacVersion.LORAWAN_1_0_3, "p2": common.MacVersion.LORAWAN_1_1_0}
        profile = api.DeviceProfile(
            id=request.id,
            name={"p1": "water", "p2": "air"}[request.id],
            mac_version=version[request.id],
            supports_otaa=True,
        )
        return api.GetDeviceProfileResponse(device_profile=profile)


class Devices(api.DeviceServiceServicer):  # type: ignore[misc]
    """Devices with their keys, paged."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    async def List(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        found = list(self.registry.devices.values())
        part = found[request.offset : request.offset + request.limit]
        names = {"p1": "water", "p2": "air"}
        items = [
            api.DeviceListItem(
                dev_eui=each.dev_eui,
                name=each.name,
                device_profile_id=each.device_profile_id,
                device_profile_name=names[each.device_profile_id],
            )
            for each in part
        ]
        return api.ListDevicesResponse(total_count=len(found), result=items)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.device.dev_eui in self.registry.devices:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "exists")
        self.registry.devices[request.device.dev_eui] = request.device
        return Empty()

    async def CreateKeys(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        self.registry.keys[request.device_keys.dev_eui] = request.device_keys
        return Empty()

    async def Get(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return api.GetDeviceResponse(device=self.registry.devices[request.dev_eui])

    async def GetActivation(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        found = self.registry.activations.get(request.dev_eui)
        return api.GetDeviceActivationResponse(device_activation=found)

    async def Activate(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        found = request.device_activation
        self.registry.activations[found.dev_eui] = found
        return Empty()

    async def GetKeys(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.dev_eui not in self.registry.keys:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no keys")
        return api.GetDeviceKeysResponse(device_keys=self.registry.keys[request.dev_eui])


@asynccontextmanager
async def serve() -> AsyncIterator[tuple[str, Registry]]:
    """The double on a free port: its address and what it holds."""
    registry = Registry()
    server = grpc.aio.server()
    api.add_TenantServiceServicer_to_server(Tenants(), server)
    api.add_ApplicationServiceServicer_to_server(Applications(), server)
    api.add_DeviceProfileServiceServicer_to_server(Profiles(), server)
    api.add_DeviceServiceServicer_to_server(Devices(registry), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", registry
    finally:
        await server.stop(None)

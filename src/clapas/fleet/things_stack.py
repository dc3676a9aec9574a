"""The registry of a The Things Stack v3 over its HTTP API, at a bounded rate.

Source: The Things Stack documentation, "End Device APIs": a device lives in four registries, written in the
order Identity Server, Join Server, Network Server, Application Server; lists are paged with the header
``X-Total-Count``; nothing is read or written that the field mask does not name.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from clapas.domain.errors import BadSetting, ClapasError, EngineUnavailable
from clapas.fleet.network import NotThere, Remote, RemoteDevice, application_of
from clapas.fleet.settings import Settings
from clapas.store.fleet import FleetRow

PAGE = 1000
TIMEOUT_S = 20.0
PLAN = "EU_863_870_TTN"
"""The frequency plan of Europe that The Things Network recommends."""
REGIONAL = {"1.0.2": "PHY_V1_0_2_REV_B", "1.0.3": "PHY_V1_0_3_REV_A", "1.1.0": "PHY_V1_1_REV_B"}


class ThingsStack:
    """A connection; made by :func:`connect`."""

    source = "the_things_stack"

    def __init__(self, client: httpx.AsyncClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._host = urlsplit(settings.things_stack).hostname or ""
        self._pause = 1.0 / max(settings.things_stack_rate, 0.1)
        self._turn = asyncio.Lock()

    async def read(self) -> Remote:
        """The devices of the applications of the settings."""
        names = self._settings.things_stack_applications
        devices = [each for name in names async for each in self._devices(name)]
        return Remote(
            applications={name: name for name in names},
            profiles={},
            devices={each.dev_eui: each for each in devices},
        )

    async def _devices(self, application: str) -> AsyncIterator[RemoteDevice]:
        page, seen, total = 1, 0, 1
        while seen < total:
            answer = await self._call(
                "GET",
                f"/applications/{quote(application)}/devices",
                params={"field_mask": "name,version_ids", "limit": PAGE, "page": page},
            )
            found = answer.json().get("end_devices", [])
            total = int(answer.headers.get("x-total-count", len(found)))
            for each in found:
                if each.get("ids", {}).get("dev_eui"):
                    yield self._device(each, application)
            page, seen = page + 1, seen + len(found)
            if not found:
                return

    def _device(self, each: dict[str, Any], application: str) -> RemoteDevice:
        ids, version = each["ids"], each.get("version_ids", {})
        profile = "-".join(filter(None, (version.get("brand_id"), version.get("model_id"))))
        tenant = self._settings.things_stack_tenant
        return RemoteDevice(
            dev_eui=str(ids["dev_eui"]).lower(),
            name=str(each.get("name") or ids["device_id"]),
            profile=profile,
            profile_id=profile,
            application=application,
            application_id=application,
            tags={"application": f"{application}@{tenant}", "device_id": str(ids["device_id"])},
        )

    async def keys(self, device: RemoteDevice, remote: Remote) -> dict[str, bytes]:  # noqa: ARG002
        """The root keys that its Join Server holds."""
        path = _path("/js", device.application_id, device=device.tags["device_id"])
        try:
            answer = await self._call("GET", path, params={"field_mask": "root_keys"})
        except NotThere:
            return {}
        given = answer.json().get("root_keys", {})
        texts = {kind: given.get(kind, {}).get("key", "") for kind in ("app_key", "nwk_key")}
        return {kind: bytes.fromhex(text) for kind, text in texts.items() if text}

    def why_not(self, row: FleetRow, remote: Remote) -> str:
        """A device needs one of the applications of the settings."""
        return "" if application_of(row.row.device, remote) else "no_such_application"

    async def create(
        self, row: FleetRow, remote: Remote, *, keys: dict[str, bytes], radio: Mapping[str, Any]
    ) -> None:
        """Register in the four registries; when one refuses, the first is cleared for another try."""
        application = application_of(row.row.device, remote)
        name = row.row.device.tags.get("device_id") or f"eui-{row.row.device.key}"
        ids = {
            "device_id": name,
            "dev_eui": row.row.device.key.upper(),
            "join_eui": (row.file.join_eui or "0" * 16).upper(),
        }
        servers = {
            f"{each}_server_address": self._host for each in ("network", "application", "join")
        }
        body = {"ids": ids, "name": row.row.device.name or name, **servers}
        await self._write("POST", f"/applications/{quote(application)}/devices", device=body)
        try:
            for registry, part in self._registries(keys, radio, servers=servers):
                body = {"ids": {**ids, "application_ids": {"application_id": application}}, **part}
                await self._write("PUT", _path(registry, application, device=name), device=body)
        except ClapasError:
            await self._call("DELETE", _path("", application, device=name))
            raise

    def _registries(
        self, keys: dict[str, bytes], radio: Mapping[str, Any], *, servers: dict[str, str]
    ) -> list[tuple[str, dict[str, Any]]]:
        version = str(radio.get("mac_version") or "1.0.3")
        roots = {kind: {"key": key.hex().upper()} for kind, key in keys.items()}
        lorawan = {
            "supports_join": True,
            "lorawan_version": f"MAC_V{version.removesuffix('.0').replace('.', '_')}",
            "lorawan_phy_version": REGIONAL.get(version, REGIONAL["1.0.3"]),
            "frequency_plan_id": str(radio.get("frequency_plan") or PLAN),
        }
        here = {name: servers[name] for name in servers if not name.startswith("join")}
        joining = [("/js", {**here, "root_keys": roots})] if roots else []
        return [*joining, ("/ns", lorawan), ("/as", {})]

    async def _write(self, method: str, path: str, *, device: dict[str, Any]) -> None:
        paths = [f"ids.{name}" for name in ("device_id", "dev_eui", "join_eui")]
        for name, value in device.items():
            if name == "root_keys":
                paths += [f"root_keys.{kind}.key" for kind in value]
            elif name != "ids":
                paths.append(name)
        body = {"end_device": device, "field_mask": {"paths": paths}}
        await self._call(method, path, json=body)

    async def _call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One call in its turn. Raises NotThere, BadSetting, EngineUnavailable."""
        async with self._turn:
            await asyncio.sleep(self._pause)
        try:
            answer = await self._client.request(method, f"/api/v3{path}", **more)
        except httpx.HTTPError as error:
            raise EngineUnavailable(
                f"The Things Stack does not answer: {type(error).__name__}", engine="things_stack"
            ) from error
        if answer.status_code in {401, 403}:
            raise BadSetting("The Things Stack refuses the API key", key="things_stack_token")
        if answer.status_code == 404:
            raise NotThere(engine="things_stack")
        if answer.status_code >= 400:
            raise EngineUnavailable(
                f"The Things Stack refuses: {_message(answer)}", engine="things_stack"
            )
        return answer


def _path(registry: str, application: str, *, device: str) -> str:
    return f"{registry}/applications/{quote(application)}/devices/{quote(device)}"


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message", answer.status_code))[:200]
    except ValueError:
        return str(answer.status_code)


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[ThingsStack]:
    """Connect. Raises BadSetting when no address or no application is set."""
    if not settings.networks()["things-stack"]:
        why = (
            "no The Things Stack is set: give its address in fleet.things_stack, its API key in"
            " fleet.things_stack_token and its applications in fleet.things_stack_applications"
        )
        raise BadSetting(why, reason="network_not_set", key="fleet.things_stack")
    headers = {"Authorization": f"Bearer {settings.things_stack_token}"}
    async with httpx.AsyncClient(
        base_url=settings.things_stack, headers=headers, timeout=TIMEOUT_S
    ) as client:
        yield ThingsStack(client, settings)

"""Credentials of devices, and what a connection to the MQTT listener may do.

A device's password is its token; its topics are its own. A program (a network server, a bridge) uses
a service key: user name anything, password the key, topics those of its ``topic:<filter>`` scopes.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from clapas.domain.access import Principal, Resource
from clapas.domain.errors import InvalidInput
from clapas.domain.identifiers import DEVICE, normalise_device
from clapas.identity.secrets import Pepper, new_token
from clapas.identity.service_keys import ServiceKeys
from clapas.identity.settings import Settings
from clapas.store.identity import IdentityStore

TOKEN = re.compile(r"^cld_[0-9A-Za-z]{43}$")

Allowed = Callable[[Principal, str, Resource], bool]
"""The charter's yes or no, given by whoever composes the platform."""


class MqttGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What an MQTT connection may do: topic filters in MQTT's own form."""

    principal: Principal
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


class Devices:
    """Make and recognise devices' tokens; answer the broker's question."""

    def __init__(
        self,
        store: IdentityStore,
        *,
        keys: ServiceKeys,
        pepper: Pepper,
        settings: Settings,
        allowed: Allowed,
    ) -> None:
        self._store = store
        self._keys = keys
        self._pepper = pepper
        self._settings = settings
        self._allowed = allowed

    async def issue(self, device: str, *, expires: datetime | None = None) -> str:
        """A new token for a device, told once; the one before it stays alive."""
        key = normalise_device(device)
        if not DEVICE.match(key):
            raise InvalidInput("not a device's id", device=device[:128])
        token = f"cld_{new_token()}"
        await self._store.add_credential(
            proof=self._pepper.proof("device", token), device=key, expires=expires
        )
        return token

    async def revoke(self, device: str) -> int:
        """A device's tokens work no more; gives how many there were."""
        return await self._store.revoke_credentials(normalise_device(device))

    async def recognise(self, token: str) -> Principal | None:
        """The principal of a live token, None for anything else."""
        if not TOKEN.fullmatch(token):
            return None
        device = await self._store.credential(
            self._pepper.proof("device", token), datetime.now(UTC)
        )
        return Principal(kind="device", id=device, name=device) if device else None

    async def authorize_mqtt(
        self, username: str, password: str, *, client_id: str
    ) -> MqttGrant | None:
        """What this connection may do, None when it may not enter.

        The user name of a device must be the device's key (or empty): a token that leaked does not
        speak for another. ``client_id`` is only told in logs.
        """
        del client_id
        device = await self.recognise(password)
        if device is not None:
            if username and normalise_device(username) != device.id:
                return None
            return self._device_grant(device)
        service = await self._keys.recognise(password)
        return self._service_grant(service) if service else None

    def grant(self, device: str) -> MqttGrant | None:
        """What a device that proved who it is may do over MQTT."""
        return self._device_grant(Principal(kind="device", id=device, name=device))

    def _device_grant(self, device: Principal) -> MqttGrant | None:
        topic = Resource(kind="topic", attributes={"device": device.id})
        publish, subscribe = self._settings.device_publish, self._settings.device_subscribe
        grant = MqttGrant(
            principal=device,
            publish=_filled(publish, device.id) if self._allowed(device, "publish", topic) else (),
            subscribe=_filled(subscribe, device.id)
            if self._allowed(device, "subscribe", topic)
            else (),
        )
        return grant if grant.publish or grant.subscribe else None

    def _service_grant(self, service: Principal) -> MqttGrant | None:
        filters = tuple(
            sorted(
                scope.removeprefix("topic:")
                for scope in service.scopes
                if scope.startswith("topic:") and not scope.startswith("topic:$")
            )
        )
        if service.organisation.startswith("application:"):
            own = f"out/{service.organisation.removeprefix('application:')}"
            return MqttGrant(principal=service, subscribe=(own, f"{own}/#"))
        topic = Resource(kind="topic")
        grant = MqttGrant(
            principal=service,
            publish=filters if self._allowed(service, "publish", topic) else (),
            subscribe=filters if self._allowed(service, "subscribe", topic) else (),
        )
        return grant if grant.publish or grant.subscribe else None


def _filled(templates: tuple[str, ...], device: str) -> tuple[str, ...]:
    return tuple(template.replace("{device}", device) for template in templates)

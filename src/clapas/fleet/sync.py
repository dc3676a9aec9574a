"""Both ways between our registry and ChirpStack's: dry run first, then device by device with its result.

Towards us: a DevEUI that we do not know is *proposed*, in quarantine until somebody approves it, with the
model guessed from its profile. Towards ChirpStack: our devices of source ``chirpstack_v4`` that it lacks,
with the tag ``application`` (id or name) and a profile named like their model.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec

from clapas.codecs.device import guess_codec
from clapas.domain.access import RowFilter
from clapas.domain.device import Device
from clapas.domain.errors import ClapasError
from clapas.fleet.chirpstack import ChirpStack, Remote, RemoteDevice
from clapas.fleet.sealing import Sealer
from clapas.store import Store
from clapas.store.fleet import DeviceQuery, FleetRow
from clapas.store.jobs import JobItem

ALL = RowFilter(everything=True)
SOURCE = "chirpstack_v4"
TOGETHER = 8
SHOWN = 100


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a synchronisation would do."""

    to_us: list[RemoteDevice]
    to_chirpstack: list[FleetRow]
    impossible: dict[str, str]
    """Our devices that cannot be sent, and why."""
    both: int

    def told(self) -> dict[str, Any]:
        """The plan as a report."""
        return {
            "to_us": len(self.to_us),
            "to_chirpstack": len(self.to_chirpstack),
            "impossible": len(self.impossible),
            "both": self.both,
            "examples": {
                "to_us": [each.dev_eui for each in self.to_us[:SHOWN]],
                "to_chirpstack": [e.row.device.key for e in self.to_chirpstack[:SHOWN]],
                "impossible": dict(list(self.impossible.items())[:SHOWN]),
            },
        }


async def plan(store: Store, remote: Remote) -> Plan:
    """Compare both registries; changes nothing."""
    ours = (await store.fleet.select(ALL, DeviceQuery(source=SOURCE), limit=100_000)).items
    keys = {each.row.device.key for each in ours}
    known = await store.imports.known(list(remote.devices))
    wanted = [
        each
        for each in ours
        if each.row.device.key not in remote.devices and each.row.device.lifecycle != "retired"
    ]
    reasons = {each.row.device.key: _why_not(each, remote) for each in wanted}
    return Plan(
        to_us=[each for key, each in remote.devices.items() if key not in known],
        to_chirpstack=[each for each in wanted if not reasons[each.row.device.key]],
        impossible={key: reason for key, reason in reasons.items() if reason},
        both=len(keys & remote.devices.keys()),
    )


def _why_not(each: FleetRow, remote: Remote) -> str:
    device = each.row.device
    if device.lifecycle == "proposed":
        return "not approved"
    if _application(device, remote) is None:
        return "no such application"
    return "" if device.model in remote.profiles else "no profile named like the model"


def _application(device: Device, remote: Remote) -> str | None:
    wanted = device.tags.get("application", "")
    if wanted in remote.applications:
        return wanted
    return next((number for number, name in remote.applications.items() if name == wanted), None)


async def receive(
    store: Store, chirpstack: ChirpStack, remote: Remote, wanted: Plan, *, sealer: Sealer
) -> int:
    """Propose what ChirpStack has and we do not, with its keys; gives how many."""
    models = {each.id for each in await store.models.all()}
    devices = [
        Device(
            id=uuid4(),
            key=each.dev_eui,
            name=each.name,
            source=SOURCE,
            model=_guess(each.profile, models),
            lifecycle="proposed",
            tags={"application": each.application_id, "profile": each.profile},
        )
        for each in wanted.to_us
    ]
    await store.registry.save_devices(devices)
    sealed: list[dict[str, str]] = []
    for remote_device in wanted.to_us:
        profile = remote.profiles.get(remote_device.profile)
        keys = await chirpstack.keys(remote_device.dev_eui, mac=profile.mac if profile else 0)
        sealed += [
            {
                "key": remote_device.dev_eui,
                "kind": kind,
                "sealed": sealer.seal(remote_device.dev_eui, kind, key),
            }
            for kind, key in keys.items()
        ]
    await store.fleet.save_sealed(sealed)
    return len(devices)


def _guess(profile: str, models: set[str]) -> str:
    if profile in models:
        return profile
    codec = guess_codec(profile)
    return codec.name if codec and codec.name in models else ""


async def send(
    store: Store,
    chirpstack: ChirpStack,
    remote: Remote,
    wanted: Plan,
    *,
    sealer: Sealer,
    note: Callable[[list[JobItem]], Awaitable[None]],
) -> int:
    """Create in ChirpStack what it lacks; a device that fails is told and the others go on."""
    gate = asyncio.Semaphore(TOGETHER)

    async def one(each: FleetRow) -> JobItem:
        device = each.row.device
        sealed = await store.fleet.sealed_keys(device.key)
        try:
            async with gate:
                await chirpstack.create(
                    device.key,
                    name=device.name,
                    application=_application(device, remote) or "",
                    profile=remote.profiles[device.model],
                    join_eui=each.file.join_eui,
                    keys={kind: sealer.open(device.key, kind, key) for kind, key in sealed.items()},
                )
        except ClapasError as error:
            return JobItem(key=device.key, ok=False, detail=str(error))
        return JobItem(key=device.key, ok=True)

    items = await asyncio.gather(*(one(each) for each in wanted.to_chirpstack))
    await note(items)
    return sum(1 for each in items if each.ok)

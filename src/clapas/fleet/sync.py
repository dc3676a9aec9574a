"""Both ways between our registry and a network server's: dry run first, then device by device.

Towards us: a DevEUI that we do not know is *proposed*, in quarantine until somebody approves it, with the
model guessed from its profile. Towards the network: our devices of its source that it lacks, with the tag
``application`` (id or name); ChirpStack also wants a profile named like their model.
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
from clapas.fleet.network import Network, Remote, RemoteDevice
from clapas.fleet.sealing import Sealer
from clapas.store import Store
from clapas.store.fleet import DeviceQuery, FleetRow
from clapas.store.jobs import JobItem

ALL = RowFilter(everything=True)
TOGETHER = 8
SHOWN = 100


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a synchronisation would do."""

    to_us: list[RemoteDevice]
    to_network: list[FleetRow]
    impossible: dict[str, str]
    """Our devices that cannot be sent, and why."""
    both: int

    def told(self) -> dict[str, Any]:
        """The plan as a report."""
        return {
            "to_us": len(self.to_us),
            "to_network": len(self.to_network),
            "impossible": len(self.impossible),
            "both": self.both,
            "examples": {
                "to_us": [each.dev_eui for each in self.to_us[:SHOWN]],
                "to_network": [e.row.device.key for e in self.to_network[:SHOWN]],
                "impossible": dict(list(self.impossible.items())[:SHOWN]),
            },
        }


async def plan(store: Store, network: Network, *, remote: Remote) -> Plan:
    """Compare both registries; changes nothing."""
    ours = (await store.fleet.select(ALL, DeviceQuery(source=network.source), limit=100_000)).items
    keys = {each.row.device.key for each in ours}
    known = await store.imports.known(list(remote.devices))
    wanted = [
        each
        for each in ours
        if each.row.device.key not in remote.devices and each.row.device.lifecycle != "retired"
    ]
    reasons = {each.row.device.key: _why_not(each, network, remote=remote) for each in wanted}
    return Plan(
        to_us=[each for key, each in remote.devices.items() if key not in known],
        to_network=[each for each in wanted if not reasons[each.row.device.key]],
        impossible={key: reason for key, reason in reasons.items() if reason},
        both=len(keys & remote.devices.keys()),
    )


def _why_not(each: FleetRow, network: Network, *, remote: Remote) -> str:
    if each.row.device.lifecycle == "proposed":
        return "not approved"
    return network.why_not(each, remote)


async def receive(
    store: Store, network: Network, *, remote: Remote, wanted: Plan, sealer: Sealer
) -> int:
    """Propose what the network has and we do not, with its keys; gives how many."""
    models = {each.id for each in await store.models.all()}
    devices = [
        Device(
            id=uuid4(),
            key=each.dev_eui,
            name=each.name,
            source=network.source,
            model=_guess(each.profile, models),
            lifecycle="proposed",
            tags={**each.tags, "profile": each.profile},
        )
        for each in wanted.to_us
    ]
    await store.registry.save_devices(devices)
    sealed: list[dict[str, str]] = []
    for remote_device in wanted.to_us:
        keys = await network.keys(remote_device, remote)
        sealed += [
            {
                "key": remote_device.dev_eui,
                "kind": kind,
                "sealed": sealer.seal(remote_device.dev_eui, kind, key=key),
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
    network: Network,
    *,
    remote: Remote,
    wanted: Plan,
    sealer: Sealer,
    note: Callable[[list[JobItem]], Awaitable[None]],
) -> int:
    """Create there what the network lacks; a device that fails is told and the others go on."""
    gate = asyncio.Semaphore(TOGETHER)
    radios = {each.id: each.settings.get("radio") or {} for each in await store.models.all()}

    async def one(each: FleetRow) -> JobItem:
        device = each.row.device
        sealed = await store.fleet.sealed_keys(device.key)
        try:
            async with gate:
                keys = {
                    kind: sealer.open(device.key, kind, sealed=key) for kind, key in sealed.items()
                }
                radio = radios.get(device.model, {})
                await network.create(each, remote, keys=keys, radio=radio)
        except ClapasError as error:
            return JobItem(key=device.key, ok=False, detail=str(error))
        return JobItem(key=device.key, ok=True)

    items = await asyncio.gather(*(one(each) for each in wanted.to_network))
    await note(items)
    return sum(1 for each in items if each.ok)

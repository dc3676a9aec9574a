"""A simulated fleet in the registry: what is missing is written, what people changed stays."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from uuid import NAMESPACE_URL, uuid5

import msgspec

from clapas.domain.device import Device, Gateway, Model
from clapas.ops.simulate.fleet import Fleet
from clapas.store import Store

TAG = {"simulated": "true"}


def devices_of(fleet: Fleet, *, created: datetime) -> tuple[Device, ...]:
    """The devices to register: those that no feed describes. Their ids are the same every time."""
    return tuple(
        Device(
            id=uuid5(NAMESPACE_URL, f"clapas:simulated:{each.key}"),
            key=each.key,
            source=each.what.door,
            model=each.what.model.id if each.what.model else "",
            name=each.name,
            lifecycle="active",
            longitude=each.longitude,
            latitude=each.latitude,
            commune=each.commune,
            tags=TAG,
            created=created,
        )
        for each in fleet.devices
        if each.registered
    )


def gateways_of(fleet: Fleet) -> tuple[Gateway, ...]:
    """The gateways to register."""
    return tuple(
        Gateway(id=each.id, name=each.name, longitude=each.longitude, latitude=each.latitude)
        for each in fleet.gateways
    )


async def register(
    store: Store, fleet: Fleet, *, created: datetime, written: Mapping[str, str]
) -> dict[str, str]:
    """Write the models, gateways, things, devices and bindings that the registry lacks.

    ``written``: the digests of the models as an earlier start wrote them; gives those of now. A model that
    nobody changed since takes a new version's definition.
    """
    digests = await _register_models(store, fleet.models, written=written)
    named = {each.id for each in await store.models.gateways()}
    await store.models.save_gateways([each for each in gateways_of(fleet) if each.id not in named])
    there = await store.entities.existing([each.id for each in fleet.entities])
    await store.entities.upsert([each for each in fleet.entities if each.id not in there])
    devices = devices_of(fleet, created=created)
    known = await store.registry.resolve([each.key for each in devices])
    missing = [each for each in devices if each.key not in known]
    await store.registry.save_devices(missing, simulated=True)
    for each in fleet.devices:
        bound = each.key in known and known[each.key].bindings
        if each.registered and each.bindings and not bound:
            await store.registry.bind(each.key, each.bindings)
    return digests


async def _register_models(
    store: Store, models: Sequence[Model], *, written: Mapping[str, str]
) -> dict[str, str]:
    before = {each.id: each for each in await store.models.all()}
    due = [
        each
        for each in models
        if each.id not in before or digest(before[each.id]) == written.get(each.id)
    ]
    await store.models.save(due)
    after = {each.id: each for each in await store.models.all()}
    return dict(written) | {each.id: digest(after[each.id]) for each in due}


def digest(model: Model) -> str:
    """What tells whether a model is still as it was written."""
    content = msgspec.json.encode(model, order="deterministic")
    return blake2b(content, digest_size=12).hexdigest()

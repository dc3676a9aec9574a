"""What may be bound: known quantities, and things that the caller may write or that are named for the first time."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from clapas.domain.device import Binding, Device, Entity
from clapas.domain.errors import InvalidInput
from clapas.domain.quantities import QUANTITIES
from clapas.web.services import Call, rows_of, services_of

MOST = 200
"""Bindings of one device."""
URN = re.compile(r"urn:ngsi-ld:([A-Za-z][A-Za-z0-9]{0,63}):\S{1,200}")
"""The id of a thing, with its type (ETSI GS CIM 009, annex A)."""


def check(given: Sequence[Binding]) -> None:
    """Raises InvalidInput that names what cannot be kept."""
    if len(given) > MOST:
        raise InvalidInput("a device has at most 200 bindings", accepted=[0, MOST])
    for each in given:
        if not (each.channel and each.entity and each.attribute):
            raise InvalidInput("a binding names a channel, an entity and an attribute")
        if each.quantity and each.quantity not in QUANTITIES:
            near = get_close_matches(each.quantity, QUANTITIES, n=3)
            raise InvalidInput(
                "unknown quantity", field="quantity", unknown=each.quantity, near=near
            )
        if any(moment and moment.tzinfo is None for moment in (each.start, each.end)):
            raise InvalidInput("a moment needs a zone", field="start")
        if each.start and each.end and each.end <= each.start:
            raise InvalidInput("a binding ends after it starts", field="end")


async def ready(request: Call, device: Device, *, given: Sequence[Binding]) -> None:
    """Make the things that are named for the first time, at the device's place.

    What the device feeds already stays. Raises NotFound for a thing that the caller may not write, and
    InvalidInput for a new one whose id does not say its type.
    """
    store = services_of(request).store
    before = (await store.registry.resolve([device.key])).get(device.key)
    fed = {each.entity for each in before.bindings} if before else set()
    wanted = {each.entity for each in given} - fed - {f"urn:ngsi-ld:Device:{device.key}"}
    there = await store.entities.existing(wanted)
    for name in sorted(there):
        await store.entities.get(rows_of(request, "entity", action="write"), name)
    await store.entities.upsert([_thing(name, device) for name in sorted(wanted - there)])


def _thing(name: str, device: Device) -> Entity:
    found = URN.fullmatch(name)
    if found is None:
        raise InvalidInput(
            "a new thing is named urn:ngsi-ld:<Type>:<id>", field="entity", entity=name
        )
    return Entity(
        id=name,
        type=found[1],
        name=device.name,
        longitude=device.longitude,
        latitude=device.latitude,
        commune=device.commune,
    )

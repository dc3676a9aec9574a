"""What the models of the devices behind a thing say to show first."""

from collections.abc import Iterable

from clapas.domain.device import Binding
from clapas.store import Store

OWN = "urn:ngsi-ld:Device:"
"""A device that measures for itself is an entity of this type, by its key."""


async def shown_first(
    store: Store, entity: str, *, bindings: Iterable[tuple[str, Binding]]
) -> list[str]:
    """Attributes of the entity in the order of its devices' models; those that no model names are left out."""
    fed: dict[str, dict[str, str]] = {}
    for device, binding in bindings:
        fed.setdefault(device, {})[binding.channel] = binding.attribute
    if entity.startswith(OWN):
        fed.setdefault(entity.removeprefix(OWN), {})
    known = await store.registry.resolve(sorted(fed))
    found: dict[str, None] = {}
    for device, attributes in fed.items():
        model = known[device].model if device in known else None
        for channel in (model.settings.get("page") if model else None) or ():
            found.setdefault(attributes.get(channel, channel))
    return list(found)

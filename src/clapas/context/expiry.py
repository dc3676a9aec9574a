"""What expires goes: entities, attributes, entity maps, snapshots (clause 4.22)."""

import asyncio
import logging

from clapas.context.broker import Broker
from clapas.context.editing import Editor, deleted
from clapas.context.model import Entity, dataset_of, moment
from clapas.context.snapshots import sweep_kept
from clapas.domain.errors import ClapasError

log = logging.getLogger(__name__)


async def sweep(broker: Broker) -> None:
    """Remove what expired, again and again."""
    while True:
        await asyncio.sleep(broker.settings.sweep_seconds)
        try:
            for tenant, name in await broker.store.rows("expired"):
                async with broker.write(tenant) as write:
                    await write.take([name])
                    await write.save([deleted(each, write.now) for each in write.over.values()])
            for tenant, name in await broker.store.rows("expired_attributes"):
                async with broker.write(tenant) as write:
                    found = await write.take([name])
                    await write.save([lasting(each, write.now) for each in found.values()])
            await sweep_kept(broker)
        except ClapasError as error:
            log.warning("the sweep waits: %s", error)


def lasting(entity: Entity, now: str) -> Editor:
    """The entity without the instances of attributes that have expired."""
    editor, at = Editor(entity, now), moment(now)
    for iri, instances in list(entity.attributes.items()):
        for each in list(instances):
            if "expiresAt" in each and moment(each["expiresAt"]) <= at:
                editor.remove(iri, dataset_of(each))
    return editor

"""Which operations go over several sources, and how: each local handler with what is put around it."""

from collections.abc import Awaitable, Callable

from clapas.context.broker import Broker
from clapas.context.door import (
    attributes,
    batch,
    discovery,
    entities,
    evolution,
    registrations,
    subscriptions,
    temporal,
)
from clapas.context.door.http import Answer, Request
from clapas.context.federation.answers import discovered, evolved_both, merged_answers
from clapas.context.federation.batches import distributed_batch, distributed_purge
from clapas.context.federation.subscriptions import (
    creating,
    deleting,
    registering,
    updating,
)
from clapas.context.federation.writes import Writing, distributed

Handler = Callable[[Broker, Request], Awaitable[Answer]]
WRITES: tuple[tuple[Handler, Writing], ...] = (
    (entities.create, Writing(operation="createEntity")),
    (entities.merge, Writing(operation="mergeEntity")),
    (entities.replace, Writing(operation="replaceEntity")),
    (entities.delete, Writing(operation="deleteEntity", body="")),
    (attributes.append, Writing(operation="appendAttrs", of_attributes=True)),
    (attributes.update, Writing(operation="updateEntity", of_attributes=True)),
    (attributes.partial, Writing(operation="updateAttrs", body="attribute", of_attributes=True)),
    (attributes.replace, Writing(operation="replaceAttrs", body="attribute", of_attributes=True)),
    (attributes.delete, Writing(operation="deleteAttrs", body="attribute", of_attributes=True)),
    (temporal.create, Writing(operation="upsertTemporal")),
    (temporal.append, Writing(operation="appendAttrsTemporal", of_attributes=True)),
    (temporal.delete, Writing(operation="deleteTemporal", body="")),
    (temporal.delete_attribute, Writing(operation="deleteAttrsTemporal", body="attribute")),
    (temporal.modify_instance, Writing(operation="updateAttrInstanceTemporal", body="attribute")),
    (temporal.delete_instance, Writing(operation="deleteAttrInstanceTemporal", body="attribute")),
)
AROUND: dict[Handler, Handler] = {
    **{local: distributed(local, writing) for local, writing in WRITES},
    batch.create: distributed_batch(batch.create, "createBatch"),
    batch.upsert: distributed_batch(batch.upsert, "upsertBatch"),
    batch.update: distributed_batch(batch.update, "updateBatch"),
    batch.merge: distributed_batch(batch.merge, "mergeBatch"),
    batch.delete: distributed_batch(batch.delete, "deleteBatch"),
    entities.purge: distributed_purge(entities.purge),
    evolution.retrieve: merged_answers(evolution.retrieve, "retrieveTemporal", merge=evolved_both),
    evolution.query: merged_answers(evolution.query, "queryTemporal", merge=evolved_both),
    evolution.query_by_post: merged_answers(
        evolution.query_by_post, "queryTemporal", merge=evolved_both
    ),
    discovery.types: merged_answers(discovery.types, "retrieveEntityTypes", merge=discovered),
    discovery.entity_type: merged_answers(
        discovery.entity_type, "retrieveEntityTypeInfo", merge=discovered
    ),
    discovery.attributes: merged_answers(
        discovery.attributes, "retrieveAttrTypes", merge=discovered
    ),
    discovery.attribute: merged_answers(
        discovery.attribute, "retrieveAttrTypeInfo", merge=discovered
    ),
    discovery.attributes: merged_answers(
        discovery.attributes, "retrieveAttrTypes", merge=discovered
    ),
    discovery.attribute: merged_answers(
        discovery.attribute, "retrieveAttrTypeInfo", merge=discovered
    ),
    registrations.create: registering(registrations.create),
    registrations.update: registering(registrations.update),
    registrations.delete: registering(registrations.delete),
    subscriptions.create: creating(subscriptions.create),
    subscriptions.update: updating(subscriptions.update),
    subscriptions.delete: deleting(subscriptions.delete),
}


def federated(local: Handler) -> Handler:
    """The handler of an operation, over this broker and its sources when it can be."""
    return AROUND.get(local, local)

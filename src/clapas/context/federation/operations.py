"""Names of operations and of their groups (clause 4.20), and what a registration lets one ask."""

from collections.abc import Mapping
from typing import Any

DISCOVERIES = frozenset(
    {"retrieveEntityTypes", "retrieveEntityTypeDetails", "retrieveEntityTypeInfo"}
    | {"retrieveAttrTypes", "retrieveAttrTypeDetails", "retrieveAttrTypeInfo"}
)
SUBSCRIPTIONS = frozenset(
    {"createSubscription", "updateSubscription", "retrieveSubscription"}
    | {"querySubscription", "deleteSubscription"}
)
MAPS = frozenset(
    {"retrieveEntityMap", "updateEntityMap", "deleteEntityMap", "createEntityMapQueryEntity"}
    | {"retrieveContextSourceIdentity"}
)
GROUPS: dict[str, frozenset[str]] = {
    "federationOps": frozenset({"retrieveEntity", "queryEntity", "queryBatch"})
    | DISCOVERIES
    | SUBSCRIPTIONS
    | MAPS,
    "associationOps": frozenset({"retrieveEntity", "queryEntity", "queryBatch"})
    | DISCOVERIES
    | SUBSCRIPTIONS
    | {"retrieveContextSourceIdentity"},
    "updateOps": frozenset({"updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs"}),
    "retrieveOps": frozenset({"retrieveEntity", "queryEntity"}),
    "redirectionOps": frozenset(
        {"createEntity", "updateEntity", "appendAttrs", "updateAttrs", "deleteAttrs"}
        | {"deleteEntity", "mergeEntity", "replaceEntity", "replaceAttrs", "purgeEntity"}
        | {"retrieveEntity", "queryEntity", "queryBatch"}
    )
    | DISCOVERIES
    | MAPS,
}
"""Group → its operations (table 4.20-2)."""
DEFAULT = ("federationOps",)
FORMER = {
    "createEntityMap": "createEntityMapQueryEntity",
    "updateAttrsTemporal": "updateAttrInstanceTemporal",
}
"""Names that earlier versions gave → those of table 4.20-1."""
BATCHES = {
    "createBatch": "createEntity",
    "upsertBatch": "",
    "updateBatch": "",
    "mergeBatch": "mergeEntity",
    "deleteBatch": "deleteEntity",
}
"""Operation on a batch → the one on an entity that does the same, '' without one."""


def supported(body: Mapping[str, Any]) -> frozenset[str]:
    """The operations that a registration lets one ask of its source."""
    found: set[str] = set()
    for name in body.get("operations") or DEFAULT:
        found |= GROUPS.get(name, frozenset({FORMER.get(name, name)}))
    return frozenset(found)

"""Linked entity retrieval (clause 4.5.23): the entities that relationships lead to, inside or beside."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from clapas.context.model import Entity, Instance
from clapas.context.rendering import Projection, Renderer

Fetch = Callable[[Sequence[str]], Awaitable[dict[str, Entity]]]
DEEPEST = 10
MOST = 2_000


def targets(instance: Instance) -> list[str]:
    """The ids that a relationship leads to."""
    found: Any = instance.get("object", instance.get("objectList", []))
    return [found] if isinstance(found, str) else list(found)


def _wanted(entity: Entity, projection: Projection) -> list[str]:
    return [
        target
        for iri, instances in entity.attributes.items()
        if projection.wants(iri)
        for instance in instances
        if instance["type"] in {"Relationship", "ListRelationship"}
        for target in targets(instance)
    ]


async def gather(
    entities: Sequence[Entity], level: int, *, projection: Projection, fetch: Fetch
) -> dict[str, Entity]:
    """Every entity within so many steps."""
    found: dict[str, Entity] = {}
    front = list(entities)
    for step in range(min(level, DEEPEST)):
        wish = projection if step == 0 else Projection(omit=projection.omit)
        asked = list(dict.fromkeys(t for each in front for t in _wanted(each, wish)))
        asked = [each for each in asked if each not in found][: MOST - len(found)]
        if not asked:
            break
        fresh = await fetch(asked)
        found |= fresh
        front = list(fresh.values())
    return found


class Inliner:
    """Puts linked entities inside the relationships of an entity."""

    def __init__(self, renderer: Renderer, linked: dict[str, Entity], *, simplified: bool) -> None:
        self._renderer = renderer
        self._linked = linked
        self._simplified = simplified

    def entity(
        self, entity: Entity, projection: Projection, *, level: int, seen: frozenset[str]
    ) -> dict[str, Any]:
        """The entity, with those it leads to inside; never an entity inside itself."""
        if level <= 0:
            return self._renderer.entity(entity, projection=projection)
        seen = seen | {entity.id}
        attributes = {
            iri: [
                self._joined(each, projection.inside(iri), level=level, seen=seen)
                for each in instances
            ]
            for iri, instances in entity.attributes.items()
        }
        joined = Entity(
            id=entity.id,
            types=entity.types,
            scopes=entity.scopes,
            attributes=attributes,
            created=entity.created,
            modified=entity.modified,
            expires=entity.expires,
        )
        return self._renderer.entity(joined, projection=projection)

    def _joined(
        self, instance: Instance, projection: Projection, *, level: int, seen: frozenset[str]
    ) -> Instance:
        if instance["type"] not in {"Relationship", "ListRelationship"}:
            return instance
        names = [each for each in targets(instance) if each in self._linked and each not in seen]
        inside = [
            self.entity(self._linked[each], projection, level=level - 1, seen=seen)
            for each in names
        ]
        if not inside:
            return instance
        if self._simplified:
            by_id = dict(zip(names, inside, strict=True))
            member = "object" if instance["type"] == "Relationship" else "objectList"
            value = instance[member]
            shown = (
                by_id.get(value, value)
                if isinstance(value, str)
                else [by_id.get(each, each) for each in value]
            )
            return {**instance, "type": "Property", "value": shown}
        if isinstance(instance.get("object"), str):
            return {**instance, "entity": inside[0]}
        return {**instance, "entityList": inside}

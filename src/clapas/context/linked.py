"""Linked entity retrieval (clause 4.5.23): the entities that relationships lead to, inside or beside."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from clapas.context.model import Entity, Instance
from clapas.context.rendering import Projection, Renderer

Shown = tuple[Entity, dict[str, Any]]
"""An entity, and how it is shown."""
Fetch = Callable[[Sequence[str]], Awaitable[dict[str, Entity]]]
DEEPEST = 10
MOST = 2_000


def targets(instance: Instance) -> list[str]:
    """The ids that a relationship leads to."""
    found: Any = instance.get("object", instance.get("objectList", []))
    return [found] if isinstance(found, str) else list(found)


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A linked entity, and what each way to it shows of it (4.21)."""

    entity: Entity
    projections: list[Projection]


def _steps(entity: Entity, projection: Projection) -> list[tuple[str, Projection]]:
    """Where the relationships that are shown lead, and what is shown there."""
    return [
        (target, projection.inside(iri))
        for iri, instances in entity.attributes.items()
        if projection.wants(iri)
        for instance in instances
        if instance["type"] in {"Relationship", "ListRelationship"}
        for target in targets(instance)
    ]


async def gather(
    entities: Sequence[Entity], level: int, *, projection: Projection, fetch: Fetch
) -> dict[str, Reached]:
    """Every entity within so many steps, by the ways that the projection leaves open."""
    found: dict[str, Reached] = {}
    front = [(each, projection) for each in entities]
    for _ in range(min(level, DEEPEST)):
        steps = [step for each, wish in front for step in _steps(each, wish)]
        asked = [each for each in dict.fromkeys(name for name, _ in steps) if each not in found]
        asked = asked[: MOST - len(found)]
        fresh = await fetch(asked) if asked else {}
        found |= {name: Reached(entity=each, projections=[]) for name, each in fresh.items()}
        front = _arrived(found, steps)
        if not front:
            break
    return found


def _arrived(
    found: dict[str, Reached], steps: Sequence[tuple[str, Projection]]
) -> list[tuple[Entity, Projection]]:
    """The entities reached by a way that was not gone yet."""
    front: list[tuple[Entity, Projection]] = []
    for name, wish in steps:
        reached = found.get(name)
        if reached is not None and wish not in reached.projections:
            reached.projections.append(wish)
            front.append((reached.entity, wish))
    return front


def beside(
    renderer: Renderer, entities: Sequence[Entity], *, linked: Mapping[str, Reached]
) -> list[Shown]:
    """The entities, then each one they lead to, once, with all that any way to it shows."""
    own = {each.id for each in entities}
    found = [(each, renderer.entity(each)) for each in entities]
    for name, reached in linked.items():
        if name in own:
            continue
        shown: dict[str, Any] = {}
        for wish in reached.projections:
            shown |= renderer.entity(reached.entity, projection=wish)
        if shown:
            found.append((reached.entity, shown))
    return found


class Inliner:
    """Puts linked entities inside the relationships of an entity."""

    def __init__(
        self, renderer: Renderer, linked: Mapping[str, Reached], *, simplified: bool
    ) -> None:
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
            self.entity(self._linked[each].entity, projection, level=level - 1, seen=seen)
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

"""One entity out of what several sources say of it: per attribute and dataset id the most recent wins (4.5.5.3)."""

from collections.abc import Iterable
from typing import Any

import msgspec

from clapas.context.errors import BadRequestData
from clapas.context.federation.shares import Share
from clapas.context.model import (
    MEMBER,
    NULL,
    Attributes,
    Entity,
    Instance,
    dataset_of,
    moment,
    now_text,
    null_of,
)
from clapas.context.reading import Reader
from clapas.context.terms import Terms

SYSTEM = ("createdAt", "modifiedAt")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """An entity as one source gave it."""

    share: Share
    entity: Entity


def read_entity(payload: Any, terms: Terms, *, told: bool = False) -> Entity:
    """A normalized entity of another broker, its system times kept. Raises BadRequestData.

    ``told``: of a notification, where null says what was deleted (5.5.4, 5.8.6).
    """
    draft = Reader(terms, fragment=told).entity(payload)
    for name, content in payload.items():
        instances = draft.attributes.get(terms.expand(name), [])
        given = content if isinstance(content, list) else [content]
        if len(given) == len(instances):
            for instance, source in zip(instances, given, strict=True):
                _keep_times(instance, source)
                if told:
                    _note_deleted(instance, source)
    return Entity(
        id=draft.id or "",
        types=draft.types or [],
        scopes=draft.scopes or [],
        attributes=draft.attributes,
        created=_time(payload, "createdAt"),
        modified=_time(payload, "modifiedAt"),
        expires=draft.expires or "",
        deleted=_time(payload, "deletedAt"),
    )


def _note_deleted(instance: Instance, source: Any) -> None:
    """A deleted instance as notifications here tell it. Raises BadRequestData for one that says nothing."""
    kind = instance.get("type", "")
    if MEMBER.get(kind) not in instance:
        raise BadRequestData("an attribute has no value")
    if instance[MEMBER[kind]] == NULL:
        instance[MEMBER[kind]] = null_of(kind)
        instance["deletedAt"] = _time(source, "deletedAt") or now_text()


def read_entities(payload: Any, terms: Terms, *, told: bool = False) -> list[Entity]:
    """The entities of an answer. Raises BadRequestData for what is none."""
    items = payload if isinstance(payload, list) else [payload]
    if not all(isinstance(each, dict) for each in items):
        raise BadRequestData("the answer holds no entities")
    return [read_entity(each, terms, told=told) for each in items]


def _keep_times(instance: Instance, source: Any) -> None:
    for name in SYSTEM:
        instance.setdefault(name, _time(source, name))


def _time(source: Any, name: str) -> str:
    value = source.get(name, "") if isinstance(source, dict) else ""
    return value if isinstance(value, str) else ""


def restrict(share: Share, entity: Entity) -> Entity:
    """Only what the registration speaks of."""
    kept = share.takes(entity.attributes)
    attributes = {iri: held for iri, held in entity.attributes.items() if iri in kept}
    return msgspec.structs.replace(entity, attributes=attributes)


def merged(local: Entity | None, parts: Iterable[Part]) -> Entity | None:
    """The entity that local data and the parts make; None when there is nothing."""
    found = _without_proxied(local, parts) if local is not None else None
    for part in (each for each in parts if each.share.mode != "auxiliary"):
        found = _over(found, part.entity)
    for part in (each for each in parts if each.share.mode == "auxiliary"):
        found = _under(found, part.entity)
    return found


def _without_proxied(local: Entity, parts: Iterable[Part]) -> Entity:
    """Local data without the attributes that a source alone holds."""
    gone = {iri for p in parts if p.share.proxied for iri in p.share.takes(local.attributes)}
    if not gone:
        return local
    kept = {iri: held for iri, held in local.attributes.items() if iri not in gone}
    return msgspec.structs.replace(local, attributes=kept)


def _over(one: Entity | None, other: Entity) -> Entity:
    if one is None:
        return other
    attributes: Attributes = dict(one.attributes)
    for iri, instances in other.attributes.items():
        attributes[iri] = newest([*attributes.get(iri, []), *instances])
    return _headed(one, other, attributes=attributes)


def _under(one: Entity | None, other: Entity) -> Entity:
    """Auxiliary data fills gaps and overrides nothing (clause 4.3.6.2)."""
    if one is None:
        return other
    attributes = {**other.attributes, **one.attributes}
    return _headed(one, other, attributes=attributes)


def _headed(one: Entity, other: Entity, *, attributes: Attributes) -> Entity:
    created = [each for each in (one.created, other.created) if each]
    return Entity(
        id=one.id,
        types=list(dict.fromkeys([*one.types, *other.types])),
        scopes=list(dict.fromkeys([*one.scopes, *other.scopes])),
        attributes=attributes,
        created=min(created, default=""),
        modified=max(one.modified, other.modified),
        expires=one.expires or other.expires,
    )


def newest(instances: list[Instance]) -> list[Instance]:
    """One instance for each dataset id: not expired, then the latest observed, else the latest modified."""
    now = now_text()
    found: dict[str, Instance] = {}
    for each in instances:
        if each.get("expiresAt") and moment(each["expiresAt"]) <= moment(now):
            continue
        held = found.get(dataset_of(each))
        if held is None or _recency(each, held) > _recency(held, each):
            found[dataset_of(each)] = each
    return list(found.values())


def _recency(one: Instance, other: Instance) -> float:
    """The instant by which two instances are compared; nothing known is the oldest."""
    name = "observedAt" if one.get("observedAt") and other.get("observedAt") else "modifiedAt"
    text = one.get(name) or one.get("observedAt") or ""
    try:
        return moment(text).timestamp()
    except ValueError:
        return float("-inf")

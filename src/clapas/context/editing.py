"""Changing an entity: append, update, partial update, merge, replace, delete (clauses 5.6.2 to 5.6.5, 5.6.17 to 5.6.19).

An editor changes one entity in memory and keeps what changed, for the temporal evolution and for the
subscriptions; the caller saves.
"""

from typing import Any, Literal

import msgspec

from clapas.context.errors import BadRequestData, ResourceNotFound
from clapas.context.model import (
    CORE_MEMBERS,
    IMPLIED,
    MEMBER,
    NULL,
    SCOPE,
    Entity,
    Instance,
    dataset_of,
    sub_attributes,
)
from clapas.context.reading import Draft

What = Literal["created", "updated", "deleted"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One instance of one attribute, before and after; ``same``: written again with the same value."""

    attribute: str
    dataset: str
    what: What
    before: Instance | None = None
    after: Instance | None = None
    same: bool = False


def is_null(instance: Instance) -> bool:
    """Whether the instance says 'delete me'."""
    return any(instance.get(member) == NULL for member in IMPLIED)


def value_of(instance: Instance) -> Any:
    """The value, whatever the type."""
    return instance.get(MEMBER[instance["type"]])


class Editor:
    """Edits one entity at one instant."""

    def __init__(self, entity: Entity, now: str) -> None:
        self.entity = entity
        self.now = now
        self.changes: list[Change] = []
        self.scoped: list[Change] = []
        """What the scope was and became, for the evolution alone (4.5.6)."""
        self.touched = False
        self.what: What = "updated"

    def head(self, draft: Draft, *, replace: bool = False, overwrite: bool = True) -> None:
        """Types are added (replaced when asked), scopes and expiry take the place of those before.

        Without ``overwrite``, scopes are added too, and an expiry that is there stays.
        """
        entity = self.entity
        if draft.types:
            kept = [] if replace else entity.types
            types = list(dict.fromkeys([*kept, *draft.types]))
            self.touched |= types != entity.types
            entity.types = types
        if draft.scopes is not None or replace:
            kept = [] if overwrite else entity.scopes
            self.scope(list(dict.fromkeys([*kept, *(draft.scopes or [])])))
        if (draft.expires is not None or replace) and (overwrite or not entity.expires):
            expires = draft.expires or ""
            self.touched |= expires != entity.expires
            entity.expires = "" if expires == NULL else expires

    def scope(self, scopes: list[str]) -> None:
        """Give the entity these scopes; the evolution tells them as a Property observed now."""
        before, self.entity.scopes = self.entity.scopes, scopes
        if scopes != before:
            self.touched = True
            self.scoped.append(_scoped(before, scopes, now=self.now))

    def put(self, iri: str, instance: Instance) -> None:
        """Set the whole instance of its dataset id; null deletes it."""
        if is_null(instance):
            self.remove(iri, dataset_of(instance))
            return
        instances = self.entity.attributes.setdefault(iri, [])
        place, before = _find(instances, dataset_of(instance))
        after = stamped(instance, before, now=self.now)
        if before is None:
            instances.append(after)
        else:
            instances[place] = after
        self._note(iri, before, after=after)

    def append(self, iri: str, instances: list[Instance], *, overwrite: bool = True) -> bool:
        """Append attributes (5.6.3); False when it was there and must not be overwritten."""
        held = self.entity.attributes.get(iri, [])
        written = False
        for instance in instances:
            _, before = _find(held, dataset_of(instance))
            if before is None or overwrite:
                self.put(iri, instance)
                written = True
        return written

    def partial(self, iri: str, fragment: Instance) -> None:
        """Partial attribute update (5.6.4). Raises ResourceNotFound, BadRequestData."""
        instances = self.entity.attributes.get(iri, [])
        place, before = _find(instances, dataset_of(fragment))
        if before is None:
            raise ResourceNotFound(
                "the attribute, or its instance of this datasetId, does not exist"
            )
        if fragment.get("type", before["type"]) != before["type"]:
            raise BadRequestData("the type of an attribute cannot change")
        if is_null(fragment):
            self.remove(iri, dataset_of(fragment))
            return
        merged = overlaid(before, fragment)
        after = stamped(merged, before, now=self.now)
        instances[place] = after
        self._note(iri, before, after=after)

    def merge(self, iri: str, fragments: list[Instance], *, observed: str = "") -> None:
        """Merge an attribute (5.6.17): RFC 7396 to any depth, per dataset id."""
        for fragment in fragments:
            instances = self.entity.attributes.get(iri, [])
            place, before = _find(instances, dataset_of(fragment))
            if is_null(fragment):
                self.remove(iri, dataset_of(fragment))
            elif before is None or fragment.get("type", before["type"]) != before["type"]:
                fresh = _without_nulls(fragment)
                if "type" not in fresh or MEMBER[fresh["type"]] not in fresh:
                    raise BadRequestData("an attribute that is not there yet needs its value")
                self.put(iri, fresh)
            else:
                merged = _merged(before, fragment)
                if observed and "observedAt" in before and "observedAt" not in fragment:
                    merged["observedAt"] = observed
                after = stamped(merged, before, now=self.now)
                instances[place] = after
                self._note(iri, before, after=after)

    def remove(self, iri: str, dataset: str = "", *, everything: bool = False) -> bool:
        """Delete instances of an attribute; False when there is none."""
        if iri == SCOPE and self.entity.scopes:
            self.scope([])
            return True
        instances = self.entity.attributes.get(iri, [])
        gone = [each for each in instances if everything or dataset_of(each) == dataset]
        if not gone:
            return False
        kept = [each for each in instances if each not in gone]
        if kept:
            self.entity.attributes[iri] = kept
        else:
            del self.entity.attributes[iri]
        for each in gone:
            self.changes.append(
                Change(attribute=iri, dataset=dataset_of(each), what="deleted", before=each)
            )
        return True

    def replace(self, draft: Draft) -> None:
        """Replace all attributes, types, scopes (5.6.18)."""
        for iri in list(self.entity.attributes):
            given = {dataset_of(each) for each in draft.attributes.get(iri, [])}
            for each in list(self.entity.attributes[iri]):
                if dataset_of(each) not in given:
                    self.remove(iri, dataset_of(each))
        self.head(draft, replace=True)
        for iri, instances in draft.attributes.items():
            for instance in instances:
                self.put(iri, _without_nulls(instance))

    @property
    def changed(self) -> bool:
        """Whether anything must be saved."""
        return self.touched or bool(self.changes) or self.what != "updated"

    def _note(self, iri: str, before: Instance | None, *, after: Instance) -> None:
        self.changes.append(
            Change(
                attribute=iri,
                dataset=dataset_of(after),
                what="created" if before is None else "updated",
                before=before,
                after=after,
                same=before is not None and _plain(before) == _plain(after),
            )
        )


def created(draft: Draft, now: str) -> Editor:
    """A new entity with everything in it noted as created."""
    entity = Entity(id=draft.id or "", types=[], created=now, modified=now)
    editor = Editor(entity, now)
    editor.what = "created"
    editor.head(draft, replace=True)
    for iri, instances in draft.attributes.items():
        for instance in instances:
            editor.put(iri, instance)
    return editor


def deleted(entity: Entity, now: str) -> Editor:
    """An entity that goes, with everything in it noted as deleted."""
    editor = Editor(entity, now)
    editor.what = "deleted"
    editor.changes = [
        Change(attribute=iri, dataset=dataset_of(each), what="deleted", before=each)
        for iri, instances in entity.attributes.items()
        for each in instances
    ]
    if entity.scopes:
        editor.scoped.append(_scoped(entity.scopes, [], now=now))
    return editor


def _scoped(before: list[str], after: list[str], *, now: str) -> Change:
    held = after or before
    instance: Instance = {"type": "Property", "value": held[0] if len(held) == 1 else held}
    instance |= {"createdAt": now, "modifiedAt": now, "observedAt": now}
    if after:
        return Change(attribute=SCOPE, dataset="", what="updated", after=instance)
    return Change(attribute=SCOPE, dataset="", what="deleted", before=instance)


def _find(instances: list[Instance], dataset: str) -> tuple[int, Instance | None]:
    for place, each in enumerate(instances):
        if dataset_of(each) == dataset:
            return place, each
    return -1, None


def stamped(instance: Instance, before: Instance | None, *, now: str) -> Instance:
    """The instance with its times and its sub-attributes' times."""
    found = dict(instance)
    found["createdAt"] = before["createdAt"] if before else now
    found["modifiedAt"] = now
    for iri in sub_attributes(found):
        held = before.get(iri, []) if before else []
        fresh: list[Instance] = []
        for sub in found[iri]:
            _, old = _find(held, dataset_of(sub))
            if old is not None and _plain(old) == _plain(sub):
                fresh.append(old)
            else:
                fresh.append(stamped(sub, old, now=now))
        found[iri] = fresh
    return found


def _plain(instance: Instance) -> dict[str, Any]:
    """The instance without its times, to compare."""
    return {
        key: [_plain(each) for each in value] if key not in CORE_MEMBERS else value
        for key, value in instance.items()
        if key not in {"createdAt", "modifiedAt", "instanceId"}
    }


def overlaid(before: Instance, fragment: Instance) -> Instance:
    found = dict(before)
    for key, value in fragment.items():
        if value == NULL or (key not in CORE_MEMBERS and any(is_null(each) for each in value)):
            found.pop(key, None)
        else:
            found[key] = value
    return found


def _merged(before: Instance, fragment: Instance) -> Instance:
    found = dict(before)
    for key, value in fragment.items():
        if value == NULL:
            found.pop(key, None)
        elif key in CORE_MEMBERS:
            found[key] = _merged_value(found.get(key), value)
        else:
            subs = _merged_subs(found.get(key, []), value)
            if subs:
                found[key] = subs
            else:
                found.pop(key, None)
    return found


def _merged_subs(held: list[Instance], fragments: list[Instance]) -> list[Instance]:
    found = list(held)
    for fragment in fragments:
        place, before = _find(found, dataset_of(fragment))
        if is_null(fragment):
            if before is not None:
                del found[place]
        elif before is None or fragment.get("type", before["type"]) != before["type"]:
            fresh = _without_nulls(fragment)
            if "type" not in fresh or MEMBER[fresh["type"]] not in fresh:
                raise BadRequestData("a sub-attribute that is not there yet needs its value")
            found = [each for each in found if each is not before] + [fresh]
        else:
            found[place] = _merged(before, fragment)
    return found


def _merged_value(before: Any, patch: Any) -> Any:
    """RFC 7396 with NGSI-LD's null; geometries are values, not objects to merge."""
    if not isinstance(patch, dict) or "coordinates" in patch:
        return patch
    found = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value == NULL or value is None:
            found.pop(key, None)
        else:
            found[key] = _merged_value(found.get(key), value)
    return found


def _without_nulls(instance: Instance) -> Instance:
    found: Instance = {}
    for key, value in instance.items():
        if value == NULL:
            continue
        if key in CORE_MEMBERS:
            found[key] = _merged_value(None, value) if isinstance(value, dict) else value
        else:
            kept = [_without_nulls(each) for each in value if not is_null(each)]
            if kept:
                found[key] = kept
    return found

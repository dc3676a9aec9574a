"""From the inner form to what a client asked for: normalized, concise, simplified, GeoJSON (clauses 4.5, 5.2.30)."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from clapas.context.model import MEMBER, NULL, Entity, Instance, dataset_of
from clapas.context.terms import Terms
from clapas.context.versions import EXPIRY, SCOPES, SEVERAL_TYPES, Version, as_property, is_newer

Format = Literal["normalized", "concise", "simplified"]
PLAIN = ("unitCode", "observedAt", "datasetId")
PREVIOUS = {
    "value": "previousValue",
    "object": "previousObject",
    "languageMap": "previousLanguageMap",
    "vocab": "previousVocab",
    "json": "previousJson",
    "valueList": "previousValueList",
    "objectList": "previousObjectList",
}


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """Which members an answer holds, by IRI ('id', 'type', 'scope' by name); None = all."""

    pick: Mapping[str, "Projection | None"] | None = None
    omit: Mapping[str, "Projection | None"] = {}

    def wants(self, member: str) -> bool:
        """Whether the member is shown."""
        if member in self.omit and self.omit[member] is None:
            return False
        return self.pick is None or member in self.pick

    def inside(self, member: str) -> "Projection":
        """What is shown of the entity that a relationship leads to."""
        picked = (self.pick or {}).get(member)
        omitted = self.omit.get(member)
        return Projection(
            pick=picked.pick if picked else None, omit=(omitted.pick or {}) if omitted else {}
        )


ALL = Projection()


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How entities are shown."""

    format: Format = "normalized"
    system: bool = False
    lang: tuple[str, ...] = ()
    """Languages by preference; empty: the whole map."""
    datasets: frozenset[str] | None = None
    """Only instances of these dataset ids ('' = default); None: all."""
    projection: Projection = ALL
    version: Version | None = None
    """The version of the standard that the client knows; None: this one."""


class Renderer:
    """Shows entities under one @context, in one style."""

    def __init__(self, terms: Terms, style: Style) -> None:
        self._terms = terms
        self._style = style
        self._compact = terms.compact
        self.amended = False
        """Something was shown otherwise than it is, for a client of an earlier version."""

    def _before(self, version: Version) -> bool:
        """Whether the client's version is earlier; what follows is an amendment."""
        earlier = self._style.version is not None and self._style.version < version
        self.amended = self.amended or earlier
        return earlier

    def entity(
        self,
        entity: Entity,
        *,
        projection: Projection | None = None,
    ) -> dict[str, Any]:
        """One entity."""
        wanted = projection or self._style.projection
        found: dict[str, Any] = {}
        if wanted.wants("id"):
            found["id"] = entity.id
        if wanted.wants("type"):
            types = [self._compact(iri) for iri in entity.types]
            several = len(types) > 1 and not self._before(SEVERAL_TYPES)
            found["type"] = types if several else types[0]
        if entity.scopes and wanted.wants("scope") and not self._before(SCOPES):
            found["scope"] = entity.scopes[0] if len(entity.scopes) == 1 else entity.scopes
        if self._style.system:
            self._times(entity, found, wanted=wanted)
        elif entity.deleted:
            found["deletedAt"] = entity.deleted
        for iri, instances in entity.attributes.items():
            if not wanted.wants(iri):
                continue
            shown = self.attribute(instances)
            if shown is not None:
                found[self._compact(iri)] = shown
        return found

    def _times(self, entity: Entity, found: dict[str, Any], *, wanted: Projection) -> None:
        times = {
            "createdAt": entity.created,
            "modifiedAt": entity.modified,
            "deletedAt": entity.deleted,
            "expiresAt": entity.expires,
        }
        if entity.expires and self._before(EXPIRY):
            del times["expiresAt"]
        found |= {name: text for name, text in times.items() if text and wanted.wants(name)}

    def attribute(self, instances: list[Instance]) -> Any:
        """One attribute, None when nothing of it is asked for."""
        wanted = self._style.datasets
        shown = [each for each in instances if wanted is None or dataset_of(each) in wanted]
        if not shown:
            return None
        if self._style.format == "simplified":
            return self._simplified(shown)
        found = [self.instance(each) for each in shown]
        return found[0] if len(found) == 1 else found

    def _simplified(self, instances: list[Instance]) -> Any:
        values = [self.simple(each) for each in instances]
        if len(instances) == 1:
            return values[0]
        names = [dataset_of(each) or "@none" for each in instances]
        return {"dataset": dict(zip(names, values, strict=True))}

    def simple(self, instance: Instance) -> Any:
        """The simplified value of an instance."""
        kind = instance["type"]
        value = self.value(instance)
        if value == NULL:
            return value
        if kind == "LanguageProperty":
            if self._style.lang:
                return self._chosen(value)[0]
            return {"languageMap": value}
        if kind == "VocabProperty":
            return {"vocab": value}
        if kind == "JsonProperty":
            return {"json": value}
        if kind == "ListRelationship":
            return [each["object"] if isinstance(each, dict) else each for each in value]
        return value

    def value(self, instance: Instance) -> Any:
        """The value as shown: words of a vocabulary compacted."""
        kind = instance["type"]
        value: Any = instance.get(MEMBER[kind])
        if kind == "VocabProperty" and value != NULL:
            if isinstance(value, list):
                return [self._compact(each) for each in value]
            return self._compact(value)
        if kind == "ListRelationship" and isinstance(value, list):
            return [{"object": each} for each in value]
        return value

    def instance(self, instance: Instance) -> Any:
        """One instance, normalized or concise."""
        kind = instance["type"]
        value = self.value(instance)
        found: dict[str, Any] = {}
        if kind == "LanguageProperty" and self._style.lang and isinstance(value, dict):
            text, tag = self._chosen(value)
            found = {"type": "Property", "value": text, "lang": tag}
        else:
            found = {"type": kind, MEMBER[kind]: value}
        for name in PLAIN:
            if name in instance:
                found[name] = instance[name]
        if "objectType" in instance:
            found["objectType"] = self._objects(instance["objectType"])
        if "entity" in instance:
            found["entity"] = instance["entity"]
        if "entityList" in instance:
            found["entityList"] = instance["entityList"]
        if "previous" in instance:
            found[PREVIOUS[MEMBER[kind]]] = self.value({"type": kind, **instance["previous"]})
        self._system(instance, found)
        for iri, subs in instance.items():
            if isinstance(subs, list) and subs and ":" in iri:
                shown = [self.instance(each) for each in subs]
                found[self._compact(iri)] = shown[0] if len(shown) == 1 else shown
        found = self._amended(found)
        return _concise(found) if self._style.format == "concise" else found

    def _amended(self, found: dict[str, Any]) -> dict[str, Any]:
        version = self._style.version
        if version is None or not is_newer(found, version):
            return found
        self.amended = True
        return as_property(found)

    def _system(self, instance: Instance, found: dict[str, Any]) -> None:
        if "instanceId" in instance:
            found["instanceId"] = instance["instanceId"]
        if not self._style.system:
            return
        for name in ("createdAt", "modifiedAt", "deletedAt", "expiresAt"):
            if instance.get(name):
                found[name] = instance[name]

    def _objects(self, types: Any) -> Any:
        if isinstance(types, list):
            return [self._compact(each) for each in types]
        return self._compact(types)

    def _chosen(self, texts: Mapping[str, Any]) -> tuple[Any, str]:
        """The text in the first language that there is, else the one without language, else the first."""
        for wanted in self._style.lang:
            if wanted == "*":
                break
            for tag in texts:
                if tag.lower() == wanted.lower():
                    return texts[tag], tag
            short = wanted.partition("-")[0].lower()
            for tag in texts:
                if tag.partition("-")[0].lower() == short:
                    return texts[tag], tag
        tag = "@none" if "@none" in texts else next(iter(texts))
        return texts[tag], tag


def _concise(found: dict[str, Any]) -> Any:
    kind = found.pop("type")
    if kind in {"Property", "GeoProperty"} and set(found) == {"value"}:
        value = found["value"]
        if kind == "GeoProperty" or not isinstance(value, dict):
            return value
    return found


def feature(
    shown: dict[str, Any], geometry: Any, *, context: Any, collection: bool = False
) -> dict[str, Any]:
    """An entity as a GeoJSON Feature (RFC 7946); its @context when it stands alone."""
    identifier = shown.pop("id", None)
    found: dict[str, Any] = {}
    if identifier is not None:
        found["id"] = identifier
    found |= {"type": "Feature", "geometry": geometry, "properties": shown}
    if context is not None and not collection:
        found["@context"] = context
    return found

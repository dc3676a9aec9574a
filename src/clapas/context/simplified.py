"""Simplified entities as input of a merge: each value takes the type that the attribute has already."""

from typing import Any

from clapas.context.errors import BadRequestData
from clapas.context.geometry import is_geometry
from clapas.context.model import MEMBER, NULL, Entity, Instance, is_uri
from clapas.context.reading import Draft, Reader
from clapas.context.terms import Terms

HEAD = ("id", "@id", "type", "@type", "scope", "@context")


def read_simplified(payload: object, terms: Terms, *, entity: Entity | None, lang: str) -> Draft:
    """A draft from simplified members. Raises BadRequestData."""
    if not isinstance(payload, dict) or not payload:
        raise BadRequestData("an entity is a JSON object")
    reader = Reader(terms, merge=True)
    head = {key: value for key, value in payload.items() if key in HEAD}
    draft = reader.entity(head, whole=False) if head else Draft()
    for name, value in payload.items():
        if name in HEAD:
            continue
        iri = terms.expand(name)
        held = entity.attributes.get(iri, []) if entity else []
        kind = held[0]["type"] if held else ""
        draft.attributes[iri] = [_instance(name, value, kind=kind, lang=lang, reader=reader)]
    return draft


def _instance(name: str, value: Any, *, kind: str, lang: str, reader: Reader) -> Instance:
    if value is None:
        raise BadRequestData(f"{name}: null is not allowed")
    if value == NULL:
        return {"type": kind or "Property", MEMBER[kind or "Property"]: NULL}
    if kind == "LanguageProperty":
        content = value.get("languageMap", value) if isinstance(value, dict) else value
        texts = content if isinstance(content, dict) else {lang or "@none": content}
        return reader.instance(name, {"type": kind, "languageMap": texts})
    if (
        isinstance(value, dict)
        and len(value) == 1
        and set(value) & {"languageMap", "vocab", "json"}
    ):
        return reader.instance(name, value)
    if kind and kind != "Property":
        return reader.instance(name, {"type": kind, MEMBER[kind]: value})
    if is_geometry(value):
        return reader.instance(name, value)
    if not kind and isinstance(value, str) and is_uri(value) and value.startswith("urn:"):
        return reader.instance(name, {"type": "Relationship", "object": value})
    return reader.instance(name, {"type": "Property", "value": value})

"""Entities for clients that know only an earlier version of the standard (clause 4.3.6.8, tables 1 to 3)."""

import re
from typing import Any

from clapas.context.errors import BadRequestData
from clapas.context.model import MEMBER, NULL, Instance

Version = tuple[int, int]
SINCE: dict[str, Version] = {
    "LanguageProperty": (1, 4),
    "VocabProperty": (1, 8),
    "JsonProperty": (1, 8),
    "ListProperty": (1, 8),
    "ListRelationship": (1, 8),
}
"""The version that brought each kind of attribute: before it, it is told as a Property."""
SEVERAL_TYPES: Version = (1, 5)
SCOPES: Version = (1, 4)
EXPIRY: Version = (1, 9)
FORM = re.compile(r"^(\d)\.(\d{1,2})(\.\d{1,2})?$")


def read_version(text: str) -> Version:
    """A version as ``Prefer: ngsi-ld=1.5`` gives it. Raises BadRequestData."""
    found = FORM.match(text)
    if found is None:
        raise BadRequestData(f"ngsi-ld={text!r} is not a version")
    return int(found[1]), int(found[2])


def is_newer(instance: Instance, version: Version) -> bool:
    """Whether a version does not know this kind of attribute."""
    return SINCE.get(instance["type"], (1, 0)) > version


def as_property(found: dict[str, Any]) -> dict[str, Any]:
    """A shown instance of a newer kind, as a Property."""
    member = MEMBER[found["type"]]
    value = found.get(member)
    rest = {name: held for name, held in found.items() if name not in {"type", member}}
    return {"type": "Property", "value": NULL if value is None else value, **rest}

"""The broker's inner form of an entity, and the words of the core that never change name.

An attribute is a list of instances under its IRI; an instance keeps the core's short member names and
its sub-attributes, again lists of instances under their IRIs. So only names are translated at the door.
"""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

Instance = dict[str, Any]
Attributes = dict[str, list[Instance]]

MEMBER = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}
"""Type of an attribute → the member that holds its value (GS CIM 009, clause 4.5)."""
IMPLIED = {
    "value": "Property",
    "object": "Relationship",
    "languageMap": "LanguageProperty",
    "vocab": "VocabProperty",
    "json": "JsonProperty",
    "valueList": "ListProperty",
    "objectList": "ListRelationship",
}
TIMES = ("observedAt", "expiresAt")
SYSTEM = ("createdAt", "modifiedAt", "deletedAt", "expiresAt")
KEPT = frozenset({"observedAt", "unitCode", "datasetId", "objectType", "expiresAt"})
IGNORED = frozenset(
    {"createdAt", "modifiedAt", "deletedAt", "instanceId", "lang", "entity", "entityList"}
    | {"previousValue", "previousObject", "previousLanguageMap", "previousVocab", "previousJson"}
    | {"previousValueList", "previousObjectList", "ngsildproof"}
)
CORE_MEMBERS = KEPT | IGNORED | frozenset(IMPLIED) | {"type"}
GEOMETRIES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}
)
NULL = "urn:ngsi-ld:null"
SCOPE = "https://uri.etsi.org/ngsi-ld/scope"
"""The scope as an attribute: only where its evolution is told (clause 4.18)."""
URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x1f]+$")
DATE_TIME = re.compile(
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d{1,6})?"
    r"Z$"
)


class Entity(msgspec.Struct, kw_only=True):
    """An entity in the inner form. Times are RFC 3339 texts, UTC, ending in Z."""

    id: str
    types: list[str]
    scopes: list[str] = []
    attributes: Attributes = {}
    created: str = ""
    modified: str = ""
    deleted: str = ""
    expires: str = ""

    def document(self) -> dict[str, Any]:
        """What the store keeps as JSON: types and scopes beside the attributes, to be searched as one."""
        found: dict[str, Any] = {"@id": self.id, "@type": self.types, **self.attributes}
        if self.scopes:
            found["@scope"] = self.scopes
        return found

    @classmethod
    def of(cls, document: dict[str, Any], **more: str) -> "Entity":
        """Take a document apart again."""
        attributes = {key: value for key, value in document.items() if key[0] != "@"}
        return cls(
            id=document["@id"],
            types=document["@type"],
            scopes=document.get("@scope", []),
            attributes=attributes,
            **more,
        )


def time_text(at: datetime) -> str:
    """An instant of which milliseconds are enough."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_text() -> str:
    """The present instant as the broker writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def is_uri(text: object) -> bool:
    """Whether it is an absolute URI."""
    return isinstance(text, str) and URI.match(text) is not None


def is_date_time(text: object) -> bool:
    """Whether it is a DateTime of clause 4.6.3."""
    if not isinstance(text, str) or not DATE_TIME.match(text):
        return False
    try:
        moment(text)
    except ValueError:
        return False
    return True


def moment(text: str) -> datetime:
    """A DateTime as an aware instant. Raises ValueError."""
    return datetime.fromisoformat(text.replace(",", "."))


def is_pairs(value: object) -> bool:
    """Whether it is an array of KeyValuePair: both are texts (clause 5.2.22)."""
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and isinstance(each.get("key"), str)
        and isinstance(each.get("value"), str)
        for each in value
    )


def dataset_of(instance: Instance) -> str:
    """The instance's dataset id, '' for the default instance."""
    found: str = instance.get("datasetId", "")
    return found


def null_of(kind: str) -> Any:
    """What stands for the value of an attribute of this type that was deleted (clause 4.5.0)."""
    return {"@none": NULL} if kind == "LanguageProperty" else NULL


def sub_attributes(instance: Instance) -> list[str]:
    """The IRIs of an instance's own attributes."""
    return [key for key in instance if key not in CORE_MEMBERS]

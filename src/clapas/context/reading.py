"""From what a client sends to the inner form: names expanded, every rule of clauses 4.5 and 5.5 checked, one walk."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson

from clapas.context.errors import BadRequestData
from clapas.context.geometry import check_geometry, is_geometry
from clapas.context.model import (
    GEOMETRIES,
    IGNORED,
    IMPLIED,
    KEPT,
    MEMBER,
    NULL,
    Attributes,
    Instance,
    is_date_time,
    is_uri,
    null_of,
)
from clapas.context.terms import KEYWORDS, Terms

FORBIDDEN = re.compile(r"[<>\"'=;()?*\s]|^(?:\.|%(?:25)*2e)+$", re.IGNORECASE)
"""What no name holds; nor is a name a step up or down the path that it would be sent on in (RFC 3986, 5.2.4)."""
LANGUAGE = re.compile(r"^([A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*|@none)$")
SCOPE = re.compile(r"^/?[^\s/#+,;|()<>\"'=]+(/[^\s/#+,;|()<>\"'=]+)*$")
DEEPEST = 20
PLACES = frozenset({"location", "observationSpace", "operationSpace"})
"""Attributes that the core defines as places (4.7.1)."""
RESERVED = KEPT | frozenset(IMPLIED) | {"instanceId"}
"""Terms of the core that say something of an attribute, and cannot be one (4.5.1)."""
NGSI_LD = "https://uri.etsi.org/ngsi-ld/"


class Draft(msgspec.Struct, kw_only=True):
    """What a request says of an entity; None where it says nothing."""

    id: str | None = None
    types: list[str] | None = None
    scopes: list[str] | None = None
    attributes: Attributes = {}
    expires: str | None = None


class Reader:
    """Reads entities and attributes under one @context.

    ``fragment``: the value may be left out and ``urn:ngsi-ld:null`` deletes (updates, merges);
    ``merge``: also at any depth of a value, which only a merge goes into (5.5.4, 5.5.12);
    ``temporal``: an attribute may have many instances of the same dataset id.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        fragment: bool = False,
        merge: bool = False,
        temporal: bool = False,
    ) -> None:
        self._terms = terms
        self._fragment = fragment or merge
        self._merge = merge
        self._temporal = temporal

    def entity(self, payload: object, *, whole: bool = True) -> Draft:
        """An entity; ``whole`` asks for its id and type. Raises BadRequestData."""
        if not isinstance(payload, dict):
            raise BadRequestData("an entity is a JSON object")
        if not payload:
            raise BadRequestData("the entity is empty")
        members = {key: value for key, value in payload.items() if key != "@context"}
        identifier = members.pop("id", members.pop("@id", None))
        kind = members.pop("type", members.pop("@type", None))
        scope = None if self._evolves(members.get("scope")) else members.pop("scope", None)
        expires = members.pop("expiresAt", None)
        for name in ("createdAt", "modifiedAt", "deletedAt"):
            members.pop(name, None)
        if identifier is not None or whole:
            check_id(identifier)
        if kind is None and whole:
            raise BadRequestData("the entity has no type")
        removed = self._fragment and expires == NULL
        if expires is not None and not removed and not is_date_time(expires):
            raise BadRequestData("expiresAt is not a DateTime")
        return Draft(
            id=identifier,
            types=self.types(kind) if kind is not None else None,
            scopes=self.scopes(scope) if scope is not None else None,
            attributes=self.attributes(members),
            expires=expires,
        )

    def _evolves(self, scope: object) -> bool:
        """Whether the scope comes as instances of an attribute, which temporal writes may do (4.18)."""
        return (
            self._temporal
            and isinstance(scope, list)
            and bool(scope)
            and all(_looks_like_attribute(each) for each in scope)
        )

    def types(self, kind: object) -> list[str]:
        """Entity types as IRIs, each once."""
        names = kind if isinstance(kind, list) else [kind]
        if not names:
            raise BadRequestData("the entity has no type")
        found: list[str] = []
        for name in names:
            if not isinstance(name, str) or not name or FORBIDDEN.search(name):
                raise BadRequestData("a type is a name")
            if name in KEYWORDS:
                raise BadRequestData(f"{name!r} is a keyword of JSON-LD, not the name of a type")
            if name[0].isdigit():
                raise BadRequestData(f"the type {name!r} begins with a digit")
            iri = self._terms.expand(name)
            if iri not in found:
                found.append(iri)
        return found

    def scopes(self, scope: object) -> list[str]:
        """Scopes, each beginning with '/'."""
        names = scope if isinstance(scope, list) else [scope]
        if self._fragment and names == [NULL]:
            return []
        if not names:
            raise BadRequestData("the scope is empty")
        for name in names:
            if not isinstance(name, str) or not SCOPE.match(name) or name == NULL:
                raise BadRequestData(f"{name!r} is not a scope")
        return list(dict.fromkeys(names))

    def attributes(self, members: Mapping[str, Any], depth: int = 0) -> Attributes:
        """Every member as an attribute, names expanded."""
        if depth > DEEPEST:
            raise BadRequestData("attributes are nested too deeply")
        found: Attributes = {}
        for name, value in members.items():
            if depth == 0 and name in RESERVED:
                raise BadRequestData(f"{name} is a term of the core, not the name of an attribute")
            if not name or FORBIDDEN.search(name) or name.startswith("@"):
                raise BadRequestData(f"{name!r} cannot be the name of an attribute")
            iri = self._terms.expand(name)
            if iri in found:
                raise BadRequestData(f"the attribute {name!r} is given twice")
            found[iri] = self.instances(name, value, depth=depth)
        return found

    def instances(self, name: str, value: object, *, depth: int = 0) -> list[Instance]:
        """The instances of one attribute, one for each dataset id."""
        if value is None:
            raise BadRequestData(f"{name}: null is not allowed")
        if isinstance(value, list) and not value:
            raise BadRequestData(f"{name}: an empty array is not an attribute")
        if isinstance(value, list) and all(_looks_like_attribute(each) for each in value):
            found = [self.instance(name, each, depth=depth) for each in value]
        else:
            found = [self.instance(name, value, depth=depth)]
        datasets = [each.get("datasetId", "") for each in found]
        if len(set(datasets)) != len(datasets) and not (self._temporal and depth == 0):
            raise BadRequestData(f"{name}: two instances have the same datasetId")
        return found

    def instance(self, name: str, value: object, *, depth: int = 0) -> Instance:
        """One instance, normalized or concise."""
        if not isinstance(value, dict) or is_geometry(value):
            return self._bare(name, value)
        kind = self._kind(name, value)
        found: Instance = {"type": kind} if kind else {}
        rest: dict[str, Any] = {}
        for member, content in value.items():
            if member in {"type", "@type", "@context"} or member in IGNORED:
                if member == "@context":
                    raise BadRequestData(f"{name}: an attribute has no @context of its own")
                continue
            if content is None and member != "json":
                raise BadRequestData(f"{name}.{member}: null is not allowed")
            if member in IMPLIED and self._tells_deletion(content, depth):
                found[member] = null_of(kind)
            elif member in IMPLIED:
                found[member] = self._content(name, kind, member=member, content=content)
            elif member in _CHECKS:
                found[member] = self._plain(name, member, content=content)
            else:
                rest[member] = content
        self._check_whole(name, kind, found=found)
        found.update(self.attributes(rest, depth + 1))
        return found

    def _tells_deletion(self, content: object, depth: int) -> bool:
        """Whether it is the last instance of an attribute that was deleted: history may be told (5.5.4, 4.5.7)."""
        return self._temporal and depth == 0 and content in (NULL, {"@none": NULL})

    def _bare(self, name: str, value: object) -> Instance:
        """A concise value: text, number, array, geometry."""
        if value is None or (value == NULL and not self._fragment):
            raise BadRequestData(f"{name}: null is not allowed")
        if isinstance(value, dict):
            check_geometry(value, name)
            return {"type": "GeoProperty", "value": value}
        return {"type": "Property", "value": value}

    def _kind(self, name: str, value: Mapping[str, Any]) -> str:
        given = value.get("type", value.get("@type"))
        if given is not None:
            if isinstance(given, str) and given.startswith(NGSI_LD):
                given = given.removeprefix(NGSI_LD)
            if not isinstance(given, str) or given not in MEMBER:
                raise BadRequestData(f"{name}: {given!r} is not a type of attribute")
            if any(member in value and MEMBER[given] != member for member in IMPLIED):
                raise BadRequestData(f"{name}: a {given} holds its value in {MEMBER[given]!r}")
            return given
        implied = [member for member in IMPLIED if member in value]
        if len(implied) > 1:
            raise BadRequestData(f"{name}: only one of {', '.join(implied)} may be given")
        if implied:
            if implied == ["value"] and is_geometry(value["value"]):
                return "GeoProperty"
            return IMPLIED[implied[0]]
        if not self._fragment:
            raise BadRequestData(f"{name}: the attribute has no value")
        return ""

    def _check_whole(self, name: str, kind: str, *, found: Instance) -> None:
        if name in PLACES and kind not in {"", "GeoProperty"}:
            raise BadRequestData(f"{name} is a GeoProperty")
        if not self._fragment and MEMBER[kind] not in found:
            raise BadRequestData(f"{name}: a {kind} needs the member {MEMBER[kind]!r}")
        if "unitCode" in found and kind in {"Relationship", "LanguageProperty", "VocabProperty"}:
            raise BadRequestData(f"{name}: a {kind} has no unitCode")

    def _content(self, name: str, kind: str, *, member: str, content: Any) -> Any:
        if content == NULL or (kind == "LanguageProperty" and content == {"@none": NULL}):
            if self._fragment:
                return NULL
            raise BadRequestData(f"{name}: null is not allowed")
        return getattr(self, f"_{kind.lower()}")(f"{name}.{member}", content)

    def _property(self, name: str, content: Any) -> Any:
        _refuse_nulls(name, content, merge=self._merge)
        return content

    def _geoproperty(self, name: str, content: Any) -> Any:
        if isinstance(content, str) and content != NULL:
            content = _decoded(name, content)
        check_geometry(content, name)
        return content

    def _relationship(self, name: str, content: Any) -> Any:
        for each in content if isinstance(content, list) and content else [content]:
            if not is_uri(each):
                raise BadRequestData(f"{name}: {each!r} is not a URI")
        return content

    def _languageproperty(self, name: str, content: Any) -> Any:
        if not isinstance(content, dict) or not content:
            raise BadRequestData(f"{name} is an object of languages")
        for tag, texts in content.items():
            if not LANGUAGE.match(tag):
                raise BadRequestData(f"{name}: {tag!r} is not a language")
            for text in texts if isinstance(texts, list) else [texts]:
                if not isinstance(text, str) or (text == NULL and not self._fragment):
                    raise BadRequestData(f"{name}: a text is expected for {tag}")
        return content

    def _vocabproperty(self, name: str, content: Any) -> Any:
        words = content if isinstance(content, list) else [content]
        if not words or not all(isinstance(word, str) and word for word in words):
            raise BadRequestData(f"{name} is a word or an array of words")
        expanded = [self._terms.expand(word) for word in words]
        return expanded if isinstance(content, list) else expanded[0]

    def _jsonproperty(self, name: str, content: Any) -> Any:
        if content is None:
            raise BadRequestData(f"{name}: null is not allowed")
        return content

    def _listproperty(self, name: str, content: Any) -> Any:
        if not isinstance(content, list):
            raise BadRequestData(f"{name} is an array")
        _refuse_nulls(name, content, merge=self._merge)
        return content

    def _listrelationship(self, name: str, content: Any) -> Any:
        if not isinstance(content, list):
            raise BadRequestData(f"{name} is an array")
        found = [each.get("object") if isinstance(each, dict) else each for each in content]
        for each in found:
            if not is_uri(each):
                raise BadRequestData(f"{name}: {each!r} is not a URI")
        return found

    def _plain(self, name: str, member: str, *, content: Any) -> Any:
        if content == NULL and self._fragment:
            return NULL
        if not _CHECKS[member](content):
            raise BadRequestData(f"{name}.{member}: {content!r} is not accepted")
        if member == "objectType":
            return self.types(content) if isinstance(content, list) else self.types(content)[0]
        return content


def check_id(identifier: object) -> None:
    """Raise BadRequestData unless it can be an entity's id."""
    if identifier is None or identifier == "":
        raise BadRequestData("the entity has no id")
    if not is_uri(identifier) or identifier == NULL:
        raise BadRequestData(f"the id {identifier!r} is not a URI")


def _decoded(name: str, text: str) -> Any:
    """A geometry that is written as a text (4.7.2). Raises BadRequestData."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequestData(f"{name}.value is not a GeoJSON geometry") from error


def _looks_like_attribute(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    kind = value.get("type", value.get("@type"))
    return kind not in GEOMETRIES and (
        (isinstance(kind, str) and kind.removeprefix(NGSI_LD) in MEMBER)
        or any(member in value for member in IMPLIED)
    )


def _refuse_nulls(name: str, content: Any, *, merge: bool) -> None:
    if content is None or (content == NULL and not merge):
        raise BadRequestData(f"{name}: null is not allowed")
    if isinstance(content, dict):
        for key, inner in content.items():
            _refuse_nulls(f"{name}.{key}", inner, merge=merge)
    elif isinstance(content, list):
        for inner in content:
            _refuse_nulls(name, inner, merge=merge)


def _is_name(content: object) -> bool:
    return isinstance(content, str) and bool(content)


def _is_kind(content: object) -> bool:
    return _is_name(content) or isinstance(content, list)


_CHECKS: dict[str, Callable[[object], bool]] = {
    "observedAt": is_date_time,
    "expiresAt": is_date_time,
    "unitCode": _is_name,
    "datasetId": is_uri,
    "objectType": _is_kind,
}

"""Bodies as a source wants them: only its attributes, in its registered words, with or without @context (4.3.6.6)."""

from collections.abc import Collection, Mapping
from typing import Any

from clapas.context.door.http import LD, Request
from clapas.context.federation.asking import info_of
from clapas.context.federation.federation import Federation
from clapas.context.federation.shares import Share
from clapas.context.model import CORE_MEMBERS
from clapas.context.terms import Terms

HEAD = frozenset({"id", "@id", "type", "@type", "scope", "@context", "createdAt", "modifiedAt"})
HEAD |= {"deletedAt", "expiresAt"}


def names_of(payload: Any, terms: Terms) -> set[str]:
    """The attributes that an entity, or a fragment of one, speaks of, as IRIs."""
    return (
        {terms.expand(key) for key in payload if key not in HEAD} if is_object(payload) else set()
    )


def is_object(payload: Any) -> bool:
    """Whether it is a JSON object."""
    return isinstance(payload, Mapping)


def only(payload: Mapping[str, Any], names: Collection[str], *, terms: Terms) -> dict[str, Any]:
    """The entity with these attributes only."""
    return {
        key: value for key, value in payload.items() if key in HEAD or terms.expand(key) in names
    }


def without(payload: Mapping[str, Any], names: Collection[str], *, terms: Terms) -> dict[str, Any]:
    """The entity without these attributes."""
    return {
        key: value
        for key, value in payload.items()
        if key in HEAD or terms.expand(key) not in names
    }


async def worded(
    federation: Federation, request: Request, *, share: Share, payload: dict[str, Any]
) -> dict[str, Any]:
    """A body in the words and the form that the registration asks for."""
    info = info_of(share)
    if "jsonldContext" in info:
        theirs = await federation.terms(request, share)
        return _renamed(payload, request.context.terms, theirs=theirs)
    if info.get("contentType") == LD:
        return {"@context": request.context.embedded, **payload}
    if "contentType" in info or _has_address(request, payload):
        return {key: value for key, value in payload.items() if key != "@context"}
    return payload


def _has_address(request: Request, payload: Mapping[str, Any]) -> bool:
    """Whether the @context of a body is one that a source can fetch: then it goes in Link (6.3.5)."""
    given = payload.get("@context") == request.spec_context
    return given and not request.context.link.startswith("/")


async def word(federation: Federation, request: Request, *, share: Share, name: str) -> str:
    """The name of an attribute in the source's words."""
    if "jsonldContext" not in info_of(share):
        return name
    theirs = await federation.terms(request, share)
    return theirs.compact(request.context.terms.expand(name))


def _renamed(payload: dict[str, Any], ours: Terms, *, theirs: Terms) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in payload.items():
        if key == "@context":
            continue
        if key in {"type", "@type"}:
            found[key] = _each(value, ours, theirs=theirs)
        elif key in HEAD:
            found[key] = value
        else:
            found[theirs.compact(ours.expand(key))] = _attribute(value, ours, theirs=theirs)
    return found


def _each(value: Any, ours: Terms, *, theirs: Terms) -> Any:
    if isinstance(value, list):
        return [theirs.compact(ours.expand(each)) for each in value]
    return theirs.compact(ours.expand(value)) if isinstance(value, str) else value


def _attribute(value: Any, ours: Terms, *, theirs: Terms) -> Any:
    if isinstance(value, list):
        return [_attribute(each, ours, theirs=theirs) for each in value]
    if not isinstance(value, dict) or not ({"type", "value", "object"} & set(value)):
        return value
    return {
        (key if key in CORE_MEMBERS else theirs.compact(ours.expand(key))): (
            _each(inner, ours, theirs=theirs)
            if key == "vocab"
            else inner
            if key in CORE_MEMBERS
            else _attribute(inner, ours, theirs=theirs)
        )
        for key, inner in value.items()
    }

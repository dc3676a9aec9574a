"""The lint of names: attributes that no @context names fall into the default vocabulary, where they mean nothing to others."""

from typing import Any

from clapas.context.door.http import Request
from clapas.context.errors import BadRequestData

HEAD = frozenset({"id", "@id", "type", "@type", "scope", "@context", "location", "expiresAt"})
MOST_NAMED = 20


def unnamed(request: Request) -> list[str]:
    """The attributes and types of a written body that the request's @context does not name."""
    items = request.body if isinstance(request.body, list) else [request.body]
    known = request.context.terms.known
    found: dict[str, None] = {}
    for item in items:
        own = isinstance(request.body, list) and isinstance(item, dict) and "@context" in item
        if isinstance(item, dict) and not own:
            found |= dict.fromkeys(name for name in _names(item) if not known(name))
    return list(found)


def _names(item: dict[str, Any]) -> list[str]:
    kind = item.get("type", [])
    kinds = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    return [*(each for each in kinds if isinstance(each, str)), *(n for n in item if n not in HEAD)]


def replaced(request: Request) -> list[str]:
    """The names of a written body that the alias table brings to another IRI."""
    items = request.body if isinstance(request.body, list) else [request.body]
    aliased = request.context.terms.aliased
    names = {name for item in items if isinstance(item, dict) for name in _names(item)}
    return [f"{name}={aliased[name]}" for name in sorted(names & set(aliased))]


def lint(request: Request, rule: str) -> list[tuple[str, str]]:
    """Headers that warn; ``rule`` is 'accept', 'warn' or 'refuse'. Raises BadRequestData."""
    if rule == "accept":
        return []
    names = unnamed(request)
    text = ", ".join(names[:MOST_NAMED])
    if names and rule == "refuse":
        raise BadRequestData(f"no @context names {text}")
    said = [f"default-vocabulary {text}"] if names else []
    if others := replaced(request)[:MOST_NAMED]:
        said.append(f"alias {', '.join(others)}")
    return [("NGSILD-Lint", each.encode("ascii", "replace").decode()) for each in said]

"""Which registrations concern an operation, and which part of it each one takes (clauses 4.3.6, 5.12)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from clapas.context.federation.operations import supported
from clapas.context.patterns import matches_pattern
from clapas.context.registration import attributes_of

PROXIED = ("exclusive", "redirect")


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one registration takes: entities by id (none: any), attributes (None: all), of some types."""

    body: Mapping[str, Any]
    operations: frozenset[str]
    ids: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    attributes: frozenset[str] | None = None

    @property
    def id(self) -> str:
        """The registration's id."""
        found: str = self.body["id"]
        return found

    @property
    def mode(self) -> str:
        """inclusive, exclusive, redirect or auxiliary."""
        found: str = self.body.get("mode", "inclusive")
        return found

    @property
    def proxied(self) -> bool:
        """Whether the source alone holds what it registers (clause 4.3.6.3)."""
        return self.mode in PROXIED

    def takes(self, names: Iterable[str]) -> frozenset[str]:
        """Which of these attributes the source holds."""
        return frozenset(n for n in names if self.attributes is None or n in self.attributes)


def shares_of(
    bodies: Sequence[Mapping[str, Any]],
    *,
    ids: Collection[str] = (),
    types: Collection[str] | None = None,
    attributes: Collection[str] | None = None,
    pattern: str = "",
    via: Collection[str] = (),
) -> list[Share]:
    """The shares of an operation on entities (ids none: any; types None: not known; attributes None: all).

    A source that the request came through already is left out (clause 4.3.6.4).
    """
    found: list[Share] = []
    for body in bodies:
        if body.get("contextSourceAlias") in via:
            continue
        share = _share(body, ids, types=types, attributes=attributes, pattern=pattern)
        if share is not None:
            found.append(share)
    return sorted(found, key=lambda each: PRECEDENCE.index(each.mode))


PRECEDENCE = ("exclusive", "redirect", "inclusive", "auxiliary")


def _share(
    body: Mapping[str, Any],
    ids: Collection[str],
    *,
    types: Collection[str] | None,
    attributes: Collection[str] | None,
    pattern: str,
) -> Share | None:
    kept_ids: set[str] = set()
    patterns: set[str] = set()
    kinds: set[str] = set()
    names: set[str] = set()
    everything = open_ids = matched = False
    for information in body["information"]:
        named = attributes_of(information)
        if attributes is not None and named and not named & set(attributes):
            continue
        entities = information.get("entities") or [{}]
        chosen = [each for each in entities if _concerns(each, ids, types=types, pattern=pattern)]
        if not chosen:
            continue
        matched = True
        names |= named
        everything |= not named
        for each in chosen:
            kinds |= set(_types(each))
            if "id" in each:
                kept_ids.add(each["id"])
            elif "idPattern" in each:
                patterns.add(each["idPattern"])
            open_ids |= "id" not in each
    if not matched:
        return None
    return Share(
        body=body,
        operations=supported(body),
        ids=() if open_ids else tuple(sorted(kept_ids)),
        patterns=tuple(sorted(patterns)),
        types=tuple(sorted(kinds)),
        attributes=None if everything else frozenset(names),
    )


def _types(entity: Mapping[str, Any]) -> list[str]:
    given = entity.get("type", [])
    return [given] if isinstance(given, str) else list(given)


def _concerns(
    entity: Mapping[str, Any],
    ids: Collection[str],
    *,
    types: Collection[str] | None,
    pattern: str,
) -> bool:
    kinds = _types(entity)
    if types is not None and kinds and not set(kinds) & set(types):
        return False
    if "id" in entity:
        if ids:
            return entity["id"] in ids
        return not pattern or matches_pattern(pattern, entity["id"])
    if "idPattern" in entity and ids:
        return any(matches_pattern(entity["idPattern"], each) for each in ids)
    return True

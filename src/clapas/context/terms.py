"""A compiled @context: names ↔ IRIs as two dictionaries, so that a request never runs a JSON-LD processor.

The compilation itself is PyLD's (JSON-LD 1.1, Context Processing Algorithms); the core @context is
applied last and wins (GS CIM 009, clause 5.5.7).
"""

from collections.abc import Mapping
from typing import Any

from clapas.context.core import VOCAB, core_terms

KEYWORDS = frozenset({"id", "type", "@id", "@type", "@context", "@graph", "@value"})
REMEMBERED = 20_000
CORE_PREFIXES = frozenset({"ngsi-ld", "geojson"})


class Terms:
    """Expansion and compaction of names under one @context."""

    def __init__(
        self,
        user: Mapping[str, str],
        *,
        prefixes: frozenset[str] = frozenset(),
        version: str = "1.9",
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        core = core_terms(version)
        self._aliases = aliases or {}
        written = user
        user = {term: self._aliases.get(iri, iri) for term, iri in written.items()}
        self.aliased = {term: user[term] for term in written if user[term] != written[term]}
        """Terms whose IRI another one stands for."""
        self._prefixes = prefixes | CORE_PREFIXES
        self._iris: dict[str, str] = {**user, **core}
        self._names = _names({k: v for k, v in user.items() if k not in core}, core)
        self._expanded: dict[str, str] = {}
        self._compacted: dict[str, str] = {}
        self.user = dict(user)

    def expand(self, name: str) -> str:
        """The IRI of a name: a term, a prefixed name, an absolute IRI, or a word of the vocabulary."""
        found = self._iris.get(name)
        if found is not None:
            return found
        found = self._expanded.get(name)
        if found is None:
            found = self._look(name)
            found = self._aliases.get(found, found)
            if len(self._expanded) < REMEMBERED:
                self._expanded[name] = found
        return found

    def compact(self, iri: str) -> str:
        """The term of an IRI, a word of the default vocabulary, or the IRI itself.

        A word of the default vocabulary that this @context defines otherwise keeps the core's prefix
        (``ngsi-ld:default-context/word``, as JSON-LD 1.1 compacts it); no other name is prefixed.
        """
        found = self._names.get(iri)
        if found is not None:
            return found
        found = self._compacted.get(iri)
        if found is None:
            found = self._shorten(iri)
            if len(self._compacted) < REMEMBERED:
                self._compacted[iri] = found
        return found

    def known(self, name: str) -> bool:
        """Whether the @context names it; else it falls into the default vocabulary."""
        return name in self._iris or ":" in name

    def _look(self, name: str) -> str:
        prefix, colon, rest = name.partition(":")
        if not colon:
            return VOCAB + name
        base = self._iris.get(prefix) if prefix in self._prefixes else None
        return base + rest if base is not None and not rest.startswith("//") else name

    def _shorten(self, iri: str) -> str:
        if iri.startswith(VOCAB):
            rest = iri[len(VOCAB) :]
            if rest and ":" not in rest:
                return rest if rest not in self._iris else f"ngsi-ld:default-context/{rest}"
        return iri


def _names(user: Mapping[str, str], core: Mapping[str, str]) -> dict[str, str]:
    """IRI → its shortest term, then the first in the order of letters."""
    found: dict[str, str] = {}
    for terms in (core, user):
        for term, iri in sorted(terms.items(), key=lambda each: (len(each[0]), each[0])):
            if iri not in found or terms is user:
                if terms is user and iri in found and found[iri] in user:
                    continue
                found[iri] = term
    return found


def compile_terms(
    user: Mapping[str, Any], *, version: str = "1.9", aliases: Mapping[str, str] | None = None
) -> Terms:
    """Terms from PyLD's processed mappings (term → {'@id': IRI, …})."""
    terms = {
        term: mapping["@id"]
        for term, mapping in user.items()
        if mapping and isinstance(mapping.get("@id"), str) and not mapping["@id"].startswith("@")
    }
    prefixes = frozenset(term for term in terms if user[term].get("_prefix"))
    return Terms(terms, prefixes=prefixes, version=version, aliases=aliases)

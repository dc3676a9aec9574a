"""The core @contexts 1.3 to 1.9, built in: a table of terms in our own form, made into JSON-LD here."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

VERSIONS = ("1.3", "1.4", "1.6", "1.7", "1.8", "1.9")
VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"
NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
ADDRESS = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v{version}.jsonld"
UNVERSIONED = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"


def core_address(version: str) -> str:
    """Where ETSI publishes the core @context of a version ('1.9')."""
    return ADDRESS.format(version=version)


@cache
def core_context(version: str) -> dict[str, Any]:
    """The members of the core @context of one version, as GS CIM 009 annex B publishes them."""
    place = VERSIONS.index(version)
    found: dict[str, Any] = (
        {"@version": 1.1, "@protected": True} if place >= VERSIONS.index("1.8") else {}
    )
    text = (files("clapas.context") / "core_terms.txt").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        term, versions, iri, kind, container, *scoped = line.split(" ", 5)
        if place in _places(versions):
            found[term] = _definition(iri, kind, container=container, scoped=scoped)
    found["@vocab"] = VOCAB
    return found


def _places(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(VERSIONS.index(first), VERSIONS.index(last or first) + 1))
    return found


def _definition(iri: str, kind: str, *, container: str, scoped: list[str]) -> Any:
    if kind == container == "-" and not scoped:
        return iri
    definition: dict[str, Any] = {"@id": iri}
    if kind != "-":
        definition["@type"] = kind
    if container != "-":
        definition["@container"] = container
    if scoped:
        definition["@context"] = json.loads(scoped[0])
    return definition


@cache
def core_versions() -> dict[str, str]:
    """Every address of a core @context, with its version (1.5 was 1.6 without its later terms)."""
    found = {core_address(version): version for version in VERSIONS}
    found[core_address("1.5")] = "1.6"
    found[core_address("1.3.1")] = "1.3"
    found[core_address("1.8.1")] = "1.8"
    found[core_address("1.9.1")] = "1.9"
    found[UNVERSIONED] = "1.9"
    plain = {address.replace("https:", "http:"): version for address, version in found.items()}
    return found | plain


@cache
def core_terms(version: str) -> dict[str, str]:
    """Term → IRI of the core @context, prefixes resolved; keywords left out."""
    members = core_context(version)
    found: dict[str, str] = {}
    for term, definition in members.items():
        if term.startswith("@"):
            continue
        iri = definition if isinstance(definition, str) else definition["@id"]
        if iri.startswith("@"):
            continue
        prefix, _, rest = iri.partition(":")
        if not rest:
            iri = VOCAB + iri
        elif prefix in members and not rest.startswith("//"):
            iri = members[prefix] + rest
        found[term] = iri
    return found

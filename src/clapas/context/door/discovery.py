"""Entity types and attributes that are there (clauses 5.7.5 to 5.7.10; 6.25 to 6.28)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from clapas.context.broker import Broker
from clapas.context.door.http import LD, Answer, Request
from clapas.context.errors import ResourceNotFound

Facts = list[tuple[str, str, list[str], int]]


def _with_context(request: Request, body: Any) -> Answer:
    if request.media == LD:
        context = {"@context": request.context.embedded}
        body = [each | context for each in body] if isinstance(body, list) else body | context
    return Answer(body=body)


async def types(broker: Broker, request: Request) -> Answer:
    """Retrieve Available Entity Types (5.7.5), with details (5.7.6)."""
    facts = await broker.store.types(request.tenant, rows=request.rows)
    compact = request.context.terms.compact
    found: dict[str, list[str]] = defaultdict(list)
    for kind, attribute, _, _ in facts:
        found[kind] += [attribute] if attribute != "@id" else []
    if request.flag("details"):
        names = ("EntityType", "typeName", "attributeNames")
        return _detailed(request, names, found=found)
    return _listed(
        request, "EntityTypeList", member="typeList", names=[compact(kind) for kind in found]
    )


def _detailed(
    request: Request, names: tuple[str, str, str], *, found: Mapping[str, Iterable[str]]
) -> Answer:
    """Types with their attributes, or attributes with their types: ``names`` says how they are called."""
    compact = request.context.terms.compact
    kind, own, others = names
    body = [
        {"id": iri, "type": kind, own: compact(iri), others: sorted({compact(e) for e in held})}
        for iri, held in found.items()
    ]
    return _with_context(request, body)


def _listed(request: Request, kind: str, *, member: str, names: list[str]) -> Answer:
    """Names alone (5.2.24, 5.2.27)."""
    listed = {"id": f"urn:ngsi-ld:{kind}:{uuid4()}", "type": kind, member: sorted(names)}
    return _with_context(request, listed)


async def entity_type(broker: Broker, request: Request) -> Answer:
    """Retrieve Entity Type information (5.7.7)."""
    terms = request.context.terms
    kind = terms.expand(request.args[0])
    facts = await broker.store.types(request.tenant, kind=kind, rows=request.rows)
    if not facts:
        raise ResourceNotFound(f"no entity has the type {request.args[0]}")
    details = [
        {
            "id": attribute,
            "type": "Attribute",
            "attributeName": terms.compact(attribute),
            "attributeTypes": sorted(kinds),
        }
        for _, attribute, kinds, _ in facts
        if attribute != "@id"
    ]
    count = next((count for _, attribute, _, count in facts if attribute == "@id"), 0)
    body = {
        "id": kind,
        "type": "EntityTypeInfo",
        "typeName": terms.compact(kind),
        "entityCount": count,
        "attributeDetails": sorted(details, key=lambda each: str(each["attributeName"])),
    }
    return _with_context(request, body)


def _by_attribute(facts: Facts) -> dict[str, Facts]:
    found: dict[str, Facts] = defaultdict(list)
    for fact in facts:
        if fact[1] != "@id":
            found[fact[1]].append(fact)
    return dict(sorted(found.items()))


async def attributes(broker: Broker, request: Request) -> Answer:
    """Retrieve Available Attributes (5.7.8), with details (5.7.9)."""
    facts = _by_attribute(await broker.store.types(request.tenant, rows=request.rows))
    compact = request.context.terms.compact
    if request.flag("details"):
        types_of = {iri: [each[0] for each in held] for iri, held in facts.items()}
        return _detailed(request, ("Attribute", "attributeName", "typeNames"), found=types_of)
    return _listed(
        request, "AttributeList", member="attributeList", names=[compact(iri) for iri in facts]
    )


async def attribute(broker: Broker, request: Request) -> Answer:
    """Retrieve Attribute information (5.7.10)."""
    terms = request.context.terms
    iri = terms.expand(request.args[0])
    held = _by_attribute(await broker.store.types(request.tenant, rows=request.rows)).get(iri)
    if not held:
        raise ResourceNotFound(f"no entity has the attribute {request.args[0]}")
    body = {
        "id": iri,
        "type": "Attribute",
        "attributeName": terms.compact(iri),
        "attributeCount": sum(each[3] for each in held),
        "attributeTypes": sorted({kind for each in held for kind in each[2]}),
        "typeNames": sorted({terms.compact(each[0]) for each in held}),
    }
    return _with_context(request, body)

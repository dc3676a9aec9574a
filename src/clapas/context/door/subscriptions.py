"""Subscriptions (clauses 5.8.1 to 5.8.5; 6.10, 6.11), of entities and of context source registrations (5.11)."""

import asyncio
from typing import Any
from uuid import uuid4

from clapas.context.book import Spec
from clapas.context.broker import Broker
from clapas.context.door.entities import created_at
from clapas.context.door.http import LD, Answer, Request
from clapas.context.door.registrations import tell_matching
from clapas.context.door.reply import listing, page_links, page_of
from clapas.context.errors import (
    AlreadyExists,
    BadRequestData,
    OperationNotSupported,
    ResourceNotFound,
)
from clapas.context.model import is_uri, now_text
from clapas.context.query import q as language
from clapas.context.query.predicate import Compiler
from clapas.context.search import check_predicate
from clapas.context.subscription import (
    FOLLOWS,
    as_sources,
    read_subscription,
    show_subscription,
    update_subscription,
)

Kind = tuple[str, str]
ENTITIES: Kind = ("e", "/ngsi-ld/v1/subscriptions")
SOURCES: Kind = ("c", "/ngsi-ld/v1/csourceSubscriptions")
PAGES = {
    ENTITIES: ("subscriptions", "count_subscriptions"),
    SOURCES: ("source_subscriptions", "count_source_subscriptions"),
}
"""The queries of a page, and of how many there are."""
SETTLING, SETTLED = 20, 0.02
"""How often, and how long each time, a notification under way is waited for, seconds."""


def kind_of(request: Request) -> Kind:
    """Subscriptions of entities, or of registrations."""
    return SOURCES if "/csourceSubscriptions" in request.path else ENTITIES


async def create(broker: Broker, request: Request) -> Answer:
    """Create Subscription (5.8.1)."""
    kind, path = kind_of(request)
    body = read_subscription(request.body, request.context.terms)
    _check_kind(kind, body)
    body.setdefault("id", f"urn:ngsi-ld:Subscription:{uuid4()}")
    await _check_context(broker, body)
    await _check_query(broker, request, body=body)
    now = now_text()
    state: dict[str, Any] = {"createdAt": now, "modifiedAt": now, "context": _spec(request)}
    if isinstance(request.context.embedded, dict | list):
        state["implicit"] = request.link
    state |= {"via": request.headers.get("via", ""), "local": request.flag("local")}
    rows = await broker.store.rows(
        "add_subscription",
        tenant=request.tenant,
        kind=kind,
        id=body["id"],
        body=body,
        state=state,
    )
    if not rows:
        raise AlreadyExists(f"{body['id']} exists already")
    await broker.changed_subscription(request.tenant)
    if kind == "c":
        await _told_first(broker, request, body=body, state=state)
    return created_at(f"{path}/{body['id']}")


def _check_kind(kind: str, body: dict[str, Any]) -> None:
    """A subscription to registrations asks nothing of entities' attributes: ``q`` would never be looked at (5.11.7)."""
    if kind == "c" and "q" in body:
        raise BadRequestData("q is asked of entities; csf is what is asked of registrations")


async def _told_first(
    broker: Broker, request: Request, *, body: dict[str, Any], state: dict[str, Any]
) -> None:
    """Who subscribes to registrations hears at once of those that match (5.11.7)."""
    await tell_matching(broker, request.tenant, body=body, state=state, reason="newlyMatching")


def _spec(request: Request) -> Spec | None:
    spec: Spec | None = request.spec_context
    return spec


async def _check_context(broker: Broker, body: dict[str, Any]) -> None:
    """The subscription's own jsonldContext is an address that answers."""
    if "jsonldContext" in body:
        if not is_uri(body["jsonldContext"]):
            raise BadRequestData("jsonldContext is the address of a @context")
        await broker.book.resolve(body["jsonldContext"], link=False)


async def _check_query(broker: Broker, request: Request, *, body: dict[str, Any]) -> None:
    """The subscription's ``q`` is one that the database can be asked."""
    if "q" in body:
        tree = language.parse(body["q"])
        path = Compiler(request.context.terms).predicate(tree)
        await check_predicate(broker, path)


async def _one(broker: Broker, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    name, kind = request.args[0], kind_of(request)
    if not is_uri(name):
        raise BadRequestData(f"the id {name!r} is not a URI")
    rows = await broker.store.rows("subscription", tenant=request.tenant, kind=kind[0], id=name)
    if rows:
        return rows[0][0], rows[0][1]
    if kind == SOURCES and name.endswith(FOLLOWS):
        return await _following(broker, request, name=name.removesuffix(FOLLOWS))
    raise ResourceNotFound(f"{name} does not exist")


async def _following(
    broker: Broker, request: Request, *, name: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What follows the sources of a subscription: it is read, and changes and goes with that one only."""
    rows = await broker.store.rows("subscription", tenant=request.tenant, kind="e", id=name)
    if not rows or rows[0][0].get("localOnly") is True:
        raise ResourceNotFound(f"{name}{FOLLOWS} does not exist")
    if request.method != "GET":
        raise OperationNotSupported(f"it changes and goes with the subscription {name}")
    return as_sources(rows[0][0], request.base), rows[0][1]


def _shown(request: Request, body: dict[str, Any], *, state: dict[str, Any]) -> dict[str, Any]:
    system = "sysAttrs" in request.options
    sources = kind_of(request) == SOURCES
    terms = request.context.terms
    found = show_subscription(body, state, terms=terms, system=system, sources=sources)
    return found | {"@context": request.context.embedded} if request.media == LD else found


async def _settled(broker: Broker, request: Request) -> None:
    """Wait, briefly, for a notification that is being sent: its result is among what is told (5.2.14.2)."""
    asked = {"tenant": request.tenant, "kind": kind_of(request)[0], "subscription": request.args[0]}
    for _ in range(SETTLING):
        if not await broker.store.rows("under_way", **asked):
            return
        await asyncio.sleep(SETTLED)


async def retrieve(broker: Broker, request: Request) -> Answer:
    """Retrieve Subscription (5.8.3)."""
    await _settled(broker, request)
    body, state = await _one(broker, request)
    return Answer(body=_shown(request, body, state=state))


async def listed(broker: Broker, request: Request) -> Answer:
    """Query Subscriptions (5.8.4)."""
    limit, offset, count = page_of(
        request, broker.settings.default_limit, most=broker.settings.most
    )
    query, counting = PAGES[kind_of(request)]
    where = {"tenant": request.tenant}
    rows = await broker.store.rows(query, limit=limit + 1, offset=offset, **where)
    lone = broker.settings.lone_page_links and request.media != LD
    links = page_links(request, limit, offset=offset, more=len(rows) > limit, lone=lone)
    total = (await broker.store.rows(counting, **where))[0][0] if count else None
    page = [_listed(request, kind, body=body, state=state) for kind, body, state in rows[:limit]]
    return listing(page, links=links, count=total, lone=lone)


def _listed(
    request: Request, kind: str, *, body: dict[str, Any], state: dict[str, Any]
) -> dict[str, Any]:
    follows = kind_of(request) == SOURCES and kind == "e"
    return _shown(request, as_sources(body, request.base) if follows else body, state=state)


async def update(broker: Broker, request: Request) -> Answer:
    """Update Subscription (5.8.2); one to registrations keeps its @context, and is told what matches now (5.11.3)."""
    kind = kind_of(request)[0]
    body, held = await _one(broker, request)
    context = request.context
    if kind == "c" and request.spec_context is None:
        context = await broker.book.resolve(held.get("context"))
    changed = update_subscription(body, request.body, terms=context.terms)
    _check_kind(kind, changed)
    await _check_context(broker, changed)
    if "q" in (request.body or {}):
        await _check_query(broker, request, body=changed)
    state: dict[str, Any] = {"modifiedAt": now_text()}
    if "q" in (request.body or {}):
        state["context"] = _spec(request)
    await broker.store.run(
        "set_subscription",
        tenant=request.tenant,
        kind=kind,
        id=body["id"],
        body=changed,
        state=state,
    )
    await broker.changed_subscription(request.tenant)
    if kind == "c":
        await _told_first(broker, request, body=changed, state=held | state)
    return Answer(status=204)


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete Subscription (5.8.5)."""
    body, _ = await _one(broker, request)
    kind = kind_of(request)[0]
    await broker.store.rows("drop_subscription", tenant=request.tenant, kind=kind, id=body["id"])
    await broker.changed_subscription("")
    return Answer(status=204)


async def ledger(broker: Broker, request: Request) -> Answer:
    """The delivery ledger of a subscription: what, to whom, when, with what result (not in the standard)."""
    await _one(broker, request)
    rows = await broker.store.rows(
        "deliveries",
        tenant=request.tenant,
        kind=kind_of(request)[0],
        subscription=request.args[0],
        before=request.number("before", 0),
        limit=min(request.number("limit", 50), 1000),
    )
    names = ("id", "endpoint", "createdAt", "attempts", "doneAt", "result", "notification")
    return Answer(body=[dict(zip(names, row, strict=True)) for row in rows], data=False)

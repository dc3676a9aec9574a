"""Context source registrations: provision and discovery (clauses 5.9, 5.10; 6.8, 6.9), and who is told (5.11.7)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from clapas.context.broker import Broker
from clapas.context.door.entities import created_at
from clapas.context.door.http import LD, Answer, Request
from clapas.context.door.queryform import geo_of, read_selectors
from clapas.context.door.reply import listing, page_links, page_of
from clapas.context.errors import AlreadyExists, BadRequestData, Clash, ResourceNotFound
from clapas.context.model import is_uri, moment, now_text
from clapas.context.notify import headers_of
from clapas.context.patterns import check_pattern
from clapas.context.query import q as language
from clapas.context.query.geo import read_geo
from clapas.context.query.predicate import Compiler
from clapas.context.query.select import scope_predicate
from clapas.context.registration import (
    Body,
    attributes_of,
    check_conflicts,
    matching,
    read_registration,
    renamed,
    update_registration,
)
from clapas.context.search import Query, Selector, check_ids, find
from clapas.context.subscription import status_of
from clapas.context.temporal import Window, read_window
from clapas.context.terms import Terms
from clapas.store.context import as_json

PLAIN = Terms({})


async def create(broker: Broker, request: Request) -> Answer:
    """Register Context Source (5.9.2)."""
    lenient = broker.settings.lenient_registrations
    body = read_registration(request.body, request.context.terms, lenient=lenient)
    body.setdefault("id", f"urn:ngsi-ld:ContextSourceRegistration:{uuid4()}")
    others = await registrations(broker, request.tenant)
    if any(each["id"] == body["id"] for each in others):
        raise AlreadyExists(f"{body['id']} exists already")
    check_conflicts(body, others)
    await _check_held(broker, request, body=body)
    async with broker.store.change(request.tenant):
        pass
    rows = await broker.store.rows(
        "add_registration", tenant=request.tenant, id=body["id"], **_kept(body)
    )
    if not rows:
        raise AlreadyExists(f"{body['id']} exists already")
    broker.federation.registry.forget(request.tenant)
    await tell(broker, request.tenant, before=None, after=body)
    return created_at(f"/ngsi-ld/v1/csourceRegistrations/{body['id']}")


async def _check_held(broker: Broker, request: Request, *, body: Body) -> None:
    """Raise Clash when what a source alone would hold is kept here already (5.9.2.4)."""
    mode = body.get("mode", "inclusive")
    if mode not in {"exclusive", "redirect"} or broker.settings.lenient_registrations:
        return
    for each in body["information"]:
        names = tuple(sorted(attributes_of(each)))
        for entity in each.get("entities", []):
            kind = entity["type"]
            selector = Selector(
                kind=",".join(kind) if isinstance(kind, list) else kind,
                ids=(entity["id"],) if "id" in entity else (),
                pattern=entity.get("idPattern", ""),
            )
            asked = Query(selectors=(selector,), attributes=names)
            found = await find(broker, request.tenant, query=asked, terms=PLAIN, limit=1)
            if found.entities:
                raise Clash(f"{found.entities[0].id} is kept here already")


def _kept(body: Body) -> dict[str, Any]:
    return {
        "body": body,
        "expires": moment(body["expiresAt"]) if "expiresAt" in body else None,
    }


async def registrations(broker: Broker, tenant: str) -> list[Body]:
    """All registrations of a tenant that have not expired."""
    return [row[0] for row in await broker.store.rows("registrations", tenant=tenant)]


async def _one(broker: Broker, request: Request) -> Body:
    name = request.args[0]
    if not is_uri(name):
        raise BadRequestData(f"the id {name!r} is not a URI")
    rows = await broker.store.rows("registration", tenant=request.tenant, id=name)
    if not rows:
        raise ResourceNotFound(f"{name} does not exist")
    body: Body = rows[0][0]
    return body


def _shown(request: Request, body: Body) -> Body:
    found = renamed(body, request.context.terms.compact)
    return found | {"@context": request.context.embedded} if request.media == LD else found


async def retrieve(broker: Broker, request: Request) -> Answer:
    """Retrieve Context Source Registration (5.10.1)."""
    return Answer(body=_shown(request, await _one(broker, request)))


async def listed(broker: Broker, request: Request) -> Answer:
    """Query Context Source Registrations (5.10.2)."""
    params, terms = request.params, request.context.terms
    if not any(name in params for name in ("type", "attrs", "q", "csf", "georel", "id", "timerel")):
        raise BadRequestData("a query of registrations needs type or attrs")
    for name in ("type", "attrs", "id"):
        if name in params and not params[name]:
            raise BadRequestData(f"{name} is empty")
    pattern = params.get("idPattern", "")
    if pattern:
        check_pattern(pattern)
    query = Query(
        selectors=(
            Selector(
                kind=params.get("type", ""), ids=check_ids(request.words("id")), pattern=pattern
            ),
        ),
        attributes=tuple(terms.expand(each) for each in request.words("attrs")),
        geo=read_geo(
            georel=params.get("georel"),
            geometry=params.get("geometry"),
            coordinates=params.get("coordinates"),
            geoproperty=params.get("geoproperty"),
            terms=terms,
        ),
        scope=params.get("scopeQ", ""),
    )
    if query.scope:
        scope_predicate(query.scope)
    window = read_window(params)
    limit, offset, count = page_of(
        request, broker.settings.default_limit, most=broker.settings.most
    )
    held = await registrations(broker, request.tenant)
    found = [each for each in held if matching(each, query, window=window, terms=terms) is not None]
    for name in ("q", "csf"):
        if name in params:
            found = await _with_properties(broker, found, text=params[name], terms=terms)
    lone = broker.settings.lone_page_links and request.media != LD
    links = page_links(request, limit, offset=offset, more=len(found) > offset + limit, lone=lone)
    page = [_shown(request, each) for each in found[offset : offset + limit]]
    return listing(page, links=links, count=len(found) if count else None, lone=lone)


async def _with_properties(
    broker: Broker, found: Sequence[Body], *, text: str, terms: Terms
) -> list[Body]:
    """Those whose Context Source Properties satisfy a query (5.10.2.4)."""
    path = Compiler(terms).predicate(language.parse(text))
    docs = [
        {
            terms.expand(name): [{"type": "Property", "value": value}]
            for name, value in each.items()
            if name not in {"id", "type"}
        }
        for each in found
    ]
    pairs = [{"place": place, "document": place, "path": path} for place in range(len(found))]
    answers = await broker.store.rows("matches", pairs=as_json(pairs), docs=as_json(docs))
    holding = {place for place, holds in answers if holds}
    return [each for place, each in enumerate(found) if place in holding]


async def update(broker: Broker, request: Request) -> Answer:
    """Update Context Source Registration (5.9.3)."""
    before = await _one(broker, request)
    lenient = broker.settings.lenient_registrations
    after = update_registration(before, request.body, terms=request.context.terms, lenient=lenient)
    check_conflicts(after, await registrations(broker, request.tenant))
    await broker.store.run(
        "set_registration", tenant=request.tenant, id=after["id"], **_kept(after)
    )
    broker.federation.registry.forget(request.tenant)
    await tell(broker, request.tenant, before=before, after=after)
    return Answer(status=204)


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete Context Source Registration (5.9.4)."""
    before = await _one(broker, request)
    await broker.store.rows("drop_registration", tenant=request.tenant, id=before["id"])
    broker.federation.registry.forget(request.tenant)
    await tell(broker, request.tenant, before=before, after=None)
    return Answer(status=204)


def subscribed_query(body: Mapping[str, Any]) -> tuple[Query, Window]:
    """What a subscription to registrations asks for (its names are IRIs already)."""
    attributes = [
        *body.get("watchedAttributes", ()),
        *body.get("notification", {}).get("attributes", ()),
    ]
    query = Query(
        selectors=read_selectors(body.get("entities")),
        attributes=tuple(attributes),
        scope=body.get("scopeQ", ""),
        geo=geo_of(body.get("geoQ"), PLAIN),
    )
    return query, read_window(body.get("temporalQ", {}))


async def tell(broker: Broker, tenant: str, *, before: Body | None, after: Body | None) -> None:
    """Tell the subscribers of registrations what a change means to them."""
    rows: list[dict[str, Any]] = []
    for body, state in await broker.store.rows("sources_subscriptions", tenant=tenant):
        if status_of(body) != "active" or "timeInterval" in body:
            continue
        query, window = subscribed_query(body)
        was = matching(before, query, window=window, terms=PLAIN) if before else None
        now = matching(after, query, window=window, terms=PLAIN) if after else None
        if now is not None:
            reason = "newlyMatching" if was is None else "updated"
            rows.append(
                await _delivery(broker, tenant, body=body, state=state, found=[now], reason=reason)
            )
        elif was is not None:
            rows.append(
                await _delivery(
                    broker, tenant, body=body, state=state, found=[was], reason="noLongerMatching"
                )
            )
    await _keep(broker, rows)


async def tell_matching(
    broker: Broker, tenant: str, *, body: Body, state: Mapping[str, Any], reason: str
) -> None:
    """Tell a subscriber what matches now: at first, and whenever its interval is over (then also when nothing does)."""
    query, window = subscribed_query(body)
    found = [
        kept
        for each in await registrations(broker, tenant)
        if (kept := matching(each, query, window=window, terms=PLAIN)) is not None
    ]
    if (found or "timeInterval" in body) and status_of(body) == "active":
        row = await _delivery(broker, tenant, body=body, state=state, found=found, reason=reason)
        await _keep(broker, [row])


async def _keep(broker: Broker, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        async with broker.store.change("") as change:
            await change.run("add_deliveries", rows=as_json(rows))
        broker.on_write()


def _told(body: Body) -> Body:
    """A registration as notifications tell it: the types of its entities always as arrays (5.2.8)."""
    for information in body["information"]:
        for entity in information.get("entities", []):
            if isinstance(entity["type"], str):
                entity["type"] = [entity["type"]]
    return body


async def _delivery(
    broker: Broker,
    tenant: str,
    *,
    body: Body,
    state: Mapping[str, Any],
    found: Sequence[Body],
    reason: str,
) -> dict[str, Any]:
    book = broker.book
    own = body.get("jsonldContext")
    context = await (book.named(own) if own else book.resolve(state.get("context")))
    endpoint = body["notification"]["endpoint"]
    accept = endpoint.get("accept", "application/json")
    notification: dict[str, Any] = {
        "id": f"urn:ngsi-ld:ContextSourceNotification:{uuid4()}",
        "type": "ContextSourceNotification",
        "subscriptionId": body["id"],
        "notifiedAt": now_text(),
        "data": [_told(renamed(each, context.terms.compact)) for each in found],
        "triggerReason": reason,
    }
    if accept == LD:
        notification["@context"] = context.embedded
    return {
        "tenant": tenant,
        "kind": "c",
        "subscription": body["id"],
        "endpoint": endpoint["uri"],
        "headers": headers_of(endpoint, accept, link=context.link, tenant=tenant),
        "body": notification,
    }

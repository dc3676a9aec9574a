"""Notifications of entities: which events concern which subscriptions, and what is told (clause 5.8.6)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import msgspec

from clapas.context.book import Context
from clapas.context.broker import Broker, entity_of
from clapas.context.door.http import CONTEXT_REL, LD
from clapas.context.door.queryform import geo_of
from clapas.context.door.reply import FORMATS, languages, read_projection
from clapas.context.lasting import scope_headers
from clapas.context.linked import Inliner, Shown, beside, gather
from clapas.context.model import MEMBER, NULL, Entity, now_text
from clapas.context.patterns import matches_pattern
from clapas.context.query import q as language
from clapas.context.query.geo import GeoQuery
from clapas.context.query.predicate import Compiler
from clapas.context.query.select import scope_matches, type_matches
from clapas.context.rendering import ALL, Projection, Renderer, Style, feature
from clapas.context.search import check_predicate
from clapas.context.subscription import DEFAULT_TRIGGERS, HEAD, status_of
from clapas.context.terms import Terms

GEO = "application/geo+json"
PLAIN = Terms({})


class Subscriber(msgspec.Struct, kw_only=True):
    """A subscription made ready to match."""

    tenant: str
    body: dict[str, Any]
    context: Context
    own: Context
    """The @context in which notifications are written."""
    path: str = ""
    """``q`` as a predicate."""
    deep: bool = False
    """``q`` asks linked entities: its predicate is made anew for each round."""
    geo: GeoQuery | None = None
    last_sent: float = 0.0

    @property
    def id(self) -> str:
        """Its id."""
        found: str = self.body["id"]
        return found

    @property
    def triggers(self) -> set[str]:
        """What it wants to hear of."""
        return set(self.body.get("notificationTrigger", DEFAULT_TRIGGERS))

    @property
    def active(self) -> bool:
        """Whether it notifies now."""
        return status_of(self.body) == "active"


async def ready(
    broker: Broker, tenant: str, *, body: dict[str, Any], state: Mapping[str, Any]
) -> Subscriber:
    """A subscription made ready. Raises NgsiError when its @context is gone or ``q`` cannot be asked."""
    context = await broker.book.resolve(state.get("context"))
    own = context
    if "jsonldContext" in body:
        own = await broker.book.named(body["jsonldContext"])
    path, deep = "", False
    if "q" in body:
        tree = language.parse(body["q"], encoded=True)
        deep = language.depth(tree) > 0
        expanded = body.get("expandValues", ())
        path = Compiler(context.terms, expanded=expanded).predicate(tree)
        await check_predicate(broker, path)
    return Subscriber(
        tenant=tenant,
        body=body,
        context=context,
        own=own,
        path=path,
        deep=deep,
        geo=geo_of(body.get("geoQ"), PLAIN),
    )


def concerned(subscriber: Subscriber, event: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The changes that trigger a notification; None when nothing does."""
    doc = event["doc"]
    if not selected(subscriber.body, doc) or not subscriber.active:
        return None
    triggers, what = subscriber.triggers, event["what"]
    watched = set(subscriber.body.get("watchedAttributes", ()))
    changes = [each for each in event["changes"] if not each.get("same")]
    mine = [each for each in changes if not watched or each["attribute"] in watched]
    if what == "created" and "entityCreated" in triggers:
        return mine
    if what == "deleted" and "entityDeleted" in triggers:
        return [] if not watched or mine else None
    wanted = {each for each in triggers if each.startswith("attribute")}
    if "entityUpdated" in triggers and what == "updated":
        wanted |= {"attributeCreated", "attributeUpdated", "attributeDeleted"}
    fired = [each for each in mine if "attribute" + each["what"].capitalize() in wanted]
    return fired or None


def selected(body: Mapping[str, Any], doc: Mapping[str, Any]) -> bool:
    """Whether an entity is one that the subscription speaks of (types, ids, scope)."""
    selectors = body.get("entities")
    if selectors and not any(_selects(each, doc) for each in selectors):
        return False
    return "scopeQ" not in body or scope_matches(body["scopeQ"], doc.get("@scope", []))


def _selects(selector: Mapping[str, Any], doc: Mapping[str, Any]) -> bool:
    kind = selector.get("type", "*")
    kind = ",".join(kind) if isinstance(kind, list) else kind
    if not type_matches(kind, doc["@type"], terms=PLAIN):
        return False
    if "id" in selector:
        ids = selector["id"]
        return doc["@id"] in (ids if isinstance(ids, list) else [ids])
    return "idPattern" not in selector or matches_pattern(selector["idPattern"], doc["@id"])


def style_of(body: Mapping[str, Any], terms: Terms) -> Style:
    """How the subscription wants its entities."""
    notification = body["notification"]
    datasets = body.get("datasetId")
    names = [datasets] if isinstance(datasets, str) else datasets
    return Style(
        format=FORMATS[notification.get("format", "normalized")],
        system=notification.get("sysAttrs", False),
        lang=languages(body.get("lang", "")),
        datasets=frozenset("" if each == "@none" else each for each in names) if names else None,
        projection=_projection(notification, terms),
    )


def _projection(notification: Mapping[str, Any], terms: Terms) -> Projection:
    if "attributes" in notification:
        return Projection(pick=dict.fromkeys([*notification["attributes"], *HEAD], None))
    pick, omit = notification.get("pick"), notification.get("omit")
    if not pick and not omit:
        return ALL
    return Projection(
        pick=read_projection(",".join(pick), terms) if pick else None,
        omit=read_projection(",".join(omit), terms) if omit else {},
    )


def told(
    subscriber: Subscriber, event: Mapping[str, Any], *, fired: Sequence[Mapping[str, Any]]
) -> Entity:
    """The entity as the notification tells it: with what was deleted, and what was there before."""
    entity = entity_of(event["doc"])
    changes = subscriber.body["notification"].get("showChanges", False)
    gone = event["what"] == "deleted"
    if gone:
        entity.attributes = {}
        if not changes and "entityDeleted" in subscriber.triggers:
            return entity
    shown = [each for each in event["changes"] if not each.get("same")] if changes else fired
    for each in shown:
        if each["what"] == "deleted":
            _tell_deleted(entity, each, gone=gone, previous=changes)
        elif changes and each["what"] == "updated":
            _tell_previous(entity, each)
    return entity


def _tell_deleted(entity: Entity, change: Mapping[str, Any], *, gone: bool, previous: bool) -> None:
    before = change["before"]
    member = MEMBER[before["type"]]
    null: Any = NULL
    if before["type"] == "LanguageProperty" and not gone:
        null = {"@none": NULL}
    instance = {"type": before["type"], member: null, "deletedAt": entity.deleted or now_text()}
    instance |= {name: before[name] for name in ("createdAt", "modifiedAt") if name in before}
    if previous:
        instance["previous"] = {member: before[member]}
    held = entity.attributes.get(change["attribute"], [])
    dataset = before.get("datasetId", "")
    whole = not any(MEMBER[each["type"]] in each and "deletedAt" not in each for each in held)
    if dataset and not whole:
        instance["datasetId"] = dataset
    if whole:
        entity.attributes[change["attribute"]] = [instance]
    else:
        entity.attributes[change["attribute"]] = [*held, instance]


def _tell_previous(entity: Entity, change: Mapping[str, Any]) -> None:
    before = change["before"]
    member = MEMBER[before["type"]]
    entity.attributes[change["attribute"]] = [
        {**each, "previous": {member: before[member]}}
        if each.get("datasetId", "") == before.get("datasetId", "")
        and each["type"] == before["type"]
        else each
        for each in entity.attributes.get(change["attribute"], [])
    ]


async def shown(
    broker: Broker, subscriber: Subscriber, *, entities: Sequence[Entity]
) -> list[Shown]:
    """The notification's data: entities in the subscription's style, joined when it asks."""
    terms = subscriber.own.terms
    style = style_of(subscriber.body, subscriber.context.terms)
    renderer = Renderer(terms, style)
    notification = subscriber.body["notification"]
    join, level = notification.get("join", "@none"), notification.get("joinLevel", 1)
    if join == "@none":
        return [(each, renderer.entity(each)) for each in entities]

    async def fetch(ids: Sequence[str]) -> dict[str, Entity]:
        docs = await broker.store.many(subscriber.tenant, ids)
        return {doc["@id"]: entity_of(doc) for doc in docs}

    linked = await gather(entities, level, projection=style.projection, fetch=fetch)
    if join == "flat":
        return beside(renderer, entities, linked=linked)
    inliner = Inliner(renderer, linked, simplified=style.format == "simplified")
    return [
        (each, inliner.entity(each, style.projection, level=level, seen=frozenset()))
        for each in entities
    ]


def delivery(subscriber: Subscriber, data: Sequence[Shown]) -> dict[str, Any]:
    """One row of the ledger: where it goes, with which headers, and what it says."""
    endpoint = subscriber.body["notification"]["endpoint"]
    accept = endpoint.get("accept", "application/json")
    body: dict[str, Any] = {
        "id": f"urn:ngsi-ld:Notification:{uuid4()}",
        "type": "Notification",
        "subscriptionId": subscriber.id,
        "notifiedAt": now_text(),
    }
    context = subscriber.own.embedded
    if accept == GEO:
        body["data"] = {
            "type": "FeatureCollection",
            "features": [feature(each, _place(entity), context=None) for entity, each in data],
        }
    else:
        embedded = {"@context": context} if accept == LD else {}
        body["data"] = [{**each, **embedded} for _, each in data]
    if accept != "application/json":
        body["@context"] = context
    return {
        "tenant": subscriber.tenant,
        "kind": "e",
        "subscription": subscriber.id,
        "endpoint": endpoint["uri"],
        "headers": headers_of(endpoint, accept, link=subscriber.own.link, tenant=subscriber.tenant),
        "body": body,
    }


def headers_of(
    endpoint: Mapping[str, Any], accept: str, *, link: str, tenant: str
) -> dict[str, Any]:
    """Headers of a notification, and how its endpoint wants to be treated."""
    headers = {"Content-Type": accept}
    if accept == "application/json":
        headers["Link"] = f'<{link}>; rel="{CONTEXT_REL}"; type="{LD}"'
    headers |= scope_headers(tenant)
    headers |= {each["key"]: str(each["value"]) for each in endpoint.get("receiverInfo", [])}
    notifier = {each["key"]: each["value"] for each in endpoint.get("notifierInfo", [])}
    return {
        "http": headers,
        "notifier": notifier,
        "timeout": endpoint.get("timeout"),
        "cooldown": endpoint.get("cooldown"),
    }


def _place(entity: Entity) -> Any:
    for each in entity.attributes.get("https://uri.etsi.org/ngsi-ld/location", []):
        if isinstance(each.get("value"), dict):
            return each["value"]
    return None

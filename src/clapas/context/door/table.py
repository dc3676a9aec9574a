"""Every operation of the API: method, path, what it takes (clause 6, tables of resources)."""

from clapas.context.broker import Broker
from clapas.context.door import (
    attributes,
    batch,
    contexts,
    discovery,
    entities,
    evolution,
    identity,
    ledger,
    maps,
    registrations,
    snapshots,
    subscriptions,
    temporal,
)
from clapas.context.door.federated import federated
from clapas.context.door.http import Answer, Request, Spec
from clapas.context.door.openapi import description
from clapas.context.door.route import Handler, Route
from clapas.context.federation import subscriptions as remote

FORMATS = frozenset({"normalized", "concise", "simplified", "keyValues"})
SYS = frozenset({"sysAttrs"})
SHOWN = frozenset({"options", "format", "attrs", "pick", "omit", "lang", "datasetId", "local"})
SHOWN |= {"geometryProperty", "join", "joinLevel", "containedBy", "type", "entityMap", "via"}
FILTER = frozenset({"id", "type", "idPattern", "attrs", "q", "csf", "georel", "geometry"})
FILTER |= {"coordinates", "geoproperty", "scopeQ", "expandValues", "jsonKeys", "local", "datasetId"}
PAGE = frozenset({"limit", "offset", "count"})
ORDER = frozenset({"orderBy", "orderFrom", "orderGeometry", "collation", "ordering"})
MAPS = frozenset({"entityMap", "entityMapLifetime", "splitEntities"})
QUERY = SHOWN | FILTER | PAGE | ORDER | MAPS
READ = Spec(params=SHOWN, options=SYS, formats=FORMATS, geo=True)
WRITE_PARAMS = frozenset({"options", "type", "local", "format", "lang", "observedAt"})


def _write(body: str = "json", *, options: str = "", **more: frozenset[str]) -> Spec:
    return Spec(
        params=more.get("params", frozenset({"type", "local", "options"})),
        options=frozenset(options.split()),
        formats=more.get("formats", frozenset()),
        body=body,
        action="write",
    )


DELETE_ATTR = frozenset({"type", "local", "datasetId", "deleteAll", "options"})
PURGE = (QUERY | {"drop", "keep"}) - {"attrs"} | {"attrs"}
MERGES = WRITE_PARAMS
UPSERTS = "update replace"
TIMES = frozenset({"timerel", "timeAt", "endTimeAt", "timeproperty", "lastN"})
TIMES |= {"aggrMethods", "aggrPeriodDuration"}
TEMPORAL_FORMATS = FORMATS | {"temporalValues", "aggregatedValues"}
TEMPORAL = Spec(params=QUERY | TIMES, options=SYS, formats=TEMPORAL_FORMATS)
LOCAL = frozenset({"local", "options", "via"})
SUBSCRIBE = Spec(params=LOCAL, body="json", action="subscribe")
RESUBSCRIBE = Spec(params=LOCAL, body="merge", action="subscribe")
UNSUBSCRIBE = Spec(params=LOCAL, action="subscribe")
SUBSCRIBED = Spec(params=PAGE | LOCAL, options=SYS, action="subscribe")
LEDGER = Spec(params=frozenset({"before", "limit"}), action="subscribe", data=False)
REGISTER = Spec(params=LOCAL, body="json", action="write", kind="registration")
REREGISTER = Spec(params=LOCAL, body="merge", action="write", kind="registration")
UNREGISTER = Spec(params=LOCAL, action="write", kind="registration")
REGISTERED = Spec(params=FILTER | PAGE | TIMES | LOCAL, options=SYS, kind="registration")
FIXED: tuple[tuple[str, str, Handler, Spec], ...] = (
    ("POST", "entities", entities.create, _write()),
    ("GET", "entities", entities.query, Spec(params=QUERY, options=SYS, formats=FORMATS, geo=True)),
    ("DELETE", "entities", entities.purge, Spec(params=PURGE, action="write")),
    ("GET", "entities/*", entities.retrieve, READ),
    ("DELETE", "entities/*", entities.delete, _write("")),
    ("PATCH", "entities/*", entities.merge, _write("merge", params=MERGES, formats=FORMATS)),
    ("PUT", "entities/*", entities.replace, _write()),
    ("POST", "entities/*/attrs", attributes.append, _write(options="noOverwrite")),
    ("PATCH", "entities/*/attrs", attributes.update, _write("merge")),
    ("PATCH", "entities/*/attrs/*", attributes.partial, _write("merge")),
    ("PUT", "entities/*/attrs/*", attributes.replace, _write()),
    ("DELETE", "entities/*/attrs/*", attributes.delete, _write("", params=DELETE_ATTR)),
    ("POST", "entityOperations/create", batch.create, _write()),
    ("POST", "entityOperations/upsert", batch.upsert, _write(options=UPSERTS)),
    ("POST", "entityOperations/update", batch.update, _write(options="noOverwrite replace update")),
    (
        "POST",
        "entityOperations/merge",
        batch.merge,
        _write(params=MERGES, formats=FORMATS),
    ),
    ("POST", "entityOperations/delete", batch.delete, _write()),
    (
        "POST",
        "entityOperations/query",
        batch.query,
        Spec(
            params=PAGE | {"options", "format", "local", "entityMap"},
            options=SYS,
            formats=FORMATS,
            body="json",
            geo=True,
        ),
    ),
    ("POST", "temporal/entities", temporal.create, _write()),
    ("GET", "temporal/entities", evolution.query, TEMPORAL),
    (
        "GET",
        "temporal/entities/*",
        evolution.retrieve,
        Spec(params=SHOWN | TIMES, options=SYS, formats=TEMPORAL_FORMATS),
    ),
    ("DELETE", "temporal/entities/*", temporal.delete, _write("")),
    ("POST", "temporal/entities/*/attrs", temporal.append, _write()),
    (
        "DELETE",
        "temporal/entities/*/attrs/*",
        temporal.delete_attribute,
        _write("", params=DELETE_ATTR),
    ),
    ("PATCH", "temporal/entities/*/attrs/*/*", temporal.modify_instance, _write("merge")),
    ("DELETE", "temporal/entities/*/attrs/*/*", temporal.delete_instance, _write("")),
    (
        "POST",
        "temporal/entityOperations/query",
        evolution.query_by_post,
        Spec(
            params=PAGE | {"options", "format", "local", "entityMap"},
            options=SYS,
            formats=TEMPORAL_FORMATS,
            body="json",
        ),
    ),
    *(
        (method, path, handler, spec)
        for resource in ("subscriptions", "csourceSubscriptions")
        for method, path, handler, spec in (
            ("POST", resource, subscriptions.create, SUBSCRIBE),
            ("GET", resource, subscriptions.listed, SUBSCRIBED),
            ("GET", f"{resource}/*", subscriptions.retrieve, SUBSCRIBED),
            ("PATCH", f"{resource}/*", subscriptions.update, RESUBSCRIBE),
            ("DELETE", f"{resource}/*", subscriptions.delete, UNSUBSCRIBE),
            ("GET", f"{resource}/*/deliveries", subscriptions.ledger, LEDGER),
        )
    ),
    ("POST", "csourceRegistrations", registrations.create, REGISTER),
    ("GET", "csourceRegistrations", registrations.listed, REGISTERED),
    ("GET", "csourceRegistrations/*", registrations.retrieve, SUBSCRIBED),
    ("PATCH", "csourceRegistrations/*", registrations.update, REREGISTER),
    ("DELETE", "csourceRegistrations/*", registrations.delete, UNREGISTER),
    ("GET", "info/sourceIdentity", identity.retrieve, Spec(params=LOCAL)),
    ("GET", "types", discovery.types, Spec(params=frozenset({"details", "local"}))),
    ("GET", "types/*", discovery.entity_type, Spec(params=frozenset({"local"}))),
    ("GET", "attributes", discovery.attributes, Spec(params=frozenset({"details", "local"}))),
    ("GET", "attributes/*", discovery.attribute, Spec(params=frozenset({"local"}))),
    ("POST", "jsonldContexts", contexts.add, Spec(body="context", action="write", kind="context")),
    (
        "GET",
        "jsonldContexts",
        contexts.listed,
        Spec(params=frozenset({"details", "kind"}), kind="context"),
    ),
    (
        "GET",
        "jsonldContexts/*",
        contexts.serve,
        Spec(params=frozenset({"details"}), kind="context"),
    ),
    (
        "DELETE",
        "jsonldContexts/*",
        contexts.delete,
        Spec(params=frozenset({"reload"}), action="write", kind="context"),
    ),
)


async def described(_: Broker, request: Request) -> Answer:
    """The API as OpenAPI (not in the standard)."""
    return Answer(body=description(ROUTES, f"{request.base}/ngsi-ld/v1"), data=False)


MAPPED = Spec(params=QUERY | TIMES)
SOURCES: tuple[tuple[str, str, Handler, Spec], ...] = (
    *(
        (method, path, handler, Spec(params=MAPPED.params, body=body))
        for path, handler in (
            ("entityMaps", maps.create),
            ("temporal/entityMaps", maps.create_temporal),
        )
        for method, body in (("GET", ""), ("POST", "json"))
    ),
    ("GET", "entityMaps/*", maps.retrieve, Spec(params=LOCAL)),
    ("PATCH", "entityMaps/*", maps.update, Spec(params=LOCAL, body="merge")),
    ("DELETE", "entityMaps/*", maps.delete, Spec(params=LOCAL)),
    ("POST", "snapshots", snapshots.create, Spec(params=LOCAL, body="json")),
    ("DELETE", "snapshots", snapshots.purge, Spec(params=LOCAL | {"q"})),
    ("GET", "snapshots/*", snapshots.retrieve, Spec(params=LOCAL)),
    ("PATCH", "snapshots/*", snapshots.update, Spec(params=LOCAL, body="merge")),
    ("DELETE", "snapshots/*", snapshots.delete, Spec(params=LOCAL)),
    ("POST", "snapshots/*/clone", snapshots.clone, Spec(params=LOCAL, body="json")),
    *(
        ("POST", f"{resource}/*/deliveries", ledger.replay, Spec(body="json", action="subscribe"))
        for resource in ("subscriptions", "csourceSubscriptions")
    ),
    ("GET", "openapi.json", described, Spec(action="told", data=False)),
    ("POST", "remote-notify", remote.told, Spec(body="json", action="told")),
)


ROUTES = [
    Route(method, tuple(path.split("/")), federated(handler), spec)
    for method, path, handler, spec in (*FIXED, *SOURCES)
]


BY_SHAPE: dict[tuple[int, str], list[Route]] = {}
for each in ROUTES:
    BY_SHAPE.setdefault((len(each.path), each.path[0]), []).append(each)


def routes_of(segments: list[str]) -> dict[str, tuple[Route, tuple[str, ...]]]:
    """The operations of a path by method, each with its arguments."""
    found: dict[str, tuple[Route, tuple[str, ...]]] = {}
    for route in BY_SHAPE.get((len(segments), segments[0]) if segments else (0, ""), ()):
        pairs = list(zip(route.path, segments, strict=True))
        if all(part in ("*", given) for part, given in pairs):
            args = tuple(given for part, given in pairs if part == "*")
            found.setdefault(route.method, (route, args))
    return found

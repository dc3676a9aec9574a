"""Context source registrations as data: their rules (clause 5.2.9), and which of them match a query (5.12)."""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from clapas.context.errors import BadRequestData, Clash
from clapas.context.geometry import check_geometry
from clapas.context.model import NULL, is_date_time, is_pairs, is_uri, moment, now_text
from clapas.context.patterns import check_pattern, leave_patterns, matches_pattern
from clapas.context.query.select import scope_matches, type_words
from clapas.context.temporal import DURATION, Window
from clapas.context.terms import Terms

if TYPE_CHECKING:
    from clapas.context.search import Query

MODES = ("inclusive", "exclusive", "redirect", "auxiliary")
ALONE = frozenset({"exclusive", "redirect"})
RETRIEVALS = frozenset(
    {"retrieveEntity", "queryEntity", "queryBatch", "retrieveTemporal", "queryTemporal"}
    | {"retrieveEntityTypes", "retrieveEntityTypeDetails", "retrieveEntityTypeInfo"}
    | {"retrieveAttrTypes", "retrieveAttrTypeDetails", "retrieveAttrTypeInfo"}
    | {"createSubscription", "updateSubscription", "retrieveSubscription"}
    | {"querySubscription", "deleteSubscription", "createEntityMapQueryEntity", "createEntityMap"}
    | {"createEntityMapQueryTemporal", "retrieveContextSourceIdentity", "queryEntityMap"}
    | {"updateEntityMap", "deleteEntityMap", "retrieveEntityMap", "retrieveOps"}
)
WRITES = frozenset(
    {"createEntity", "updateEntity", "appendAttrs", "updateAttrs", "deleteAttrs", "deleteEntity"}
    | {"createBatch", "upsertBatch", "updateBatch", "deleteBatch", "mergeBatch", "mergeEntity"}
    | {"replaceEntity", "replaceAttrs", "upsertTemporal", "appendAttrsTemporal", "purgeEntity"}
    | {
        "deleteAttrsTemporal",
        "updateAttrsTemporal",
        "updateAttrInstanceTemporal",
        "deleteAttrInstanceTemporal",
    }
    | {"deleteTemporal", "updateOps", "redirectionOps"}
)
OPERATIONS = RETRIEVALS | WRITES | {"federationOps", "associationOps"}
PLACES = ("location", "observationSpace", "operationSpace")
INTERVALS = ("observationInterval", "managementInterval")
Body = dict[str, Any]


def read_registration(payload: Any, terms: Terms, *, lenient: bool = False) -> Body:
    """A whole registration with its names expanded. Raises BadRequestData.

    ``lenient``: an exclusive one may name a pattern of ids, or no attributes (against clause 4.3.6.3), and
    an id that is no URI counts as none beside a pattern of ids (against clause 5.2.8).
    """
    if not isinstance(payload, dict) or not payload:
        raise BadRequestData("a registration is a JSON object")
    body = {key: copy.deepcopy(value) for key, value in payload.items() if key != "@context"}
    if body.get("type") != "ContextSourceRegistration":
        raise BadRequestData("the type is ContextSourceRegistration")
    if "id" in body and not is_uri(body["id"]):
        raise BadRequestData("the id of a registration is a URI")
    if any(value is None or value == NULL for value in body.values()):
        raise BadRequestData("null is not allowed")
    if lenient:
        leave_patterns(body.get("information"))
    _check(body, lenient=lenient)
    return renamed(body, terms.expand)


def update_registration(body: Body, fragment: Any, *, terms: Terms, lenient: bool = False) -> Body:
    """A registration with a fragment applied. Raises BadRequestData."""
    if not isinstance(fragment, dict) or not fragment:
        raise BadRequestData("a fragment is a JSON object")
    found = renamed(body, terms.compact)
    for name, value in fragment.items():
        if name == "@context":
            continue
        if name in {"id", "type"}:
            if value != found[name]:
                raise BadRequestData(f"the {name} cannot change")
        elif value is None or value == NULL:
            found.pop(name, None)
        else:
            found[name] = copy.deepcopy(value)
    _check(found, expiry="expiresAt" in fragment, lenient=lenient)
    return renamed(found, terms.expand)


def _check(body: Body, *, expiry: bool = True, lenient: bool = False) -> None:
    information = body.get("information")
    if not isinstance(information, list) or not information:
        raise BadRequestData("a registration needs information")
    for each in information:
        _check_information(each)
    endpoint = body.get("endpoint")
    if not isinstance(endpoint, str) or urlsplit(endpoint).scheme not in {"http", "https"}:
        raise BadRequestData("the endpoint of a registration is an address of HTTP")
    _check_expiry(body, expiry=expiry)
    for name in PLACES:
        if name in body:
            check_geometry(body[name], name)
    for name in INTERVALS:
        if name in body:
            _check_interval(body[name], name)
    if "management" in body:
        _check_management(body["management"])
    if not is_pairs(body.get("contextSourceInfo", [])):
        raise BadRequestData("contextSourceInfo is an array of key and value, which are texts")
    _check_mode(body, information, lenient=lenient)


def _check_management(management: Any) -> None:
    """RegistrationManagementInfo (5.2.34)."""
    if not isinstance(management, dict):
        raise BadRequestData("management is an object")
    for name in ("timeout", "cooldown"):
        value = management.get(name, 1)
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise BadRequestData(f"management.{name} is a number of milliseconds")
    if not isinstance(management.get("localOnly", False), bool):
        raise BadRequestData("management.localOnly is true or false")
    cached = management.get("cacheDuration", "PT1S")
    if not isinstance(cached, str) or not DURATION.match(cached):
        raise BadRequestData("management.cacheDuration is an ISO 8601 duration")


def _check_expiry(body: Body, *, expiry: bool) -> None:
    if "expiresAt" in body:
        if not is_date_time(body["expiresAt"]):
            raise BadRequestData("expiresAt is a DateTime")
        if expiry and moment(body["expiresAt"]) <= moment(now_text()):
            raise BadRequestData("expiresAt is in the past")


def _check_information(each: Any) -> None:
    if not isinstance(each, dict) or not each:
        raise BadRequestData("information holds objects")
    names = ("propertyNames", "relationshipNames", "attributeNames")
    if "entities" not in each and not any(name in each for name in names):
        raise BadRequestData("information needs entities or names of attributes")
    for name in names:
        given = each.get(name, ["x"])
        if not isinstance(given, list) or not given or not all(isinstance(e, str) for e in given):
            raise BadRequestData(f"{name} is an array of names")
    entities = each.get("entities", [{"type": "x"}])
    if not isinstance(entities, list) or not entities:
        raise BadRequestData("entities is an array")
    for entity in entities:
        if not isinstance(entity, dict) or not entity.get("type"):
            raise BadRequestData("the entities of a registration have a type")
        if "id" in entity and not is_uri(entity["id"]):
            raise BadRequestData("the id of an entity is a URI")
        if "idPattern" in entity:
            check_pattern(str(entity["idPattern"]))


def _check_interval(interval: Any, name: str) -> None:
    if not isinstance(interval, dict) or not is_date_time(interval.get("startAt")):
        raise BadRequestData(f"{name} needs startAt")
    if "endAt" in interval and not is_date_time(interval["endAt"]):
        raise BadRequestData(f"{name}: endAt is a DateTime")


def _check_mode(body: Body, information: Sequence[Body], *, lenient: bool) -> None:
    mode, operations = body.get("mode", "inclusive"), body.get("operations", [])
    if mode not in MODES:
        raise BadRequestData(f"mode is one of {', '.join(MODES)}")
    if not isinstance(operations, list) or any(each not in OPERATIONS for each in operations):
        raise BadRequestData("operations are names of operations or of groups")
    if mode == "auxiliary" and set(operations) & (WRITES - {"redirectionOps"}):
        raise BadRequestData("an auxiliary source is only read")
    if mode == "exclusive":
        for each in information:
            entities = each.get("entities", [])
            loose = {"id", "idPattern"} if lenient else {"id"}
            if not entities or not all(loose & set(e) for e in entities):
                raise BadRequestData("an exclusive registration names its entities by id")
            if not lenient and (not attributes_of(each) or any("idPattern" in e for e in entities)):
                raise BadRequestData("an exclusive registration names its attributes")


def renamed(body: Body, rename: Callable[[str], str]) -> Body:
    """A copy with types and attributes renamed."""
    found = copy.deepcopy(body)
    for each in found["information"]:
        for entity in each.get("entities", []):
            kind = entity["type"]
            entity["type"] = (
                [rename(name) for name in kind] if isinstance(kind, list) else rename(kind)
            )
        for name in ("propertyNames", "relationshipNames", "attributeNames"):
            if name in each:
                each[name] = [rename(word) for word in each[name]]
    return found


def attributes_of(information: Mapping[str, Any]) -> set[str]:
    """The attributes that an information element names; empty: all."""
    return {
        word
        for name in ("propertyNames", "relationshipNames", "attributeNames")
        for word in information.get(name, [])
    }


def matching(body: Body, query: "Query", *, window: Window, terms: Terms) -> Body | None:
    """The registration with the information that matches a query, None when none does."""
    if not _in_time(body, window) or not _in_place(body, query):
        return None
    if query.scope and not scope_matches(query.scope, _scopes(body)):
        return None
    kept = [each for each in body["information"] if _informs(each, query, terms=terms)]
    return {**body, "information": kept} if kept else None


def _scopes(body: Body) -> list[str]:
    scope = body.get("scope", [])
    return [scope] if isinstance(scope, str) else scope


def _in_time(body: Body, window: Window) -> bool:
    if not window.relation:
        return not any(name in body for name in INTERVALS)
    name = "observationInterval" if window.timeproperty == "observedAt" else "managementInterval"
    interval = body.get(name)
    if interval is None:
        return False
    start = moment(interval["startAt"])
    end = moment(interval["endAt"]) if "endAt" in interval else None
    return start < window.end_at and (end is None or end >= window.start_at)


def _in_place(body: Body, query: "Query") -> bool:
    geo = query.geo
    if geo is None:
        return True
    name = geo.attribute.rpartition("/")[2]
    return name in body and geo.holds([{"value": body[name]}])


def _informs(information: Body, query: "Query", *, terms: Terms) -> bool:
    named = attributes_of(information)
    if query.attributes and named and not named & set(query.attributes):
        return False
    entities = information.get("entities")
    if not entities or not query.selectors:
        return True
    return any(
        _same(entity, selector.kind, ids=selector.ids, pattern=selector.pattern, terms=terms)
        for entity in entities
        for selector in query.selectors
    )


def _same(
    entity: Mapping[str, Any], kind: str, *, ids: Sequence[str], pattern: str, terms: Terms
) -> bool:
    given = entity["type"]
    types = set(given if isinstance(given, list) else [given])
    if kind and kind != "*":
        wanted = {terms.expand(word) for word in type_words(kind)}
        if not types & wanted:
            return False
    if ids:
        if "id" in entity:
            return entity["id"] in ids
        if "idPattern" in entity:
            return any(matches_pattern(entity["idPattern"], each) for each in ids)
    if pattern and "id" in entity:
        return matches_pattern(pattern, entity["id"])
    return True


def check_conflicts(body: Body, others: Sequence[Body]) -> None:
    """Raise Clash when one of two sources that are to be asked alone is exclusive (4.3.6.3)."""
    for other in others:
        if other["id"] == body.get("id"):
            continue
        modes = {body.get("mode", "inclusive"), other.get("mode", "inclusive")}
        if "exclusive" not in modes or not modes <= ALONE:
            continue
        if any(_overlap(a, b) for a in body["information"] for b in other["information"]):
            raise Clash(f"this contradicts the registration {other['id']}")


def _overlap(one: Body, other: Body) -> bool:
    mine, theirs = attributes_of(one), attributes_of(other)
    if mine and theirs and not mine & theirs:
        return False
    first, second = one.get("entities"), other.get("entities")
    if not first or not second:
        return True
    return any(_same_entity(a, b) for a in first for b in second)


def _same_entity(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    types = [
        set(each["type"] if isinstance(each["type"], list) else [each["type"]])
        for each in (one, other)
    ]
    if not types[0] & types[1]:
        return False
    if "id" in one and "id" in other:
        return bool(one["id"] == other["id"])
    for exact, loose in ((one, other), (other, one)):
        if "id" in exact and "idPattern" in loose:
            return re.search(loose["idPattern"], exact["id"]) is not None
    return True

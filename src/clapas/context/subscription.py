"""Subscriptions as data: the rules of clause 5.2.12, names expanded when they come in, compacted when they go out."""

import copy
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from clapas.context.door.queryform import geo_of, read_selectors
from clapas.context.door.reply import read_projection
from clapas.context.errors import BadRequestData
from clapas.context.model import NULL, is_date_time, is_pairs, is_uri, moment, now_text
from clapas.context.mqtt import check_mqtt
from clapas.context.query import q as language
from clapas.context.query.select import scope_predicate, type_words
from clapas.context.terms import Terms

TRIGGERS = frozenset(
    {"entityCreated", "entityUpdated", "entityDeleted"}
    | {"attributeCreated", "attributeUpdated", "attributeDeleted"}
)
DEFAULT_TRIGGERS = ["attributeCreated", "attributeUpdated"]
FORMATS = ("normalized", "concise", "keyValues", "simplified")
ACCEPTS = ("application/json", "application/ld+json", "application/geo+json")
MEMBERS = frozenset(
    {"id", "type", "subscriptionName", "description", "entities", "watchedAttributes", "csf"}
    | {"timeInterval", "throttling", "q", "geoQ", "scopeQ", "temporalQ", "isActive", "lang"}
    | {"notification", "notificationTrigger", "expiresAt", "jsonldContext", "localOnly"}
    | {"datasetId", "expandValues", "jsonKeys", "splitEntities", "name"}
)
"""What a subscription is made of (table 5.2.12-1): the rest is not kept."""
COUNTERS = ("timesSent", "timesFailed", "lastNotification", "lastSuccess", "lastFailure", "status")
SCHEMES = ("http", "https", "mqtt", "mqtts")
FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""What a header of HTTP is made of (RFC 9110, 5.1 and 5.5)."""
HEAD = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})


def read_subscription(payload: Any, terms: Terms) -> dict[str, Any]:
    """A whole subscription with its names expanded. Raises BadRequestData."""
    if not isinstance(payload, dict) or not payload:
        raise BadRequestData("a subscription is a JSON object")
    body = {key: copy.deepcopy(payload[key]) for key in payload if key in MEMBERS}
    if isinstance(body.get("notification"), dict):
        for name in COUNTERS:
            body["notification"].pop(name, None)
    if body.get("type") != "Subscription":
        raise BadRequestData("the type is Subscription")
    if "id" in body and not is_uri(body["id"]):
        raise BadRequestData("the id of a subscription is a URI")
    if any(value is None or value == NULL for value in body.values()):
        raise BadRequestData("null is not allowed")
    _check(body, terms)
    return renamed(body, terms.expand)


def update_subscription(body: dict[str, Any], fragment: Any, *, terms: Terms) -> dict[str, Any]:
    """A subscription with a fragment applied: null removes. Raises BadRequestData."""
    if not isinstance(fragment, dict) or not fragment:
        raise BadRequestData("a fragment is a JSON object")
    found = renamed(body, terms.compact)
    changes = {key: value for key, value in fragment.items() if key in MEMBERS}
    for name in ("id", "type"):
        if name in changes and changes[name] != found[name]:
            raise BadRequestData(f"the {name} cannot change")
    for name, value in changes.items():
        if value is None or value == NULL:
            found.pop(name, None)
        else:
            found[name] = _without_nulls(value)
    _check(found, terms, expiry="expiresAt" in changes)
    return renamed(found, terms.expand)


def _without_nulls(value: Any) -> Any:
    """A member as it replaces the one before, whole (5.5.8)."""
    if not isinstance(value, dict):
        return copy.deepcopy(value)
    return {
        name: _without_nulls(each)
        for name, each in value.items()
        if each is not None and each != NULL
    }


def _check(body: dict[str, Any], terms: Terms, *, expiry: bool = True) -> None:
    selectors = read_selectors(body.get("entities"), kinds=True)
    watched = body.get("watchedAttributes")
    if watched is not None:
        _names(watched, "watchedAttributes")
    if not selectors and not watched:
        raise BadRequestData("a subscription needs entities or watchedAttributes")
    _check_times(body, expiry=expiry)
    if "notificationTrigger" in body:
        for trigger in _names(body["notificationTrigger"], "notificationTrigger"):
            if trigger not in TRIGGERS:
                raise BadRequestData(f"notificationTrigger: {trigger!r} is not one")
    _check_filters(body, terms)
    for selector in selectors:
        type_words(selector.kind)
    if "isActive" in body and not isinstance(body["isActive"], bool):
        raise BadRequestData("isActive is true or false")
    _check_notification(body.get("notification"), terms)


def _check_filters(body: dict[str, Any], terms: Terms) -> None:
    if "q" in body:
        if not isinstance(body["q"], str):
            raise BadRequestData("q is a text")
        language.parse(body["q"])
    if "csf" in body:
        if not isinstance(body["csf"], str):
            raise BadRequestData("csf is a text")
        language.parse(body["csf"])
    if "scopeQ" in body:
        scope_predicate(str(body["scopeQ"]))
    geo_of(body.get("geoQ"), terms)


def _check_times(body: dict[str, Any], *, expiry: bool) -> None:
    for name in ("throttling", "timeInterval"):
        value = body.get(name)
        if name in body and (
            not isinstance(value, int | float) or isinstance(value, bool) or value <= 0
        ):
            raise BadRequestData(f"{name} is a number of seconds")
    if "throttling" in body and "timeInterval" in body:
        raise BadRequestData("throttling and timeInterval exclude each other")
    if "timeInterval" in body and "watchedAttributes" in body:
        raise BadRequestData("timeInterval and watchedAttributes exclude each other")
    if "expiresAt" in body:
        if not is_date_time(body["expiresAt"]):
            raise BadRequestData("expiresAt is a DateTime")
        if expiry and moment(body["expiresAt"]) <= moment(now_text()):
            raise BadRequestData("expiresAt is in the past")


def _check_notification(notification: Any, terms: Terms) -> None:
    if not isinstance(notification, dict):
        raise BadRequestData("a subscription needs notification")
    for name in ("attributes", "pick", "omit"):
        if name in notification:
            _names(notification[name], f"notification.{name}")
    if "attributes" in notification and ("pick" in notification or "omit" in notification):
        raise BadRequestData("attributes cannot be used together with pick or omit")
    pick, omit = (_projected(notification.get(name), terms) for name in ("pick", "omit"))
    if set(pick) & set(omit):
        raise BadRequestData("pick and omit name the same member")
    form = notification.get("format", "normalized")
    if form not in FORMATS:
        raise BadRequestData(f"format: {form!r} is not one of {', '.join(FORMATS)}")
    if not {type(notification.get(name, False)) for name in ("sysAttrs", "showChanges")} <= {bool}:
        raise BadRequestData("sysAttrs and showChanges are true or false")
    if notification.get("showChanges") and form in {"keyValues", "simplified"}:
        raise BadRequestData("showChanges is not for simplified notifications")
    if notification.get("join", "@none") not in {"flat", "inline", "@none"}:
        raise BadRequestData("join is flat, inline or @none")
    check_endpoint(notification.get("endpoint"))


def _projected(names: Any, terms: Terms) -> dict[str, Any]:
    return read_projection(",".join(names), terms) if names else {}


def check_endpoint(endpoint: Any) -> None:
    """Whether notifications can go there (5.2.15). Raises BadRequestData."""
    if not isinstance(endpoint, dict) or not isinstance(endpoint.get("uri"), str):
        raise BadRequestData("notification.endpoint needs uri")
    _check_address(endpoint["uri"])
    if endpoint.get("accept", ACCEPTS[0]) not in ACCEPTS:
        raise BadRequestData(f"accept is one of {', '.join(ACCEPTS)}")
    for name in ("timeout", "cooldown"):
        value = endpoint.get(name, 1)
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise BadRequestData(f"{name} is a number of milliseconds")
    for name in ("receiverInfo", "notifierInfo"):
        if not is_pairs(endpoint.get(name, [])):
            raise BadRequestData(f"{name} is an array of key and value, which are texts")
    if urlsplit(endpoint["uri"]).scheme in {"mqtt", "mqtts"}:
        check_mqtt(endpoint)
    else:
        _check_headers(endpoint.get("receiverInfo", []))


def _check_address(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        known = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # an open bracket, a port that is no number or too great
        known = False
    if not known:
        raise BadRequestData("the endpoint is an address of HTTP or MQTT")


def _check_headers(pairs: list[dict[str, str]]) -> None:
    for each in pairs:
        if not (FIELD_NAME.fullmatch(each["key"]) and FIELD_VALUE.fullmatch(each["value"])):
            raise BadRequestData(f"{each['key']!r} and its value cannot be a header")


def _names(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(e, str) and e for e in value):
        raise BadRequestData(f"{what} is an array of names")
    return value


def renamed(body: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    """A copy of a subscription with types, attributes and geoproperty renamed."""
    found = copy.deepcopy(body)
    for selector in found.get("entities", []):
        selector["type"] = rename_selector(selector["type"], rename)
    if "watchedAttributes" in found:
        found["watchedAttributes"] = [rename(each) for each in found["watchedAttributes"]]
    if "geoproperty" in found.get("geoQ", {}):
        found["geoQ"]["geoproperty"] = rename(found["geoQ"]["geoproperty"])
    notification = found.get("notification", {})
    for name in ("attributes", "pick", "omit"):
        if name in notification:
            notification[name] = [
                each if each in HEAD or "{" in each else rename(each) for each in notification[name]
            ]
    return found


def rename_selector(selector: Any, rename: Callable[[str], str]) -> Any:
    """A type selector with its names renamed."""
    if isinstance(selector, list):
        return [rename(each) for each in selector]
    if selector == "*":
        return selector
    out, word = "", ""
    for letter in selector + "\0":
        if letter in "();,|\0 ":
            out += (rename(word) if word else "") + ("" if letter == "\0" else letter)
            word = ""
        else:
            word += letter
    return out


FOLLOWS = ":sources"
"""Ends the id of the subscription to registrations that a subscription to entities is besides (5.8.1.4)."""


def as_sources(body: dict[str, Any], base: str) -> dict[str, Any]:
    """A subscription to entities, as the one to registrations by which it follows its sources."""
    names = ("entities", "watchedAttributes", "isActive", "expiresAt")
    return {
        "id": body["id"] + FOLLOWS,
        "type": "Subscription",
        "description": f"follows the sources of {body['id']}",
        **{name: body[name] for name in names if name in body},
        "notification": {"endpoint": {"uri": f"{base}/ngsi-ld/v1/remote-notify"}},
    }


def status_of(body: dict[str, Any]) -> str:
    """active, paused or expired (5.2.12)."""
    if "expiresAt" in body and moment(body["expiresAt"]) <= moment(now_text()):
        return "expired"
    return "active" if body.get("isActive", True) else "paused"


def show_subscription(
    body: dict[str, Any],
    state: dict[str, Any],
    *,
    terms: Terms,
    system: bool,
    sources: bool = False,
) -> dict[str, Any]:
    """A subscription as it is shown; one to registrations (``sources``) has no triggers (5.2.12)."""
    found = renamed(body, terms.compact)
    found["status"] = status_of(body)
    counters = [name for name in COUNTERS if not (sources and name == "timesFailed")]
    if not sources:
        found.setdefault("notificationTrigger", list(DEFAULT_TRIGGERS))
    if "implicit" in state:
        found.setdefault("jsonldContext", state["implicit"])
    notification = found["notification"]
    notification |= {name: state[name] for name in counters if name in state}
    if system:
        found |= {name: state[name] for name in ("createdAt", "modifiedAt") if name in state}
    return found

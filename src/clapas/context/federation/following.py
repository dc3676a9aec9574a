"""Subscriptions follow the sources that they concern (clauses 5.8.1.4, 5.8.2.4, 5.8.5.4).

A subscription is also one to registrations: its reduced copies are made, changed and removed at the sources
as these are registered, changed and removed, and as it changes itself.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import msgspec

from clapas.context.book import Context
from clapas.context.broker import Broker
from clapas.context.door.http import Request
from clapas.context.errors import NgsiError
from clapas.context.federation.asking import Call
from clapas.context.federation.reads import passes
from clapas.context.federation.shares import Share, shares_of
from clapas.context.query.select import type_words
from clapas.context.subscription import renamed, status_of
from clapas.context.terms import Terms
from clapas.domain.access import RowFilter

log = logging.getLogger(__name__)
TOLD_AT = "/ngsi-ld/v1/remote-notify"
COPIED = (
    *("watchedAttributes", "q", "geoQ", "scopeQ", "notificationTrigger", "expiresAt", "datasetId"),
    *("expandValues", "jsonKeys", "splitEntities", "throttling", "timeInterval"),
)
FILTERS = frozenset({"q", "geoQ", "scopeQ"})
COPY = "@copy"
"""Where the kept registration of a copy holds the copy itself."""
PLAIN = Terms({})
Body = Mapping[str, Any]


async def follow(broker: Broker, request: Request, *, changed: str) -> None:
    """A registration came, changed or went: every subscription is aligned with it."""
    rows = await broker.store.rows("followers", tenant=request.tenant)
    for body, state in rows:
        try:
            await align(broker, request, body=body, state=state, only=changed)
        except NgsiError as error:
            log.warning("%s does not follow %s: %s", body["id"], changed, error)


async def align(
    broker: Broker, request: Request, *, body: Body, state: Body, only: str = ""
) -> None:
    """Make the copies of a subscription at its sources what they should be now; ``only``: at one of them."""
    asking = await _asking(broker, request, body=body, state=state)
    wanted = {each.id: each for each in await _concerned(broker, asking, body=body)}
    held = await _held(broker, request.tenant, name=body["id"])
    for name in sorted({*wanted, *held}):
        if only and name != only:
            continue
        if name not in wanted:
            await _remove(broker, asking, name=body["id"], source=name, held=held[name])
        elif name in held and _same_place(held[name][1], wanted[name].body):
            await _change(broker, asking, body=body, share=wanted[name], held=held[name])
        else:
            if name in held:
                await _remove(broker, asking, name=body["id"], source=name, held=held[name])
            await _send(broker, asking, body=body, share=wanted[name])


async def forget(broker: Broker, request: Request, *, name: str) -> None:
    """A subscription is gone: so are its copies."""
    bare = msgspec.structs.replace(request, body=None)
    for source, held in (await _held(broker, request.tenant, name=name)).items():
        await _remove(broker, bare, name=name, source=source, held=held)


async def _asking(broker: Broker, request: Request, *, body: Body, state: Body) -> Request:
    """The request as which sources are asked: in the subscription's words, on the way it came."""
    spec = body.get("jsonldContext", state.get("context"))
    context: Context = await broker.book.resolve(spec)
    return msgspec.structs.replace(
        request,
        params={"local": "true"} if state.get("local") else {},
        headers={"via": state.get("via", "")},
        rows=RowFilter(everything=True),
        context=context,
        spec_context=spec,
        body=None,
    )


async def _held(broker: Broker, tenant: str, *, name: str) -> dict[str, tuple[str, Body]]:
    """Source → id of its copy, and the registration as it was when the copy was sent."""
    rows = await broker.store.rows("remote_subscriptions", tenant=tenant, subscription=name)
    return {row[0]: (row[1], row[2]) for row in rows}


def _same_place(one: Body, other: Body) -> bool:
    return all(one.get(key) == other.get(key) for key in ("endpoint", "tenant"))


async def _concerned(broker: Broker, asking: Request, *, body: Body) -> list[Share]:
    """The sources that hold what the subscription is about."""
    if body.get("localOnly") is True or status_of(dict(body)) != "active":
        return []
    found = await broker.federation.shares(asking)
    chosen: dict[str, Share] = {}
    for selector in body.get("entities") or [{}]:
        for share in _shares(selector, body, registrations=[each.body for each in found]):
            chosen[share.id] = share
    csf = body.get("csf", "")
    held = [each for each in chosen.values() if each.mode != "auxiliary"]
    return [each for each in held if not csf or await passes(broker, asking, csf=csf, share=each)]


def _shares(selector: Body, body: Body, *, registrations: Sequence[Body]) -> list[Share]:
    kind, ids = selector.get("type", "*"), selector.get("id", [])
    words = kind if isinstance(kind, list) else type_words(kind) if kind != "*" else []
    return shares_of(
        registrations,
        ids=[ids] if isinstance(ids, str) else ids,
        types=set(words) or None,
        attributes=set(body.get("watchedAttributes", ())) or None,
        pattern=selector.get("idPattern", ""),
    )


def reduced(body: Body, source: Share, *, context: Context) -> dict[str, Any]:
    """The subscription cut to what the source registered, without what is asked of united entities only."""
    split = body.get("splitEntities") is True
    copy = {name: body[name] for name in COPIED if name in body and not (split and name in FILTERS)}
    pairs = [
        (each, _shares(each, body, registrations=[source.body]))
        for each in body.get("entities", ())
    ]
    chosen = [(selector, found[0]) for selector, found in pairs if found]
    if chosen:
        copy["entities"] = [cut for pair in chosen for cut in _cut(*pair)]
    names = [_names(body, share) for _, share in chosen] or [_names(body, source)]
    if "timeInterval" not in body and all(names):
        copy["watchedAttributes"] = sorted({each for held in names for each in held})
    return renamed({**copy, "notification": {}}, context.terms.compact)


def _cut(selector: Body, share: Share) -> list[dict[str, Any]]:
    """An entity selector, for the ids that a source registered when it named some."""
    if not share.ids or ("id" in selector and not isinstance(selector["id"], list)):
        return [dict(selector)]
    wanted = selector.get("id", share.ids)
    return [{"id": each, "type": selector["type"]} for each in share.ids if each in wanted]


def _names(body: Body, share: Share) -> set[str]:
    """The attributes that are watched at a source; none: all."""
    watched = set(body.get("watchedAttributes", ()))
    if share.attributes is None:
        return watched
    return watched & share.attributes if watched else set(share.attributes)


async def _send(broker: Broker, asking: Request, *, body: Body, share: Share) -> None:
    if "createSubscription" not in share.operations:
        return
    remote = f"urn:ngsi-ld:Subscription:{uuid4()}"
    copy = reduced(body, share, context=asking.context)
    await _keep(broker, asking, name=body["id"], share=share, remote=remote, copy=copy)
    endpoint = {"uri": asking.base + TOLD_AT, "accept": "application/json"}
    notification = {"format": "normalized", "sysAttrs": True, "endpoint": endpoint}
    whole = {**copy, "id": remote, "type": "Subscription", "notification": notification}
    call = Call(method="POST", path="subscriptions", body=whole)
    broker.background(_sent(broker, asking, name=body["id"], share=share, call=call))


async def _sent(broker: Broker, asking: Request, *, name: str, share: Share, call: Call) -> None:
    """Send a copy; one that the source did not take is forgotten, so that it is sent again at the next change."""
    reply = (await broker.federation.ask(asking, [(share, call)]))[0]
    if not reply.ok:
        log.warning("%s did not take a copy of %s: %s", share.id, name, reply.problem)
        await _drop(broker, asking.tenant, name=name, source=share.id, remote=call.body["id"])


async def _change(
    broker: Broker, asking: Request, *, body: Body, share: Share, held: tuple[str, Body]
) -> None:
    remote, before = held
    copy = reduced(body, share, context=asking.context)
    if before.get(COPY) == copy or "updateSubscription" not in share.operations:
        return
    await _keep(broker, asking, name=body["id"], share=share, remote=remote, copy=copy)
    gone = {name: None for name in before.get(COPY, {}) if name not in copy}
    fragment = {**gone, **copy}
    del fragment["notification"]
    call = Call(method="PATCH", path=f"subscriptions/{remote}", body=fragment)
    broker.background(broker.federation.ask(asking, [(share, call)]))


async def _remove(
    broker: Broker, asking: Request, *, name: str, source: str, held: tuple[str, Body]
) -> None:
    remote, before = held
    await _drop(broker, asking.tenant, name=name, source=source, remote=remote)
    call = Call(method="DELETE", path=f"subscriptions/{remote}")
    shares = [each for each in shares_of([before]) if "deleteSubscription" in each.operations]
    broker.background(broker.federation.ask(asking, [(each, call) for each in shares]))


async def _keep(
    broker: Broker, asking: Request, *, name: str, share: Share, remote: str, copy: Body
) -> None:
    await broker.store.run(
        "keep_remote_subscription",
        tenant=asking.tenant,
        subscription=name,
        registration=share.id,
        remote=remote,
        body={**share.body, COPY: copy},
    )


async def _drop(broker: Broker, tenant: str, *, name: str, source: str, remote: str) -> None:
    where = {"tenant": tenant, "subscription": name, "registration": source, "remote": remote}
    await broker.store.run("drop_remote_subscription", **where)

"""Batches over several sources (clauses 5.6.7 to 5.6.10, 5.6.20), and purges (5.6.21)."""

from typing import Any

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.http import Answer, Request
from clapas.context.errors import NgsiError
from clapas.context.federation.asking import Call, Reply
from clapas.context.federation.operations import BATCHES, supported
from clapas.context.federation.outcomes import (
    counted,
    error_of,
    of_refusal,
    of_reply,
    problem_of,
)
from clapas.context.federation.planning import plan
from clapas.context.federation.questions import forwarded, narrowed, types_asked
from clapas.context.federation.shares import Share, shares_of
from clapas.context.federation.wording import is_object, names_of, only, without, worded
from clapas.context.federation.writes import Local, given_types, sent_on
from clapas.context.model import is_uri

SINGLE = {
    "createEntity": ("POST", "entities"),
    "mergeEntity": ("PATCH", "entities/{id}"),
    "deleteEntity": ("DELETE", "entities/{id}"),
}
CREATED = 201


class _Sending(msgspec.Struct, kw_only=True):
    """What one source gets of a batch."""

    share: Share
    items: list[Any]

    @property
    def ids(self) -> list[str]:
        """The entities it is about."""
        return [_id(each) for each in self.items]


class _Batch:
    """A batch taken apart: items that stay, items that go, and what was refused."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.ids: list[str] = []
        self.proxied: set[str] = set()
        self.sendings: dict[str, _Sending] = {}
        self.errors: list[dict[str, Any]] = []
        self.succeeded: set[str] = set()
        self.created: list[str] = []


def distributed_batch(local: Local, operation: str) -> Local:
    """The batch over this broker and its sources; exactly ``local`` when no source is concerned."""

    async def handle(broker: Broker, request: Request) -> Answer:
        shares = await broker.federation.shares(request)
        if not shares or not isinstance(request.body, list) or not request.body:
            return await local(broker, request)
        sent = await _of_one_context(broker, request)
        batch = await _taken_apart(broker, sent, shares=shares, operation=operation)
        if not batch.sendings and not batch.errors:
            return await local(broker, request)
        await _kept(broker, request, local=local, batch=batch)
        for sending in batch.sendings.values():
            await _sent(broker, sent, operation=operation, sending=sending, batch=batch)
        return _answer(operation, batch)

    return handle


def _id(item: Any) -> str:
    name = item if isinstance(item, str) else item.get("id", "") if is_object(item) else ""
    return name if isinstance(name, str) else ""


async def _taken_apart(
    broker: Broker, request: Request, *, shares: list[Share], operation: str
) -> _Batch:
    batch = _Batch()
    bodies = [each.body for each in shares]
    ids = [_id(each) for each in request.body if is_uri(_id(each))]
    types = await _types(broker, request, ids=ids)
    for item in request.body:
        name = _id(item)
        own = await _in_its_words(broker, request, item=item)
        terms = own.context.terms
        names = names_of(item, terms) if is_object(item) else None
        kinds = set(types.get(name, ()))
        if is_object(item):
            kinds |= {terms.expand(each) for each in given_types(item.get("type"))}
        mine = shares_of(bodies, ids=[name], types=kinds or None, attributes=names or None)
        made = plan([_able(each, operation) for each in mine], operation, names=names)
        batch.ids.append(name)
        for share, _ in made.refused:
            batch.errors.append(error_of(name, of_refusal(share)))
        for share, taken in made.forwards:
            part = only(item, taken, terms=terms) if is_object(item) and taken is not None else item
            held = batch.sendings.setdefault(share.id, _Sending(share=share, items=[]))
            if is_object(part):
                part = await worded(broker.federation, own, share=share, payload=dict(part))
            held.items.append(part)
        if made.whole:
            batch.proxied.add(name)
        if made.local:
            kept = (
                without(item, made.proxied, terms=terms)
                if made.proxied and is_object(item)
                else item
            )
            batch.kept.append(kept)
    return batch


async def _of_one_context(broker: Broker, request: Request) -> Request:
    """The request with the @context that all its items share, so that it can go in one Link (6.3.5)."""
    given = [each.get("@context") if is_object(each) else None for each in request.body]
    if given[0] is None or any(each != given[0] for each in given):
        return request
    try:
        context = await broker.book.resolve(given[0])
    except NgsiError:
        return request
    return msgspec.structs.replace(request, context=context, spec_context=given[0])


async def _in_its_words(broker: Broker, request: Request, *, item: Any) -> Request:
    """The request in the words of one item."""
    if not is_object(item) or item.get("@context") == request.spec_context:
        return request
    try:
        context = await broker.book.resolve(item["@context"], link=False)
    except NgsiError:
        return request
    return msgspec.structs.replace(request, context=context)


async def _types(broker: Broker, request: Request, *, ids: list[str]) -> dict[str, list[str]]:
    docs = await broker.store.many(request.tenant, ids)
    return {doc["@id"]: doc["@type"] for doc in docs}


def _able(share: Share, operation: str) -> Share:
    """The share, able to do a batch when it can do it entity by entity."""
    if operation not in share.operations and BATCHES[operation] in share.operations:
        return msgspec.structs.replace(share, operations=share.operations | {operation})
    return share


async def _kept(broker: Broker, request: Request, *, local: Local, batch: _Batch) -> None:
    if not batch.kept:
        return
    held = await local(broker, msgspec.structs.replace(request, body=batch.kept))
    body = held.body
    if held.status == CREATED and isinstance(body, list):
        batch.created += body
    if held.status == 207 and is_object(body):
        batch.succeeded |= set(body["success"])
        batch.errors += [
            each
            for each in body["errors"]
            if not (each["error"].get("status") == 404 and each["entityId"] in batch.proxied)
        ]
    else:
        batch.succeeded |= {_id(each) for each in batch.kept}


async def _sent(
    broker: Broker, request: Request, *, operation: str, sending: _Sending, batch: _Batch
) -> None:
    params = sent_on(request)
    whole = operation in supported(sending.share.body)
    if whole:
        path = "entityOperations/" + operation.removesuffix("Batch")
        calls = [Call(method="POST", path=path, params=params, body=sending.items)]
    else:
        method, path = SINGLE[BATCHES[operation]]
        calls = [
            Call(
                method=method,
                path=path.format(id=_id(each)),
                params=params,
                body=each if is_object(each) else None,
            )
            for each in sending.items
        ]
    replies = await broker.federation.ask(request, [(sending.share, call) for call in calls])
    for place, reply in enumerate(replies):
        ids = sending.ids if whole else [sending.ids[place]]
        for each in counted([reply]):
            _noted(batch, each, ids=ids)


def _noted(batch: _Batch, reply: Reply, *, ids: list[str]) -> None:
    """What a source did of its items."""
    if reply.status == 207 and is_object(reply.body):
        batch.succeeded |= set(reply.body.get("success", []))
        batch.errors += [
            {**each, "registrationId": reply.share.id} for each in reply.body.get("errors", [])
        ]
    elif reply.ok:
        batch.succeeded |= set(ids)
        if reply.status == CREATED:
            batch.created += reply.body if isinstance(reply.body, list) else ids
    else:
        problem = problem_of(reply)
        batch.errors += [
            {"entityId": each, "error": problem, "registrationId": reply.share.id} for each in ids
        ]


def _answer(operation: str, batch: _Batch) -> Answer:
    if batch.errors:
        done = [each for each in dict.fromkeys(batch.ids) if each in batch.succeeded]
        return Answer(status=207, body={"success": done, "errors": batch.errors}, data=False)
    if operation == "createBatch":
        return Answer(status=CREATED, body=list(dict.fromkeys(batch.ids)), data=False)
    created = set(batch.created)
    if operation == "upsertBatch" and created:
        body = [each for each in dict.fromkeys(batch.ids) if each in created]
        return Answer(status=CREATED, body=body, data=False)
    return Answer(status=204)


def distributed_purge(local: Local) -> Local:
    """A purge over this broker and its sources."""

    async def handle(broker: Broker, request: Request) -> Answer:
        found = await broker.federation.shares(
            request, types=types_asked(request, request.params.get("type", ""))
        )
        shares = [
            each for each in found if each.mode != "auxiliary" and "purgeEntity" in each.operations
        ]
        done = await local(broker, request)
        calls = [
            (
                share,
                Call(
                    method="DELETE",
                    path="entities",
                    params=tuple(_purged(broker, request, share=share)),
                ),
            )
            for share in shares
        ]
        replies = counted(await broker.federation.ask(request, calls))
        failed = [each for each in (of_reply(r) for r in replies) if not each.ok]
        errors = [error_of("", each) for each in failed if each.status != 404]
        if not errors:
            return done
        return Answer(status=207, body={"success": [], "errors": errors}, data=False)

    return handle


def _purged(broker: Broker, request: Request, *, share: Share) -> list[tuple[str, str]]:
    as_it_came = broker.settings.lenient_registrations and share.mode == "exclusive"
    filters = forwarded(request) if as_it_came else narrowed(request, share)
    names = [(key, request.params[key]) for key in ("drop", "keep") if key in request.params]
    return [*filters.items(), *names]

"""Writing one entity over several sources (clauses 5.6.1 to 5.6.6, 5.6.11 to 5.6.19): what stays here, what is sent on."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.http import Answer, Request
from clapas.context.errors import BadRequestData, InvalidRequest, NgsiError
from clapas.context.federation.asking import API, Call
from clapas.context.federation.outcomes import (
    Outcome,
    answer,
    counted,
    of_error,
    of_refusal,
    of_reply,
)
from clapas.context.federation.planning import Plan, plan
from clapas.context.federation.shares import Share
from clapas.context.federation.wording import is_object, names_of, only, without, word, worded
from clapas.context.model import is_uri
from clapas.context.query.select import type_words

Local = Callable[[Broker, Request], Awaitable[Answer]]
SENT_ON = ("options", "type", "format", "lang", "observedAt", "datasetId", "deleteAll")
DEFAULTS = {("deleteAll", "false")}
"""What says only what is so without it (table 6.7.3.2-1)."""
NOT_FOUND = 404


def sent_on(request: Request) -> tuple[tuple[str, str], ...]:
    """The parameters that a source is told too; what says only the default is not."""
    return tuple(
        (key, request.params[key])
        for key in SENT_ON
        if request.params.get(key) and (key, request.params[key]) not in DEFAULTS
    )


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """One operation: its name, whether its body is an entity's, an attribute's or none."""

    operation: str
    body: str = "entity"
    of_attributes: bool = False
    """A partial success is told by attributes."""


def distributed(local: Local, writing: Writing) -> Local:
    """The operation over this broker and its sources; exactly ``local`` when no source is concerned."""

    async def handle(broker: Broker, request: Request) -> Answer:
        name = _name(request)
        if not is_uri(name) or (writing.body == "entity" and not is_object(request.body)):
            await broker.federation.shares(request)
            return await local(broker, request)
        names = _names(request, writing)
        shares = await _shares(broker, request, name=name, names=names)
        made = plan(shares, writing.operation, names=names)
        if made.alone:
            return await local(broker, request)
        return await _carried(broker, request, local=local, writing=writing, made=made)

    return handle


def _name(request: Request) -> str:
    if request.args:
        return request.args[0]
    name = request.body.get("id", "") if is_object(request.body) else ""
    return name if isinstance(name, str) else ""


def _names(request: Request, writing: Writing) -> set[str] | None:
    """The attributes that are written; None: the whole entity."""
    if writing.body == "entity":
        return names_of(request.body, request.context.terms)
    if writing.body == "attribute":
        return {request.context.terms.expand(request.args[1])}
    return None


async def _shares(
    broker: Broker, request: Request, *, name: str, names: Collection[str] | None
) -> list[Share]:
    if not await broker.federation.registry.of(request.tenant):
        return await broker.federation.shares(request)
    types = await types_of(broker, request, name=name)
    return await broker.federation.shares(
        request, ids=[name], types=types, attributes=names or None
    )


async def types_of(broker: Broker, request: Request, *, name: str) -> set[str] | None:
    """The types of the entity: of the body, of the parameter, of what is kept here; None: not known."""
    terms = request.context.terms
    given = request.body.get("type") if is_object(request.body) and len(request.args) < 2 else None
    found = {terms.expand(each) for each in given_types(given)}
    kind = request.params.get("type", "")
    if kind and kind != "*":
        found |= {terms.expand(each) for each in type_words(kind)}
    doc = await broker.store.one(request.tenant, name)
    return found | set(doc["@type"] if doc else ()) or None


def given_types(given: Any) -> list[str]:
    """The types that a body gives."""
    return [
        each for each in (given if isinstance(given, list) else [given]) if isinstance(each, str)
    ]


async def _carried(
    broker: Broker, request: Request, *, local: Local, writing: Writing, made: Plan
) -> Answer:
    outcomes: list[Outcome] = []
    done = Answer(status=204)
    if not request.args:
        done = Answer(
            status=201, headers=[("Location", f"{API}/{_path(request)}/{_name(request)}")]
        )
    if made.local:
        done = await _kept(
            broker, request, local=local, writing=writing, made=made, outcomes=outcomes, done=done
        )
    outcomes += [of_refusal(share, sorted(names or ())) for share, names in made.refused]
    calls = [
        (share, await _call(broker, request, writing=writing, share=share, names=names))
        for share, names in made.forwards
    ]
    replies = await broker.federation.ask(request, calls)
    names_by = {share.id: names for share, names in made.forwards}
    outcomes += [of_reply(each, sorted(names_by[each.share.id] or ())) for each in counted(replies)]
    terms = request.context.terms if writing.of_attributes else None
    return answer(_name(request), outcomes, done=done, attributes_of=terms)


async def _kept(
    broker: Broker,
    request: Request,
    *,
    local: Local,
    writing: Writing,
    made: Plan,
    outcomes: list[Outcome],
    done: Answer,
) -> Answer:
    """Do the part that stays here. Raises BadRequestData: then nothing is sent on."""
    own = request
    terms = request.context.terms
    if writing.body == "entity":
        body = without(request.body, made.proxied, terms=terms)
        own = msgspec.structs.replace(request, body=body)
    names = sorted(_names(own, writing) or ())
    try:
        held = await local(broker, own)
    except (BadRequestData, InvalidRequest):
        raise
    except NgsiError as error:
        if not (made.whole and error.status == NOT_FOUND and writing.body != "entity"):
            outcomes.append(of_error(error, names))
        return done
    if held.status == 207:
        problem = {"status": 207, "detail": "not all was done here"}
        outcomes.append(Outcome(problem=problem, body=held.body, status=207))
    else:
        outcomes.append(Outcome(attributes=tuple(names)))
    return held if held.status in {201, 204} else done


def _path(request: Request) -> str:
    return request.path.strip("/").removeprefix(API.strip("/")).strip("/")


async def _call(
    broker: Broker,
    request: Request,
    *,
    writing: Writing,
    share: Share,
    names: Collection[str] | None,
) -> Call:
    path = _path(request)
    body = request.body
    if writing.body == "entity" and path.endswith("/attrs"):
        path += "/"  # so the resource is written in table 6.2-1, and some compare it as text
    if writing.body == "attribute":
        head, _, _ = path.partition("/attrs/")
        rest = request.args[2:]
        name = await word(broker.federation, request, share=share, name=request.args[1])
        path = "/".join([f"{head}/attrs/{name}", *rest])
    if writing.body == "entity" and names is not None:
        body = only(body, names, terms=request.context.terms)
    if is_object(body):
        body = await worded(broker.federation, request, share=share, payload=dict(body))
    return Call(method=request.method, path=path, params=sent_on(request), body=body)

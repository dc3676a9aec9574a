"""Hosting of @contexts (clause 5.13; 6.29, 6.30)."""

from typing import Any
from uuid import uuid4

import orjson

from clapas.context.book import OWN_PATH, Kept, check_context
from clapas.context.broker import Broker
from clapas.context.core import core_context, core_versions
from clapas.context.door.http import JSON, LD, Answer, Request
from clapas.context.errors import (
    BadRequestData,
    InvalidRequest,
    OperationNotSupported,
    ResourceNotFound,
)
from clapas.context.vocabulary import NAME as PLATFORM
from clapas.context.vocabulary import platform_context

KINDS = ("Hosted", "Cached", "ImplicitlyCreated")


async def add(broker: Broker, request: Request) -> Answer:
    """Add @context (5.13.2)."""
    body = request.body
    if not isinstance(body, dict) or "@context" not in body:
        raise InvalidRequest("the body holds a @context")
    check_context(body["@context"])
    if body["@context"] in ({}, []):
        raise BadRequestData("the @context is empty")
    await broker.book.resolve(body["@context"], link=False)
    kept = Kept(id=uuid4().hex, kind="Hosted", url="", body=body["@context"], tenant=request.tenant)
    await broker.shelf.keep_context(kept)
    return Answer(
        status=201,
        headers=[("Location", f"/ngsi-ld/v1/jsonldContexts/{kept.id}")],
    )


def _details(broker: Broker, kept: Kept) -> dict[str, Any]:
    found: dict[str, Any] = {
        "URL": kept.url or broker.book.own_address(kept.id),
        "localId": kept.id,
        "kind": kept.kind,
        "createdAt": kept.created,
    }
    if kept.last_used:
        found["lastUsage"] = kept.last_used
    if kept.hits and kept.kind != "ImplicitlyCreated":
        found["numberOfHits"] = kept.hits
    return found


async def listed(broker: Broker, request: Request) -> Answer:
    """List @contexts (5.13.3)."""
    kind = request.params.get("kind", "")
    if "kind" in request.params and kind not in KINDS:
        raise BadRequestData(f"kind is one of {', '.join(KINDS)}")
    kept = await broker.shelf.contexts(kind, tenant=request.tenant)
    if request.flag("details"):
        return Answer(body=[_details(broker, each) for each in kept], data=False)
    urls = [each.url or broker.book.own_address(each.id) for each in kept]
    return Answer(body=urls, data=False)


async def _found(broker: Broker, request: Request) -> Kept:
    name = request.args[0]
    kept = await broker.shelf.context(name) or await broker.shelf.context_at(name)
    if kept is None and "/ngsi-ld/v1/jsonldContexts/" in name:
        kept = await broker.shelf.context(name.rpartition("/")[2])
    if kept is None or kept.tenant not in {"", request.tenant}:
        raise ResourceNotFound(f"the @context {name} is not known here")
    return kept


def _document(request: Request, context: Any) -> Answer:
    """A @context as a document: JSON, or JSON-LD for who asks for it by name."""
    media = LD if LD in request.headers.get("accept", "") else JSON
    return Answer(raw=orjson.dumps({"@context": context}), media=media, data=False)


def _platform(broker: Broker, request: Request, *, details: bool) -> Answer:
    """The platform's own @context; in its details, the IRIs that stand for others."""
    if not details:
        return _document(request, platform_context())
    built_in = Kept(id=PLATFORM, kind="Hosted", url="", body={}, created=broker.started)
    extra = {"aliases": broker.book.aliases}
    return Answer(body=_details(broker, built_in) | {"extraInfo": extra}, data=False)


async def serve(broker: Broker, request: Request) -> Answer:
    """Serve @context (5.13.4)."""
    details = request.flag("details")
    name = request.args[0]
    if name.rpartition(OWN_PATH)[2] == PLATFORM:
        return _platform(broker, request, details=details)
    if name in core_versions():
        if details:
            built_in = Kept(id=name, kind="Cached", url=name, body={}, created=broker.started)
            return Answer(body=_details(broker, built_in), data=False)
        return _document(request, core_context(core_versions()[name]))
    kept = await _found(broker, request)
    if details:
        return Answer(body=_details(broker, kept), data=False)
    if kept.kind == "Cached":
        raise OperationNotSupported("a cached @context is served by its own address")
    await broker.shelf.touch_context(kept.id)
    return _document(request, kept.body)


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete and Reload @context (5.13.5); the core's are built in, so that reloading one changes nothing."""
    reload = request.flag("reload")
    if request.args[0].rpartition(OWN_PATH)[2] == PLATFORM:
        raise BadRequestData("the platform's own @context stays")
    if request.args[0] in core_versions():
        if reload:
            return Answer(status=204)
        raise BadRequestData("the core @context stays")
    try:
        kept = await _found(broker, request)
    except ResourceNotFound as error:
        if reload:
            raise BadRequestData(f"{error}: only a cached @context is reloaded") from error
        raise
    if reload:
        if kept.kind != "Cached":
            raise BadRequestData("only a cached @context is reloaded")
        await broker.book.reload(kept)
    else:
        await broker.store.drop_context(kept.id)
        broker.book.forget()
    return Answer(status=204)

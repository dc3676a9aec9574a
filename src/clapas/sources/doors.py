"""The HTTP door ``POST /in/<connector>``: bare ASGI, one body in, durable log first, then 202.

A 202 is a promise: the log has the message. What its content is worth is decided behind the log, where
nothing is lost: a malformed body is a reject with its reason, not a silent 400. A body over the limit is
refused with 413 and its beginning is logged, so that it is counted too. Errors are RFC 9457 bodies.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from clapas.domain.access import Principal
from clapas.domain.errors import ClapasError, InternalError, NotFound
from clapas.domain.message import RawMessage
from clapas.sources import discover
from clapas.sources.contract import Connector, Publish
from clapas.sources.errors import Malformed, Oversized
from clapas.sources.wire import CUT

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Authenticate = Callable[[Scope, str], Awaitable[Principal]]
"""``await authenticate(scope, connector)`` → who pushes; raises Unauthenticated, Forbidden, TooMany."""

LIMIT = 8 << 20
KEPT = 1024
"""Bytes kept of a body that was refused for its size."""
BATCH = 500
"""Messages written to the log at a time."""


def in_door(
    publish: Publish, authenticate: Authenticate, *, limit: int = LIMIT
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application to mount at ``/in``."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await _accept(
                scope, receive, publish=publish, authenticate=authenticate, limit=limit
            )
        except ClapasError as error:
            await _problem(send, error)
        else:
            await _respond(send, 202, body=answer, content_type="application/json")

    return door


async def _accept(
    scope: Scope, receive: Receive, *, publish: Publish, authenticate: Authenticate, limit: int
) -> dict[str, Any]:
    connector, topic = _find(scope)
    principal = await authenticate(scope, connector.name)
    headers = {key.lower(): value for key, value in scope.get("headers", ())}
    body, size = await _body(receive, headers, limit=limit)
    sender = f"device:{principal.id}" if principal.kind == "device" else principal.id
    message = RawMessage(
        connector.name,
        topic,
        time.time_ns() // 1_000_000,
        body,
        headers.get(b"idempotency-key", b"").decode("latin-1")[:256],
        sender,
    )
    if size > limit:
        await publish([_cut(message, size)])
        raise Oversized(size=size, limit=limit)
    messages = connector.split(message)
    sequences: list[int] = []
    for start in range(0, len(messages), BATCH):
        sequences.extend(await publish(messages[start : start + BATCH]))
    return {"accepted": len(messages), "sequence": sequences[-1] if sequences else None}


def _find(scope: Scope) -> tuple[Connector, str]:
    """The connector that the path names, and the topic that is logged."""
    if scope.get("method") not in ("POST", "PUT"):
        raise NotFound("this door takes POST", method=scope.get("method"))
    path = str(scope.get("path", ""))
    below = path.rpartition("/in/")[2] if "/in/" in path else path.lstrip("/")
    name = below.partition("/")[0]
    connector = next(
        (each for each in discover().values() if each.http and each.http == name), None
    )
    if connector is None:
        raise NotFound("there is no such door", connector=name[:64])
    asked = scope.get("query_string", b"").decode("latin-1")[:2048]
    asked = "&".join(each for each in asked.split("&") if not each.startswith(f"{CUT}="))
    return connector, f"/in/{below[:512]}" + (f"?{asked}" if asked else "")


async def _body(receive: Receive, headers: dict[bytes, bytes], *, limit: int) -> tuple[bytes, int]:
    """The body and its size; reading stops soon after the limit."""
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit():
        raise Malformed("Content-Length is not a number")
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Malformed("the sender left before the end of the body")
        chunk = event.get("body", b"")
        size += len(chunk)
        chunks.append(chunk)
        if size > limit or not event.get("more_body"):
            body = b"".join(chunks)
            return body, max(size, int(announced)) if size > limit else size


def _cut(message: RawMessage, size: int) -> RawMessage:
    mark = f"{'&' if '?' in message.topic else '?'}{CUT}={size}"
    return RawMessage(
        message.source,
        message.topic + mark,
        message.received,
        message.payload[:KEPT],
        message.idempotency,
        message.sender,
    )


async def _problem(send: Send, error: ClapasError) -> None:
    """RFC 9457, with the code and values that the page words in the reader's language."""
    detail = str(error) if not isinstance(error, InternalError) else ""
    body = {
        "type": f"urn:clapas:error:{error.code}",
        "title": (type(error).__doc__ or error.code).splitlines()[0],
        "status": error.status,
        "detail": detail,
        "code": error.code,
        "actor": error.actor,
        "values": error.values,
    }
    await _respond(send, error.status, body=body, content_type="application/problem+json")


async def _respond(send: Send, status: int, *, body: dict[str, Any], content_type: str) -> None:
    data = orjson.dumps(body, default=str)
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(data)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})

"""How a whole answer travels: ETag and 304 (RFC 9110, 13), gzip when it pays, HEAD without a body.

Streams (live events) pass untouched. Large bodies are packed in a thread: the event loop never waits.
"""

import asyncio
import gzip
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import HttpMethod, ScopeType

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

SMALLEST = 1000
"""Bytes below which gzip gains nothing."""
THREAD = 32_000
"""Bytes above which packing leaves the event loop."""
PACKED = ("application/json", "application/problem+json", "application/geo+json", "text/")


class Packing:
    """The layer that turns a handler's whole body into what is sent."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer, with the body held back until it is whole (but for streams)."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        if answer.head:
            scope["method"] = HttpMethod.GET
        await self._app(scope, receive, answer)


class _Answer:
    """One answer on its way out."""

    def __init__(self, scope: "HTTPScope", send: "Send") -> None:
        self.head = scope["method"] == "HEAD"
        self._readable = scope["method"] in {"GET", "HEAD"}
        self._wants = Headers.from_scope(scope)
        self._send = send
        self._start: Any = None
        self._stream = False

    async def __call__(self, message: "Message") -> None:
        if message["type"] == "http.response.start":
            self._start = message
            kind = MutableScopeHeaders.from_message(message).get("content-type", "")
            self._stream = kind.startswith("text/event-stream")
            if self._stream:
                await self._send(message)
            return
        if message["type"] != "http.response.body" or self._stream:
            await self._send(message)
            return
        if self._start is None or message.get("more_body"):
            await self._pass_on(message)
            return
        await self._whole(message.get("body", b""))

    async def _pass_on(self, message: "Message") -> None:
        """A body in parts is not held back: it goes as it comes."""
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        await self._send(message)

    async def _whole(self, body: bytes) -> None:
        headers = MutableScopeHeaders.from_message(self._start)
        if self._readable and self._start["status"] == 200 and await self._unchanged(headers, body):
            self._start["status"], body = 304, b""
            del headers["content-length"]
        elif self._packable(headers, body):
            body = await _pack(body)
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(body))
        if len(body) >= SMALLEST or "content-encoding" in headers:
            headers.add("Vary", "Accept-Encoding")
        await self._send(self._start)
        await self._send(
            {"type": "http.response.body", "body": b"" if self.head else body, "more_body": False}
        )

    async def _unchanged(self, headers: MutableScopeHeaders, body: bytes) -> bool:
        """Set the ETag; True when the reader has this very body already."""
        if "etag" not in headers:
            digest = await asyncio.to_thread(_digest, body) if len(body) > THREAD else _digest(body)
            headers["ETag"] = f'W/"{digest}"'
        wanted = self._wants.get("if-none-match", "")
        mine = headers["ETag"].removeprefix("W/")
        return any(each.strip().removeprefix("W/") in {mine, "*"} for each in wanted.split(","))

    def _packable(self, headers: MutableScopeHeaders, body: bytes) -> bool:
        kind = headers.get("content-type", "")
        return (
            len(body) >= SMALLEST
            and kind.startswith(PACKED)
            and "content-encoding" not in headers
            and "gzip" in self._wants.get("accept-encoding", "")
        )


def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=12).hexdigest()


async def _pack(body: bytes) -> bytes:
    if len(body) > THREAD:
        return await asyncio.to_thread(gzip.compress, body, 5, mtime=0)
    return gzip.compress(body, 5, mtime=0)

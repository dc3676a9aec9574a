"""How a whole answer travels: ETag and 304 (RFC 9110, 13), gzip when it pays, HEAD without a body.

Streams (live events) pass untouched. Large bodies are packed in a thread: the event loop never waits.
"""

import asyncio
import gzip
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from litestar.enums import HttpMethod, ScopeType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

SMALLEST = 1000
"""Bytes below which gzip gains nothing."""
THREAD = 32_000
"""Bytes above which packing leaves the event loop."""
PACKED = (b"application/json", b"application/problem+json", b"application/geo+json", b"text/")
STREAM = b"text/event-stream"
TYPE, ENCODING, LENGTH = b"content-type", b"content-encoding", b"content-length"
TAG = b"etag"
READ = frozenset({TYPE, ENCODING, TAG})


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
        self._wants = dict(scope["headers"])
        self._send = send
        self._start: Any = None
        self._stream = False

    async def __call__(self, message: "Message") -> None:
        if message["type"] == "http.response.start":
            self._start = message
            kind = next((value for name, value in message["headers"] if name == TYPE), b"")
            self._stream = kind.startswith(STREAM)
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
        headers = list(self._start["headers"])
        known = {name: value for name, value in headers if name in READ}
        encoded = ENCODING in known
        tag = b""
        if self._readable and self._start["status"] == 200:
            tag = await self._tag(headers, known.get(TAG, b""), body=body)
        if tag and self._has(tag):
            self._start["status"], body = 304, b""
            headers = [each for each in headers if each[0] != LENGTH]
        elif self._packable(known, body):
            body, encoded = await _pack(body), True
            headers = [each for each in headers if each[0] != LENGTH]
            headers += [(ENCODING, b"gzip"), (LENGTH, str(len(body)).encode())]
        if len(body) >= SMALLEST or encoded:
            headers.append((b"vary", b"Accept-Encoding"))
        self._start["headers"] = headers
        await self._send(self._start)
        await self._send(
            {"type": "http.response.body", "body": b"" if self.head else body, "more_body": False}
        )

    async def _tag(
        self, headers: "list[tuple[bytes, bytes]]", given: bytes, *, body: bytes
    ) -> bytes:
        """The ETag that a handler gave, else one of the body, which is set."""
        if given:
            return given
        digest = await asyncio.to_thread(_digest, body) if len(body) > THREAD else _digest(body)
        tag = f'W/"{digest}"'.encode()
        headers.append((TAG, tag))
        return tag

    def _has(self, tag: bytes) -> bool:
        """Does the reader have this very body already?"""
        wanted = self._wants.get(b"if-none-match", b"")
        mine = {tag.removeprefix(b"W/"), b"*"}
        return any(each.strip().removeprefix(b"W/") in mine for each in wanted.split(b","))

    def _packable(self, known: "Mapping[bytes, bytes]", body: bytes) -> bool:
        return (
            len(body) >= SMALLEST
            and known.get(TYPE, b"").startswith(PACKED)
            and ENCODING not in known
            and b"gzip" in self._wants.get(b"accept-encoding", b"")
        )


def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=12).hexdigest()


async def _pack(body: bytes) -> bytes:
    if len(body) > THREAD:
        return await asyncio.to_thread(gzip.compress, body, 5, mtime=0)
    return gzip.compress(body, 5, mtime=0)

"""A context source of others, as the broker under test finds it: it answers what it was given, and remembers."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx

JSON = {"content-type": "application/json"}
Reply = tuple[int, Any]


Register = Callable[..., Awaitable[httpx.Response]]


class Source:
    """A context source that keeps what it was asked, and answers what the test wrote down."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: dict[tuple[str, str], Reply] = {}
        self.url = ""
        self.delay = 0.0
        self.headers: dict[str, str] = {}
        """Headers of every answer."""
        self.pages: list[Any] = []
        """What is answered first of all, page after page, whatever is asked."""

    def when(self, method: str, path: str, status: int, body: Any = None) -> None:
        """Answer so to this method and path, whatever its parameters."""
        self.answers[method, path] = (status, body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        method, target, _ = lines[0].split()
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if ":" in line)
        }
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append((method, target, headers, json.loads(raw) if raw else None))
        await asyncio.sleep(self.delay)
        status, body = self.answers.get((method, target.partition("?")[0]), (404, None))
        link: dict[str, str] = {}
        if self.pages:
            status, body = 200, self.pages.pop(0)
            link = {"Link": '</next>; rel="next"'} if self.pages else {}
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        content = b"" if body is None else content
        told = {"Content-Length": str(len(content)), "Connection": "close", **self.headers, **link}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in told.items())]
        head = "\r\n".join([*lines, "", ""])
        with suppress(ConnectionError):
            writer.write(head.encode() + content)
            await writer.drain()
        writer.close()


def speed_of(urn: str) -> list[dict[str, Any]]:
    """Information about one attribute of one entity."""
    return [{"entities": [{"id": urn, "type": "Van"}], "propertyNames": ["speed"]}]


def van(urn: str, **attributes: Any) -> dict[str, Any]:
    """An entity."""
    return {"id": urn, "type": "Van"} | {
        name: {"type": "Property", "value": value} for name, value in attributes.items()
    }

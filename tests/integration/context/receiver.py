"""An endpoint that keeps what it is told."""

import asyncio
import json
from typing import Any


class Receiver:
    """Listens on the loopback; ``told`` holds headers and body of each notification."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[dict[str, str], Any]] = asyncio.Queue()
        self.uri = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one notification."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if ":" in line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.told.put_nowait((headers, json.loads(body)))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def next(self) -> tuple[dict[str, str], Any]:
        """The next notification."""
        return await asyncio.wait_for(self.told.get(), 30)

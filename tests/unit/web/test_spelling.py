"""What a real server writes for a name that has to be spelled."""

import asyncio
import socket
from typing import Any

import httpx
import uvicorn

from clapas.web.spelling import Spelling


async def _makes(scope: Any, receive: Any, send: Any) -> None:
    status = 201 if scope["method"] == "POST" else 200
    headers = [(b"location", b"/things/1"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def test_a_client_that_reads_names_to_the_letter() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        Spelling(_makes), lifespan="off", log_level="warning", ws="none", loop="none"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with httpx.AsyncClient(base_url=address) as client:
            made, read = await client.post("/things"), await client.get("/things")
    finally:
        server.should_exit = True
        await task
    assert (b"Location", b"/things/1") in made.headers.raw
    assert made.headers["location"] == "/things/1"
    assert (b"location", b"/things/1") in read.headers.raw

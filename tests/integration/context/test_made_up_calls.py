"""Calls that a generator makes up from the broker's description: none breaks it (clause 5.5.2)."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
import uvicorn

from clapas.charter import Charter
from clapas.context.door.table import ROUTES
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store

PREFIX = "/ngsi-ld/v1"
EXAMPLES = os.environ.get("CLAPAS_MADE_UP_CALLS", "2")
"""Right and wrong calls of each operation; a longer run sets more."""


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[str]:
    """The address of a broker under the real server; it fetches nothing and asks nobody."""
    settings = msgspec.structs.replace(CONFORMANCE, context_hosts=(), source_hosts=())
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(door, lifespan="off", log_level="warning", ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX}"
        finally:
            server.should_exit = True
            await task


async def test_every_operation_is_described(api: httpx.AsyncClient) -> None:
    """The description holds each operation of the table, with its parameters."""
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert sum(len(each) for each in paths.values()) == len(ROUTES)
    names = {each["name"] for each in paths["/entities"]["get"]["parameters"]}
    assert {"type", "q", "georel", "limit", "Accept"} <= names


@pytest.mark.clause("5.5.2")
async def test_no_made_up_call_breaks_the_broker(store: Store, tmp_path: Path) -> None:
    """Broken bodies, queries and geometries get an error of the standard, never a 500."""
    async with serving(store) as address:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"),
            *("--checks", "not_a_server_error", "--phases", "fuzzing", "--max-examples", EXAMPLES),
            *("--seed", "1", "--generation-database", "none", "--no-color"),
            *("--exclude-path-regex", "(remote-notify|openapi.json)$"),
        ]
        child = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path
        )
        said, _ = await child.communicate()
        told = said.decode()
        assert child.returncode == 0, told[told.find("= FAILURES =") :][:6000]

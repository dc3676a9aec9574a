"""The application under the real server: streams, and calls that a generator makes up from the description."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
import uvicorn

from clapas.charter import CharterKeeper
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.web.application import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

PASSWORD = "la-mer-est-calme-42"


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[str]:
    """The address of a real server that runs the application."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(services),
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,
        ws="none",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_an_observation_reaches_an_open_page(services: Services) -> None:
    await services.store.entities.upsert([Entity(id="urn:ngsi-ld:Bike:1", type="Bike")])
    key = SeriesKey("urn:ngsi-ld:Bike:1", "availableBikeNumber", "bikes_available")
    series = (await services.store.series.ensure([key]))[key].id
    async with serving(services) as address, httpx.AsyncClient(base_url=address) as client:
        body = {"login": "lecteur", "password": PASSWORD}
        assert (await client.post("/api/v1/session", json=body)).status_code == 200
        path = "/api/v1/live?topics=observations,ledger"
        async with client.stream("GET", path, timeout=20) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            events: list[str] = []
            async for line in lines:
                events.append(line)
                if line == "event: ledger":
                    batch = ObservationBatch(
                        observations=[Observation(series, 1000, 7.0, 1000, 1, 1)]
                    )
                    await services.bus.publish_observations(batch)
                if line.startswith("data:") and '"availableBikeNumber"' in line:
                    break
            assert "event: observation" in events


async def test_an_entity_whose_name_is_an_address_has_its_own_page(services: Services) -> None:
    """NGSI-LD names are URIs: http://… is one, and its slashes stay in it (ETSI GS CIM 009, 4.5.1)."""
    name = "http://ville.fr/bancs/7?a=b"
    await services.store.entities.upsert([Entity(id=name, type="Bench", name="Banc 7")])
    async with serving(services) as address, httpx.AsyncClient(base_url=address) as client:
        body = {"login": "operatrice", "password": PASSWORD}
        assert (await client.post("/api/v1/session", json=body)).status_code == 200
        written = quote(name, safe="")
        sheet = await client.get(f"/api/v1/entities/{written}")
        assert sheet.status_code == 200, sheet.text
        assert sheet.json()["id"] == name
        past = await client.get(f"/api/v1/entities/{written}/history")
        assert (past.status_code, past.json()) == (200, [])
        assert (await client.get("/api/v1/entities/http:/ville.fr")).status_code == 404
        assert (await client.get(f"/entites/{written}")).status_code == 200


LEFT_OUT = r"^/api/v1/(live|radio/.*|devices/[^/]+/(downlinks.*|forget-nonces|radio|session)|session\b.*|me/password|me/sessions\b.*|token)$"
"""Streams that never end, what would sign the caller out, and what asks the network server, which does not
run here and so answers 503 by design (see ``test_radio``)."""


async def test_no_call_that_the_description_allows_breaks_the_server(
    services: Services, tmp_path: Path
) -> None:
    object.__setattr__(services, "keeper", CharterKeeper(services.store.charter, services.charter))
    async with serving(services) as address, httpx.AsyncClient(base_url=address) as client:
        body = {"login": "operatrice", "password": PASSWORD}
        assert (await client.post("/api/v1/session", json=body)).status_code == 200
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/openapi.json"),
            *("--checks", "not_a_server_error", "--phases", "fuzzing", "--max-examples", "5"),
            *("--seed", "1", "--generation-database", "none", "--no-color"),
            *("--header", f"Cookie: {cookies}"),
            *("--header", f"X-Clapas-CSRF: {client.cookies['clapas_csrf']}"),
            *("--exclude-path-regex", LEFT_OUT),
        ]
        child = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path
        )
        said, _ = await child.communicate()
        told = said.decode()
        assert child.returncode == 0, told[told.find("= FAILURES =") :][:6000]


@pytest.mark.parametrize("path", ["/api/v1/entities", "/api/v1/devices"])
async def test_a_text_with_a_null_character_is_no_defect(operator: Visitor, path: str) -> None:
    answer = await operator.call("GET", path, params={"q": "a\x00b"})
    assert answer.status_code < 500

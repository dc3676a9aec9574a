"""A real OpenID Connect provider beside the application, and a browser that follows redirects."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from joserfc.jwk import RSAKey
from tests.integration.web.conftest import (  # noqa: F401
    PEPPER,
    Visitor,
    operator,
    page,
    reader,
    services,
    stranger,
)

from clapas.engines.ports import free_port
from clapas.identity import Identity, Settings
from clapas.identity.settings import Provider
from clapas.store.identity import IdentityStore
from clapas.web.application import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from clapas.web.services import Services

MODULES = Path(
    os.environ.get("CLAPAS_NODE_MODULES", Path(__file__).parents[3] / "ui" / "node_modules")
)
OURS = "http://clapas.test"
SECRET = "un-secret-de-test-assez-long-pour-hs256-0123456789"


class Elsewhere:
    """The provider, and what it says of the person."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    async def says(self, **claims: Any) -> None:
        """From now on it says this of the person."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{self.issuer}/said", json=claims)
        assert answer.status_code == 204


@pytest.fixture(scope="module")
def _provider() -> Iterator[str]:
    port = free_port()
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})
    script = Path(__file__).with_name("provider.mjs")
    process = subprocess.Popen(
        ["node", str(script), str(MODULES), str(port), f"{OURS}/api/v1/session/with"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "NODE_ENV": "test", "NODE_NO_WARNINGS": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode([key.as_dict(private=True)]))
    process.stdin.close()
    try:
        line = ""
        while line != "ready\n":
            line = process.stdout.readline().decode()
            assert line, "the provider did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture
async def elsewhere(_provider: str) -> Elsewhere:
    """The provider, as it is at first."""
    found = Elsewhere(_provider)
    await found.says(
        sub=f"u-{os.urandom(4).hex()}",
        email="agent@ville.example",
        email_verified=True,
        name="Agent de la ville",
        groups=[],
        acr="eidas1",
        amr=["pwd"],
        careless=False,
        siret="21340172201787",
        roles=["agent_public_territorial"],
        given_name="Ana",
        usual_name="Roux",
    )
    return found


def with_settings(services: Services, settings: Settings) -> Services:  # noqa: F811
    """The same installation with other settings of identity."""
    identity = Identity(
        IdentityStore(services.store.postgres),
        pepper=PEPPER,
        allowed=lambda *asked: services.charter.decide(*asked).allow,
        settings=settings,
    )
    object.__setattr__(services, "identity", identity)
    return services


def provider(issuer: str, **more: Any) -> Provider:
    """The settings of the client ``ville``, or of another one."""
    return Provider(issuer=issuer, **{"client_id": "ville", "client_secret": SECRET, **more})


class Browser(Visitor):
    """Follows redirects between us (in process) and the provider (over the network)."""

    def __init__(self, ours: httpx.AsyncClient, theirs: httpx.AsyncClient) -> None:
        super().__init__(ours)
        self.theirs = theirs
        self.asked: list[str] = []

    async def walk(self, place: str) -> httpx.Response:
        """Go to a place and follow until somebody answers with a page."""
        for _ in range(12):
            self.asked.append(place)
            mine = place.startswith((OURS, "/"))
            client = self.client if mine else self.theirs
            answer = await client.get(place)
            if not answer.has_redirect_location:
                return answer
            place = str(answer.headers["location"])
            if place.startswith("/") and not mine:
                place = str(answer.url.join(place))
        raise AssertionError(self.asked)


@pytest.fixture
async def browser(services: Services, page: Path) -> AsyncIterator[Browser]:  # noqa: F811
    """A browser that nobody used."""
    transport = httpx.ASGITransport(app=create_app(services, static=page))  # type: ignore[arg-type]
    async with (
        httpx.AsyncClient(transport=transport, base_url=OURS) as ours,
        httpx.AsyncClient() as theirs,
    ):
        yield Browser(ours, theirs)
        await asyncio.sleep(0)

"""The whole application over real PostgreSQL and ClickHouse, called in process."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from clapas.bus import MemoryBus
from clapas.charter import Charter
from clapas.codecs import CodecPool
from clapas.engines import EngineAddresses
from clapas.identity import Identity
from clapas.store import Store, migrate
from clapas.store.identity import IdentityStore
from clapas.web.application import create_app
from clapas.web.live import LiveHub
from clapas.web.services import Services
from clapas.web.settings import Settings

PASSWORD = "la-mer-est-calme-42"
PEPPER = b"p" * 32


class Visitor:
    """A browser: keeps its cookies and repeats the CSRF value as the page does."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def call(self, method: str, path: str, **more: object) -> httpx.Response:
        """One call."""
        headers = {"X-Clapas-CSRF": self.client.cookies.get("clapas_csrf") or ""}
        headers.update(more.pop("headers", {}))  # type: ignore[call-overload]
        return await self.client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

    async def sign_in(self, login: str, password: str = PASSWORD) -> httpx.Response:
        """Sign in."""
        body = {"login": login, "password": password}
        return await self.call("POST", "/api/v1/session", json=body)


@pytest.fixture
async def services(fresh_database: EngineAddresses) -> AsyncIterator[Services]:
    """The services of an installation with a reader and an operator."""
    await migrate(fresh_database)
    charter, bus = Charter.standard(), MemoryBus()
    async with Store.open(fresh_database) as store, CodecPool.open(1) as codecs:
        identity = Identity(
            IdentityStore(store.postgres),
            pepper=PEPPER,
            allowed=lambda *asked: charter.decide(*asked).allow,
        )
        for login, role in (("operatrice", "operator"), ("lecteur", "reader")):
            await identity.accounts.add(login=login, roles=(role,), password=PASSWORD)
        async with LiveHub(bus.follow) as live:
            yield Services(
                store=store,
                bus=bus,
                charter=charter,
                identity=identity,
                live=live,
                codecs=codecs,
                settings=Settings(),
                version="0",
                started=datetime.now(UTC),
            )


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A built page."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Clapas</title>")
    (tmp_path / "assets" / "app-1a2b3c.js").write_text("export const page = 1;")
    return tmp_path


@pytest.fixture
async def stranger(services: Services, page: Path) -> AsyncIterator[Visitor]:
    """Nobody in particular."""
    transport = httpx.ASGITransport(app=create_app(services, static=page))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://clapas.test") as client:
        yield Visitor(client)


@pytest.fixture
async def operator(services: Services, page: Path) -> AsyncIterator[Visitor]:
    """The operator, signed in."""
    async with _signed_in(services, page, "operatrice") as client:
        yield client


@pytest.fixture
async def reader(services: Services, page: Path) -> AsyncIterator[Visitor]:
    """A reader, signed in."""
    async with _signed_in(services, page, "lecteur") as client:
        yield client


class _signed_in:  # noqa: N801
    def __init__(self, services: Services, page: Path, login: str) -> None:
        app = create_app(services, static=page)
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        self._client = httpx.AsyncClient(transport=transport, base_url="http://clapas.test")
        self._login = login

    async def __aenter__(self) -> Visitor:
        await self._client.__aenter__()
        visitor = Visitor(self._client)
        answer = await visitor.sign_in(self._login)
        assert answer.status_code == 200, answer.text
        return visitor

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()

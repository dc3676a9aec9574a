"""Every route asks the charter, and gives each kind of caller what the charter says, no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from litestar import Litestar, get
from litestar.exceptions import ImproperlyConfiguredException

from clapas.charter import Charter, collection
from clapas.domain.access import ANONYMOUS, Principal
from clapas.web.application import create_app, create_litestar
from clapas.web.discovery import handlers
from clapas.web.guard import check_all_declare, declared, handlers_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.domain.access import Decision, Resource
    from clapas.web.services import Services

READER = Principal(kind="user", id="2", roles=frozenset({"reader"}))
OPERATOR = Principal(kind="user", id="1", roles=frozenset({"operator"}))
DEVICE = Principal(kind="device", id="compteur-1")

OPEN = {
    ("GET", "/"),
    ("GET", "/{path:path}"),
    ("GET", "/api"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/style.css"),
    ("GET", "/api/v1/charter/why"),
    ("GET", "/catalogue.jsonld"),
    ("GET", "/api/v1/export"),
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/platform"),
    ("GET", "/api/v1/alarms/feed.atom"),
    ("GET", "/api/v1/alarms/{id:int}/cap.xml"),
    ("GET", "/health"),
    ("POST", "/api/v1/claims/redeem"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/session/one-time"),
    ("POST", "/api/v1/session/recover"),
    ("POST", "/api/v1/session/end"),
    ("POST", "/api/v1/session/passkey"),
    ("POST", "/api/v1/session/passkey/ask"),
    ("POST", "/api/v1/token"),
    ("GET", "/api/v1/session/providers"),
    ("GET", "/api/v1/session/with/{name:str}"),
    ("GET", "/api/v1/session/with/{name:str}/callback"),
    ("GET", "/api/v1/session/with/{name:str}/metadata"),
    ("POST", "/api/v1/session/with/{name:str}/acs"),
    ("POST", "/api/v1/session/with/{name:str}/logout"),
    ("POST", "/api/v1/water/stop"),
    ("POST", "/api/v1/water/answer"),
    ("DELETE", "/api/v1/session"),
}
"""What anybody may reach: the entrance, and nothing else."""
GUARDIANS_OWN = {
    ("GET", "/api/v1/vault/{pseudonym:str}"),
    ("PUT", "/api/v1/vault/{pseudonym:str}"),
}
"""What not even the operator may reach."""
DEVICES_OWN = {("POST", "/api/v1/uplinks"), ("POST", "/in")}
READERS_WRITE = {
    ("PUT", "/api/v1/me/password"),
    ("PUT", "/api/v1/me/contact"),
    ("POST", "/api/v1/me/inbox/read"),
    ("POST", "/api/v1/rules/replay"),
    ("DELETE", "/api/v1/me/sessions/{session:uuid}"),
    ("POST", "/api/v1/assistant/guess"),
    ("POST", "/api/v1/me/factor"),
    ("PUT", "/api/v1/me/recovery"),
    ("POST", "/api/v1/me/passkeys"),
    ("POST", "/api/v1/me/passkeys/ask"),
    ("DELETE", "/api/v1/me/passkeys/{id:str}"),
    ("POST", "/api/v1/me/factor/confirm"),
    ("DELETE", "/api/v1/me/factor"),
    ("POST", "/api/v1/glass"),
    ("POST", "/api/v1/applications"),
    ("POST", "/api/v1/applications/{id:uuid}/subscriptions"),
    ("POST", "/api/v1/applications/{id:uuid}/keys"),
}


def routes(app: Litestar) -> list[tuple[str, str, tuple[str, str]]]:
    """(method, path, what is asked) of every route, mounted applications included."""
    found = []
    for route in app.routes:
        for handler in handlers_of(route):
            asked = declared(handler)
            assert asked is not None, f"{route.path} forgot to ask"
            methods = getattr(handler, "http_methods", {"POST"}) - {"OPTIONS"}
            found += [(method, str(route.path), asked) for method in methods]
    return found


def test_the_table_of_each_kind_of_caller(services: Services) -> None:
    charter = services.charter
    table = routes(create_litestar(services))
    assert len(table) > 40
    for method, path, (action, kind) in table:
        allowed = {
            name: charter.decide(who, action, resource=collection(kind)).allow
            for name, who in (
                ("anonymous", ANONYMOUS),
                ("device", DEVICE),
                ("reader", READER),
                ("operator", OPERATOR),
            )
        }
        place = (method, path)
        assert allowed["operator"] == (place not in GUARDIANS_OWN), place
        assert allowed["anonymous"] == (place in OPEN), place
        assert allowed["device"] == (place in OPEN | DEVICES_OWN), place
        if method != "GET":
            assert allowed["reader"] == (place in OPEN | READERS_WRITE), place


class Recording(Charter):
    """The charter, remembering what it was asked."""

    def decide(
        self, principal: Principal, action: str, resource: Resource, context: Any = None
    ) -> Decision:
        self.asked.append((action, resource.kind))
        return super().decide(principal, action, resource=resource, context=context)

    asked: list[tuple[str, str]]


async def test_every_route_asks_when_it_is_called(services: Services, stranger: Visitor) -> None:
    spy = Recording.standard()
    assert isinstance(spy, Recording)
    object.__setattr__(services, "charter", spy)
    for method, path, asked in routes(create_litestar(services)):
        spy.asked = []
        real = re.sub(r"\{\w+:uuid\}", "00000000-0000-0000-0000-000000000000", path)
        real = re.sub(r"\{\w+:int\}", "1", real)
        real = re.sub(r"\{\w+:\w+\}", "x", real)
        answer = await stranger.call(method, real, content=b"{}")
        assert asked in spy.asked, (method, path)
        if (method, path) not in OPEN:
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_route_that_declares_nothing_stops_the_start() -> None:
    @get("/forgotten")
    async def forgotten() -> None:
        """Nobody is asked."""

    app = Litestar([forgotten], openapi_config=None)
    with pytest.raises(ImproperlyConfiguredException):
        check_all_declare(app)


def test_every_file_of_routes_is_found(services: Services, page: Path) -> None:
    names = {handler.fn.__module__.rpartition(".")[2] for handler in handlers()}
    assert {"session", "home", "devices", "entities", "history", "live", "ingest"} <= names
    assert callable(create_app(services, static=page))


async def test_a_refusal_quotes_the_article(reader: Visitor) -> None:
    answer = await reader.call("GET", "/api/v1/keys", headers={"Accept-Language": "fr"})
    problem = answer.json()
    assert answer.status_code == 403
    assert problem["title"] == "La charte ne le permet pas"
    assert problem["values"]["articles"][0]["id"] == "CH-00"

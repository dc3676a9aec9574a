"""The gateway: pages of other sites, remembered answers, versions that end, denied networks, plans' filters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from tests.integration.web.test_applications import prepared, seen

from clapas.api_gateway import Quotas
from clapas.api_gateway.errors import ApiRetired
from clapas.api_gateway.outlet import Outlet
from clapas.api_gateway.settings import Ending, Settings
from clapas.api_gateway.versions import ending_of, told
from clapas.context.routes import PATH, open_door
from clapas.context.settings import Settings as ContextSettings
from clapas.domain.dataset import DatasetRecord, Publication
from clapas.domain.device import Entity
from clapas.domain.message import ObservationBatch
from clapas.web.application import create_app
from clapas.web.keyless import Keyless

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

PARKS = DatasetRecord(
    id="parcs",
    title="Parcs",
    owner="nature",
    steward="x",
    controller="ville",
    classification="ouvert",
    licence="LO-2.0",
    publication=Publication(rule="open"),
)
PARK = "urn:ngsi-ld:Park:1"


def served(services: Services, page: Path, settings: Settings) -> httpx.AsyncClient:
    object.__setattr__(services, "gateway", settings)
    object.__setattr__(services, "quotas", Quotas(None))
    keyless = Keyless(seconds=settings.cache_s, megabytes=settings.cache_mb)
    object.__setattr__(services, "keyless", keyless)
    transport = httpx.ASGITransport(app=create_app(services, static=page))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://clapas.test")


async def test_only_pages_of_allowed_sites_may_read(services: Services, page: Path) -> None:
    mine, other = "https://carte.ville.example", "https://ailleurs.example"
    async with served(services, page, Settings(origins=(mine,), cache_s=0)) as client:
        ask = {"Access-Control-Request-Method": "GET"}
        yes = await client.options("/api/v1/entities", headers={"Origin": mine, **ask})
        assert yes.headers["access-control-allow-origin"] == mine
        assert "access-control-allow-credentials" not in yes.headers, "cookies never travel"
        no = await client.options("/api/v1/entities", headers={"Origin": other, **ask})
        assert "access-control-allow-origin" not in no.headers
        answer = await client.get("/api/v1/platform", headers={"Origin": mine})
        assert answer.headers["access-control-allow-origin"] == mine
        assert "Origin" in answer.headers["vary"]
        refused = await client.get("/api/v1/platform", headers={"Origin": other})
        assert "access-control-allow-origin" not in refused.headers


async def test_a_stranger_is_served_again_until_the_charter_changes(
    services: Services, page: Path
) -> None:
    await prepared(services)
    assert services.keeper is not None
    await services.keeper.put(PARKS, author="dpo")
    await services.store.entities.upsert([Entity(id=PARK, type="Park", dataset="parcs")])
    async with served(services, page, Settings(cache_s=600)) as client:
        first = await client.get("/api/v1/entities")
        again = await client.get("/api/v1/entities")
        assert (first.headers["x-cache-status"], again.headers["x-cache-status"]) == ("Miss", "Hit")
        assert first.content == again.content
        assert PARK in again.text
        assert int(again.headers["x-ratelimit-remaining-day"]) < int(
            first.headers["x-ratelimit-remaining-day"]
        ), "remembered answers are counted too"
        tag = {"If-None-Match": again.headers["etag"]}
        assert (await client.get("/api/v1/entities", headers=tag)).status_code == 304
        closed = msgspec.structs.replace(
            PARKS, version=2, classification="restreint", exception="security",
            review=date(2099, 1, 1), publication=Publication(),
        )  # fmt: skip
        await services.keeper.put(closed, author="dpo")
        after = await client.get("/api/v1/entities")
        assert PARK not in after.text, "a change of policy never serves what it forbids"


async def test_a_version_that_ends_is_told_and_then_gone(services: Services, page: Path) -> None:
    today = datetime.now(UTC).date()
    endings = {
        "/api/v1/entities": Ending(
            since=date(2026, 1, 1), sunset=today + timedelta(days=1), successor="/api/v2/entities"
        ),
        "/api/v1/quantities": Ending(since=date(2025, 1, 1), sunset=today - timedelta(days=1)),
    }
    async with served(services, page, Settings(endings=endings, cache_s=0)) as client:
        key = {"X-API-Key": await _key(services)}
        answer = await client.get("/api/v1/entities", headers=key)
        assert answer.headers["deprecation"] == "@1767225600"
        assert answer.headers["sunset"].endswith("GMT")
        assert answer.headers["link"] == '</api/v2/entities>; rel="successor-version"'
        gone = await client.get("/api/v1/quantities", headers=key)
        assert (gone.status_code, gone.json()["code"]) == (410, "api_retired")


def test_the_longest_prefix_ends() -> None:
    old = Ending(since=date(2026, 1, 1))
    assert ending_of("/api/v1/entities/x", {"/api/v1": old, "/api/v1/entities": old}) is old
    assert ending_of("/api/v1x", {"/api/v1": old}) is None
    with pytest.raises(ApiRetired):
        told(Ending(since=date(2020, 1, 1), sunset=date(2020, 2, 1)))


async def test_a_denied_network_is_refused(services: Services, page: Path) -> None:
    async with served(services, page, Settings(denied=("127.0.0.0/8",))) as client:
        assert (await client.get("/api/v1/entities")).status_code in {401, 403}
        key = {"X-API-Key": await _key(services)}
        assert (await client.get("/api/v1/entities", headers=key)).status_code == 403
        assert (await client.get("/api/v1/platform")).status_code == 200, "the entrance stays"


DOORS = (
    "/api/v1/entities",
    "/api/v1/alarms/feed.atom",
    "/sta/v1.1/Things",
    "/ngsi-ld/v1/entities?type=Park",
    "/gbfs/3.0/gbfs.json",
    "/parkingspaces",
)
"""A path of each door that answers over HTTP."""


async def test_no_door_stands_beside_the_gateway(services: Services, page: Path) -> None:
    await prepared(services)
    async with open_door(
        services.store, services.identity, charter=services.charter, settings=ContextSettings()
    ) as door:
        object.__setattr__(services, "mounts", {PATH: door})
        async with served(services, page, Settings(cache_s=0)) as client:
            key = {"X-API-Key": await _key(services)}
            left = 300_001
            for path in DOORS:
                answer = await client.get(path, headers=key)
                now = int(answer.headers["x-ratelimit-remaining-minute"])
                assert now < left, (path, "every call of a key is counted together")
                left = now
                nobody = await client.get(path)
                assert nobody.headers["x-ratelimit-limit-minute"] == "1200", (path, "by network")
                other = await client.get(
                    path, headers={"X-Forwarded-For": f"198.51.100.{left % 250}"}
                )
                spent = [
                    int(each.headers["x-ratelimit-remaining-minute"]) for each in (nobody, other)
                ]
                assert spent[1] < spent[0], (path, "an address in a header starts no new count")
        async with served(services, page, Settings(denied=("127.0.0.0/8",))) as client:
            for path in DOORS:
                answer = await client.get(path, headers=key)
                assert answer.status_code == 403, (path, answer.text)
            export = await client.get("/api/v1/export?list=entities&format=csv", headers=key)
            assert export.status_code == 403, (
                "asked for itself as whoever asks, from where they ask"
            )


async def test_a_key_bound_to_networks_opens_no_door_from_elsewhere(
    services: Services, operator: Visitor, page: Path
) -> None:
    await prepared(services)
    made = (await operator.call("POST", "/api/v1/applications", json={"name": "B"})).json()
    place = f"/api/v1/applications/{made['id']}"
    key = {"X-API-Key": (await operator.call("POST", f"{place}/keys")).json()["secret"]}
    setting = {"plan": "inscrit", "networks": ["192.0.2.0/24"]}
    assert (await operator.call("PUT", place, json=setting)).status_code == 200
    async with open_door(
        services.store, services.identity, charter=services.charter, settings=ContextSettings()
    ) as door:
        object.__setattr__(services, "mounts", {PATH: door})
        async with served(services, page, Settings(cache_s=0)) as client:
            for path in DOORS:
                answer = await client.get(path, headers=key)
                assert answer.status_code == 403, (path, answer.text)
            broken = {"X-API-Key": "clp_AAAAAAAA_" + "b" * 43}
            refused = await client.get("/ngsi-ld/v1/entities?type=Park", headers=broken)
            assert refused.status_code == 401, "an unknown key is the door's own to refuse"
            assert refused.headers["x-ratelimit-limit-minute"] == "1200", "and counted by network"


async def test_a_caller_of_the_context_broker_has_a_plan_too(
    services: Services, page: Path
) -> None:
    async with open_door(
        services.store, services.identity, charter=services.charter, settings=ContextSettings()
    ) as door:
        object.__setattr__(services, "mounts", {PATH: door})
        async with served(services, page, Settings(cache_s=0)) as client:
            object.__setattr__(services, "quotas", Quotas(None, clock=lambda: 1e9))
            path = "/ngsi-ld/v1/entities?type=Park"
            answers = [await client.get(path) for _ in range(51)]
            assert [each.status_code == 429 for each in answers] == [False] * 50 + [True]
            assert answers[-1].json()["code"] == "quota_exceeded"
            french = await client.get(path, headers={"Accept-Language": "fr"})
            assert french.json()["title"] == "Quota dépassé : patientez"
            assert int(answers[-1].headers["retry-after"]) >= 1
            assert answers[-1].headers["x-ratelimit-remaining-second"] == "0"


async def _key(services: Services) -> str:
    owner = await services.identity.accounts.of_login("operatrice")
    assert owner is not None
    made = await services.identity.keys.create(name="k", owner=owner.id, scopes=["read"])
    return made.secret


async def test_a_short_token_has_the_rights_of_its_key_and_ends_with_it(
    services: Services, stranger: Visitor
) -> None:
    secret = await _key(services)
    told_ = await stranger.client.post(
        "/api/v1/token", data={"grant_type": "client_credentials", "client_secret": secret}
    )
    assert told_.status_code == 200, told_.text
    assert told_.json()["expires_in"] == 600
    token = told_.json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await stranger.client.get("/api/v1/quantities", headers=bearer)).status_code == 200
    again = await stranger.client.post("/api/v1/token", headers=bearer)
    assert again.status_code == 401, "a token is not changed for another"
    accented = {b"Authorization": b"Basic \xe9"}
    assert (await stranger.client.post("/api/v1/token", headers=accented)).status_code == 401
    for forged in (
        token[:-4] + "AAAA",
        "eyJhbGciOiJub25lIn0." + token.split(".")[1] + ".",
    ):
        headers = {"Authorization": f"Bearer {forged}"}
        assert (await stranger.client.get("/api/v1/me", headers=headers)).status_code == 401
    await services.identity.keys.revoke(secret.split("_")[1])
    services.identity.keys.forget()
    assert (await stranger.client.get("/api/v1/me", headers=bearer)).status_code == 401


async def test_a_plan_leaves_columns_and_decimals_and_a_change_disconnects(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    room, _ = await prepared(services)
    made = (await operator.call("POST", "/api/v1/applications", json={"name": "B"})).json()
    place = f"/api/v1/applications/{made['id']}"
    key = {"X-API-Key": (await operator.call("POST", f"{place}/keys")).json()["secret"]}
    wanted = {"dataset": "musee", "purpose": "étude du climat des salles"}
    asked = (await operator.call("POST", f"{place}/subscriptions", json=wanted)).json()
    decision = f"/api/v1/subscriptions/{asked['id']}"
    await operator.call("POST", decision, json={"state": "approved"})
    value = msgspec.structs.replace(seen(room), value=51.26)
    await services.store.history.write([], [value], outcomes=[])
    sent: list[float] = []
    closed: list[str] = []

    async def publish(topic: str, body: bytes) -> None:
        said = msgspec.json.decode(body)  # each value in both forms: ours, and that of SensorThings
        sent.append(said["value"] if "value" in said else said["result"])

    async def disconnect(names: Collection[str]) -> int:
        closed.extend(names)
        return len(names)

    async def told_() -> list[float]:
        answer = await stranger.call("GET", f"/api/v1/series/{room}/history?step=raw", headers=key)
        found: list[float] = answer.json()["values"] if answer.status_code == 200 else []
        return found

    outlet = Outlet(services.store, services.charter, publish=publish, disconnect=disconnect)
    assert await told_() == [51.26]
    await outlet.give(ObservationBatch(observations=[value]))
    assert closed == []
    setting = {"plan": "inscrit", "decimals": 0}
    assert (await operator.call("PUT", place, json=setting)).status_code == 200
    assert await told_() == [51.0]
    listed = (await stranger.call("GET", "/api/v1/entities", headers=key)).json()["items"]
    assert all(each["headline"] is None for each in listed), "no present value that is not rounded"
    outlet._seen = (services.charter.version, 0.0)
    await outlet.give(ObservationBatch(observations=[value]))
    assert sent == [51.26, 51.26, 51.0, 51.0]
    assert closed == [f"application:{made['id']}"], "a change of its plan disconnects it"
    await operator.call("PUT", place, json={"plan": "inscrit", "attributes": ["temperature"]})
    assert await told_() == []
    await operator.call("PUT", place, json={"plan": "inscrit", "delay": 86_400})
    assert await told_() == [], "too recent"

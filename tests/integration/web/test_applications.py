"""A partner's application: nothing before the approval, its dataset after it, nothing once revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from clapas.api_gateway import Quotas
from clapas.api_gateway.outlet import Outlet
from clapas.charter import CharterKeeper
from clapas.domain.dataset import DatasetRecord
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.web.usage import Usage

if TYPE_CHECKING:
    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

ROOM = "urn:ngsi-ld:Room:1"
METER = "urn:ngsi-ld:WaterMeter:1"
MUSEUM = DatasetRecord(id="musee", title="Climat", owner="culture", classification="restreint")
WATER = DatasetRecord(id="eau", title="Compteurs", owner="eau", classification="personnel")


async def prepared(services: Services) -> tuple[int, int]:
    """A room of the museum and a meter, each with a series."""
    keeper = CharterKeeper(services.store.charter, services.charter)
    object.__setattr__(services, "keeper", keeper)
    for record in (MUSEUM, WATER):
        await services.store.charter.add_record(record, author="dpo")
    await keeper.load()
    await services.store.entities.upsert(
        [
            Entity(id=ROOM, type="Room", dataset="musee", commune="34172"),
            Entity(id=METER, type="WaterMeter", dataset="eau", commune="34172"),
        ]
    )
    keys = [SeriesKey(ROOM, "humidity", "humidity"), SeriesKey(METER, "volume", "volume")]
    found = await services.store.series.ensure(keys)
    return found[keys[0]].id, found[keys[1]].id


def seen(number: int) -> Observation:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return Observation(series=number, measured=now, value=51.0, received=now, log=1, sequence=1)


async def test_the_life_of_a_subscription(
    services: Services, operator: Visitor, reader: Visitor, stranger: Visitor
) -> None:
    room, meter = await prepared(services)
    sent: list[tuple[str, bytes]] = []

    async def publish(topic: str, body: bytes) -> None:
        sent.append((topic, body))

    made = (await reader.call("POST", "/api/v1/applications", json={"name": "Bureau"})).json()
    place = f"/api/v1/applications/{made['id']}"
    secret = (await reader.call("POST", f"{place}/keys")).json()["secret"]

    async def rooms() -> list[str]:
        headers = {"X-API-Key": secret}
        answer = await stranger.call("GET", "/api/v1/entities", headers=headers)
        return [each["id"] for each in answer.json().get("items", [])]

    async def live() -> int:
        outlet = Outlet(services.store, services.charter, publish=publish)
        return await outlet.give(ObservationBatch(observations=[seen(room), seen(meter)]))

    assert await rooms() == []
    assert await live() == 0
    personal = {"dataset": "eau", "purpose": "étude des consommations"}
    refused = await reader.call("POST", f"{place}/subscriptions", json=personal)
    assert refused.status_code == 400
    wanted = {"dataset": "musee", "purpose": "étude du climat des salles"}
    asked = (await reader.call("POST", f"{place}/subscriptions", json=wanted)).json()
    assert asked["state"] == "pending"
    assert await rooms() == []
    decision = f"/api/v1/subscriptions/{asked['id']}"
    said = {"state": "approved", "reason": "convention 2026-12"}
    assert (await reader.call("POST", decision, json=said)).status_code == 403
    assert (await operator.call("POST", decision, json=said)).status_code == 204
    assert await rooms() == [ROOM]
    for closed in (
        "audit",
        "audit/verify",
        "consents",
        "objections",
        "privacy/requests",
        "privacy/proofs",
    ):
        answer = await stranger.call("GET", f"/api/v1/{closed}", headers={"X-API-Key": secret})
        assert answer.status_code == 403, f"{closed} is in no dataset"
    assert await live() == 1
    assert sent[0][0] == f"out/{made['id']}/{ROOM}/humidity"
    assert msgspec.json.decode(sent[0][1])["value"] == 51.0
    assert sent[1][0].startswith(f"out/{made['id']}/v1.1/Datastreams(")
    assert msgspec.json.decode(sent[1][1])["result"] == 51.0
    granted = await services.identity.authorize_mqtt("bureau", secret, client_id="c")
    assert granted is not None
    assert granted.subscribe == (f"out/{made['id']}", f"out/{made['id']}/#")
    assert granted.publish == ()
    revoked = {"state": "revoked", "reason": "fin"}
    assert (await operator.call("POST", decision, json=revoked)).status_code == 204
    assert await rooms() == []
    assert await live() == 0
    assert (await operator.call("POST", decision, json=said)).status_code == 409


async def test_nobody_sees_the_application_of_another(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    await prepared(services)
    made = (await operator.call("POST", "/api/v1/applications", json={"name": "A"})).json()
    for method, rest in (("GET", "usage"), ("GET", "subscriptions"), ("POST", "keys")):
        answer = await reader.call(method, f"/api/v1/applications/{made['id']}/{rest}")
        assert answer.status_code == 404, rest
    assert (await reader.call("GET", "/api/v1/applications")).json()["items"] == []


async def test_a_key_used_from_elsewhere_or_too_often_is_refused(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await prepared(services)
    usage = Usage()
    now = datetime.now(UTC).timestamp()  # a slow machine must not spread the burst
    object.__setattr__(services, "quotas", Quotas(services.store.api_gateway, clock=lambda: now))
    object.__setattr__(services, "usage", usage)
    made = (await operator.call("POST", "/api/v1/applications", json={"name": "A"})).json()
    place = f"/api/v1/applications/{made['id']}"
    headers = {"X-API-Key": (await operator.call("POST", f"{place}/keys")).json()["secret"]}
    told = await stranger.call("GET", "/api/v1/entities", headers=headers)
    assert int(told.headers["X-RateLimit-Remaining-Second"]) < 50
    spoofed = {**headers, "X-Forwarded-For": "198.51.100.7", "X-Consumer-ID": "other"}
    answers = [await stranger.call("GET", "/api/v1/entities", headers=spoofed) for _ in range(80)]
    codes = {each.status_code for each in answers}
    assert 429 in codes
    refused = next(each for each in answers if each.status_code == 429)
    assert refused.json()["code"] == "quota_exceeded"
    assert int(refused.headers["Retry-After"]) >= 1
    await services.quotas.share()  # type: ignore[union-attr]
    other = Quotas(services.store.api_gateway, clock=lambda: now)
    other.take(f"application:{made['id']}", {"day": 100_000})
    await other.share()
    shared = other.take(f"application:{made['id']}", {"day": 100_000})
    assert shared.windows[0].remaining < 100_000 - 10, "processes count together"
    await usage.write(services.store.api_gateway)
    used = (await operator.call("GET", f"{place}/usage")).json()
    assert {each["status"] for each in used} >= {429}
    setting = {"plan": "inscrit", "networks": ["192.0.2.0/24"]}
    assert (await operator.call("PUT", place, json=setting)).status_code == 200
    for said in ({}, {"X-Forwarded-For": "192.0.2.9"}, {"X-Real-IP": "192.0.2.9"}):
        answer = await stranger.call("GET", "/api/v1/entities", headers={**headers, **said})
        assert answer.status_code == 403, "an address in a header is not believed"

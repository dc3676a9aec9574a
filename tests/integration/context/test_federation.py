"""Distributed operations over real HTTP: sources that answer as they are told, and brokers that ask each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from tests.integration.context.source import Register, Source, van

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store


async def test_context_source_info(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """ContextSourceInfo becomes headers; the tenant and Via are not its business."""
    pairs = {"Authorization": "Bearer x", "user": "urn:ngsi-ld:request", "Via": "1.1 evil"}
    info = [{"key": key, "value": value} for key, value in pairs.items()]
    await register(contextSourceInfo=info, tenant="theirs", localOnly=True)
    source.when("GET", f"/ngsi-ld/v1/entities/{urn}", 200, van(urn))
    await api.get(f"/entities/{urn}", headers={"user": "abcd"})
    await api.get(f"/entities/{urn}")
    first, second = (each[2] for each in source.asked)
    assert (first["authorization"], first["user"]) == ("Bearer x", "abcd")
    assert "user" not in second
    assert "evil" not in first["via"]
    assert first["ngsild-tenant"] == "theirs"
    assert source.asked[0][1].endswith("?local=true")


@pytest.mark.clause("4.3.6.4")
async def test_loops_end(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A request that came through this broker is 508; Via tells the whole way."""
    await register(operations=["redirectionOps"])
    source.when("POST", "/ngsi-ld/v1/entities", 201)
    answer = await api.post("/entities", json=van(urn), headers={"via": "1.1 other"})
    assert answer.status_code == 201
    via = source.asked[0][2]["via"]
    assert via.startswith("1.1 other, 1.1 clapas-")
    assert (await api.delete(f"/entities/{urn}", headers={"via": via})).status_code == 508
    await register(operations=["redirectionOps"], contextSourceAlias="other")
    await api.delete(f"/entities/{urn}", headers={"via": "1.1 other"})
    assert [each[0] for each in source.asked] == ["POST", "DELETE"]


@pytest.mark.clause("4.3.6.6")
async def test_registered_context(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Names are written in the @context that the registration asks for."""
    hosted = await api.post(
        "/jsonldContexts", json={"@context": {"vitesse": "https://e.org/speed"}}
    )
    link = "http://broker" + hosted.headers["location"]
    info = [{"key": "jsonldContext", "value": link}]
    await register(contextSourceInfo=info, operations=["redirectionOps"])
    source.when("POST", "/ngsi-ld/v1/entities", 201)
    body = {"id": urn, "type": "Van", "https://e.org/speed": {"type": "Property", "value": 1}}
    assert (await api.post("/entities", json=body)).status_code == 201
    assert source.asked[0][3] == van(urn, vitesse=1)
    assert link in source.asked[0][2]["link"]


@pytest.mark.clause("5.8.1")
async def test_subscriptions_are_sent_on(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A source gets a reduced copy that tells this broker; its notification reaches the subscriber."""
    await register()
    source.when("POST", "/ngsi-ld/v1/subscriptions", 201)
    source.when("POST", "/notify", 204)
    name = urn.replace("Thing", "Subscription")
    body = {
        "id": name,
        "type": "Subscription",
        "entities": [{"type": "Van", "id": urn}],
        "notification": {"endpoint": {"uri": f"{source.url}/notify"}},
    }
    assert (await api.post("/subscriptions", json=body)).status_code == 201
    copy = (await _asked(source, "POST", "/ngsi-ld/v1/subscriptions"))[3]
    assert copy["notification"]["endpoint"]["uri"] == "http://broker/ngsi-ld/v1/remote-notify"
    told = {"type": "Notification", "subscriptionId": copy["id"], "data": [van(urn, speed=1)]}
    assert (await api.post("/remote-notify", json=told)).status_code == 200
    notified = (await _asked(source, "POST", "/notify"))[3]
    assert notified["subscriptionId"] == name
    assert notified["data"][0]["speed"]["value"] == 1
    source.asked.clear()
    gone = {"id": urn, "type": "Van", "speed": "urn:ngsi-ld:null"}
    other = van(f"{urn}-other", speed=2)
    assert (
        await api.post("/remote-notify", json={**told, "data": [other, gone]})
    ).status_code == 200
    notified = (await _asked(source, "POST", "/notify"))[3]
    assert [each["id"] for each in notified["data"]] == [urn]
    assert notified["data"][0]["speed"]["value"] == "urn:ngsi-ld:null"
    stranger = {**told, "subscriptionId": "urn:ngsi-ld:Subscription:guessed"}
    assert (await api.post("/remote-notify", json=stranger)).status_code == 404
    source.when("DELETE", f"/ngsi-ld/v1/subscriptions/{copy['id']}", 204)
    assert (await api.delete(f"/subscriptions/{name}")).status_code == 204
    await _asked(source, "DELETE", f"/ngsi-ld/v1/subscriptions/{copy['id']}")


@pytest.mark.clause("5.8.6")
async def test_halves_are_united(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """With splitEntities the filters are asked of what a source tells, united with what is kept here."""
    await register()
    for path in ("/ngsi-ld/v1/subscriptions", "/notify"):
        source.when("POST", path, 201)
    here = {"type": "Point", "coordinates": [3.88, 43.61]}
    kept = {**van(urn), "scope": "/Montpellier", "location": {"type": "GeoProperty", "value": here}}
    assert (await api.post("/entities?local=true", json=kept)).status_code == 201
    near = {"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": [3.88, 43.61]}
    body = {
        "id": urn.replace("Thing", "Subscription"),
        "type": "Subscription",
        "entities": [{"type": "Van", "id": urn}],
        "splitEntities": True,
        "q": "speed>1",
        "scopeQ": "/Montpellier",
        "geoQ": near,
        "notification": {"endpoint": {"uri": f"{source.url}/notify"}},
    }
    assert (await api.post("/subscriptions", json=body)).status_code == 201
    copy = (await _asked(source, "POST", "/ngsi-ld/v1/subscriptions"))[3]
    assert not {"q", "scopeQ", "geoQ"} & set(copy)
    for speed in (1, 2):
        data = [van(urn, speed=speed)]
        told = {"type": "Notification", "subscriptionId": copy["id"], "data": data}
        assert (await api.post("/remote-notify", json=told)).status_code == 200
    notified = (await _asked(source, "POST", "/notify"))[3]["data"][0]
    assert (notified["speed"]["value"], notified["location"]["value"]) == (2, here)
    source.when("DELETE", f"/ngsi-ld/v1/subscriptions/{copy['id']}", 204)
    await api.delete(f"/subscriptions/{body['id']}?local=true")


@pytest.mark.clause("5.8.1.4")
async def test_subscriptions_follow_their_sources(
    api: httpx.AsyncClient, source: Source, urn: str
) -> None:
    """A source registered later gets its part of a subscription, changed and removed with both of them."""
    kind, path = f"Van{urn[-12:]}", "/ngsi-ld/v1/subscriptions"
    name, registration = (urn.replace("Thing", word) for word in ("Subscription", "Registration"))
    for method in ("POST", "PATCH", "DELETE"):
        source.when(method, path, 204)
    subscription = {
        "id": name,
        "type": "Subscription",
        "entities": [{"type": kind}],
        "q": "speed>5",
        "notification": {"endpoint": {"uri": f"{source.url}/notify"}, "attributes": ["speed"]},
    }
    assert (await api.post("/subscriptions", json=subscription)).status_code == 201
    follows = (await api.get(f"/csourceSubscriptions/{name}:sources")).json()
    assert (follows["entities"], follows["status"]) == ([{"type": kind}], "active")
    listed = (await api.get("/csourceSubscriptions?limit=1000")).json()
    assert f"{name}:sources" in [each["id"] for each in listed]
    assert (await api.delete(f"/csourceSubscriptions/{name}:sources")).status_code == 422
    information = {"entities": [{"id": urn, "type": kind}], "propertyNames": ["speed"]}
    body = {
        "id": registration,
        "type": "ContextSourceRegistration",
        "information": [information],
        "endpoint": source.url,
    }
    assert (await api.post("/csourceRegistrations", json=body)).status_code == 201
    copy = (await _asked(source, "POST", path))[3]
    assert (copy["entities"], copy["watchedAttributes"]) == ([{"id": urn, "type": kind}], ["speed"])
    assert (copy["q"], "attributes" in copy["notification"]) == ("speed>5", False)
    wider = {"information": [{"entities": [{"id": urn, "type": kind}]}]}
    assert (await api.patch(f"/csourceRegistrations/{registration}", json=wider)).status_code == 204
    change = (await _asked(source, "PATCH", f"{path}/{copy['id']}"))[3]
    assert (change["watchedAttributes"], change["q"]) == (None, "speed>5")
    source.asked.clear()
    assert (await api.patch(f"/subscriptions/{name}", json={"q": "speed>9"})).status_code == 204
    assert (await _asked(source, "PATCH", f"{path}/{copy['id']}"))[3]["q"] == "speed>9"
    assert (await api.delete(f"/csourceRegistrations/{registration}")).status_code == 204
    await _asked(source, "DELETE", f"{path}/{copy['id']}")
    assert (await api.delete(f"/subscriptions/{name}")).status_code == 204
    assert (await api.get(f"/csourceSubscriptions/{name}:sources")).status_code == 404


async def _asked(source: Source, method: str, path: str) -> tuple[str, str, dict[str, str], Any]:
    """The request, when it has come."""
    async with asyncio.timeout(10):
        while True:
            for each in source.asked:
                if (each[0], each[1]) == (method, path):
                    return each
            await asyncio.sleep(0.02)


@pytest.mark.clause("4.3.6")
@pytest.mark.parametrize(
    "closed",
    [
        {"source_hosts": ("elsewhere.example",)},
        {"source_hosts": ("*",), "private_addresses": False},
    ],
    ids=["host", "private"],
)
async def test_what_the_operator_did_not_allow_is_not_asked(
    store: Store, source: Source, urn: str, closed: dict[str, Any]
) -> None:
    """Hosts that are not named, and private addresses, are never asked."""
    settings = msgspec.structs.replace(CONFORMANCE, **closed)
    async with _client(store, settings) as api:
        body = {
            "id": urn.replace("Thing", "Registration"),
            "type": "ContextSourceRegistration",
            "information": [{"entities": [{"id": urn, "type": "Van"}]}],
            "endpoint": source.url,
        }
        assert (await api.post("/csourceRegistrations", json=body)).status_code == 201
        answer = await api.get(f"/entities/{urn}")
        assert (answer.status_code, answer.headers["ngsild-warning"][:3]) == (404, "199")
        await api.delete(f"/csourceRegistrations/{body['id']}")
    assert source.asked == []


@asynccontextmanager
async def _client(store: Store, settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        url = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            yield client


@asynccontextmanager
async def _running(store: Store, alias: str) -> AsyncIterator[httpx.AsyncClient]:
    """A broker behind a real HTTP server."""
    settings = msgspec.structs.replace(CONFORMANCE, alias=alias)
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        config = uvicorn.Config(door, port=0, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(10):
                while not server.started:
                    await asyncio.sleep(0.02)
            port = server.servers[0].sockets[0].getsockname()[1]
            url = f"http://127.0.0.1:{port}/ngsi-ld/v1"
            async with httpx.AsyncClient(base_url=url) as client:
                yield client
        finally:
            server.should_exit = True
            await task


@pytest.mark.clause("4.3.6.4")
async def test_two_brokers_that_register_each_other(store: Store, urn: str) -> None:
    """Each asks the other, tenant by tenant, over real HTTP; the loop ends and is not told as a failure."""
    one, two = f"one{urn[-6:]}", f"two{urn[-6:]}"
    async with _running(store, "b1") as first, _running(store, "b2") as second:
        for client, own, other, their in ((first, one, second, two), (second, two, first, one)):
            body = {
                "id": urn.replace("Thing", "Registration"),
                "type": "ContextSourceRegistration",
                "information": [{"entities": [{"type": "Van"}]}],
                "operations": ["redirectionOps"],
                "endpoint": str(other.base_url).removesuffix("/ngsi-ld/v1/"),
                "tenant": their,
            }
            headers = {"NGSILD-Tenant": own}
            made = await client.post("/csourceRegistrations", json=body, headers=headers)
            assert made.status_code == 201
        created = await first.post(
            "/entities", json=van(urn, speed=1), headers={"NGSILD-Tenant": one}
        )
        assert created.status_code == 201
        there = await second.get(f"/entities/{urn}?local=true", headers={"NGSILD-Tenant": two})
        assert there.json()["speed"]["value"] == 1
        await first.delete(f"/entities/{urn}?local=true", headers={"NGSILD-Tenant": one})
        found = await first.get("/entities?type=Van", headers={"NGSILD-Tenant": one})
        assert [each["id"] for each in found.json()] == [urn]
        assert "ngsild-warning" not in found.headers

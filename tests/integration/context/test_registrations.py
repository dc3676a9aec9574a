"""Registrations and the subscriptions to them (clauses 5.2.9, 5.9, 5.10, 5.11), as clients of the standard use them."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from tests.integration.context.receiver import Receiver
from tests.integration.context.source import Register

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store


@pytest.mark.clause("5.2.22")
@pytest.mark.parametrize("pair", [{"key": "K", "value": 1}, {"key": "K"}, {"key": 5, "value": "v"}])
async def test_pairs(register: Register, pair: dict[str, Any]) -> None:
    """Keys and values of contextSourceInfo are texts."""
    assert (await register(contextSourceInfo=[pair])).status_code == 400
    kept = await register(contextSourceInfo=[{"key": "K", "value": "v"}])
    assert kept.status_code == 201


@pytest.mark.clause("4.3.6.3")
async def test_who_is_alone(register: Register, urn: str) -> None:
    """What one source holds alone no other may hold alone too; any number may hold it besides."""
    information = [{"entities": [{"id": urn, "type": "Van"}], "propertyNames": ["speed"]}]
    modes = [("inclusive", 201), ("exclusive", 201), ("redirect", 409), ("exclusive", 409)]
    for mode, status in modes:
        answer = await register(information=information, mode=mode)
        assert (mode, answer.status_code) == (mode, status)


@pytest.mark.clause("5.2.8")
async def test_an_id_that_is_none_beside_a_pattern(
    store: Store, api: httpx.AsyncClient, register: Register, urn: str
) -> None:
    """An id that is no URI is refused; beside a pattern the conformance profile takes it for none."""
    selector = {"id": f"entity_pattern={urn}.*", "idPattern": f"{urn}.*", "type": "Van"}
    alone = {key: value for key, value in selector.items() if key != "idPattern"}
    assert (await register(information=[{"entities": [alone]}])).status_code == 400
    assert (await register(information=[{"entities": [selector]}])).status_code == 201
    name = f"{urn.replace('Thing', 'Registration')}1"
    kept = (await api.get(f"/csourceRegistrations/{name}")).json()
    assert kept["information"] == [{"entities": [{"idPattern": f"{urn}.*", "type": "Van"}]}]
    settings = msgspec.structs.replace(CONFORMANCE, lenient_registrations=False)
    body = kept | {"id": f"{name}0", "information": [{"entities": [selector]}]}
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        url = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=url) as strict:
            refused = await strict.post("/csourceRegistrations", json=body)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (
        400,
        "BadRequestData",
    )


@pytest.mark.clause("5.10.2")
async def test_scopes(api: httpx.AsyncClient, register: Register, urn: str) -> None:
    """A scope query chooses registrations by their scope."""
    kind = f"Van{urn[-12:]}"
    information = [{"entities": [{"type": kind}]}]
    for scope in ("/Madrid/Centro", ["/Berlin", "/Bonn"]):
        assert (await register(information=information, scope=scope)).status_code == 201
    assert (await register(information=information)).status_code == 201
    for asked, wanted in (("/Madrid/#", 1), ("/Bonn", 1), ("/#", 2), ("", 3)):
        params = {"type": kind} | ({"scopeQ": asked} if asked else {})
        found = await api.get("/csourceRegistrations", params=params)
        assert (asked, len(found.json())) == (asked, wanted)
    wrong = await api.get("/csourceRegistrations", params={"type": kind, "scopeQ": "(/a"})
    assert wrong.status_code == 400


def subscription(urn: str, uri: str, **more: Any) -> dict[str, Any]:
    """A subscription to registrations of a type of its own."""
    return {
        "id": urn.replace("Thing", "Subscription"),
        "type": "Subscription",
        "entities": [{"type": f"Van{urn[-12:]}"}],
        "notification": {"format": "keyValues", "endpoint": {"uri": uri}},
        **more,
    }


@pytest.mark.clause("5.11.2")
async def test_nothing_is_ignored(api: httpx.AsyncClient, urn: str) -> None:
    """What a subscription to registrations would never look at is refused."""
    body = subscription(urn, "http://127.0.0.1:9/x", q="speed>1")
    assert (await api.post("/csourceSubscriptions", json=body)).status_code == 400
    del body["q"]
    assert (await api.post("/csourceSubscriptions", json=body)).status_code == 201
    path = f"/csourceSubscriptions/{body['id']}"
    assert (await api.patch(path, json={"q": "speed>1"})).status_code == 400
    assert "isActive" not in (await api.get(path)).json()


@pytest.mark.clause("5.8.2")
@pytest.mark.parametrize("path", ["/subscriptions", "/csourceSubscriptions"])
async def test_members_are_replaced(api: httpx.AsyncClient, urn: str, path: str) -> None:
    """A member that comes in a fragment replaces the one before, whole: half a notification is refused."""
    body = subscription(urn, "http://127.0.0.1:9/x")
    assert (await api.post(path, json=body)).status_code == 201
    own = f"{path}/{body['id']}"
    halves: tuple[dict[str, Any], ...] = (
        {"format": "keyValues"},
        {"endpoint": None},
        {"endpoint": {}},
    )
    for half in halves:
        assert (await api.patch(own, json={"notification": half})).status_code == 400
    other = {"endpoint": {"uri": "http://127.0.0.1:9/other"}}
    assert (await api.patch(own, json={"notification": other})).status_code == 204
    assert (await api.get(own)).json()["notification"] == other


@pytest.mark.clause("5.11.7")
async def test_at_intervals(
    api: httpx.AsyncClient, register: Register, urn: str, receiver: Receiver
) -> None:
    """With timeInterval what matches is told at first and at each interval, also when nothing does; not at changes."""
    body = subscription(urn, receiver.uri, timeInterval=0.5)
    assert (await api.post("/csourceSubscriptions", json=body)).status_code == 201
    _, told = await receiver.next()
    assert (told["data"], told["triggerReason"]) == ([], "newlyMatching")
    information = [{"entities": body["entities"]}]
    assert (await register(information=information)).status_code == 201
    async with asyncio.timeout(30):
        while not (told := (await receiver.next())[1])["data"]:
            assert told["triggerReason"] == "updated"
    assert told["triggerReason"] == "updated"
    assert told["data"][0]["information"] == [{"entities": [{"type": [f"Van{urn[-12:]}"]}]}]
    await api.delete(f"/csourceSubscriptions/{body['id']}")


async def test_links_alone(api: httpx.AsyncClient, urn: str) -> None:
    """Where the operator wants it, the Link header of a page of subscriptions holds the pages beside it only."""
    tenant = {"NGSILD-Tenant": urn.rpartition(":")[2]}
    for number in range(3):
        body = subscription(f"{urn}{number}", "http://127.0.0.1:9/x")
        await api.post("/csourceSubscriptions", json=body, headers=tenant)
    answer = await api.get("/csourceSubscriptions?limit=2&offset=2", headers=tenant)
    page = "</ngsi-ld/v1/csourceSubscriptions?limit=2&offset=0>"
    assert answer.headers["link"] == f'{page};rel="prev";type="application/ld+json"'
    whole = await api.get("/csourceSubscriptions?limit=9", headers=tenant)
    assert "json-ld#context" in whole.headers["link"]

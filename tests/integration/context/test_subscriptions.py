"""Subscriptions and their notifications (clauses 5.8, 5.11), registrations and their discovery (5.9, 5.10)."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.integration.context.receiver import Receiver

from clapas.context.notify import shown
from clapas.context.post import Poster
from clapas.domain.errors import EngineUnavailable
from clapas.store import Store


def subscription(urn: str, uri: str, **more: Any) -> dict[str, Any]:
    """A subscription to one entity."""
    return {
        "id": urn.replace("Thing", "Subscription"),
        "type": "Subscription",
        "entities": [{"id": urn, "type": "Building"}],
        "notification": {"endpoint": {"uri": uri, "accept": "application/json"}},
        **more,
    }


def building(urn: str, name: str = "Tower") -> dict[str, Any]:
    """An entity."""
    return {"id": urn, "type": "Building", "name": {"type": "Property", "value": name}}


@pytest.mark.clause("5.8.1")
async def test_create_and_retrieve(api: httpx.AsyncClient, urn: str) -> None:
    """A subscription is created once and shown with its status and default triggers."""
    body = subscription(urn, "http://127.0.0.1:9/x")
    answer = await api.post("/subscriptions/", json=body)
    assert answer.headers["location"] == f"/ngsi-ld/v1/subscriptions/{body['id']}"
    assert (await api.post("/subscriptions", json=body)).status_code == 409
    shown = (await api.get(f"/subscriptions/{body['id']}")).json()
    assert shown["status"] == "active"
    assert shown["notificationTrigger"] == ["attributeCreated", "attributeUpdated"]
    assert (await api.delete(f"/subscriptions/{body['id']}")).status_code == 204
    assert (await api.get(f"/subscriptions/{body['id']}")).status_code == 404


@pytest.mark.clause("5.8.1")
@pytest.mark.parametrize(
    "change",
    [
        {"type": "Wish"},
        {"entities": []},
        {"entities": None},
        {"q": "=="},
        {"throttling": -1},
        {"throttling": 5, "timeInterval": 5},
        {"timeInterval": 5, "watchedAttributes": ["name"]},
        {"expiresAt": "2000-01-01T00:00:00Z"},
        {"notification": {}},
        {"notification": {"endpoint": {"uri": "nowhere"}}},
        {"notificationTrigger": ["somethingHappened"]},
        {"id": "no uri"},
    ],
    ids=str,
)
async def test_refused(api: httpx.AsyncClient, urn: str, change: dict[str, Any]) -> None:
    """A wrong subscription is BadRequestData."""
    body = subscription(urn, "http://127.0.0.1:9/x", **change)
    answer = await api.post("/subscriptions", json=body)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("BadRequestData")


@pytest.mark.clause("5.8.2")
async def test_update(api: httpx.AsyncClient, urn: str) -> None:
    """A subscription is paused, changed, and null removes a member."""
    body = subscription(urn, "http://127.0.0.1:9/x", q="name==1", description="d")
    await api.post("/subscriptions", json=body)
    path = f"/subscriptions/{body['id']}"
    assert (await api.patch(path, json={"isActive": False, "q": None})).status_code == 204
    shown = (await api.get(path)).json()
    assert shown["status"] == "paused"
    assert "q" not in shown
    assert (await api.patch(path, json={"q": "=="})).status_code == 400
    assert (await api.patch("/subscriptions/urn:no:thing", json={"q": "a"})).status_code == 404


@pytest.mark.clause("5.8.4")
async def test_list(api: httpx.AsyncClient, urn: str) -> None:
    """Subscriptions are listed by pages."""
    tenant = {"NGSILD-Tenant": urn.rpartition(":")[2]}
    for number in range(3):
        body = subscription(f"{urn}{number}", "http://127.0.0.1:9/x")
        await api.post("/subscriptions", json=body, headers=tenant)
    answer = await api.get("/subscriptions/?limit=1&offset=1&count=true", headers=tenant)
    assert len(answer.json()) == 1
    assert answer.headers["ngsild-results-count"] == "3"
    assert (
        '</ngsi-ld/v1/subscriptions?count=true&limit=1&offset=2>;rel="next"'
        in (answer.headers["link"])
    )


@pytest.mark.clause("5.8.6")
async def test_notifications(api: httpx.AsyncClient, urn: str, receiver: Receiver) -> None:
    """What changed is told; what was written again with the same value is not."""
    await api.post("/subscriptions", json=subscription(urn, receiver.uri))
    await api.post("/entities", json=building(urn))
    headers, told = await receiver.next()
    assert headers["content-type"] == "application/json"
    assert "json-ld#context" in headers["link"]
    assert told["type"] == "Notification"
    assert told["data"] == [building(urn)]
    await api.patch(f"/entities/{urn}/attrs", json={"name": building(urn)["name"]})
    await api.patch(f"/entities/{urn}/attrs", json={"name": {"type": "Property", "value": "Two"}})
    _, told = await receiver.next()
    assert told["data"][0]["name"]["value"] == "Two"


@pytest.mark.clause("5.8.6")
async def test_deletions_and_changes(api: httpx.AsyncClient, urn: str, receiver: Receiver) -> None:
    """Deleted attributes are NGSI-LD null, with what was there before; a deleted entity is told."""
    body = subscription(urn, receiver.uri)
    body["notificationTrigger"] = ["attributeDeleted", "entityDeleted"]
    body["notification"]["showChanges"] = True
    await api.post("/subscriptions", json=body)
    street = {"type": "LanguageProperty", "languageMap": {"fr": "Place"}}
    await api.post("/entities", json={**building(urn), "street": street})
    await api.delete(f"/entities/{urn}/attrs/street")
    _, told = await receiver.next()
    assert told["data"][0]["street"] == {
        "type": "LanguageProperty",
        "languageMap": {"@none": "urn:ngsi-ld:null"},
        "previousLanguageMap": {"fr": "Place"},
    }
    await api.delete(f"/entities/{urn}")
    _, told = await receiver.next()
    assert told["data"][0]["deletedAt"]
    assert told["data"][0]["name"]["previousValue"] == "Tower"


@pytest.mark.clause("5.8.6")
async def test_filters(api: httpx.AsyncClient, urn: str, receiver: Receiver) -> None:
    """Watched attributes and q decide; the style is the subscription's."""
    body = subscription(urn, receiver.uri, q='name=="yes"', watchedAttributes=["level"])
    body["notification"] |= {"format": "keyValues", "attributes": ["level"]}
    body["notification"]["endpoint"]["accept"] = "application/ld+json"
    await api.post("/subscriptions", json=body)
    await api.post("/entities", json=building(urn, "no"))
    level = {"level": {"type": "Property", "value": 1}}
    await api.post(f"/entities/{urn}/attrs", json=level)
    await api.patch(f"/entities/{urn}/attrs", json={"name": {"type": "Property", "value": "yes"}})
    await api.patch(f"/entities/{urn}/attrs", json={"level": {"type": "Property", "value": 2}})
    headers, told = await receiver.next()
    assert headers["content-type"] == "application/ld+json"
    assert told["data"][0]["level"] == 2
    assert "name" not in told["data"][0]
    assert "@context" in told


@pytest.mark.clause("5.8.6")
async def test_the_ledger_of_deliveries(
    api: httpx.AsyncClient, urn: str, receiver: Receiver
) -> None:
    """A dead endpoint delays no other, and the ledger says what became of each delivery."""
    dead = subscription(urn, "http://127.0.0.1:9/dead")
    dead["id"] += "dead"
    await api.post("/subscriptions", json=dead)
    await api.post("/subscriptions", json=subscription(urn, receiver.uri))
    await api.post("/entities", json=building(urn))
    await receiver.next()
    path = f"/subscriptions/{dead['id']}"
    entries: list[dict[str, Any]] = []
    for _ in range(100):
        entries = (await api.get(f"{path}/deliveries")).json()
        if entries and entries[0]["doneAt"]:
            break
        await asyncio.sleep(0.05)
    assert entries[0]["result"] != "ok"
    assert (await api.get(path)).json()["notification"]["timesFailed"] == 1


def registration(urn: str, **more: Any) -> dict[str, Any]:
    """A registration of one kind of entity."""
    return {
        "id": urn.replace("Thing", "ContextSourceRegistration"),
        "type": "ContextSourceRegistration",
        "information": [
            {"entities": [{"type": "K" + urn[-8:]}], "propertyNames": ["speed"]},
            {"entities": [{"type": "Other"}]},
        ],
        "endpoint": "http://127.0.0.1:9/",
        **more,
    }


@pytest.mark.clause("5.9.2")
async def test_register(api: httpx.AsyncClient, urn: str) -> None:
    """A source is registered once, found by what it holds, changed and removed."""
    body = registration(urn)
    assert (await api.post("/csourceRegistrations", json=body)).status_code == 201
    assert (await api.post("/csourceRegistrations", json=body)).status_code == 409
    path = f"/csourceRegistrations/{body['id']}"
    assert (await api.get(path)).json()["information"] == body["information"]
    assert (await api.patch(path, json={"endpoint": "http://127.0.0.1:8/"})).status_code == 204
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404


@pytest.mark.clause("5.9.2")
@pytest.mark.parametrize(
    "change",
    [
        {"type": "Registration"},
        {"information": []},
        {"endpoint": "somewhere"},
        {"mode": "exclusive"},
        {"mode": "auxiliary", "operations": ["createEntity"]},
        {"expiresAt": "2000-01-01T00:00:00Z"},
        {"id": "no uri"},
    ],
    ids=str,
)
async def test_registration_refused(
    api: httpx.AsyncClient, urn: str, change: dict[str, Any]
) -> None:
    """A wrong registration is BadRequestData."""
    answer = await api.post("/csourceRegistrations", json=registration(urn, **change))
    assert answer.status_code == 400


@pytest.mark.clause("5.10.2")
async def test_discovery(api: httpx.AsyncClient, urn: str) -> None:
    """Registrations are found by what they inform of, and by their own properties."""
    body = registration(urn) | {"building": "A" + urn[-6:]}
    await api.post("/csourceRegistrations", json=body)
    kind = "K" + urn[-8:]
    found = (await api.get(f"/csourceRegistrations?type={kind}")).json()
    assert [each["id"] for each in found] == [body["id"]]
    assert found[0]["information"] == body["information"]
    for name in ("q", "csf"):
        query = {"type": kind, name: f'building=="A{urn[-6:]}"'}
        assert len((await api.get("/csourceRegistrations", params=query)).json()) == 1
        query[name] = 'building=="none"'
        assert (await api.get("/csourceRegistrations", params=query)).json() == []
    assert (await api.get(f"/csourceRegistrations?type={kind}&attrs=none")).json() == []
    assert (await api.get("/csourceRegistrations")).status_code == 400
    await api.delete(f"/csourceRegistrations/{body['id']}")


@pytest.mark.clause("5.11.7")
async def test_registrations_are_told(api: httpx.AsyncClient, urn: str, receiver: Receiver) -> None:
    """Subscribers hear of new, changed and removed registrations, and why."""
    wish = subscription(urn, receiver.uri, entities=[{"type": "K" + urn[-8:]}])
    assert (await api.post("/csourceSubscriptions", json=wish)).status_code == 201
    body = registration(urn)
    path = f"/csourceRegistrations/{body['id']}"
    await api.post("/csourceRegistrations", json=body)
    told = (await receiver.next())[1]
    assert told["triggerReason"] == "newlyMatching"
    assert [each["entities"][0]["type"] for each in told["data"][0]["information"]] == [
        ["K" + urn[-8:]]
    ]
    await api.patch(path, json={"endpoint": "http://127.0.0.1:8/"})
    assert (await receiver.next())[1]["triggerReason"] == "updated"
    await api.delete(path)
    assert (await receiver.next())[1]["triggerReason"] == "noLongerMatching"


@pytest.mark.clause("5.11.7")
async def test_registrations_are_told_under_the_core_context_that_is_named(
    api: httpx.AsyncClient, urn: str, receiver: Receiver
) -> None:
    """A subscription to registrations whose jsonldContext is a core @context is told under that one."""
    named = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld"
    kinds = [{"type": "K" + urn[-8:]}]
    wish = subscription(urn, receiver.uri, entities=kinds, jsonldContext=named)
    await api.post("/csourceSubscriptions", json=wish)
    await api.post("/csourceRegistrations", json=registration(urn))
    headers, _ = await receiver.next()
    assert headers["link"].startswith(f"<{named}>")


@pytest.mark.clause("5.11.3")
async def test_changed_wish_for_registrations(
    api: httpx.AsyncClient, urn: str, receiver: Receiver
) -> None:
    """A subscription to registrations that changes keeps its names, and hears what matches now."""
    context = {"there": "http://example.org/K" + urn[-8:]}
    body = registration(urn) | {"@context": context}
    body["information"] = [{"entities": [{"type": "there"}]}]
    media = {"Content-Type": "application/ld+json"}
    await api.post("/csourceRegistrations", json=body, headers=media)
    wish = subscription(urn, receiver.uri, entities=[{"type": "none"}]) | {"@context": context}
    assert (await api.post("/csourceSubscriptions", json=wish, headers=media)).status_code == 201
    path = f"/csourceSubscriptions/{wish['id']}"
    shown = (await api.get(path)).json()
    assert "notificationTrigger" not in shown
    change = {"entities": [{"type": "there"}]}
    assert (await api.patch(path, json=change)).status_code == 204
    told = (await receiver.next())[1]
    assert (told["triggerReason"], told["data"][0]["id"]) == ("newlyMatching", body["id"])
    await api.delete(f"/csourceRegistrations/{body['id']}")


@pytest.mark.clause("5.15.1")
async def test_source_identity(api: httpx.AsyncClient) -> None:
    """The broker says its alias and since when it runs."""
    shown = (await api.get("/info/sourceIdentity")).json()
    assert shown["type"] == "ContextSourceIdentity"
    assert shown["contextSourceAlias"]
    assert shown["contextSourceUptime"].startswith("PT")


@pytest.mark.clause("4.9")
async def test_what_is_asked_of_linked_entities(
    api: httpx.AsyncClient, receiver: Receiver, urn: str
) -> None:
    """``rel{attribute}<value`` is asked of the entity that the relationship leads to."""
    kind = f"Kind{urn[-8:]}"
    for name, level in (("full", 0.95), ("low", 0.3)):
        body = {
            "id": f"{urn}:{name}",
            "type": "Cell",
            "level": {"type": "Property", "value": level},
        }
        assert (await api.post("/entities", json=body)).status_code == 201
    wish = subscription(urn, receiver.uri, entities=[{"type": kind}], q="cell{level}<0.5")
    assert (await api.post("/subscriptions", json=wish)).status_code == 201
    for name in ("full", "low"):
        link = {"type": "Relationship", "object": f"{urn}:{name}"}
        body = {"id": f"{urn}:of-{name}", "type": kind, "cell": link}
        assert (await api.post("/entities", json=body)).status_code == 201
    _, told = await receiver.next()
    assert [each["id"] for each in told["data"]] == [f"{urn}:of-low"]


@pytest.mark.clause("4.9")
@pytest.mark.parametrize("asked", ['"Eiffel%20Tower"', "%22Eiffel%20Tower%22"])
@pytest.mark.parametrize("more", [{}, {"timeInterval": 1}], ids=["changes", "interval"])
async def test_a_text_asked_for_may_be_percent_encoded(
    api: httpx.AsyncClient, receiver: Receiver, urn: str, asked: str, more: dict[str, Any]
) -> None:
    """``q`` of a subscription may be written as it would stand in an address: what is not asked for stays out."""
    kind = f"Kind{urn[-8:]}"
    wish = subscription(urn, receiver.uri, entities=[{"type": kind}], q=f"name=={asked}", **more)
    assert (await api.post("/subscriptions", json=wish)).status_code == 201
    for name in ("Tour Eiffel", "Eiffel Tower"):
        body = {**building(f"{urn}:{name[:4]}", name), "type": kind}
        assert (await api.post("/entities", json=body)).status_code == 201
    _, told = await receiver.next()
    assert [each["name"]["value"] for each in told["data"]] == ["Eiffel Tower"]


@pytest.mark.clause("4.9")
@pytest.mark.parametrize("more", [{}, {"timeInterval": 1}], ids=["changes", "interval"])
async def test_a_word_asked_for_may_be_expanded(
    api: httpx.AsyncClient, receiver: Receiver, urn: str, more: dict[str, Any]
) -> None:
    """A word of a subscription's ``q`` is one of the @context where expandValues says so."""
    kind = f"Kind{urn[-8:]}"
    wish = subscription(urn, receiver.uri, entities=[{"type": kind}], q="use==commercial", **more)
    wish["expandValues"] = ["use"]
    assert (await api.post("/subscriptions", json=wish)).status_code == 201
    for use in ("private", "commercial"):
        told = {"type": "VocabProperty", "vocab": use}
        body = {"id": f"{urn}:{use}", "type": kind, "use": told}
        assert (await api.post("/entities", json=body)).status_code == 201
    _, told = await receiver.next()
    assert [each["use"]["vocab"] for each in told["data"]] == ["commercial"]


@pytest.mark.clause("5.8.6")
@pytest.mark.parametrize("accept", ["application/ld+json", "application/json"])
async def test_a_core_context_is_the_version_that_is_named(
    api: httpx.AsyncClient, receiver: Receiver, urn: str, accept: str
) -> None:
    """A notification names the core @context that the subscription's jsonldContext names, and is written in it."""
    named = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.3.jsonld"
    wish = subscription(urn, receiver.uri, jsonldContext=named)
    wish["notification"]["endpoint"]["accept"] = accept
    await api.post("/subscriptions", json=wish)
    await api.post("/entities", json={**building(urn), "management": building(urn)["name"]})
    headers, told = await receiver.next()
    assert "https://uri.etsi.org/ngsi-ld/management" in told["data"][0], "1.3 has no such term"
    if accept == "application/json":
        assert headers["link"].startswith(f"<{named}>")
    else:
        assert told["@context"] == told["data"][0]["@context"] == named


@pytest.mark.clause("5.8.6")
async def test_one_that_cannot_be_told_delays_nobody(
    api: httpx.AsyncClient, receiver: Receiver, urn: str, store: Store
) -> None:
    """A subscription that was kept wrongly once does not silence the others."""
    bad = subscription(urn, receiver.uri) | {"id": f"{urn}:bad"}
    assert (await api.post("/subscriptions", json=bad)).status_code == 201
    await store.postgres.run(
        "UPDATE ngsild_subscription SET body = jsonb_set(body, '{notification,endpoint}', '{}') "
        "WHERE id = %(id)s",
        id=bad["id"],
    )
    good = subscription(urn, receiver.uri)
    assert (await api.post("/subscriptions", json=good)).status_code == 201
    assert (await api.post("/entities", json=building(urn))).status_code == 201
    _, told = await receiver.next()
    assert told["subscriptionId"] == good["id"]
    assert (await api.delete(f"/subscriptions/{bad['id']}")).status_code == 204


@pytest.mark.clause("5.2.12")
async def test_only_members_of_a_subscription_are_kept(api: httpx.AsyncClient, urn: str) -> None:
    """What the standard does not know, and what the broker counts itself, is not taken from others."""
    body = subscription(urn, "http://127.0.0.1:9/x", status="expired", __context="mine")
    body["notification"]["timesSent"] = 42
    assert (await api.post("/subscriptions", json=body)).status_code == 201
    shown = (await api.get(f"/subscriptions/{body['id']}")).json()
    assert "__context" not in shown
    assert shown["status"] == "active"
    assert "timesSent" not in shown["notification"]


@pytest.mark.clause("5.2.22")
@pytest.mark.parametrize(
    "pair", [{"key": "K", "value": 42}, {"key": "K"}, {"key": 5, "value": "v"}]
)
async def test_pairs_are_texts(api: httpx.AsyncClient, urn: str, pair: Any) -> None:
    """Keys and values of receiverInfo are texts."""
    body = subscription(urn, "http://127.0.0.1:9/x")
    body["notification"]["endpoint"]["receiverInfo"] = [pair]
    assert (await api.post("/subscriptions", json=body)).status_code == 400


@pytest.mark.clause("5.8.1")
@pytest.mark.parametrize("change", [{"csf": "(("}, {"q": 'name~="["'}], ids=["csf", "pattern"])
async def test_filters_that_cannot_be_asked(
    api: httpx.AsyncClient, urn: str, change: dict[str, str]
) -> None:
    """A filter that nobody could evaluate is refused at once."""
    body = subscription(urn, "http://127.0.0.1:9/x", **change)
    answer = await api.post("/subscriptions", json=body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")


@pytest.mark.clause("7.2")
@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("", {}),
        ("/", {}),
        ("/city/+", {}),
        ("/city", {"accept": "application/geo+json"}),
        ("/city", {"notifierInfo": [{"key": "MQTT-QoS", "value": "9"}]}),
        ("/city", {"notifierInfo": [{"key": "MQTT-Version", "value": "mqtt9"}]}),
    ],
    ids=["no-topic", "empty-topic", "wildcard", "geojson", "qos", "version"],
)
async def test_an_endpoint_of_mqtt_that_cannot_be_told_is_refused(
    api: httpx.AsyncClient, urn: str, topic: str, change: dict[str, Any]
) -> None:
    """Without a topic the message would go nowhere, and be counted as sent."""
    body = subscription(urn, f"mqtt://127.0.0.1:9{topic}")
    body["notification"]["endpoint"] |= change
    assert (await api.post("/subscriptions", json=body)).status_code == 400
    body = subscription(urn, "mqtt://127.0.0.1:9/city/told")
    assert (await api.post("/subscriptions", json=body)).status_code == 201


@pytest.mark.clause("5.2.15")
@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:99999/n", "http://127.0.0.1:abc/n", "http://[::1/n", "mqtt://h:0/a"]
)
async def test_an_address_that_nobody_can_reach_is_refused(
    api: httpx.AsyncClient, urn: str, uri: str
) -> None:
    answer = await api.post("/subscriptions", json=subscription(urn, uri))
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")


async def test_a_database_that_is_away_while_a_notification_is_made_costs_none(
    api: httpx.AsyncClient, urn: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [EngineUnavailable(engine="postgresql")]

    async def cut_once(*asked: Any, entities: Any) -> list[Any]:
        if away:
            raise away.pop()
        return await shown(*asked, entities=entities)

    monkeypatch.setattr("clapas.context.notifier.shown", cut_once)
    assert (await api.post("/subscriptions", json=subscription(urn, receiver.uri))).is_success
    assert (await api.post("/entities", json=building(urn))).is_success
    assert (await receiver.next())[1]["data"][0]["id"] == urn
    assert not away


@pytest.mark.parametrize(
    ("key", "value"), [("X A", "b"), ("", "b"), ("X-A", "b\r\nX-B: c"), ("X-A", "€")]
)
async def test_what_cannot_be_a_header_is_refused(
    api: httpx.AsyncClient, urn: str, receiver: Receiver, key: str, value: str
) -> None:
    body = subscription(urn, receiver.uri)
    body["notification"]["endpoint"]["receiverInfo"] = [{"key": key, "value": value}]
    assert (await api.post("/subscriptions", json=body)).status_code == 400


async def test_a_defect_while_sending_is_one_failed_attempt(
    api: httpx.AsyncClient, urn: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, tried = Poster.send, asyncio.Semaphore(0)

    async def broken_once(*asked: Any, body: Any) -> None:
        monkeypatch.setattr(Poster, "send", send)
        tried.release()
        raise LookupError(len(body["data"]))

    monkeypatch.setattr(Poster, "send", broken_once)
    wish = subscription(urn, receiver.uri)
    assert (await api.post("/subscriptions", json=wish)).is_success
    assert (await api.post("/entities", json=building(urn))).is_success
    await asyncio.wait_for(tried.acquire(), 30)
    assert (await api.patch(f"/entities/{urn}/attrs/name", json={"value": "Mill"})).is_success
    assert (await receiver.next())[1]["data"][0]["name"]["value"] == "Mill"
    told = (await api.get(f"/subscriptions/{wish['id']}")).json()["notification"]
    assert told["timesFailed"] == 1

"""Entities and their attributes, as a client of the broker sees them (clauses 5.6, 5.7.1, 6.3)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store

LD = {"Content-Type": "application/ld+json"}
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
ERROR = "https://uri.etsi.org/ngsi-ld/errors/"
VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"


def vehicle(urn: str, **more: Any) -> dict[str, Any]:
    """A whole entity."""
    return {
        "id": urn,
        "type": "Vehicle",
        "speed": {
            "type": "Property",
            "value": 55.5,
            "unitCode": "KMH",
            "observedAt": "2020-01-01T00:00:00Z",
            "accuracy": {"type": "Property", "value": 1},
        },
        "owner": {"type": "Relationship", "object": "urn:ngsi-ld:Person:Bob"},
        "street": {"type": "LanguageProperty", "languageMap": {"fr": "Place", "nl": "Markt"}},
        "kind": {"type": "VocabProperty", "vocab": "commercial"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [3.9, 43.6]}},
        **more,
    }


def check_problem(answer: httpx.Response, status: int, kind: str) -> None:
    """The error's status, type, title and detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    problem = answer.json()
    assert problem["type"] == ERROR + kind
    assert problem["title"]
    assert problem["title"] != problem["detail"]
    assert "link" not in answer.headers


@pytest.mark.clause("5.6.1")
async def test_create(api: httpx.AsyncClient, urn: str) -> None:
    """An entity is created once, and found where Location says."""
    answer = await api.post("/entities/", json=vehicle(urn))
    assert (answer.status_code, answer.text) == (201, "")
    assert answer.headers["location"] == f"/ngsi-ld/v1/entities/{urn}"
    check_problem(await api.post("/entities/", json=vehicle(urn)), 409, "AlreadyExists")


@pytest.mark.clause("5.6.1")
@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("id is no URI", {"id": "here"}),
        ("no type", {"type": None}),
        ("empty type", {"type": []}),
        ("keyword as type", {"type": "type"}),
        ("null attribute", {"speed": None}),
        ("NGSI-LD null", {"speed": {"type": "Property", "value": "urn:ngsi-ld:null"}}),
        ("unknown attribute type", {"speed": {"type": "Thing", "value": 1}}),
        ("no value", {"speed": {"type": "Property"}}),
        ("value of another type", {"speed": {"type": "Property", "object": "urn:x:y"}}),
        ("object is no URI", {"owner": {"type": "Relationship", "object": "Bob"}}),
        ("wrong observedAt", {"speed": {"type": "Property", "value": 1, "observedAt": "today"}}),
        ("wrong geometry", {"location": {"type": "GeoProperty", "value": {"type": "Point"}}}),
        ("open ring", {"location": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2]]]}}),
        ("same datasetId twice", {"speed": [{"type": "Property", "value": 1}] * 2}),
        ("forbidden letter in a name", {"sp<eed": {"type": "Property", "value": 1}}),
        ("context in JSON", {"@context": CORE}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_create_refused(
    api: httpx.AsyncClient, urn: str, what: str, change: dict[str, Any]
) -> None:
    """What is not an entity is refused and not kept."""
    check_problem(
        await api.post("/entities", json={**vehicle(urn), **change}), 400, "BadRequestData"
    )
    assert (await api.get(f"/entities/{urn}")).status_code == 404


@pytest.mark.clause("6.3.2")
async def test_http_refusals(api: httpx.AsyncClient, urn: str) -> None:
    """Broken JSON, wrong media types, methods and parameters have their own answers."""
    check_problem(await api.post("/entities", content=b"{", headers=LD), 400, "InvalidRequest")
    other = await api.post("/entities", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (other.status_code, other.text) == (415, "")
    wrong = await api.put("/subscriptions", json={})
    assert wrong.status_code == 405
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "POST"}
    refused = await api.get("/entities?type=A", headers={"Accept": "text/turtle"})
    assert refused.status_code == 406
    assert "application/ld+json" in refused.json()
    check_problem(await api.get("/entities?type=A&colour=1"), 400, "InvalidRequest")
    check_problem(await api.get("/entities?type=A&options=colour"), 400, "InvalidRequest")
    check_problem(await api.get("/nowhere"), 404, "ResourceNotFound")


@pytest.mark.clause("6.3.5")
async def test_contexts_of_requests(api: httpx.AsyncClient, urn: str) -> None:
    """JSON-LD has its @context in the body, JSON in the Link header, never both."""
    link = {"Link": f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"'}
    body = {**vehicle(urn), "@context": CORE}
    check_problem(await api.post("/entities", json=body, headers=LD | link), 400, "BadRequestData")
    check_problem(await api.post("/entities", json=vehicle(urn), headers=LD), 400, "BadRequestData")
    assert (await api.post("/entities", json=body, headers=LD)).status_code == 201
    query = {"type": "Query", "entities": [{"id": urn, "type": "Vehicle"}]}
    found = await api.post("/entityOperations/query", json=query, headers=LD | link)
    assert [each["id"] for each in found.json()] == [urn]


@pytest.mark.clause("5.7.1")
async def test_retrieve_formats(api: httpx.AsyncClient, urn: str) -> None:
    """An entity is shown normalized, concise, simplified, in one language, with its system times."""
    await api.post("/entities", json=vehicle(urn))
    normalized = await api.get(f"/entities/{urn}")
    assert normalized.json() == vehicle(urn)
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in normalized.headers["link"]
    simple = (await api.get(f"/entities/{urn}?options=keyValues")).json()
    assert simple["speed"] == 55.5
    assert simple["owner"] == "urn:ngsi-ld:Person:Bob"
    assert simple["street"] == {"languageMap": {"fr": "Place", "nl": "Markt"}}
    assert simple["kind"] == {"vocab": "commercial"}
    concise = (await api.get(f"/entities/{urn}?format=concise&attrs=speed,owner")).json()
    assert concise["speed"]["accuracy"] == 1
    assert "type" not in concise["speed"]
    assert concise["owner"] == {"object": "urn:ngsi-ld:Person:Bob"}
    french = (await api.get(f"/entities/{urn}?lang=de,fr;q=0.5&attrs=street")).json()
    assert french["street"] == {"type": "Property", "value": "Place", "lang": "fr"}
    system = (await api.get(f"/entities/{urn}?options=sysAttrs")).json()
    assert system["createdAt"] == system["speed"]["createdAt"]


@pytest.mark.clause("5.7.1")
async def test_retrieve_media(api: httpx.AsyncClient, urn: str) -> None:
    """The same entity as JSON-LD and as a GeoJSON Feature."""
    await api.post("/entities", json=vehicle(urn))
    linked = await api.get(f"/entities/{urn}", headers={"Accept": "application/ld+json"})
    assert linked.headers["content-type"] == "application/ld+json"
    assert "link" not in linked.headers
    assert "@context" in linked.json()
    geo = await api.get(f"/entities/{urn}", headers={"Accept": "application/geo+json"})
    assert geo.headers["content-type"] == "application/geo+json"
    assert geo.json()["geometry"] == {"type": "Point", "coordinates": [3.9, 43.6]}
    assert geo.json()["properties"]["type"] == "Vehicle"


@pytest.mark.clause("5.7.1")
async def test_retrieve_refused(api: httpx.AsyncClient, urn: str) -> None:
    """What is not there, or has none of the attributes, is not found."""
    check_problem(await api.get(f"/entities/{urn}"), 404, "ResourceNotFound")
    check_problem(await api.get("/entities/nothing"), 400, "BadRequestData")
    await api.post("/entities", json=vehicle(urn))
    check_problem(await api.get(f"/entities/{urn}?attrs=colour"), 404, "ResourceNotFound")


@pytest.mark.clause("4.21")
async def test_pick_and_omit(api: httpx.AsyncClient, urn: str) -> None:
    """Members are picked or left out, id and type included."""
    await api.post("/entities", json=vehicle(urn))
    picked = (await api.get(f"/entities/{urn}?pick=id,speed&options=keyValues")).json()
    assert picked == {"id": urn, "speed": 55.5}
    left = (await api.get(f"/entities/{urn}?omit=type,speed&options=keyValues")).json()
    assert {"type", "speed"}.isdisjoint(left)
    assert left["id"] == urn
    check_problem(await api.get(f"/entities/{urn}?pick=id&omit=id"), 400, "BadRequestData")
    for wrong in ("pick=id%3Bspeed", "omit=sp%20eed", "pick=id,owner{na%3Dme}"):
        check_problem(await api.get(f"/entities/{urn}?{wrong}"), 400, "BadRequestData")
    whole = (await api.get(f"/entities/{urn}?options=keyValues")).json()
    nothing = f"omit={','.join(whole)}"
    check_problem(await api.get(f"/entities/{urn}?{nothing}"), 404, "ResourceNotFound")
    assert (await api.get(f"/entities?type=Vehicle&id={urn}&{nothing}")).json() == []


@pytest.mark.clause("5.6.6")
async def test_delete(api: httpx.AsyncClient, urn: str) -> None:
    """An entity is deleted once."""
    await api.post("/entities", json=vehicle(urn))
    gone = await api.delete(f"/entities/{urn}")
    assert gone.status_code == 204
    assert "content-length" not in gone.headers
    check_problem(await api.delete(f"/entities/{urn}"), 404, "ResourceNotFound")


@pytest.mark.clause("5.6.3")
async def test_append(api: httpx.AsyncClient, urn: str) -> None:
    """Attributes are appended; with noOverwrite those that are there stay, and are told by their IRIs."""
    await api.post("/entities", json=vehicle(urn))
    new = {
        "speed": {"type": "Property", "value": 1},
        "colour": {"type": "Property", "value": "red"},
    }
    kept = await api.post(f"/entities/{urn}/attrs?options=noOverwrite", json=new)
    assert kept.status_code == 207
    assert kept.json()["updated"] == [f"{VOCAB}colour"]
    assert kept.json()["notUpdated"][0]["attributeName"] == f"{VOCAB}speed"
    assert (await api.post(f"/entities/{urn}/attrs", json=new)).status_code == 204
    assert (await api.get(f"/entities/{urn}?options=keyValues")).json()["speed"] == 1


@pytest.mark.clause("5.6.2")
async def test_update(api: httpx.AsyncClient, urn: str) -> None:
    """Attributes that are there are replaced whole, the others are appended."""
    await api.post("/entities", json=vehicle(urn))
    new = {"speed": {"type": "Property", "value": 1}, "more": {"type": "Property", "value": 2}}
    assert (await api.patch(f"/entities/{urn}/attrs", json=new)).status_code == 204
    shown = (await api.get(f"/entities/{urn}?attrs=speed,more")).json()
    assert shown["speed"] == {"type": "Property", "value": 1}
    assert shown["more"] == {"type": "Property", "value": 2}


@pytest.mark.clause("5.6.4")
async def test_partial_update(api: httpx.AsyncClient, urn: str) -> None:
    """A part of an attribute changes, the rest stays; its type cannot change."""
    await api.post("/entities", json=vehicle(urn))
    path = f"/entities/{urn}/attrs/speed"
    assert (await api.patch(path, json={"value": 60})).status_code == 204
    speed = (await api.get(f"/entities/{urn}?attrs=speed")).json()["speed"]
    assert speed["value"] == 60
    assert speed["unitCode"] == "KMH"
    wrong = {"type": "Relationship", "object": "urn:x:y"}
    check_problem(await api.patch(path, json=wrong), 400, "BadRequestData")
    missing = await api.patch(f"/entities/{urn}/attrs/none", json={"value": 1})
    check_problem(missing, 404, "ResourceNotFound")


@pytest.mark.clause("5.6.5")
async def test_delete_attribute(api: httpx.AsyncClient, urn: str) -> None:
    """The default instance, one of a datasetId, or all instances are deleted."""
    many = [
        {"type": "Property", "value": 1},
        {"type": "Property", "value": 2, "datasetId": "urn:ds:2"},
        {"type": "Property", "value": 3, "datasetId": "urn:ds:3"},
    ]
    await api.post("/entities", json=vehicle(urn, level=many))
    path = f"/entities/{urn}/attrs/level"
    assert (await api.delete(path)).status_code == 204
    assert (await api.delete(f"{path}?datasetId=urn:ds:2")).status_code == 204
    left = (await api.get(f"/entities/{urn}")).json()["level"]
    assert left == {"type": "Property", "value": 3, "datasetId": "urn:ds:3"}
    check_problem(await api.delete(path), 404, "ResourceNotFound")
    assert (await api.delete(f"{path}?deleteAll=true")).status_code == 204
    assert "level" not in (await api.get(f"/entities/{urn}")).json()


@pytest.mark.clause("5.6.19")
async def test_replace_attribute(api: httpx.AsyncClient, urn: str) -> None:
    """An attribute is replaced whole."""
    await api.post("/entities", json=vehicle(urn))
    path = f"/entities/{urn}/attrs/speed"
    assert (await api.put(path, json={"type": "Property", "value": 2})).status_code == 204
    speed = (await api.get(f"/entities/{urn}?attrs=speed")).json()["speed"]
    assert speed == {"type": "Property", "value": 2}
    missing = await api.put(f"/entities/{urn}/attrs/none", json={"type": "Property", "value": 2})
    check_problem(missing, 404, "ResourceNotFound")
    named = await api.put(path, json={"speed": {"type": "Property", "value": 3}})
    assert named.status_code == 204
    assert (await api.get(f"/entities/{urn}?options=keyValues")).json()["speed"] == 3
    other = {"type": "Relationship", "object": "urn:x:y"}
    assert (await api.put(path, json=other)).status_code == 204
    assert (await api.get(f"/entities/{urn}?attrs=speed")).json()["speed"] == other


@pytest.mark.clause("4.18")
async def test_replace_scope(api: httpx.AsyncClient, urn: str) -> None:
    """A scope is updated where there is one, and never added by that; it is not replaced as an attribute is."""
    await api.post("/entities", json={"id": urn, "type": "Van", "scope": "/Hérault"})
    path = f"/entities/{urn}/attrs"
    new = {"scope": ["/Hérault/Lunel", "/Gard"]}
    check_problem(await api.put(f"{path}/scope", json=new), 400, "BadRequestData")
    assert (await api.patch(path, json=new)).status_code == 204
    assert (await api.get(f"/entities/{urn}")).json()["scope"] == ["/Hérault/Lunel", "/Gard"]
    assert (await api.delete(f"{path}/scope")).status_code == 204
    partly = await api.patch(path, json={**new, "speed": 1})
    assert partly.status_code == 207
    assert partly.json()["updated"] == [f"{VOCAB}speed"]
    (refused,) = partly.json()["notUpdated"]
    assert refused["attributeName"] == "https://uri.etsi.org/ngsi-ld/scope"
    shown = (await api.get(f"/entities/{urn}?options=keyValues")).json()
    assert shown == {"id": urn, "type": "Van", "speed": 1}


@pytest.mark.clause("4.18")
async def test_append_scope(api: httpx.AsyncClient, urn: str) -> None:
    """A scope that is appended takes the place of those before; with noOverwrite it joins them."""
    await api.post("/entities", json={"id": urn, "type": "Van", "scope": "/Hérault"})
    path = f"/entities/{urn}/attrs"
    kept = await api.post(f"{path}?options=noOverwrite", json={"scope": "/Gard"})
    assert kept.status_code == 204
    assert (await api.get(f"/entities/{urn}")).json()["scope"] == ["/Hérault", "/Gard"]
    batch = [{"id": urn, "scope": "/Aude"}]
    await api.post("/entityOperations/update?options=noOverwrite", json=batch)
    assert (await api.get(f"/entities/{urn}")).json()["scope"] == ["/Hérault", "/Gard", "/Aude"]
    assert (await api.post(path, json={"scope": "/Lozère"})).status_code == 204
    assert (await api.get(f"/entities/{urn}")).json()["scope"] == "/Lozère"
    ends = [f"20{year}-01-01T00:00:00Z" for year in (90, 91)]
    for end in ends:
        await api.post(f"{path}?options=noOverwrite", json={"expiresAt": end})
    assert (await api.get(f"/entities/{urn}?options=sysAttrs")).json()["expiresAt"] == ends[0]


@pytest.mark.clause("5.6.17")
async def test_merge(api: httpx.AsyncClient, urn: str) -> None:
    """A merge goes to any depth; null deletes; types are added."""
    address = {"type": "Property", "value": {"city": {"name": "M", "code": 1}, "country": "FR"}}
    await api.post("/entities", json=vehicle(urn, address=address))
    patch = {
        "type": "Car",
        "speed": {"value": 70, "accuracy": "urn:ngsi-ld:null"},
        "address": {"value": {"city": {"code": 2}, "country": "urn:ngsi-ld:null"}},
        "owner": "urn:ngsi-ld:null",
        "colour": {"type": "Property", "value": "red"},
    }
    media = {"Content-Type": "application/merge-patch+json"}
    answer = await api.patch(f"/entities/{urn}", json=patch, headers=media)
    assert answer.status_code == 204, answer.text
    found = (await api.get(f"/entities/{urn}")).json()
    assert found["type"] == ["Vehicle", "Car"]
    assert found["speed"]["value"] == 70
    assert found["speed"]["unitCode"] == "KMH"
    assert "accuracy" not in found["speed"]
    assert found["address"]["value"] == {"city": {"name": "M", "code": 2}}
    assert "owner" not in found
    assert found["colour"]["value"] == "red"


@pytest.mark.clause("5.6.18")
async def test_replace(api: httpx.AsyncClient, urn: str) -> None:
    """An entity is replaced whole, and remembers when it was created."""
    await api.post("/entities", json=vehicle(urn))
    before = (await api.get(f"/entities/{urn}?options=sysAttrs")).json()
    new = {"id": urn, "type": "Bus", "seats": {"type": "Property", "value": 40}}
    assert (await api.put(f"/entities/{urn}", json=new)).status_code == 204
    after = (await api.get(f"/entities/{urn}?options=sysAttrs")).json()
    assert (after["type"], after["createdAt"]) == ("Bus", before["createdAt"])
    assert "speed" not in after


@pytest.mark.clause("5.6.17")
async def test_an_end_is_taken_away(api: httpx.AsyncClient, urn: str) -> None:
    """A merge removes expiresAt like any other member."""
    await api.post("/entities", json=vehicle(urn, expiresAt="2099-01-01T00:00:00Z"))
    patch = {"expiresAt": "urn:ngsi-ld:null"}
    assert (await api.patch(f"/entities/{urn}", json=patch)).status_code == 204
    assert "expiresAt" not in (await api.get(f"/entities/{urn}")).json()


@pytest.mark.clause("4.22")
async def test_transient_entities(api: httpx.AsyncClient, urn: str) -> None:
    """An entity that expired is not there any more."""
    await api.post("/entities", json=vehicle(urn, expiresAt="2020-01-01T00:00:00Z"))
    check_problem(await api.get(f"/entities/{urn}"), 404, "ResourceNotFound")


@pytest.mark.clause("4.14")
async def test_tenants(api: httpx.AsyncClient, urn: str) -> None:
    """A tenant exists from its first write, and sees its own entities only."""
    tenant = {"NGSILD-Tenant": urn.rpartition(":")[2]}
    check_problem(await api.get(f"/entities/{urn}", headers=tenant), 404, "NonexistentTenant")
    answer = await api.post("/entities", json=vehicle(urn), headers=tenant)
    assert answer.headers["ngsild-tenant"] == tenant["NGSILD-Tenant"]
    assert (await api.get(f"/entities/{urn}", headers=tenant)).status_code == 200
    check_problem(await api.get(f"/entities/{urn}"), 404, "ResourceNotFound")


@pytest.mark.clause("6.3.4")
async def test_requests_of_careless_clients(api: httpx.AsyncClient, urn: str) -> None:
    """No media type means JSON; booleans in any case; a missing id is told."""
    body = b'{"id": "%s", "type": "Vehicle", "speed": 1}' % urn.encode()
    assert (await api.post("/entities", content=body)).status_code == 201
    gone = await api.delete(f"/entities/{urn}/attrs/speed?deleteAll=True")
    assert gone.status_code == 204
    for call in (api.put, api.patch):
        answer = await call("/entities/", json={"speed": 1})
        assert answer.status_code == 400
        assert answer.json()["type"].endswith("BadRequestData")


@pytest.mark.clause("5.6.3")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "//attrs/"),
        ("PATCH", "//attrs/"),
        ("PATCH", "//attrs/speed"),
        ("PUT", "//attrs/speed"),
        ("DELETE", "//attrs/speed"),
    ],
)
async def test_attributes_of_no_entity(api: httpx.AsyncClient, method: str, path: str) -> None:
    """A path to attributes that lacks the id of the entity is a bad request, whatever is asked there."""
    body = {"speed": {"type": "Property", "value": 1}} if method != "DELETE" else None
    answer = await api.request(method, f"/entities{path}", json=body)
    check_problem(answer, 400, "BadRequestData")
    assert "the id of the entity" in answer.json()["detail"]


@pytest.mark.clause("5.6.5")
async def test_no_attribute_named(api: httpx.AsyncClient, urn: str) -> None:
    """What a path without the name of an attribute says cannot be deleted; no such one can be put."""
    await api.post("/entities", json=vehicle(urn))
    body = {"type": "Property", "value": 1}
    check_problem(await api.put(f"/entities/{urn}/attrs/", json=body), 400, "BadRequestData")
    for path in (f"/entities/{urn}/attrs/", f"/entities/{urn}/attrs/?deleteAll=false"):
        refused = await api.delete(path)
        assert refused.status_code == 405
        assert refused.headers["allow"] == "PATCH, POST"
    assert (await api.delete(f"/entities/{urn}/attrs")).status_code == 405
    named = await api.put(f"/entities/{urn}/attrs/@speed", json=body)
    check_problem(named, 400, "BadRequestData")
    assert (await api.get(f"/entities/{urn}")).json()["speed"]


@pytest.mark.clause("5.5.7")
async def test_names_of_no_context(store: Store, urn: str) -> None:
    """Names that fall into the default vocabulary are told, or refused, as the operator wishes."""
    context = {"@context": {"speed": "http://example.org/speed", "Bus": "http://example.org/Bus"}}
    good = {"id": urn, "type": "Bus", "speed": 1, **context}
    bad = {"id": urn + "2", "type": "Bus", "speed": 1, "pace": 2, **context}
    for rule, status in (("warn", 201), ("refuse", 400)):
        settings = msgspec.structs.replace(CONFORMANCE, lint=rule)
        async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
            transport = httpx.ASGITransport(app=door)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://b/ngsi-ld/v1"
            ) as client:
                clean = await client.post("/entities", json=good, headers=LD)
                assert "ngsild-lint" not in clean.headers
                answer = await client.post("/entities", json=bad, headers=LD)
                assert answer.status_code == status
                said = answer.headers.get("ngsild-lint", answer.text)
                assert "pace" in said
                assert "speed" not in said
                for name in (urn, urn + "2"):
                    await client.delete(f"/entities/{name}")


@pytest.mark.clause("4.7.2")
async def test_places(api: httpx.AsyncClient, urn: str) -> None:
    """A geometry may come as a text, and is one afterwards; a location is nothing but a place."""
    point = {"type": "Point", "coordinates": [17.1, 48.7]}
    cases: list[tuple[dict[str, Any], int]] = [
        ({"type": "GeoProperty", "value": json.dumps(point)}, 201),
        ({"type": "GeoProperty", "value": "somewhere"}, 400),
        ({"type": "Property", "value": 7}, 400),
    ]
    for number, (location, status) in enumerate(cases):
        body = {"id": f"{urn}:{number}", "type": "Van", "location": location}
        assert (await api.post("/entities", json=body)).status_code == status
    assert (await api.get(f"/entities/{urn}:0")).json()["location"]["value"] == point


@pytest.mark.clause("4.22")
async def test_attributes_that_expire(api: httpx.AsyncClient, urn: str) -> None:
    """An attribute goes at its hour; the entity and its other attributes stay."""
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="milliseconds")
    brief = {"type": "Property", "value": 1, "expiresAt": soon.replace("+00:00", "Z")}
    body = {"id": urn, "type": "Van", "brief": brief, "size": {"type": "Property", "value": 2}}
    assert (await api.post("/entities", json=body)).status_code == 201
    assert "brief" in (await api.get(f"/entities/{urn}")).json()
    async with asyncio.timeout(30):
        while "brief" in (shown := (await api.get(f"/entities/{urn}")).json()):
            await asyncio.sleep(0.2)
    assert shown["size"]["value"] == 2


@pytest.mark.clause("4.5.1")
@pytest.mark.parametrize("name", ["datasetId", "instanceId", "observedAt", "unitCode", "value"])
async def test_core_terms_are_no_attributes(api: httpx.AsyncClient, urn: str, name: str) -> None:
    """What the core says of an attribute cannot be the name of one."""
    body = {"id": urn, "type": "Van", name: {"type": "Property", "value": 1}}
    assert (await api.post("/entities", json=body)).status_code == 400
    assert (await api.get(f"/entities/{urn}")).status_code == 404


@pytest.mark.clause("5.5.4")
async def test_null_within_a_value(api: httpx.AsyncClient, urn: str) -> None:
    """Only a merge goes into a value and deletes there; elsewhere null at any depth is refused."""
    home = {"type": "Property", "value": {"city": "Lunel", "country": "France"}}
    null = {"type": "Property", "value": {"country": "urn:ngsi-ld:null"}}
    assert (
        await api.post("/entities", json={"id": urn, "type": "Van", "scope": "urn:ngsi-ld:null"})
    ).status_code == 400
    assert (
        await api.post("/entities", json={"id": urn, "type": "Van", "home": null})
    ).status_code == 400
    assert (
        await api.post("/entities", json={"id": urn, "type": "Van", "home": home})
    ).status_code == 201
    assert (
        await api.patch(f"/entities/{urn}/attrs/home", json={"value": null["value"]})
    ).status_code == 400
    assert (await api.patch(f"/entities/{urn}/attrs", json={"home": null})).status_code == 400
    assert (await api.patch(f"/entities/{urn}", json={"home": null})).status_code == 204
    assert (await api.get(f"/entities/{urn}")).json()["home"]["value"] == {"city": "Lunel"}

"""What a request and its answer agree upon: media types, versions, tenants, lengths, @contexts (clauses 4.3.6.8, 5.5, 6.3)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

KEPT = {"type": "Thing", "size": {"type": "Property", "value": 1}}
Answers = dict[str, bytes]


@pytest.fixture
async def thing(api: httpx.AsyncClient, urn: str) -> str:
    """An entity with a word of a vocabulary, two places and a language."""
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [9.0, 9.0]}}
    body = {
        "id": urn,
        **KEPT,
        "kind": {"type": "VocabProperty", "vocab": "commercial"},
        "location": [
            place | {"datasetId": "urn:ngsi-ld:Dataset:gps"},
            {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1.0, 2.0]}},
        ],
    }
    assert (await api.post("/entities", json=body)).status_code == 201
    return urn


@pytest.fixture
async def site() -> AsyncIterator[tuple[str, Answers]]:
    """A site that gives what the test put there."""
    held: Answers = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = held[head.split()[1]]
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", held


@pytest.mark.clause("6.3.4")
@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("application/ld+json, application/json", "application/json"),
        ("application/geo+json, application/json", "application/json"),
        ("application/json;q=0.1, application/ld+json;q=0.9", "application/ld+json"),
        ("application/json;q=0, */*", "application/ld+json"),
        ("*/*;q=0.9, application/ld+json;q=0.8", "application/json"),
        ("application/ld+json;q=heavy", "application/ld+json"),
    ],
)
async def test_accept(api: httpx.AsyncClient, thing: str, accept: str, given: str) -> None:
    """The heaviest media type is given; of equal ones, the first that the standard lists."""
    answer = await api.get(f"/entities/{thing}", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, given)


@pytest.mark.clause("6.3.4")
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/entities"), ("PATCH", "/entities/urn:x:1/attrs/")]
)
async def test_length_required(api: httpx.AsyncClient, method: str, path: str) -> None:
    """A body without Content-Length is refused, with nothing else, whatever the tenant."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    headers = {"Content-Type": "application/json", "NGSILD-Tenant": "nobody"}
    answer = await api.request(method, path, content=chunks(), headers=headers)
    assert (answer.status_code, answer.content) == (411, b"")


@pytest.mark.clause("4.3.6.8")
async def test_earlier_versions(api: httpx.AsyncClient, thing: str) -> None:
    """A client of an earlier version gets what it knows, and is told so."""
    earlier = await api.get(f"/entities/{thing}", headers={"Prefer": "respond-async, NGSI-LD=1.5"})
    assert earlier.status_code == 203
    assert earlier.headers["preference-applied"] == "ngsi-ld=1.5"
    assert earlier.json()["kind"] == {"type": "Property", "value": "commercial"}
    current = await api.get(f"/entities/{thing}", headers={"Prefer": 'ngsi-ld="1.9";q=0.1'})
    assert (current.status_code, current.json()["kind"]["type"]) == (200, "VocabProperty")
    assert current.headers["preference-applied"] == "ngsi-ld=1.9"
    plain = await api.get(f"/entities/{thing}", headers={"Prefer": "respond-async"})
    assert "preference-applied" not in plain.headers
    wrong = await api.get(f"/entities/{thing}", headers={"Prefer": "ngsi-ld=soon"})
    assert wrong.status_code == 400


@pytest.mark.clause("4.5.16")
async def test_default_geometry(api: httpx.AsyncClient, thing: str) -> None:
    """Of several places, the default instance is the geometry of the Feature."""
    geo = {"Accept": "application/geo+json"}
    answer = (await api.get(f"/entities/{thing}", headers=geo)).json()
    assert answer["geometry"]["coordinates"] == [1.0, 2.0]
    other = await api.get(f"/entities/{thing}", params={"geometryProperty": "location"})
    assert other.status_code == 400


@pytest.mark.clause("5.5.10")
async def test_tenants_that_are_not_there(api: httpx.AsyncClient, urn: str) -> None:
    """Only what creates makes a tenant; everything else says that there is none."""
    tenant = {"NGSILD-Tenant": urn.rpartition(":")[2]}
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/entities?type=Thing", None),
        ("DELETE", f"/entities/{urn}", None),
        ("PATCH", f"/entities/{urn}/attrs", {"size": 1}),
        ("POST", "/entityOperations/delete", [urn]),
    ]
    for method, path, body in asked:
        answer = await api.request(method, path, json=body, headers=tenant)
        assert answer.json()["type"].endswith("/NonexistentTenant"), (method, answer.text)
        assert answer.headers["ngsild-tenant"] == tenant["NGSILD-Tenant"]
    assert (
        await api.post("/entities", json={"id": urn, **KEPT}, headers=tenant)
    ).status_code == 201
    answer = await api.get("/entities?type=Thing", headers=tenant)
    assert [each["id"] for each in answer.json()] == [urn]


@pytest.mark.clause("5.15.1")
async def test_each_tenant_has_its_alias(api: httpx.AsyncClient) -> None:
    """Tenants of one broker are not taken for each other in a chain of brokers."""
    found = [
        (await api.get("/info/sourceIdentity", headers=headers)).json()["contextSourceAlias"]
        for headers in ({}, {"NGSILD-Tenant": "north"}, {"NGSILD-Tenant": "south"})
    ]
    assert len(set(found)) == 3


@pytest.mark.clause("5.5.6")
@pytest.mark.parametrize(
    "held", [b"this is { not json", b'{"note": 1}'], ids=["text", "no context"]
)
async def test_wrong_remote_contexts(
    api: httpx.AsyncClient, urn: str, site: tuple[str, Answers], held: bytes
) -> None:
    """What answers but is no @context is the sender's mistake, not an absence."""
    base, answers = site
    answers["/c"] = held
    answer = await api.post(
        "/entities",
        json={"id": urn, **KEPT, "@context": f"{base}/c"},
        headers={"Content-Type": "application/ld+json"},
    )
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/BadRequestData")


@pytest.mark.clause("5.7.1")
@pytest.mark.parametrize("place", ["entities", "temporal/entities"])
async def test_the_map_of_one_entity(api: httpx.AsyncClient, thing: str, place: str) -> None:
    """A retrieval makes a map where asked, uses the one that is named, replaces one that is gone."""
    made = await api.get(f"/{place}/{thing}", params={"entityMap": "true"})
    assert (made.status_code, made.json()["id"]) == (200, thing)
    where = made.headers["ngsild-entitymap"]
    body = (await api.get(f"/entityMaps/{where.rpartition('/')[2]}")).json()
    assert body["entityMap"] == {thing: ["@none"]}
    again = await api.get(f"/{place}/{thing}", headers={"NGSILD-EntityMap": where})
    assert again.headers["ngsild-entitymap"] == where
    gone = await api.get(f"/{place}/{thing}", headers={"NGSILD-EntityMap": "urn:ngsi-ld:map:gone"})
    assert "gone" not in gone.headers["ngsild-entitymap"]

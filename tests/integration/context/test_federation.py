"""Distributed operations over real HTTP: sources that answer as they are told, and brokers that ask each other."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store

JSON = {"content-type": "application/json"}
Reply = tuple[int, Any]


class Source:
    """A context source that keeps what it was asked, and answers what the test wrote down."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: dict[tuple[str, str], Reply] = {}
        self.url = ""
        self.delay = 0.0

    def when(self, method: str, path: str, status: int, body: Any = None) -> None:
        """Answer so to this method and path, whatever its parameters."""
        self.answers[method, path] = (status, body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        method, target, _ = lines[0].split()
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if ":" in line)
        }
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append((method, target, headers, json.loads(raw) if raw else None))
        await asyncio.sleep(self.delay)
        status, body = self.answers.get((method, target.partition("?")[0]), (404, None))
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        content = b"" if body is None else content
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        with suppress(ConnectionError):
            writer.write(head.encode() + content)
            await writer.drain()
        writer.close()


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    """One source."""
    made = Source()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=1 << 20)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
        await asyncio.sleep(made.delay)


Register = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def register(api: httpx.AsyncClient, source: Source, urn: str) -> AsyncIterator[Register]:
    """Registers the source at the broker; what was registered goes at the end."""
    made: list[str] = []

    async def do(**more: Any) -> httpx.Response:
        body = {
            "id": f"{urn.replace('Thing', 'Registration')}{len(made)}",
            "type": "ContextSourceRegistration",
            "information": [{"entities": [{"id": urn, "type": "Van"}]}],
            "endpoint": source.url,
            **more,
        }
        answer = await api.post("/csourceRegistrations", json=body)
        made.append(body["id"])
        return answer

    yield do
    for name in made:
        await api.delete(f"/csourceRegistrations/{name}")


def speed_of(urn: str) -> list[dict[str, Any]]:
    """Information about one attribute of one entity."""
    return [{"entities": [{"id": urn, "type": "Van"}], "propertyNames": ["speed"]}]


def van(urn: str, **attributes: Any) -> dict[str, Any]:
    """An entity."""
    return {"id": urn, "type": "Van"} | {
        name: {"type": "Property", "value": value} for name, value in attributes.items()
    }


@pytest.mark.clause("4.3.6")
async def test_retrieve_from_a_source(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """An entity that only a source has is retrieved from there, with Via, and not when local."""
    await register()
    source.when("GET", f"/ngsi-ld/v1/entities/{urn}", 200, van(urn, speed=3))
    answer = await api.get(f"/entities/{urn}")
    assert answer.json()["speed"]["value"] == 3
    method, target, headers, _ = source.asked[0]
    assert (method, target) == ("GET", f"/ngsi-ld/v1/entities/{urn}?options=sysAttrs")
    assert headers["via"].startswith("1.1 clapas-")
    assert (await api.get(f"/entities/{urn}?local=true")).status_code == 404
    assert len(source.asked) == 1


@pytest.mark.clause("4.5.5")
async def test_the_most_recent_wins(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Of two values the last observed one is shown, whoever has it; the rest is united."""
    await api.post(
        "/entities?local=true",
        json={
            **van(urn, brand="Z"),
            "speed": {"type": "Property", "value": 1, "observedAt": "2020-01-01T00:00:00Z"},
            "load": {"type": "Property", "value": 1, "observedAt": "2020-01-02T00:00:00Z"},
        },
    )
    await register()
    source.when(
        "GET",
        f"/ngsi-ld/v1/entities/{urn}",
        200,
        {
            **van(urn, doors=4),
            "speed": {"type": "Property", "value": 2, "observedAt": "2020-01-02T00:00:00Z"},
            "load": {"type": "Property", "value": 2, "observedAt": "2020-01-01T00:00:00Z"},
        },
    )
    shown = (await api.get(f"/entities/{urn}?options=keyValues")).json()
    assert shown == {"id": urn, "type": "Van", "brand": "Z", "speed": 2, "load": 1, "doors": 4}


@pytest.mark.clause("4.3.6")
async def test_auxiliary_fills_gaps_only(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """What an auxiliary source says overrides nothing, and it is never written to."""
    await register(mode="auxiliary", operations=["retrieveOps"])
    assert (await api.post("/entities", json=van(urn, brand="mine"))).status_code == 201
    source.when("GET", f"/ngsi-ld/v1/entities/{urn}", 200, van(urn, brand="theirs", doors=4))
    shown = (await api.get(f"/entities/{urn}?options=keyValues")).json()
    assert (shown["brand"], shown["doors"]) == ("mine", 4)
    assert [each[0] for each in source.asked] == ["GET"]


@pytest.mark.clause("5.7.2")
async def test_query_is_narrowed_and_merged(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A query asks a source for what is registered, and one entity comes out of two halves."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    await register(mode="exclusive", information=speed_of(urn))
    source.when("GET", "/ngsi-ld/v1/entities", 200, [van(urn, speed=7, secret=1)])
    answer = await api.get(f"/entities?type=Van&id={urn}&options=keyValues&count=true")
    assert answer.json() == [{"id": urn, "type": "Van", "brand": "Z", "speed": 7}]
    assert answer.headers["ngsild-results-count"] == "1"
    assert source.asked[0][1] == (
        f"/ngsi-ld/v1/entities?type=Van&id={urn}&attrs=speed&options=sysAttrs&limit=1000"
    )
    refused = await api.get(f"/entities?type=Van&id={urn}&orderBy=speed")
    assert refused.status_code == 400


@pytest.mark.clause("5.7.2")
async def test_query_by_post(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A source that takes batch queries only is asked by POST, also for one entity."""
    await register(operations=["queryBatch"])
    source.when("POST", "/ngsi-ld/v1/entityOperations/query", 200, [van(urn, speed=7)])
    body = {"type": "Query", "entities": [{"type": "Van", "id": urn}], "q": "speed>5"}
    found = (await api.post("/entityOperations/query", json=body)).json()
    assert [each["id"] for each in found] == [urn]
    assert source.asked[0][3]["entities"] == [{"id": urn, "type": "Van"}]
    assert source.asked[0][3]["q"] == "speed>5"
    assert (await api.get(f"/entities/{urn}")).json()["speed"]["value"] == 7


@pytest.mark.clause("5.7.2")
async def test_split_entities(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """With splitEntities the filters are asked of the united entity, not of its halves."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    await register()
    source.when("GET", "/ngsi-ld/v1/entities", 200, [van(urn, speed=7)])
    query = f"/entities?type=Van&id={urn}&splitEntities=true&q=brand==%22Z%22;speed"
    assert [each["id"] for each in (await api.get(f"{query}>5")).json()] == [urn]
    assert (await api.get(f"{query}>8")).json() == []
    assert "q=" not in source.asked[0][1]


@pytest.mark.clause("5.7.2")
async def test_context_source_filter(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Csf chooses sources by the properties of their registrations."""
    await register(sourceType={"type": "Property", "value": "sensor"})
    source.when("GET", "/ngsi-ld/v1/entities", 200, [van(urn, speed=7)])
    chosen = await api.get(f'/entities?type=Van&id={urn}&csf=sourceType=="sensor"')
    assert [each["id"] for each in chosen.json()] == [urn]
    assert (await api.get(f'/entities?type=Van&id={urn}&csf=sourceType=="x"')).json() == []
    assert len(source.asked) == 1


@pytest.mark.clause("6.3.17")
async def test_warnings(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Sources that fail are told in NGSILD-Warning; one that has nothing is not a failure."""
    await register(management={"timeout": 200})
    path = f"/ngsi-ld/v1/entities/{urn}"
    assert "ngsild-warning" not in (await api.get(f"/entities/{urn}")).headers
    source.when("GET", path, 403)
    answer = await api.get(f"/entities/{urn}")
    assert (answer.status_code, answer.headers["ngsild-warning"][:3]) == (404, "299")
    source.when("GET", path, 200, "not a json document")
    assert (await api.get(f"/entities/{urn}")).headers["ngsild-warning"][:3] == "111"
    source.delay = 0.5
    assert (await api.get(f"/entities/{urn}")).headers["ngsild-warning"][:3] == "199"


@pytest.mark.clause("6.3.17")
async def test_a_source_that_alone_holds_the_data_must_answer(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Nothing from a redirect source is 502 or 504; after a failure it rests as it asked."""
    await register(mode="redirect", management={"timeout": 200, "cooldown": 60_000})
    source.when("GET", f"/ngsi-ld/v1/entities/{urn}", 200, van(urn))
    source.delay = 0.5
    assert (await api.get(f"/entities/{urn}")).status_code == 504
    assert (await api.get(f"/entities/{urn}")).status_code == 502
    assert len(source.asked) == 1


@pytest.mark.clause("4.3.6.5")
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
    assert source.asked[0][1].endswith("&local=true")


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


@pytest.mark.clause("5.6.1")
async def test_create_inclusive(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """An inclusive source gets a copy; what failed is told in 207."""
    await register(operations=["redirectionOps"])
    source.when("POST", "/ngsi-ld/v1/entities", 201)
    assert (await api.post("/entities", json=van(urn, speed=1))).status_code == 201
    assert source.asked[0][3] == van(urn, speed=1)
    partial = await api.post("/entities", json=van(urn, speed=1))
    assert partial.status_code == 207
    assert [e["error"]["status"] for e in partial.json()["errors"]] == [409]
    source.when("POST", "/ngsi-ld/v1/entities", 409)
    both = await api.post("/entities", json=van(urn, speed=1))
    assert [e["error"]["status"] for e in both.json()["errors"]] == [409, 409]
    broken = await api.post("/entities", json=van("no uri", speed=1))
    assert broken.status_code == 400
    assert len(source.asked) == 3


@pytest.mark.clause("5.6.1")
async def test_create_exclusive(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """An exclusive source takes its attributes, which are not kept here; without the operation: Conflict."""
    await register(mode="exclusive", information=speed_of(urn), operations=["redirectionOps"])
    source.when("POST", "/ngsi-ld/v1/entities", 201)
    assert (await api.post("/entities", json=van(urn, speed=1, brand="Z"))).status_code == 201
    assert source.asked[0][3] == van(urn, speed=1)
    local = (await api.get(f"/entities/{urn}?local=true&options=keyValues")).json()
    assert local == {"id": urn, "type": "Van", "brand": "Z"}
    clash = await register(mode="redirect", information=speed_of(urn))
    assert (clash.status_code, clash.json()["type"].rpartition("/")[2]) == (409, "Conflict")


@pytest.mark.clause("5.6.1")
async def test_create_redirected_without_the_operation(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A redirect source that creates nothing: Conflict, nobody is asked, nothing is kept."""
    await register(mode="redirect", operations=["retrieveOps"])
    answer = await api.post("/entities", json=van(urn, speed=1))
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "Conflict")
    assert source.asked == []
    assert (await api.get(f"/entities/{urn}?local=true")).status_code == 404


@pytest.mark.clause("5.6.6")
async def test_delete(api: httpx.AsyncClient, source: Source, register: Register, urn: str) -> None:
    """A deletion goes to everyone who may have it; what was not there is told."""
    await register(operations=["redirectionOps"])
    source.when("DELETE", f"/ngsi-ld/v1/entities/{urn}", 204)
    missing = await api.delete(f"/entities/{urn}")
    assert missing.status_code == 207
    assert [e["error"]["status"] for e in missing.json()["errors"]] == [404]
    await api.post("/entities?local=true", json=van(urn))
    assert (await api.delete(f"/entities/{urn}?local=true")).status_code == 204
    assert len(source.asked) == 1
    await api.post("/entities?local=true", json=van(urn))
    assert (await api.delete(f"/entities/{urn}")).status_code == 204


@pytest.mark.clause("5.6.3")
async def test_attributes_of_an_exclusive_source(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Appended, updated, replaced, deleted where they are; the others here."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    await register(mode="exclusive", information=speed_of(urn), operations=["redirectionOps"])
    base = f"/ngsi-ld/v1/entities/{urn}/attrs"
    for method, path in (("POST", base), ("PATCH", base), ("PATCH", f"{base}/speed")):
        source.when(method, path, 204)
    source.when("PUT", f"{base}/speed", 204)
    source.when("DELETE", f"{base}/speed", 204)
    speed = {"type": "Property", "value": 9}
    both = {"speed": speed, "brand": {"type": "Property", "value": "Y"}}
    target = f"/entities/{urn}/attrs"
    assert (
        await api.post(f"{target}?options=noOverwrite", json={"speed": speed})
    ).status_code == 204
    assert (await api.patch(target, json=both)).status_code == 204
    assert (await api.patch(f"{target}/speed", json={"value": 1})).status_code == 204
    assert (await api.put(f"{target}/speed", json=speed)).status_code == 204
    assert (await api.delete(f"{target}/speed")).status_code == 204
    sent = [
        (method, target.partition("/attrs")[2], body) for method, target, _, body in source.asked
    ]
    assert sent == [
        ("POST", "?options=noOverwrite", {"speed": speed}),
        ("PATCH", "", {"speed": speed}),
        ("PATCH", "/speed", {"value": 1}),
        ("PUT", "/speed", speed),
        ("DELETE", "/speed", None),
    ]
    local = (await api.get(f"/entities/{urn}?local=true&options=keyValues")).json()
    assert local == {"id": urn, "type": "Van", "brand": "Y"}


@pytest.mark.clause("5.6.17")
async def test_merge_and_replace(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A merge and a replacement reach an inclusive source too; a failure there is told."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    await register(operations=["redirectionOps"])
    for method in ("PATCH", "PUT"):
        source.when(method, f"/ngsi-ld/v1/entities/{urn}", 204)
    assert (await api.patch(f"/entities/{urn}", json={"speed": 1})).status_code == 204
    assert (await api.put(f"/entities/{urn}", json=van(urn, speed=2))).status_code == 204
    assert [each[0] for each in source.asked] == ["PATCH", "PUT"]
    source.when("PATCH", f"/ngsi-ld/v1/entities/{urn}", 500)
    failed = await api.patch(f"/entities/{urn}", json={"speed": 1})
    assert failed.status_code == 207
    assert failed.json()["success"] == [urn]


@pytest.mark.clause("5.6.7")
async def test_batches(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A source gets its part of a batch in one request; its errors are in the one result."""
    information = [{"entities": [{"idPattern": f"{urn}.*", "type": "Van"}]}]
    names = ["createBatch", "upsertBatch", "updateBatch", "mergeBatch", "deleteBatch"]
    await register(information=information, operations=names)
    first, second = f"{urn}-1", f"{urn}-2"
    bodies = [van(first, speed=1), van(second, speed=2)]
    base = "/ngsi-ld/v1/entityOperations/"
    source.when("POST", f"{base}create", 201)
    created = await api.post("/entityOperations/create", json=bodies)
    assert (created.status_code, created.json()) == (201, [first, second])
    for name in ("upsert", "update", "merge", "delete"):
        source.when("POST", base + name, 204)
    for name in ("upsert", "update", "merge"):
        assert (await api.post(f"/entityOperations/{name}", json=bodies)).status_code == 204
    error = {"entityId": first, "error": {"type": "x", "title": "y", "status": 404}}
    source.when("POST", f"{base}delete", 207, {"success": [second], "errors": [error]})
    gone = await api.post("/entityOperations/delete", json=[first, second])
    assert gone.status_code == 207
    assert [each["entityId"] for each in gone.json()["errors"]] == [first]
    assert [each[3] for each in source.asked] == [bodies] * 4 + [[first, second]]


@pytest.mark.clause("5.6.21")
async def test_purge(api: httpx.AsyncClient, source: Source, register: Register, urn: str) -> None:
    """A purge is sent on with its filters."""
    await api.post("/entities?local=true", json=van(urn))
    await register(operations=["redirectionOps"])
    source.when("DELETE", "/ngsi-ld/v1/entities", 204)
    assert (await api.delete(f"/entities?type=Van&id={urn}")).status_code == 204
    assert source.asked[0][1] == f"/ngsi-ld/v1/entities?type=Van&id={urn}"
    assert (await api.get(f"/entities/{urn}?local=true")).status_code == 404


@pytest.mark.clause("5.7.5")
async def test_discovery(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """The types of the sources are in the list."""
    await register()
    kind = f"T{urn[-8:]}"
    source.when("GET", "/ngsi-ld/v1/types", 200, {"type": "EntityTypeList", "typeList": [kind]})
    assert kind in (await api.get("/types")).json()["typeList"]
    info = {"id": kind, "type": "EntityTypeInfo", "typeName": kind, "entityCount": 2}
    source.when("GET", f"/ngsi-ld/v1/types/{kind}", 200, info)
    assert (await api.get("/types?local=true")).status_code == 200


@pytest.mark.clause("5.7.3")
async def test_temporal(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Instances of here and there make one evolution."""
    await register(operations=["retrieveTemporal", "queryTemporal"])
    mine = {"type": "Property", "value": 1, "observedAt": "2020-01-01T00:00:00Z"}
    theirs = {"type": "Property", "value": 2, "observedAt": "2020-01-02T00:00:00Z"}
    await api.post("/temporal/entities", json={"id": urn, "type": "Van", "speed": [mine]})
    remote = {"id": urn, "type": "Van", "speed": [theirs]}
    source.when("GET", f"/ngsi-ld/v1/temporal/entities/{urn}", 200, remote)
    shown = (await api.get(f"/temporal/entities/{urn}")).json()
    assert [each["value"] for each in shown["speed"]] == [1, 2]


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
    stranger = {**told, "subscriptionId": "urn:ngsi-ld:Subscription:guessed"}
    assert (await api.post("/remote-notify", json=stranger)).status_code == 404
    source.when("DELETE", f"/ngsi-ld/v1/subscriptions/{copy['id']}", 204)
    assert (await api.delete(f"/subscriptions/{name}")).status_code == 204
    await _asked(source, "DELETE", f"/ngsi-ld/v1/subscriptions/{copy['id']}")


async def _asked(source: Source, method: str, path: str) -> tuple[str, str, dict[str, str], Any]:
    """The request, when it has come."""
    async with asyncio.timeout(10):
        while True:
            for each in source.asked:
                if (each[0], each[1]) == (method, path):
                    return each
            await asyncio.sleep(0.02)


@pytest.mark.clause("4.3.6")
async def test_what_the_operator_did_not_allow_is_not_asked(
    store: Store, source: Source, urn: str
) -> None:
    """Hosts that are not named, and private addresses, are never asked."""
    settings = msgspec.structs.replace(CONFORMANCE, source_hosts=("elsewhere.example",))
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
    async with open_door(store, None, Charter.standard(), settings) as door:
        transport = httpx.ASGITransport(app=door)
        url = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            yield client


@asynccontextmanager
async def _running(store: Store, alias: str) -> AsyncIterator[httpx.AsyncClient]:
    """A broker behind a real HTTP server."""
    settings = msgspec.structs.replace(CONFORMANCE, alias=alias)
    async with open_door(store, None, Charter.standard(), settings) as door:
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

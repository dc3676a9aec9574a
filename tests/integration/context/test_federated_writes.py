"""Writing over several sources: which part goes where, and what is answered (clause 5.6)."""

import httpx
import pytest
from tests.integration.context.source import Register, Source, speed_of, van

VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"


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
    for method, path in (("POST", f"{base}/"), ("PATCH", f"{base}/"), ("PATCH", f"{base}/speed")):
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
        ("POST", "/?options=noOverwrite", {"speed": speed}),
        ("PATCH", "/", {"speed": speed}),
        ("PATCH", "/speed", {"value": 1}),
        ("PUT", "/speed", speed),
        ("DELETE", "/speed", None),
    ]
    local = (await api.get(f"/entities/{urn}?local=true&options=keyValues")).json()
    assert local == {"id": urn, "type": "Van", "brand": "Y"}


@pytest.mark.clause("5.2.18")
async def test_partial_success_in_whole_names(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """What was and was not done, here and at a source, is told by IRIs, whatever words the source has."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    await register(operations=["redirectionOps"])
    told = {
        "updated": ["load"],
        "notUpdated": [{"attributeName": f"{VOCAB}speed", "reason": "old"}, "brand"],
    }
    source.when("POST", f"/ngsi-ld/v1/entities/{urn}/attrs/", 207, told)
    body = {"speed": 9, "load": 2, "brand": "Y"}
    answer = await api.post(f"/entities/{urn}/attrs?options=noOverwrite", json=body)
    assert answer.status_code == 207
    assert sorted(answer.json()["updated"]) == [f"{VOCAB}load", f"{VOCAB}speed"]
    refused = answer.json()["notUpdated"]
    names = sorted(each["attributeName"].removeprefix(VOCAB) for each in refused)
    assert names == ["brand", "brand", "speed"]
    assert all(each["attributeName"].startswith(VOCAB) for each in refused)


@pytest.mark.clause("5.6.5")
async def test_deletions_say_what_is_not_the_default(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A source is told that all instances go, not that one goes as always."""
    await api.post("/entities?local=true", json=van(urn, speed=1, load=1))
    await register(operations=["redirectionOps"])
    for name, deletes in (("speed", "false"), ("load", "true")):
        source.when("DELETE", f"/ngsi-ld/v1/entities/{urn}/attrs/{name}", 204)
        answer = await api.delete(f"/entities/{urn}/attrs/{name}?deleteAll={deletes}")
        assert answer.status_code == 204
    asked = [each[1].partition("/attrs/")[2] for each in source.asked]
    assert asked == ["speed", "load?deleteAll=true"]


@pytest.mark.clause("4.3.6")
async def test_a_redirection_of_what_is_here(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """The conformance profile redirects an entity that is kept here already: it is written at the source alone."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    assert (await register(mode="redirect", operations=["redirectionOps"])).status_code == 201
    source.when("DELETE", f"/ngsi-ld/v1/entities/{urn}/attrs/brand", 204)
    assert (await api.delete(f"/entities/{urn}/attrs/brand")).status_code == 204
    assert [each[0] for each in source.asked] == ["DELETE"]


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
    for name in ("upsert?options=replace", "update", "merge"):
        assert (await api.post(f"/entityOperations/{name}", json=bodies)).status_code == 204
    asked = [each[1].removeprefix(base) for each in source.asked]
    assert asked == ["create", "upsert?options=replace", "update", "merge"]
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


@pytest.mark.clause("6.3.5")
async def test_a_context_that_has_an_address_goes_in_the_link(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """What several items share goes to a source once, in the header; an inline one stays in the body."""
    hosted = await api.post("/jsonldContexts", json={"@context": {"Van": "https://e.org/Van"}})
    address = str(api.base_url.join(hosted.headers["location"]))
    van_there = [{"entities": [{"idPattern": f"{urn}.*", "type": "https://e.org/Van"}]}]
    await register(mode="redirect", information=van_there, operations=["createBatch"])
    source.when("POST", "/ngsi-ld/v1/entityOperations/create", 201)
    items = [van(f"{urn}:{n}", speed=n) for n in range(2)]
    for context, media in ((address, "json"), ({"Van": "https://e.org/Van"}, "ld+json")):
        source.asked.clear()
        answer = await api.post(
            "/entityOperations/create",
            json=[{**each, "@context": context} for each in items],
            headers={"Content-Type": "application/ld+json"},
        )
        assert answer.status_code == 201
        ((_, _, headers, body),) = source.asked
        assert headers["content-type"] == f"application/{media}"
        assert ("link" in headers, body == items) == (media == "json", media == "json")
    assert source.asked[-1][3][0]["@context"] == {"Van": "https://e.org/Van"}

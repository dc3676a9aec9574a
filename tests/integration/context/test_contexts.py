"""@contexts that are hosted, fetched or made by a request (clause 5.13), and the addresses they are found at."""

from typing import Any

import httpx
import pytest

MEDIA = {"Content-Type": "application/ld+json"}


def thing(urn: str, **attributes: Any) -> dict[str, Any]:
    """An entity."""
    return {"id": urn, "type": "Thing", **attributes}


@pytest.mark.clause("5.13")
async def test_hosted_contexts(api: httpx.AsyncClient, urn: str) -> None:
    """A @context is hosted, used by its address, listed, and deleted."""
    body = {"@context": {"pace": "http://example.org/pace"}}
    made = await api.post("/jsonldContexts", json=body)
    assert made.status_code == 201
    address = "http://broker" + made.headers["location"]
    entity = {**thing(urn), "pace": {"type": "Property", "value": 1}, "@context": address}
    media = {"Content-Type": "application/ld+json"}
    assert (await api.post("/entities", json=entity, headers=media)).status_code == 201
    plain = (await api.get(f"/entities/{urn}")).json()
    assert plain["http://example.org/pace"]["value"] == 1
    link = {"Link": f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"'}
    named = await api.get(f"/entities/{urn}", headers=link)
    assert named.json()["pace"]["value"] == 1
    assert address in named.headers["link"]
    name = made.headers["location"].rpartition("/")[2]
    assert (await api.get(f"/jsonldContexts/{name}")).json() == body
    details = (await api.get(f"/jsonldContexts/{name}?details=true")).json()
    assert (details["kind"], details["localId"]) == ("Hosted", name)
    assert (await api.delete(f"/jsonldContexts/{name}?reload=true")).status_code == 400
    assert (await api.delete(f"/jsonldContexts/{name}")).status_code == 204
    assert (await api.get(f"/jsonldContexts/{name}")).status_code == 404
    scoped = {"@context": {"a": {"@id": "http://example.org/a", "@context": {}}}}
    assert (await api.post("/jsonldContexts", json=scoped)).status_code == 400


@pytest.mark.clause("5.5.7")
async def test_a_context_that_cannot_be_had(api: httpx.AsyncClient, urn: str) -> None:
    """A remote @context that does not answer is LdContextNotAvailable."""
    entity = {**thing(urn), "@context": "http://127.0.0.1:9/context.jsonld"}
    media = {"Content-Type": "application/ld+json"}
    answer = await api.post("/entities", json=entity, headers=media)
    assert answer.status_code == 504
    assert answer.json()["type"].endswith("LdContextNotAvailable")


@pytest.mark.clause("5.13.4")
async def test_forms_of_a_served_context(api: httpx.AsyncClient) -> None:
    """JSON by default, JSON-LD for who asks for it by name; what was never there cannot be reloaded."""
    made = await api.post("/jsonldContexts", json={"@context": {"a": "urn:x:a"}})
    path = made.headers["location"].removeprefix("/ngsi-ld/v1")
    assert (await api.get(path)).headers["content-type"] == "application/json"
    asked = await api.get(path, headers={"Accept": "application/ld+json"})
    assert asked.headers["content-type"] == "application/ld+json"
    assert (await api.delete("/jsonldContexts/nothing")).status_code == 404
    assert (await api.delete("/jsonldContexts/nothing?reload=true")).status_code == 400


@pytest.mark.clause("5.5.10")
async def test_contexts_of_a_tenant(api: httpx.AsyncClient, urn: str) -> None:
    """A hosted @context belongs to the tenant that added it."""
    mine, other = ({"NGSILD-Tenant": f"{name}{urn[-12:]}"} for name in ("a", "b"))
    made = await api.post("/jsonldContexts", json={"@context": {"own": "urn:x:own"}}, headers=mine)
    path = made.headers["location"].removeprefix("/ngsi-ld/v1")
    for wrong in ("", "?details=true"):
        assert (await api.get(path + wrong, headers=other)).status_code == 404
        everything = await api.get("/jsonldContexts" + wrong, headers=other)
        assert (everything.status_code, made.headers["location"] in everything.text) == (200, False)
    assert (await api.delete(path, headers=other)).status_code == 404
    assert "own" in (await api.get(path, headers=mine)).text
    assert (await api.delete(path, headers=mine)).status_code == 204


@pytest.mark.clause("5.5.7")
async def test_addresses_of_contexts(api: httpx.AsyncClient, urn: str) -> None:
    """A path on this host is one; what is no address at all is the sender's mistake."""
    made = await api.post("/jsonldContexts", json={"@context": {"pace": "urn:x:pace"}})
    entity = thing(urn, pace={"type": "Property", "value": 1})
    here = await api.post(
        "/entities", json={**entity, "@context": made.headers["location"]}, headers=MEDIA
    )
    assert here.status_code == 201
    assert "urn:x:pace" in (await api.get(f"/entities/{urn}")).json()
    for wrong in ("http://[bad", "nowhere", "http://"):
        answer = await api.post("/entities", json={**entity, "@context": wrong}, headers=MEDIA)
        assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")

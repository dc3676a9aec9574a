"""Batches (clauses 5.5.11, 5.6.7 to 5.6.10, 6.3.5): each item answers for itself."""

from typing import Any

import httpx
import pytest

LD = {"content-type": "application/ld+json"}
CONTEXT = {"speed": "https://example.org/speed"}


def van(urn: str, **more: Any) -> dict[str, Any]:
    """An entity."""
    return {"id": urn, "type": "Van", **more}


@pytest.mark.clause("5.5.11")
async def test_one_entity_twice(api: httpx.AsyncClient, urn: str) -> None:
    """Created twice, the second fails; upserted twice, it is told once and the last wins; deleted twice, the second fails."""
    made = await api.post("/entityOperations/create", json=[van(urn), van(urn)])
    assert (made.status_code, made.json()["success"]) == (207, [urn])
    assert [each["entityId"] for each in made.json()["errors"]] == [urn]
    for batch, wanted in (([urn, urn], 207), ([urn], 207)):
        gone = await api.post("/entityOperations/delete", json=batch)
        assert gone.status_code == wanted
        assert len(gone.json()["errors"]) == 1
    values = [van(urn, speed={"type": "Property", "value": n}) for n in (1, 2)]
    upserted = await api.post("/entityOperations/upsert", json=values)
    assert (upserted.status_code, upserted.json()) == (201, [urn])
    assert (await api.get(f"/entities/{urn}")).json()["speed"]["value"] == 2


@pytest.mark.clause("6.3.5")
async def test_contexts_of_items(api: httpx.AsyncClient, urn: str) -> None:
    """JSON with a @context, or JSON-LD without, fails alone; with Link and @context the whole is refused."""
    good, bad = van(f"{urn}-1"), van(f"{urn}-2")
    mixed = [good, bad | {"@context": CONTEXT}]
    answer = await api.post("/entityOperations/create", json=mixed)
    assert (answer.status_code, answer.json()["success"]) == (207, [good["id"]])
    error = answer.json()["errors"][0]["error"]
    assert error["type"].endswith("/BadRequestData")
    mixed = [good | {"@context": CONTEXT}, bad]
    answer = await api.post("/entityOperations/upsert", json=mixed, headers=LD)
    assert (answer.status_code, answer.json()["success"]) == (207, [good["id"]])
    assert [each["entityId"] for each in answer.json()["errors"]] == [bad["id"]]
    link = '<http://broker/ngsi-ld/v1/x>; rel="http://www.w3.org/ns/json-ld#context"'
    answer = await api.post("/entityOperations/upsert", json=mixed, headers={**LD, "link": link})
    assert answer.status_code == 400
    assert (await api.post("/entityOperations/delete", json=[good["id"]], headers=LD)).is_success

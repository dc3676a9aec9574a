"""Linked entities beside and inside, each by its own projection (clauses 4.5.23, 4.21)."""

import uuid
from typing import Any

import httpx
import pytest
from tests.integration.context.receiver import Receiver


def linked(to: str) -> dict[str, Any]:
    """A relationship to an entity."""
    return {"type": "Relationship", "object": to}


@pytest.fixture
async def town(api: httpx.AsyncClient) -> str:
    """A building in a city in a country; the end of their ids."""
    end = uuid.uuid4().hex[:10]
    name = {"type": "Property", "value": "its name"}
    point = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [2.0, 48.0]}}
    entities = [
        {
            "id": f"urn:ngsi-ld:Building:{end}",
            "type": f"Building{end}",
            "name": name,
            "locatedAt": linked(f"urn:ngsi-ld:City:{end}"),
        },
        {
            "id": f"urn:ngsi-ld:City:{end}",
            "type": "City",
            "name": name,
            "location": point,
            "isIn": linked(f"urn:ngsi-ld:Country:{end}"),
        },
        {"id": f"urn:ngsi-ld:Country:{end}", "type": "Country", "name": name, "motto": name},
    ]
    answer = await api.post("/entityOperations/create", json=entities)
    assert answer.status_code == 201, answer.text
    return end


def members(shown: list[dict[str, Any]]) -> list[set[str]]:
    """What each entity shows."""
    return [set(each) for each in shown]


FLAT = [
    ({"pick": "id,locatedAt{id,name}"}, [{"id", "locatedAt"}, {"id", "name"}]),
    (
        {"pick": "id,locatedAt{name,isIn{motto}}"},
        [{"id", "locatedAt"}, {"name", "isIn"}, {"motto"}],
    ),
    (
        {"omit": "type,locatedAt{name,isIn{motto}}"},
        [{"id", "name", "locatedAt"}, {"id", "type", "location", "isIn"}, {"id", "type", "name"}],
    ),
    (
        {"omit": "name"},
        [
            {"id", "type", "locatedAt"},
            {"id", "type", "name", "location", "isIn"},
            {"id", "type", "name", "motto"},
        ],
    ),
    ({"pick": "id,name"}, [{"id", "name"}]),
]


@pytest.mark.clause("4.21")
@pytest.mark.parametrize(("wish", "expected"), FLAT, ids=[str(each) for each, _ in FLAT])
async def test_beside(
    api: httpx.AsyncClient, town: str, wish: dict[str, str], expected: list[set[str]]
) -> None:
    """Entities beside show what is named for them, not what is named for the first."""
    params = {"join": "flat", "joinLevel": "2", **wish}
    queried = await api.get("/entities", params={"type": f"Building{town}", **params})
    assert members(queried.json()) == expected
    one = (await api.get(f"/entities/urn:ngsi-ld:Building:{town}", params=params)).json()
    assert members(one if isinstance(one, list) else [one]) == expected


@pytest.mark.clause("4.5.23")
async def test_two_ways_to_one(api: httpx.AsyncClient, town: str) -> None:
    """An entity that two relationships lead to stands once, with what either way shows."""
    path = f"/entities/urn:ngsi-ld:Building:{town}"
    again = {"seenFrom": linked(f"urn:ngsi-ld:City:{town}")}
    assert (await api.post(f"{path}/attrs", json=again)).status_code == 204
    params = {"join": "flat", "pick": "id,locatedAt{id,name},seenFrom{id,isIn}"}
    shown = (await api.get(path, params=params)).json()
    assert members(shown) == [{"id", "locatedAt", "seenFrom"}, {"id", "name", "isIn"}]


@pytest.mark.clause("4.5.23")
async def test_a_ring_ends(api: httpx.AsyncClient, town: str) -> None:
    """Entities that lead to each other are each shown once."""
    back = {"capital": linked(f"urn:ngsi-ld:City:{town}")}
    answer = await api.post(f"/entities/urn:ngsi-ld:Country:{town}/attrs", json=back)
    assert answer.status_code == 204
    params = {"join": "flat", "joinLevel": "9"}
    shown = (await api.get(f"/entities/urn:ngsi-ld:City:{town}", params=params)).json()
    assert [each["type"] for each in shown] == ["City", "Country"]


@pytest.mark.clause("4.5.16")
async def test_features_beside(api: httpx.AsyncClient, town: str) -> None:
    """In GeoJSON the linked entities are features too, each with its own geometry."""
    params = {"join": "flat", "joinLevel": "2"}
    accept = {"Accept": "application/geo+json"}
    for path, more in (("/entities", {"type": f"Building{town}"}), ("/entities/", {})):
        where = path if more else f"{path}urn:ngsi-ld:Building:{town}"
        answer = await api.get(where, params=params | more, headers=accept)
        features = answer.json()["features"]
        types = [each["properties"]["type"] for each in features]
        assert types == [f"Building{town}", "City", "Country"]
        assert [each["geometry"] for each in features] == [
            None,
            {"type": "Point", "coordinates": [2.0, 48.0]},
            None,
        ]


@pytest.mark.clause("5.2.23")
async def test_level_in_a_body(api: httpx.AsyncClient, town: str) -> None:
    """How far to join is a number; its digits are understood, nothing else is."""
    body = {"type": "Query", "entities": [{"type": f"Building{town}"}], "join": "flat"}

    async def answer(level: Any) -> httpx.Response:
        return await api.post("/entityOperations/query", json=body | {"joinLevel": level})

    for level in (2, "2"):
        assert len((await answer(level)).json()) == 3
    for wrong in (True, "two", "0", 0, [2], 1.5):
        assert (await answer(wrong)).status_code == 400


@pytest.mark.clause("5.8.6")
@pytest.mark.parametrize("accept", ["application/geo+json", "application/ld+json"])
async def test_told_with_what_it_leads_to(
    api: httpx.AsyncClient, town: str, receiver: Receiver, accept: str
) -> None:
    """A notification holds the linked entities beside, each with what is named for it."""
    subscription = {
        "id": f"urn:ngsi-ld:Subscription:{town}",
        "type": "Subscription",
        "entities": [{"type": f"Building{town}"}],
        "notification": {
            "join": "flat",
            "pick": ["id", "name", "locatedAt{id,location}"],
            "endpoint": {"uri": receiver.uri, "accept": accept},
        },
    }
    answer = await api.post("/subscriptions", json=subscription)
    assert answer.status_code == 201, answer.text
    path = f"/entities/urn:ngsi-ld:Building:{town}/attrs/name"
    assert (await api.patch(path, json={"value": "new"})).status_code == 204
    _, told = await receiver.next()
    if accept == "application/ld+json":
        assert [set(each) - {"@context"} for each in told["data"]] == [
            {"id", "name", "locatedAt"},
            {"id", "location"},
        ]
        return
    building, city = told["data"]["features"]
    assert (building["geometry"], set(building["properties"])) == (None, {"name", "locatedAt"})
    assert city["geometry"] == {"type": "Point", "coordinates": [2.0, 48.0]}
    assert set(city["properties"]) == {"location"}

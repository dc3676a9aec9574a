"""Entity maps (clauses 5.5.14, 5.14)."""

import httpx
import pytest
from tests.integration.context.five import kind_of


@pytest.mark.clause("5.14.4")
async def test_create_a_map(api: httpx.AsyncClient, urn: str, five: list[str]) -> None:
    """The candidates of a query, each with where it is; too wide a query makes no map."""
    kind = kind_of(urn)
    made = await api.get(f"/entityMaps?type={kind}&q=speed>15")
    assert made.status_code == 201
    assert made.json()["entityMap"] == {each: ["@none"] for each in five[2:]}
    location = made.headers["ngsild-entitymap"]
    assert location == f"/ngsi-ld/v1/entityMaps/{made.json()['id']}"
    assert (await api.get(f"/entityMaps?id={five[0]}")).status_code == 400
    assert (await api.get(f"/entityMaps?type={kind}&entityMapLifetime=1hour")).status_code == 400
    body = {"type": "Query", "entities": [{"type": kind}]}
    assert len((await api.post("/entityMaps", json=body)).json()["entityMap"]) == 5


@pytest.mark.clause("5.14.1")
async def test_keep_a_map(api: httpx.AsyncClient, urn: str, five: list[str]) -> None:
    """A map is shown, prolonged within bounds, not seen by another tenant, gone when expired or deleted."""
    kind = kind_of(urn)
    made = (await api.get(f"/entityMaps?type={kind}&entityMapLifetime=P3650D")).json()
    path = f"/entityMaps/{made['id']}"
    forged = {"expiresAt": "2099-01-01T00:00:00Z", "entityMap": {"urn:x:y": ["@none"]}}
    assert (await api.patch(path, json=forged)).status_code == 204
    shown = (await api.get(path)).json()
    assert set(shown["entityMap"]) == set(five)
    assert shown["expiresAt"] < "2099"
    assert (await api.patch(path, json={"expiresAt": "tomorrow"})).status_code == 400
    other = await api.get(path, headers={"NGSILD-Tenant": "stranger"})
    assert other.status_code == 404
    assert (await api.patch(path, json={"expiresAt": "2000-01-01T00:00:00Z"})).status_code == 204
    assert (await api.get(path)).status_code == 404
    assert (await api.get("/entityMaps/not%20a%20uri")).status_code == 400
    again = (await api.get(f"/entityMaps?type={kind}")).json()
    assert (await api.delete(f"/entityMaps/{again['id']}")).status_code == 204
    assert (await api.delete(f"/entityMaps/{again['id']}")).status_code == 404


@pytest.mark.clause("5.5.9.3")
async def test_page_through_a_map(api: httpx.AsyncClient, urn: str, five: list[str]) -> None:
    """Pages go through the candidates of the first query; what does not fit any more leaves the map."""
    kind = kind_of(urn)
    first = await api.get(f"/entities?type={kind}&entityMap=true&limit=2")
    assert (first.status_code, len(first.json())) == (201, 2)
    location = first.headers["ngsild-entitymap"]
    headers = {"NGSILD-EntityMap": location}
    late = {"id": f"{urn}-9", "type": kind}
    await api.post("/entities", json=late)
    await api.delete(f"/entities/{five[1]}")
    page = await api.get(f"/entities?type={kind}&limit=3&count=true", headers=headers)
    assert [each["id"] for each in page.json()] == [five[0], five[2], five[3]]
    assert page.headers["ngsild-results-count"] == "4"
    assert page.headers["ngsild-entitymap"] == location
    assert 'rel="next"' in page.headers["link"]
    shown = (await api.get(location.removeprefix("/ngsi-ld/v1"))).json()
    assert set(shown["entityMap"]) == {five[0], five[2], five[3], five[4]}


@pytest.mark.clause("5.14.5")
async def test_temporal_map(api: httpx.AsyncClient, urn: str, five: list[str]) -> None:
    """The entities that have instances in the time asked for; without a time it is no query."""
    kind = kind_of(urn)
    assert (await api.get(f"/temporal/entityMaps?type={kind}")).status_code == 400
    query = f"/temporal/entityMaps?type={kind}&timerel=before&timeproperty=createdAt&timeAt="
    assert set((await api.get(query + "2999-01-01T00:00:00Z")).json()["entityMap"]) == set(five)
    assert (await api.get(query + "2000-01-01T00:00:00Z")).json()["entityMap"] == {}

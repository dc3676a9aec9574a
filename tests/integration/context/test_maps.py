"""Entity maps (clauses 5.5.14, 5.14)."""

from typing import Any

import httpx
import msgspec
import pytest
from tests.integration.context.five import kind_of
from tests.integration.context.source import Source, van

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store


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
async def test_keep_a_map(api: httpx.AsyncClient, store: Store, urn: str, five: list[str]) -> None:
    """A map is shown, prolonged within bounds, not seen by another tenant, gone when expired or deleted."""
    kind = kind_of(urn)
    made = (await api.get(f"/entityMaps?type={kind}&entityMapLifetime=P3650D")).json()
    path = f"/entityMaps/{made['id']}"
    forged = {"expiresAt": "2099-01-01T00:00:00Z", "entityMap": {"urn:x:y": ["@none"]}}
    assert (await api.patch(path, json=forged)).status_code == 204
    shown = (await api.get(path)).json()
    assert set(shown["entityMap"]) == set(five)
    assert shown["expiresAt"] == "2099-01-01T00:00:00Z"
    bounded = msgspec.structs.replace(CONFORMANCE, map_hours=1.0)
    async with open_door(store, None, charter=Charter.standard(), settings=bounded) as door:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url=str(api.base_url)) as other:
            assert (await other.patch(path, json=forged)).status_code == 204
    assert (await api.get(path)).json()["expiresAt"] < "2099"
    assert (await api.patch(path, json={"expiresAt": "tomorrow"})).status_code == 400
    foreign = await api.get(path, headers={"NGSILD-Tenant": "stranger"})
    assert foreign.status_code == 404
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


async def _register(api: httpx.AsyncClient, source: Source, urn: str, **more: Any) -> str:
    """The source, registered for the type of this test; the id of the registration."""
    body = {
        "id": urn.replace("Thing", "Registration"),
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": kind_of(urn)}]}],
        "endpoint": source.url,
        **more,
    }
    assert (await api.post("/csourceRegistrations", json=body)).status_code == 201
    return str(body["id"])


@pytest.mark.clause("5.14.4")
async def test_linked_maps(
    api: httpx.AsyncClient, source: Source, urn: str, five: list[str]
) -> None:
    """A source that makes maps is asked for its own: linked, and named to it when the map is used."""
    far, kind = f"{urn}-far", kind_of(urn)
    theirs = {"id": "urn:ngsi-ld:EntityMap:theirs", "type": "EntityMap"}
    source.when("GET", "/ngsi-ld/v1/entityMaps", 201, {**theirs, "entityMap": {far: ["@none"]}})
    registration = await _register(api, source, urn)
    made = (await api.get(f"/entityMaps?type={kind}&q=speed>25")).json()
    assert made["linkedMaps"] == {registration: theirs["id"]}
    assert made["entityMap"] == {five[3]: ["@none"], five[4]: ["@none"], far: [registration]}
    assert [each[1].partition("?")[0] for each in source.asked] == ["/ngsi-ld/v1/entityMaps"]
    body = [{**van(far, speed=40), "type": kind}]
    source.when("GET", "/ngsi-ld/v1/entities", 200, body)
    headers = {"NGSILD-EntityMap": f"/ngsi-ld/v1/entityMaps/{made['id']}"}
    page = await api.get(f"/entities?type={kind}&q=speed>25", headers=headers)
    assert [each["id"] for each in page.json()] == [five[3], five[4], far]
    assert source.asked[-1][2]["ngsild-entitymap"] == f"/ngsi-ld/v1/entityMaps/{theirs['id']}"
    source.asked.clear()
    assert (await api.get(f"/entities/{five[3]}", headers=headers)).status_code == 200
    assert source.asked == []
    await api.delete(f"/csourceRegistrations/{registration}")


@pytest.mark.clause("5.7.2")
async def test_a_query_links_maps(
    api: httpx.AsyncClient, source: Source, urn: str, five: list[str]
) -> None:
    """A query that makes a map asks the sources for theirs, and notes those that they name."""
    far, kind = f"{urn}-far", kind_of(urn)
    source.when("GET", "/ngsi-ld/v1/entities", 201, [{**van(far, speed=40), "type": kind}])
    source.headers = {"NGSILD-EntityMap": "/ngsi-ld/v1/entityMaps/urn:their:map"}
    registration = await _register(api, source, urn)
    made = await api.get(f"/entities?type={kind}&entityMap=true")
    assert (made.status_code, len(made.json())) == (201, 6)
    assert "entityMap=true" in source.asked[-1][1]
    shown = (await api.get(made.headers["ngsild-entitymap"].removeprefix("/ngsi-ld/v1"))).json()
    assert shown["linkedMaps"] == {registration: "urn:their:map"}
    assert (shown["entityMap"][far], shown["entityMap"][five[0]]) == ([registration], ["@none"])
    await api.delete(f"/csourceRegistrations/{registration}")


@pytest.mark.clause("5.7.4")
async def test_a_temporal_query_links_maps(
    api: httpx.AsyncClient, source: Source, urn: str, five: list[str]
) -> None:
    """The map of a temporal query names what sources gave, and keeps to it when it is used."""
    far, kind, path = f"{urn}-far", kind_of(urn), "/ngsi-ld/v1/temporal/entities"
    speed = [{"type": "Property", "value": 9, "observedAt": "2024-05-01T00:00:00Z"}]
    source.when("GET", path, 200, [{"id": far, "type": kind, "speed": speed}])
    source.headers = {"NGSILD-EntityMap": "/ngsi-ld/v1/entityMaps/urn:their:map"}
    operations = ["queryTemporal", "createEntityMapQueryTemporal"]
    registration = await _register(api, source, urn, operations=operations)
    query = f"/temporal/entities?type={kind}&timerel=after&timeAt=2020-01-01T00:00:00Z"
    made = await api.get(f"{query}&entityMap=true")
    assert [each["id"] for each in made.json()] == [far]
    location = made.headers["ngsild-entitymap"]
    shown = (await api.get(location.removeprefix("/ngsi-ld/v1"))).json()
    assert shown["entityMap"] == {far: [registration]}
    assert shown["linkedMaps"] == {registration: "urn:their:map"}
    used = await api.get(query, headers={"NGSILD-EntityMap": location})
    assert [each["id"] for each in used.json()] == [far]
    assert source.asked[-1][2]["ngsild-entitymap"].endswith("/urn:their:map")
    source.when(
        "GET", "/ngsi-ld/v1/temporal/entityMaps", 201, {"id": "urn:a:b", "entityMap": {far: []}}
    )
    linked = await api.get(query.replace("entities", "entityMaps"))
    assert linked.json()["linkedMaps"] == {registration: "urn:a:b"}
    assert linked.json()["entityMap"] == {far: [registration]}
    await api.delete(f"/csourceRegistrations/{registration}")
    assert five

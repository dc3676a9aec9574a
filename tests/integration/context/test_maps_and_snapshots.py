"""Entity maps (clauses 5.5.14, 5.14) and snapshots (5.16)."""

import asyncio
from typing import Any

import httpx
import pytest

from clapas.store import Store


@pytest.fixture
async def five(api: httpx.AsyncClient, urn: str) -> list[str]:
    """Five vehicles of a type of their own."""
    ids = [f"{urn}-{n}" for n in range(5)]
    kind = kind_of(urn)
    body = [
        {"id": each, "type": kind, "speed": {"type": "Property", "value": 10 * n}}
        for n, each in enumerate(ids)
    ]
    assert (await api.post("/entityOperations/create", json=body)).status_code == 201
    return ids


def kind_of(urn: str) -> str:
    """A type that only this test has."""
    return f"Van{urn[-12:]}"


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


async def ready(api: httpx.AsyncClient, location: str) -> dict[str, Any]:
    """The snapshot, once it is filled."""
    async with asyncio.timeout(10):
        while True:
            found = (await api.get(location)).json()
            if found["snapshotStatus"] != "preparing":
                return dict(found)
            await asyncio.sleep(0.02)


async def snap(api: httpx.AsyncClient, **query: Any) -> tuple[str, dict[str, Any]]:
    """A snapshot, filled; and where it is."""
    body = {"type": "Snapshot", "snapshotQueries": [{"type": "Query", **query}]}
    made = await api.post("/snapshots", json=body)
    assert made.status_code == 201
    location = made.headers["location"].removeprefix("/ngsi-ld/v1")
    return location, await ready(api, location)


@pytest.mark.clause("5.16.1")
async def test_a_snapshot_stays(api: httpx.AsyncClient, urn: str, five: list[str]) -> None:
    """What a query found stays as it was, under the snapshot's name; nobody writes there."""
    kind = kind_of(urn)
    location, made = await snap(api, entities=[{"type": kind}], q="speed>25")
    assert (made["snapshotStatus"], made["snapshotPriority"]) == ("success", 5)
    assert made["snapshotQueriesDetails"] == [{"resultStatus": "success"}]
    headers = {"NGSILD-Snapshot": made["id"]}
    await api.patch(f"/entities/{five[4]}/attrs", json={"speed": {"type": "Property", "value": 1}})
    found = await api.get(f"/entities?type={kind}", headers=headers)
    assert [each["id"] for each in found.json()] == five[3:]
    assert found.headers["ngsild-snapshot"] == made["id"]
    shown = await api.get(f"/entities/{five[4]}?options=keyValues", headers=headers)
    assert shown.json()["speed"] == 40
    assert (await api.delete(f"/entities/{five[4]}", headers=headers)).status_code == 422
    assert (await api.delete(location)).status_code == 204
    assert (await api.get(f"/entities?type={kind}", headers=headers)).status_code == 404


@pytest.mark.clause("5.16.1")
async def test_a_snapshot_of_an_evolution(
    api: httpx.AsyncClient, urn: str, five: list[str]
) -> None:
    """What a temporal query found stays as it was; a clone holds it too; deleted, it is gone."""
    kind = kind_of(urn)
    since = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z", "timeproperty": "modifiedAt"}
    query = {"type": "Query", "entities": [{"type": kind}], "temporalQ": since}
    body = {"type": "Snapshot", "snapshotTemporalQueries": [query]}
    made = await api.post("/snapshots", json=body)
    assert made.status_code == 201
    location = made.headers["location"].removeprefix("/ngsi-ld/v1")
    filled = await ready(api, location)
    assert filled["snapshotStatus"] == "success"
    assert filled["snapshotTemporalQueriesDetails"] == [{"resultStatus": "success"}]
    late = {"speed": {"type": "Property", "value": 99}}
    await api.patch(f"/entities/{five[1]}/attrs", json=late)
    cloned = await api.post(f"{location}/clone", json={"type": "Snapshot"})
    assert cloned.status_code == 201
    for name in (filled["id"], cloned.headers["location"].rpartition("/")[2]):
        headers = {"NGSILD-Snapshot": name}
        path = f"/temporal/entities/{five[1]}?timeproperty=modifiedAt"
        found = await api.get(f"{path}&options=temporalValues", headers=headers)
        assert [each[0] for each in found.json()["speed"]["values"]] == [10]
    assert (await api.delete(location)).status_code == 204


@pytest.mark.clause("5.16.1")
@pytest.mark.parametrize(
    "body",
    [
        {"type": "Snapshot"},
        {"type": "Snapshot", "snapshotQueries": []},
        {"type": "Snapshot", "snapshotQueries": [{"type": "Query", "temporalQ": {}}]},
        {"type": "Snapshot", "snapshotTemporalQueries": [{"type": "Entity", "temporalQ": {}}]},
        {"type": "Snapshot", "snapshotStatus": "success", "snapshotQueries": [{"type": "Query"}]},
        {"type": "Photograph", "snapshotQueries": [{"type": "Query"}]},
    ],
)
async def test_wrong_snapshots(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """A wrong snapshot is BadRequestData."""
    assert (await api.post("/snapshots", json=body)).status_code == 400


@pytest.mark.clause("5.16.7")
async def test_clone_and_purge(api: httpx.AsyncClient, urn: str, five: list[str]) -> None:
    """A clone outlives its original; snapshots are purged by their own members only."""
    kind = kind_of(urn)
    location, _ = await snap(api, entities=[{"type": kind}])
    assert (await api.patch(location, json={"snapshotPriority": 1})).json()["snapshotPriority"] == 1
    assert (await api.patch(location, json={"snapshotQueries": []})).status_code == 400
    copied = await api.post(f"{location}/clone", json={"type": "Snapshot", "snapshotPriority": 9})
    copy = copied.headers["location"].removeprefix("/ngsi-ld/v1")
    clone = await ready(api, copy)
    assert (await api.delete("/snapshots?q=speed>1")).status_code == 400
    assert (await api.delete("/snapshots?q=snapshotPriority<5")).status_code == 204
    assert (await api.get(location)).status_code == 404
    headers = {"NGSILD-Snapshot": clone["id"]}
    found = await api.get(f"/entities?type={kind}", headers=headers)
    assert [each["id"] for each in found.json()] == five
    empty = (await snap(api, entities=[{"type": f"No{kind}"}]))[1]
    assert empty["snapshotStatus"] == "empty"


@pytest.mark.clause("5.16.1")
async def test_an_expired_snapshot_goes(
    api: httpx.AsyncClient, store: Store, urn: str, five: list[str]
) -> None:
    """Once its time is over a snapshot is not there any more, and neither are its copies."""
    location, made = await snap(api, entities=[{"type": kind_of(urn)}])
    past = {"expiresAt": "2000-01-01T00:00:00Z"}
    assert (await api.patch(location, json=past)).status_code == 200
    assert (await api.get(location)).status_code == 404
    count = "SELECT count(*) FROM ngsild_entity WHERE tenant LIKE %(like)s"
    async with asyncio.timeout(20):
        while (await store.postgres.rows(count, like=f"%{made['id']}"))[0][0]:
            await asyncio.sleep(0.1)
    assert five

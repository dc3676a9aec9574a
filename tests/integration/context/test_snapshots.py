"""Snapshots (clauses 5.5.15, 5.16)."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.integration.context.five import kind_of
from tests.integration.context.receiver import Receiver

from clapas.store import Store


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
    """What a query found stays as it was, under the snapshot's name."""
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
    sources = await api.get("/csourceRegistrations?type=Van", headers=headers)
    assert sources.status_code == 422
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
        {"type": "Snapshot", "snapshotPriority": 0, "snapshotQueries": [{"type": "Query"}]},
        {"type": "Snapshot", "snapshotLifetime": 3, "snapshotQueries": [{"type": "Query"}]},
        {"type": "Snapshot", "endpoint": "nowhere", "snapshotQueries": [{"type": "Query"}]},
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
    assert (await api.patch(location, json={"snapshotLifetime": "PT0S"})).status_code == 200
    assert (await api.get(location)).status_code == 404
    count = "SELECT count(*) FROM ngsild_entity WHERE tenant LIKE %(like)s"
    async with asyncio.timeout(20):
        while (await store.postgres.rows(count, like=f"%{made['id']}"))[0][0]:
            await asyncio.sleep(0.1)
    assert five


@pytest.mark.clause("5.16.6")
async def test_who_made_a_snapshot_is_told(
    api: httpx.AsyncClient, urn: str, five: list[str], receiver: Receiver
) -> None:
    """A notification says that a snapshot is filled, changed, cloned, over; with the headers it asked for."""
    wanted = {"endpoint": receiver.uri, "receiverInfo": [{"key": "X-Desk", "value": "7"}]}
    queries = [{"type": "Query", "entities": [{"type": kind}]} for kind in (kind_of(urn), "None")]
    since = {"timerel": "before", "timeAt": "2999-01-01T00:00:00Z", "timeproperty": "modifiedAt"}
    body = {"type": "Snapshot", "snapshotQueries": queries, **wanted}
    body["snapshotTemporalQueries"] = [{**queries[0], "temporalQ": since}]
    made = await api.post("/snapshots", json=body)
    location = made.headers["location"].removeprefix("/ngsi-ld/v1")
    headers, told = await receiver.next()
    assert (headers["x-desk"], headers["content-type"]) == ("7", "application/json")
    assert (told["type"], told["snapshotId"]) == ("SnapshotNotification", location[11:])
    assert told["snapshotStatus"] == "partial"
    results = [
        [{"resultStatus": "success"}, {"resultStatus": "empty"}],
        [{"resultStatus": "success"}],
    ]
    assert [told["snapshotQueriesDetails"], told["temporalSnapshotQueriesDetails"]] == results
    changed = await api.patch(location, json={"snapshotPriority": 9, "receiverInfo": None})
    assert (changed.json()["snapshotPriority"], "receiverInfo" in changed.json()) == (9, False)
    headers, told = await receiver.next()
    assert (told["snapshotPriority"], "x-desk" in headers) == (9, False)
    await api.post(f"{location}/clone", json={"type": "Snapshot", "endpoint": receiver.uri})
    told = (await receiver.next())[1]
    assert (told["snapshotStatus"], told["snapshotId"] != location[11:]) == ("success", True)
    await api.patch(location, json={"snapshotLifetime": "PT0S"})
    told = (await receiver.next())[1]
    assert told["expiresAt"] <= told["notifiedAt"]
    assert five


@pytest.mark.clause("5.5.15")
async def test_what_if(
    api: httpx.AsyncClient, urn: str, five: list[str], receiver: Receiver
) -> None:
    """A snapshot is written, subscribed to and mapped as the broker is; nothing of it comes out."""
    location, made = await snap(api, entities=[{"type": kind_of(urn)}])
    inside = {"NGSILD-Snapshot": made["id"]}
    subscription = {
        "id": f"{urn}-what-if",
        "type": "Subscription",
        "entities": [{"type": kind_of(urn)}],
        "notification": {"endpoint": {"uri": receiver.uri}},
    }
    assert (await api.post("/subscriptions", json=subscription, headers=inside)).status_code == 201
    assert (await api.get(f"/subscriptions/{urn}-what-if")).status_code == 404
    faster = {"speed": {"type": "Property", "value": 99}}
    path = f"/entities/{five[0]}"
    assert (await api.patch(f"{path}/attrs", json=faster, headers=inside)).status_code == 204
    headers, told = await receiver.next()
    assert (headers["ngsild-snapshot"], "ngsild-tenant" in headers) == (made["id"], False)
    assert told["data"][0]["speed"]["value"] == 99
    assert (await api.get(path)).json()["speed"]["value"] == 0
    assert (await api.get(path, headers=inside)).json()["speed"]["value"] == 99
    evolution = f"/temporal{path}?options=temporalValues&timeproperty=modifiedAt"
    kept = (await api.get(evolution, headers=inside)).json()["speed"]["values"]
    assert [each[0] for each in kept] == [99]
    assert (await api.delete(f"/entities/{five[1]}", headers=inside)).status_code == 204
    assert (await api.get(f"/entities/{five[1]}")).status_code == 200
    assert (await api.delete(location)).status_code == 204

"""Temporal evolution (clauses 5.6.11 to 5.6.16, 5.7.3, 5.7.4, 4.5.6 to 4.5.19, 6.3.10)."""

from typing import Any

import httpx
import pytest
from tests.integration.context.five import kind_of


def evolution(urn: str) -> dict[str, Any]:
    """Two attributes over an afternoon."""
    speeds = [(120, "12:03"), (80, "12:05"), (100, "12:07")]
    levels = [(67, "12:03"), (53, "13:05"), (40, "14:07")]
    return {
        "id": urn,
        "type": "Vehicle",
        "speed": series(*speeds),
        "fuelLevel": series(*levels),
    }


def series(*values: tuple[float, str]) -> list[dict[str, Any]]:
    """Instances of an afternoon."""
    return [
        {"type": "Property", "value": value, "observedAt": f"2020-08-01T{at}:00Z"}
        for value, at in values
    ]


@pytest.fixture
async def vehicle(api: httpx.AsyncClient, urn: str) -> str:
    """An entity with an evolution."""
    assert (await api.post("/temporal/entities", json=evolution(urn))).status_code == 201
    return urn


@pytest.mark.clause("5.6.11")
async def test_create_then_add(api: httpx.AsyncClient, vehicle: str) -> None:
    """The first writing creates; the second adds, and corrects what has the same instant."""
    again = evolution(vehicle)
    again["speed"][0]["value"] = 121
    again["speed"][1]["observedAt"] = "2020-08-01T13:05:00Z"
    assert (await api.post("/temporal/entities", json=again)).status_code == 204
    shown = (await api.get(f"/temporal/entities/{vehicle}")).json()
    assert [each["value"] for each in shown["speed"]] == [121, 80, 100, 80]
    assert all(each["instanceId"].startswith("urn:") for each in shown["speed"])


@pytest.mark.clause("4.5.8")
async def test_temporal_values(api: httpx.AsyncClient, vehicle: str) -> None:
    """Values with their times; the last ones when asked."""
    path = f"/temporal/entities/{vehicle}?options=temporalValues"
    shown = (await api.get(path)).json()
    assert shown["speed"]["values"][0] == [120, "2020-08-01T12:03:00Z"]
    last = (await api.get(f"{path}&lastN=1")).json()
    assert last["fuelLevel"] == {"type": "Property", "values": [[40, "2020-08-01T14:07:00Z"]]}


@pytest.mark.clause("4.5.19")
async def test_aggregates(api: httpx.AsyncClient, vehicle: str) -> None:
    """Aggregates by hour begin with the first instance."""
    params = "options=aggregatedValues&aggrMethods=avg,max,totalCount&aggrPeriodDuration=PT1H"
    shown = (await api.get(f"/temporal/entities/{vehicle}?{params}")).json()
    hour = ["2020-08-01T12:03:00Z", "2020-08-01T13:03:00Z"]
    assert shown["speed"]["avg"] == [[100.0, *hour]]
    assert shown["speed"]["max"] == [[120.0, *hour]]
    assert [each[0] for each in shown["fuelLevel"]["avg"]] == [67.0, 53.0, 40.0]
    assert (
        await api.get(f"/temporal/entities/{vehicle}?format=aggregatedValues")
    ).status_code == 400


@pytest.mark.clause("4.11")
@pytest.mark.parametrize(
    ("query", "speeds"),
    [
        ("timerel=before&timeAt=2020-08-01T12:05:00Z", [120]),
        ("timerel=after&timeAt=2020-08-01T12:05:00Z", [80, 100]),
        ("timerel=between&timeAt=2020-08-01T12:05:00Z&endTimeAt=2020-08-01T12:07:00Z", [80]),
    ],
)
async def test_time_relations(
    api: httpx.AsyncClient, vehicle: str, query: str, speeds: list[int]
) -> None:
    """Before is open, after and between include their beginning."""
    shown = (await api.get(f"/temporal/entities/{vehicle}?{query}")).json()
    assert [each["value"] for each in shown["speed"]] == speeds


@pytest.mark.clause("4.11")
@pytest.mark.parametrize(
    "query",
    [
        "timerel=after",
        "timerel=never&timeAt=2020-08-01T12:05:00Z",
        "timerel=after&timeAt=yesterday",
        "timerel=between&timeAt=2020-08-01T12:05:00Z",
        "timeproperty=spokenAt",
        "lastN=0",
        "lastN=many",
    ],
)
async def test_wrong_times(api: httpx.AsyncClient, vehicle: str, query: str) -> None:
    """A wrong temporal query is BadRequestData."""
    answer = await api.get(f"/temporal/entities/{vehicle}?{query}")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("BadRequestData")


@pytest.mark.clause("5.7.4")
async def test_query(api: httpx.AsyncClient, vehicle: str) -> None:
    """Entities are selected by what their instances were."""
    base = (
        f"/temporal/entities?type=Vehicle&id={vehicle}&timerel=before&timeAt=2020-08-02T00:00:00Z"
    )
    assert len((await api.get(f"{base}&q=speed==80")).json()) == 1
    assert (await api.get(f"{base}&q=speed==81")).json() == []
    assert (await api.get("/temporal/entities?type=Vehicle")).status_code == 400
    body = {
        "type": "Query",
        "entities": [{"id": vehicle, "type": "Vehicle"}],
        "temporalQ": {"timerel": "after", "timeAt": "2020-08-01T13:00:00Z"},
    }
    posted = await api.post("/temporal/entityOperations/query", json=body)
    assert [each["value"] for each in posted.json()[0]["fuelLevel"]] == [53, 40]


@pytest.mark.clause("4.23")
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name", "123"),
        ("name;desc", "321"),
        ("createdAt", "213"),
        ("name.floor", "312"),
        ("type,name;desc", "321"),
        ("id;desc", "4321"),
    ],
)
async def test_evolutions_are_ordered(
    api: httpx.AsyncClient, urn: str, order: str, expected: str
) -> None:
    """Evolutions come in the order of what their entities are now; those that are nothing now come last."""
    kind = kind_of(urn)
    prefix = f"{urn}:"
    for number, floor in (("2", 3), ("1", 2), ("3", 1)):
        name = {"type": "Property", "value": f"n{number}", "floor": {"type": "Property", "value": floor}}  # fmt: skip
        entity = {"id": prefix + number, "type": kind, "name": name}
        assert (await api.post("/entities", json=entity)).status_code == 201
    past = {"id": prefix + "4", "type": kind, "speed": series((80, "12:03"))}
    assert (await api.post("/temporal/entities", json=past)).status_code == 201
    query = {"type": kind, "orderBy": order, "timerel": "after", "timeAt": "1970-01-01T00:00:00Z"}
    answer = await api.get("/temporal/entities", params=query | {"timeproperty": "createdAt"})
    told = "".join(each["id"].removeprefix(prefix) for each in answer.json())
    assert told == (expected if "4" in expected else expected + "4")


@pytest.mark.clause("5.7.4")
async def test_evolutions_are_ordered_by_id_alone(strict: httpx.AsyncClient) -> None:
    """Outside the conformance profile, an ordering by anything but the id is refused."""
    query = {"type": "Van", "timerel": "after", "timeAt": "1970-01-01T00:00:00Z"}
    answers = {
        order: (
            await strict.get("/temporal/entities", params=query | {"orderBy": order})
        ).status_code
        for order in ("id", "id;desc", "speed", "id,speed", "createdAt")
    }
    refused = dict.fromkeys(("speed", "id,speed", "createdAt"), 400)
    assert answers == {"id": 200, "id;desc": 200} | refused


@pytest.mark.clause("6.3.10")
async def test_pages(api: httpx.AsyncClient, urn: str) -> None:
    """Too many instances: whole instants from the oldest, or from the newest with lastN."""
    moments = [f"2020-01-01T01:{minute:02}:00Z" for minute in range(20)]
    values = [{"type": "Property", "value": 1, "observedAt": at} for at in moments]
    body = {"id": urn, "type": "Vehicle", "speed": values, "fuelLevel": values}
    await api.post("/temporal/entities", json=body)
    answer = await api.get(f"/temporal/entities/{urn}")
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"date-time {moments[0]}-{moments[14]}/*"
    assert len(answer.json()["speed"]) == 15
    last = await api.get(f"/temporal/entities/{urn}?lastN=20")
    assert last.headers["content-range"] == f"date-time {moments[19]}-{moments[5]}/20"


@pytest.mark.clause("5.6.14")
async def test_instances_change_and_go(api: httpx.AsyncClient, vehicle: str) -> None:
    """One instance is changed, then deleted; then the attribute, then everything."""
    path = f"/temporal/entities/{vehicle}"
    speed = (await api.get(path)).json()["speed"][0]
    one = f"{path}/attrs/speed/{speed['instanceId']}"
    assert (await api.patch(one, json={"value": 5})).status_code == 204
    assert (await api.get(path)).json()["speed"][0]["value"] == 5
    assert (await api.delete(one)).status_code == 204
    assert (await api.delete(one)).status_code == 404
    assert (await api.delete(f"{path}/attrs/fuelLevel")).status_code == 204
    assert set((await api.get(path)).json()) == {"id", "type", "speed"}
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404


@pytest.mark.clause("4.5.6")
async def test_present_writes_make_history(api: httpx.AsyncClient, urn: str) -> None:
    """What is written to an entity is seen in its evolution at once, its deletion too."""
    value = {"type": "Property", "value": 1, "observedAt": "2024-01-01T00:00:00Z"}
    await api.post("/entities", json={"id": urn, "type": "Vehicle", "speed": value})
    later = {**value, "value": 2, "observedAt": "2024-01-01T00:01:00Z"}
    await api.patch(f"/entities/{urn}/attrs", json={"speed": later})
    path = f"/temporal/entities/{urn}?options=temporalValues"
    shown = (await api.get(path)).json()
    assert [each[0] for each in shown["speed"]["values"]] == [1, 2]
    await api.delete(f"/entities/{urn}")
    deleted = (await api.get(f"/temporal/entities/{urn}?options=sysAttrs")).json()
    assert "deletedAt" in deleted


@pytest.mark.clause("5.6.5")
@pytest.mark.parametrize(
    ("kind", "member", "value", "null"),
    [
        ("Property", "value", 67, "urn:ngsi-ld:null"),
        ("Relationship", "object", "urn:ngsi-ld:Park:1", "urn:ngsi-ld:null"),
        ("LanguageProperty", "languageMap", {"fr": "bus"}, {"@none": "urn:ngsi-ld:null"}),
    ],
)
async def test_deleted_attribute_of_an_evolution(
    api: httpx.AsyncClient, urn: str, kind: str, member: str, value: object, null: object
) -> None:
    """An attribute that goes leaves a last instance that says when."""
    instance = {"type": kind, member: value, "observedAt": "2020-08-01T12:03:00Z"}
    body = {"id": urn, "type": "Vehicle", "it": [instance]}
    assert (await api.post("/temporal/entities", json=body)).status_code == 201
    assert (await api.delete(f"/entities/{urn}/attrs/it")).status_code == 204
    shown = (await api.get(f"/temporal/entities/{urn}?timeproperty=deletedAt")).json()
    (gone,) = shown["it"]
    assert gone["type"] == kind
    assert gone[member] == null
    assert gone["deletedAt"].endswith("Z")
    assert (await api.delete(f"/entities/{urn}/attrs/it")).status_code == 404


@pytest.mark.clause("4.18")
async def test_scope_evolves(api: httpx.AsyncClient, urn: str) -> None:
    """The scope's evolution is written, read and ended as that of an attribute."""
    scope = [{"type": "Property", "value": "/a/b", "observedAt": "2020-08-01T12:03:00Z"}]
    body = {"id": urn, "type": "Vehicle", "scope": scope}
    assert (await api.post("/temporal/entities", json=body)).status_code == 201
    shown = (await api.get(f"/temporal/entities/{urn}")).json()
    assert shown["scope"][0]["value"] == "/a/b"
    assert (await api.delete(f"/entities/{urn}/attrs/scope")).status_code == 204
    path = f"/temporal/entities/{urn}?timeproperty=deletedAt&options=temporalValues"
    assert (await api.get(path)).json()["scope"]["values"][0][0] == []


@pytest.mark.clause("4.18")
async def test_plain_scope_ends(api: httpx.AsyncClient, urn: str) -> None:
    """A scope that an evolution was given as plain names can be deleted, and its evolution tells so."""
    body = {**evolution(urn), "scope": ["/a/b", "/c"]}
    assert (await api.post("/temporal/entities", json=body)).status_code == 201
    path = f"/temporal/entities/{urn}"
    assert (await api.get(path)).json()["scope"] == ["/a/b", "/c"]
    assert (await api.delete(f"/entities/{urn}/attrs/scope")).status_code == 204
    (gone,) = (await api.get(f"{path}?timeproperty=deletedAt")).json()["scope"]
    assert (gone["value"], "deletedAt" in gone) == ([], True)
    kept = (await api.get(path)).json()["scope"]
    assert [each["value"] for each in kept] == [["/a/b", "/c"]]
    when = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}
    asked = {"type": "Vehicle", "id": urn, "scopeQ": "/a/b", **when}
    found = (await api.get("/temporal/entities", params=asked)).json()
    assert [len(each["speed"]) for each in found] == [3]
    assert (await api.delete(f"/entities/{urn}/attrs/scope")).status_code == 404


@pytest.mark.clause("4.21")
@pytest.mark.parametrize("query", ["pick=unknown", "omit=id,type,fuelLevel,speed"])
async def test_nothing_left(api: httpx.AsyncClient, vehicle: str, query: str) -> None:
    """An evolution of which a projection leaves nothing is not found."""
    answer = await api.get(f"/temporal/entities/{vehicle}?{query}")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("ResourceNotFound")


@pytest.mark.clause("4.5.6")
async def test_changed_scope_evolves(api: httpx.AsyncClient, urn: str) -> None:
    """What the scope of an entity was and became is told as a Property, observed when it was changed."""
    body = {
        "id": urn,
        "type": "Vehicle",
        "scope": "/old",
        "speed": {"type": "Property", "value": 1},
    }
    assert (await api.post("/entities", json=body)).status_code == 201
    fragment = {"type": "Vehicle", "scope": ["/new/a", "/new/b"]}
    assert (await api.patch(f"/entities/{urn}", json=fragment)).status_code == 204
    path = f"/temporal/entities/{urn}"
    old, new = (await api.get(f"{path}?options=sysAttrs")).json()["scope"]
    assert (old["value"], new["value"]) == ("/old", ["/new/a", "/new/b"])
    assert new["observedAt"] == new["modifiedAt"] > old["modifiedAt"]
    known = {"type", "value", "instanceId", "createdAt", "modifiedAt", "observedAt"}
    assert new.keys() == known
    assert "scope" not in (await api.get(f"{path}?omit=scope")).json()
    assert (await api.get(f"{path}?pick=id,scope")).json().keys() == {"id", "scope"}
    assert (await api.delete(f"/entities/{urn}/attrs/scope")).status_code == 204
    ended = (await api.get(f"{path}?timeproperty=deletedAt")).json()["scope"]
    assert [each["value"] for each in ended] == [[]]


@pytest.mark.clause("6.3.10")
async def test_cut_values(api: httpx.AsyncClient, urn: str) -> None:
    """An attribute whose instances are all beyond the page stays, without values."""
    instances = {
        name: [
            {"type": "Property", "value": minute, "observedAt": f"2020-01-{day}T01:{minute:02}:00Z"}
            for minute in range(40)
        ]
        for name, day in (("speed", "01"), ("fuelLevel", "02"))
    }
    await api.post("/temporal/entities", json={"id": urn, "type": "Vehicle", **instances})
    answer = await api.get(f"/temporal/entities/{urn}?options=temporalValues")
    assert answer.status_code == 206
    assert answer.json()["fuelLevel"]["values"] == []
    assert len(answer.json()["speed"]["values"]) == 30


@pytest.mark.clause("5.2.44")
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"aggrMethods": ["avg"]}, 200),
        ({"aggrMethods": ["bogus"]}, 400),
        ({"aggrMethods": ["avg"], "aggrPeriodDuration": "soon"}, 400),
    ],
)
async def test_aggregates_of_a_body(
    api: httpx.AsyncClient, urn: str, given: dict[str, Any], status: int
) -> None:
    """A Query body that names methods gets aggregates."""
    body = {"id": urn, "type": "Vehicle", "speed": series((120, "12:03"), (80, "12:05"))}
    assert (await api.post("/temporal/entities", json=body)).status_code == 201
    asked = {
        "type": "Query",
        "entities": [{"type": "Vehicle", "id": urn}],
        "temporalQ": {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"},
        "aggrParams": given,
    }
    answer = await api.post("/temporal/entityOperations/query", json=asked)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()[0]["speed"]["avg"][0][0] == 100


@pytest.mark.clause("4.6.3")
async def test_moments_are_utc(api: httpx.AsyncClient, urn: str) -> None:
    """A DateTime ends with Z."""
    one = {"type": "Property", "value": 5, "observedAt": "2026-03-01T02:00:00+03:00"}
    answer = await api.post("/temporal/entities", json={"id": urn, "type": "V", "speed": [one]})
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")


@pytest.mark.clause("5.7.4")
async def test_a_map_fixes_a_temporal_query(api: httpx.AsyncClient, urn: str) -> None:
    """What is asked with a map stays within it."""
    for name in ("a", "b"):
        body = {"id": f"{urn}:{name}", "type": kind_of(urn), "speed": series((1, "12:03"))}
        assert (await api.post("/temporal/entities", json=body)).status_code == 201
    when = {"type": kind_of(urn), "timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}
    made = await api.get(
        "/temporal/entities", params=when | {"id": f"{urn}:a", "entityMap": "true"}
    )
    assert made.status_code == 201
    headers = {"NGSILD-EntityMap": made.headers["ngsild-entitymap"]}
    answer = await api.get("/temporal/entities", params=when, headers=headers)
    assert [each["id"] for each in answer.json()] == [f"{urn}:a"]


@pytest.mark.clause("5.6.11")
async def test_a_deletion_is_told(api: httpx.AsyncClient, vehicle: str) -> None:
    """History may hold that an attribute went, and types come together; an entity has no null of its own."""
    gone = {"type": "Property", "value": "urn:ngsi-ld:null", "observedAt": "2020-08-01T15:00:00Z"}
    body = {"id": vehicle, "type": ["Vehicle", "Truck"], "speed": [gone]}
    assert (await api.post("/temporal/entities", json=body)).status_code == 204
    shown = (await api.get(f"/temporal/entities/{vehicle}")).json()
    assert sorted(shown["type"]) == ["Truck", "Vehicle"]
    assert [each["value"] for each in shown["speed"]] == [120, 80, 100, "urn:ngsi-ld:null"]
    wrong = {**body, "expiresAt": "urn:ngsi-ld:null"}
    assert (await api.post("/temporal/entities", json=wrong)).status_code == 400


@pytest.mark.clause("5.6.15")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "//attrs", 400),
        ("DELETE", "//attrs/speed", 400),
        ("PATCH", "//attrs/speed/urn:x:1", 400),
        ("DELETE", "/{id}/attrs//urn:x:1", 400),
        ("PATCH", "/{id}/attrs//urn:x:1", 405),
        ("DELETE", "/{id}/attrs/%2e%2e", 400),
        ("DELETE", "/{id}/attrs/%252e%252e", 400),
        ("DELETE", "/", 405),
    ],
)
async def test_gaps(
    api: httpx.AsyncClient, vehicle: str, method: str, path: str, status: int
) -> None:
    """A path that lacks an id or a name, or steps up, reaches nothing."""
    body = {"speed": [{"type": "Property", "value": 1}]} if method != "DELETE" else None
    address = "/temporal/entities" + path.format(id=vehicle)
    assert (await api.request(method, address, json=body)).status_code == status
    assert (await api.get(f"/temporal/entities/{vehicle}")).status_code == 200

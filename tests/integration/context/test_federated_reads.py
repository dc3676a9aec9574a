"""Reading over several sources: what is asked of each, and how their answers become one (clauses 4.3.6, 4.5.5, 5.7)."""

import httpx
import pytest
from tests.integration.context.source import Register, Source, speed_of, van


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
    assert (method, target) == ("GET", f"/ngsi-ld/v1/entities/{urn}")
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


@pytest.mark.clause("4.5.5")
async def test_undated_rivals_are_asked_when(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A source says when only where another says the same thing undated, or where the caller wants to know."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    await register()
    path = f"/ngsi-ld/v1/entities/{urn}"
    source.when("GET", path, 200, van(urn, doors=4))
    assert (await api.get(f"/entities/{urn}")).status_code == 200
    assert [each[1] for each in source.asked] == [path]
    told = van(urn, brand="Y")
    told["brand"]["modifiedAt"] = "2001-01-01T00:00:00Z"
    source.when("GET", path, 200, told)
    assert (await api.get(f"/entities/{urn}?options=keyValues")).json()["brand"] == "Z"
    told["brand"].pop("modifiedAt")
    assert (await api.get(f"/entities/{urn}?options=keyValues")).json()["brand"] == "Z"
    asked = [each[1].partition("?")[2] for each in source.asked]
    assert asked == ["", "", "", "options=sysAttrs"]
    await api.get(f"/entities/{urn}?options=sysAttrs")
    assert source.asked[4:]
    assert all("sysAttrs" in each[1] for each in source.asked[4:])


@pytest.mark.clause("4.5.5")
async def test_times_asked_for_later_take_nothing_away(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """What a source said is not lost when it leaves it out as it is asked for the times."""
    await api.post("/entities?local=true", json=van(urn, brand="Z"))
    await register()
    later = van(urn, brand="Y")
    later["brand"]["modifiedAt"] = "2999-01-01T00:00:00Z"
    source.pages = [van(urn, brand="Y", doors=4), later]
    shown = (await api.get(f"/entities/{urn}")).json()
    assert len(source.asked) == 2
    assert {name: shown[name]["value"] for name in ("brand", "doors")} == {"brand": "Y", "doors": 4}
    assert "modifiedAt" not in shown["brand"]


@pytest.mark.clause("6.3.10")
async def test_every_page_of_a_source(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """A source that has more than its page is asked for the rest, until it has no more."""
    await register(information=[{"entities": [{"type": "Van"}]}])
    source.pages = [
        [van(f"{urn}:1"), van(f"{urn}:2")],
        [van(f"{urn}:3")],
        [van(f"{urn}:4")],
    ]
    names = [f"{urn}:{n}" for n in (1, 2, 3, 4)]
    found = (await api.get(f"/entities?id={','.join(names)}&type=Van&limit=10")).json()
    assert [each["id"] for each in found] == names
    asked = [each[1].partition("type=Van")[2] for each in source.asked]
    assert asked == ["", "&limit=1000&offset=2", "&limit=1000&offset=3"]


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
    assert source.asked[0][1] == (f"/ngsi-ld/v1/entities?type=Van&id={urn}&attrs=speed")
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
async def test_a_source_that_alone_holds_the_data_and_does_not_answer(
    api: httpx.AsyncClient, source: Source, register: Register, urn: str
) -> None:
    """Nothing is found, and the header says why; after a failure the source rests as it asked."""
    await register(mode="redirect", management={"timeout": 200, "cooldown": 60_000})
    source.when("GET", f"/ngsi-ld/v1/entities/{urn}", 200, van(urn))
    source.delay = 0.5
    for _ in range(2):
        answer = await api.get(f"/entities/{urn}")
        assert (answer.status_code, answer.headers["ngsild-warning"][:3]) == (404, "199")
    found = await api.get(f"/entities?id={urn}&type=Van")
    assert (found.status_code, found.json()) == (200, [])
    assert len(source.asked) == 1


@pytest.mark.clause("4.3.6.5")
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

"""Queries, batches and discovery (clauses 4.9, 4.10, 4.17, 4.19, 4.23, 5.6.7 to 5.6.10, 5.7)."""

import uuid
from typing import Any

import httpx
import pytest


@pytest.fixture
async def kind(api: httpx.AsyncClient) -> str:
    """A type of its own, with three entities."""
    name = f"Kind{uuid.uuid4().hex[:10]}"
    entities = [
        {
            "id": f"urn:ngsi-ld:{name}:{number}",
            "type": [name, "Odd" + name] if number % 2 else name,
            "scope": f"/city/part{number}",
            "level": {
                "type": "Property",
                "value": number * 10,
                "observedAt": f"2020-01-0{number}T00:00:00Z",
                "quality": {"type": "Property", "value": "good" if number == 1 else "bad"},
            },
            "name": {"type": "Property", "value": f"thing {number}"},
            "address": {"type": "Property", "value": {"city": {"code": number}}},
            "title2": {"type": "LanguageProperty", "languageMap": {"fr": f"chose {number}"}},
            "next": {"type": "Relationship", "object": f"urn:ngsi-ld:{name}:{number % 3 + 1}"},
            "location": {
                "type": "GeoProperty",
                "value": {"type": "Point", "coordinates": [3.0 + number / 100, 43.0]},
            },
        }
        for number in (1, 2, 3)
    ]
    answer = await api.post("/entityOperations/create", json=entities)
    assert answer.status_code == 201, answer.text
    assert len(answer.json()) == 3
    return name


async def found(api: httpx.AsyncClient, **params: Any) -> list[str]:
    """The last part of the ids that a query gives."""
    answer = await api.get("/entities", params=params)
    assert answer.status_code == 200, answer.text
    return [each["id"].rpartition(":")[2] for each in answer.json()]


QUERIES = [
    ("level==20", "2"),
    ("level!=20", "13"),
    ("level>=20", "23"),
    ("level==10..20", "12"),
    ("level==10,30", "13"),
    ('name=="thing 2"', "2"),
    ("name~=thing [12]", "12"),
    ("name!~=thing [12]", "3"),
    ("level>10;level<30", "2"),
    ("level==10|level==30", "13"),
    ('(level==10|level==20);name=="thing 2"', "2"),
    ('level.quality=="good"', "1"),
    ("level.observedAt>=2020-01-02T00:00:00Z", "23"),
    ("address[city.code]==3", "3"),
    ('title2[fr]=="chose 1"', "1"),
    ("level", "123"),
    ("missing", ""),
    ("next{level==20}", "1"),
    ("next{level}==20", "1"),
    ("next{level}<20", "3"),
    ("!missing;level>20", "3"),
    ("!level", ""),
    ('title2[*]=="chose 1"', "1"),
    ('title2[*]!="chose 1"', "23"),
    ('next>"urn:a"', ""),
]


@pytest.mark.clause("4.9")
@pytest.mark.parametrize(("q", "expected"), QUERIES, ids=[q for q, _ in QUERIES])
async def test_q(api: httpx.AsyncClient, kind: str, q: str, expected: str) -> None:
    """The query language selects entities by their attributes."""
    joined = {"join": "inline"} if "{" in q else {}
    assert await found(api, type=kind, q=q, **joined) == list(expected)


@pytest.mark.clause("4.9")
@pytest.mark.parametrize(
    "q", ["level==", "(level==1", "==1", "level=1", "a{b", 'n=="', "n~=[", "level>>4", "level===4"]
)
async def test_q_refused(api: httpx.AsyncClient, kind: str, q: str) -> None:
    """What is not the query language is BadRequestData, never a failure."""
    answer = await api.get("/entities", params={"type": kind, "q": q})
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("BadRequestData")


@pytest.mark.clause("4.10")
@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates", "expected"),
    [
        ("near;maxDistance==1000", "Point", "[3.01,43.0]", "12"),
        ("near;minDistance==1000", "Point", "[3.01,43.0]", "3"),
        ("within", "Polygon", "[[[3.005,42],[3.025,42],[3.025,44],[3.005,44],[3.005,42]]]", "12"),
        ("disjoint", "Polygon", "[[[3.005,42],[3.025,42],[3.025,44],[3.005,44],[3.005,42]]]", "3"),
        ("equals", "Point", "[3.02,43.0]", "2"),
        ("intersects", "LineString", "[[3.01,43.0],[3.02,43.0]]", "12"),
    ],
)
async def test_geo(
    api: httpx.AsyncClient,
    kind: str,
    georel: str,
    geometry: str,
    coordinates: str,
    expected: str,
) -> None:
    """Geo-queries: distances over the ellipsoid, and the relations of geometries."""
    given = {"georel": georel, "geometry": geometry, "coordinates": coordinates}
    # one thousand metres at 43° north are a little more than the hundredth of a degree
    assert await found(api, type=kind, **given) == list(expected)


@pytest.mark.clause("4.10")
async def test_geo_refused(api: httpx.AsyncClient, kind: str) -> None:
    """An incomplete or wrong geo-query is BadRequestData."""
    for given in (
        {"georel": "near;maxDistance==10"},
        {"georel": "beside", "geometry": "Point", "coordinates": "[1,2]"},
        {"georel": "within", "geometry": "Point", "coordinates": "[1"},
        {"geometry": "Point", "coordinates": "[1,2]"},
    ):
        answer = await api.get("/entities", params={"type": kind, **given})
        assert answer.status_code == 400, given


@pytest.mark.clause("4.17")
async def test_type_selection(api: httpx.AsyncClient, kind: str) -> None:
    """Types are combined by or, and, parentheses."""
    assert await found(api, type=f"{kind},Nothing") == ["1", "2", "3"]
    assert await found(api, type=f"{kind};Odd{kind}") == ["1", "3"]
    assert await found(api, type=f"(Odd{kind};{kind})|Nothing") == ["1", "3"]


@pytest.mark.clause("4.19")
async def test_scopes(api: httpx.AsyncClient, kind: str) -> None:
    """Scopes are matched exactly, by one level, by everything below."""
    assert await found(api, type=kind, scopeQ="/city/part1") == ["1"]
    assert await found(api, type=kind, scopeQ="/city/+") == ["1", "2", "3"]
    assert await found(api, type=kind, scopeQ="/city/#") == ["1", "2", "3"]
    assert await found(api, type=kind, scopeQ="/city/part1,/city/part3") == ["1", "3"]
    assert await found(api, type=kind, scopeQ="/town/#") == []


@pytest.mark.clause("4.23")
async def test_ordering(api: httpx.AsyncClient, kind: str) -> None:
    """Entities are ordered by attributes and by distance."""
    assert await found(api, type=kind, orderBy="level;desc") == ["3", "2", "1"]
    near = {"orderBy": "location;dist-desc", "orderFrom": "[3.0,43.0]"}
    assert await found(api, type=kind, **near) == ["3", "2", "1"]


@pytest.mark.clause("5.7.2")
async def test_paging(api: httpx.AsyncClient, kind: str) -> None:
    """Pages have links to those before and after; the count is told when asked."""
    answer = await api.get(f"/entities?type={kind}&limit=1&offset=1&count=true")
    assert [each["id"][-1] for each in answer.json()] == ["2"]
    assert answer.headers["ngsild-results-count"] == "3"
    links = answer.headers["link"]
    assert f'</ngsi-ld/v1/entities?count=true&limit=1&offset=2&type={kind}>;rel="next"' in links
    assert f'limit=1&offset=0&type={kind}>;rel="prev"' in links
    none = await api.get(f"/entities?type={kind}&limit=0&count=true")
    assert (none.json(), none.headers["ngsild-results-count"]) == ([], "3")
    assert (await api.get(f"/entities?type={kind}&limit=0")).status_code == 400
    assert (await api.get(f"/entities?type={kind}&limit=-1")).status_code == 400


@pytest.mark.clause("5.7.2")
async def test_a_query_needs_something(api: httpx.AsyncClient, kind: str) -> None:
    """A query says a type, attributes, q or georel, unless it is local."""
    assert (await api.get("/entities")).status_code == 400
    assert (await api.get("/entities?local=true&limit=1")).status_code == 200
    ids = f"urn:ngsi-ld:{kind}:1,urn:ngsi-ld:{kind}:3"
    assert await found(api, type=kind, id=ids) == ["1", "3"]
    assert await found(api, type=kind, idPattern=".*:[23]$") == ["2", "3"]


@pytest.mark.clause("5.7.2")
async def test_query_by_post(api: httpx.AsyncClient, kind: str) -> None:
    """The same query in a body."""
    body = {"type": "Query", "entities": [{"type": kind}], "q": "level>10", "attrs": ["level"]}
    answer = await api.post("/entityOperations/query", json=body)
    assert [each["id"][-1] for each in answer.json()] == ["2", "3"]
    assert "name" not in answer.json()[0]
    wrong = await api.post("/entityOperations/query", json={"type": "Question"})
    assert wrong.status_code == 400


@pytest.mark.clause("4.5.23")
async def test_linked_entities(api: httpx.AsyncClient, kind: str) -> None:
    """Linked entities come inside the relationship, or beside."""
    path = f"/entities/urn:ngsi-ld:{kind}:1"
    inline = (await api.get(f"{path}?join=inline&pick=id,next{{id}}")).json()
    assert inline["next"]["entity"] == {"id": f"urn:ngsi-ld:{kind}:2"}
    flat = (await api.get(f"{path}?join=flat&joinLevel=2")).json()
    assert [each["id"][-1] for each in flat] == ["1", "2", "3"]
    assert (await api.get(f"{path}?join=sideways")).status_code == 400


@pytest.mark.clause("5.6.8")
async def test_upsert(api: httpx.AsyncClient, kind: str) -> None:
    """Upsert creates what is new and replaces what is there; a wrong item fails alone."""
    one, new = f"urn:ngsi-ld:{kind}:1", f"urn:ngsi-ld:{kind}:9"
    level = {"level": {"type": "Property", "value": 1}}
    answer = await api.post(
        "/entityOperations/upsert",
        json=[{"id": one, "type": kind, **level}, {"id": new, "type": kind, **level}],
    )
    assert (answer.status_code, answer.json()) == (201, [new])
    assert "name" not in (await api.get(f"/entities/{one}")).json()
    mixed = await api.post(
        "/entityOperations/upsert?options=update",
        json=[{"id": one, "type": kind, "x": {"type": "Property", "value": 2}}, {"id": "no"}],
    )
    assert mixed.status_code == 207
    assert mixed.json()["success"] == [one]
    assert mixed.json()["errors"][0]["entityId"] == "no"
    assert (await api.get(f"/entities/{one}?options=keyValues")).json()["level"] == 1


@pytest.mark.clause("5.6.9")
async def test_batch_update(api: httpx.AsyncClient, kind: str) -> None:
    """A batch of updates says which entities are not there."""
    one, none = f"urn:ngsi-ld:{kind}:1", f"urn:ngsi-ld:{kind}:none"
    level = {"level": {"type": "Property", "value": 5}}
    answer = await api.post(
        "/entityOperations/update",
        json=[{"id": one, "type": kind, **level}, {"id": none, "type": kind, **level}],
    )
    assert answer.status_code == 207
    assert answer.json()["success"] == [one]
    error = answer.json()["errors"][0]
    assert error["entityId"] == none
    assert error["error"]["type"].endswith("ResourceNotFound")


@pytest.mark.clause("5.6.10")
async def test_batch_delete(api: httpx.AsyncClient, kind: str) -> None:
    """A batch of deletions."""
    ids = [f"urn:ngsi-ld:{kind}:{number}" for number in (1, 2)]
    assert (await api.post("/entityOperations/delete", json=ids)).status_code == 204
    again = await api.post("/entityOperations/delete", json=[ids[0], f"urn:ngsi-ld:{kind}:3"])
    assert (again.status_code, again.json()["success"]) == (207, [f"urn:ngsi-ld:{kind}:3"])
    assert (await api.post("/entityOperations/delete", json=[None])).status_code == 400


@pytest.mark.clause("5.6.20")
async def test_batch_merge(api: httpx.AsyncClient, kind: str) -> None:
    """A batch of merges."""
    one = f"urn:ngsi-ld:{kind}:1"
    patch = [{"id": one, "type": kind, "level": {"value": 77}}]
    assert (await api.post("/entityOperations/merge", json=patch)).status_code == 204
    level = (await api.get(f"/entities/{one}")).json()["level"]
    assert (level["value"], level["observedAt"]) == (77, "2020-01-01T00:00:00Z")


@pytest.mark.clause("5.6.21")
async def test_purge(api: httpx.AsyncClient, kind: str) -> None:
    """Attributes, then entities, are purged by a query."""
    assert (await api.delete(f"/entities?type={kind}&drop=name")).status_code == 204
    assert "name" not in (await api.get(f"/entities/urn:ngsi-ld:{kind}:1")).json()
    assert (await api.delete(f"/entities?type={kind}&q=level>10")).status_code == 204
    assert await found(api, type=kind) == ["1"]


@pytest.mark.clause("5.7.5")
async def test_types(api: httpx.AsyncClient, kind: str) -> None:
    """The types that are there, with their attributes and counts."""
    listed = (await api.get("/types")).json()
    assert listed["type"] == "EntityTypeList"
    assert kind in listed["typeList"]
    details = (await api.get("/types?details=true")).json()
    mine = next(each for each in details if each["typeName"] == kind)
    assert "level" in mine["attributeNames"]
    one = (await api.get(f"/types/{kind}")).json()
    assert (one["type"], one["entityCount"]) == ("EntityTypeInfo", 3)
    assert (await api.get("/types/None")).status_code == 404


@pytest.mark.clause("5.7.8")
async def test_attributes(api: httpx.AsyncClient, kind: str) -> None:
    """The attributes that are there, with the types that have them."""
    assert "level" in (await api.get("/attributes")).json()["attributeList"]
    one = (await api.get("/attributes/title2")).json()
    assert one["attributeTypes"] == ["LanguageProperty"]
    assert kind in one["typeNames"]
    assert (await api.get("/attributes/noneAtAll")).status_code == 404


@pytest.mark.clause("5.7.2")
@pytest.mark.parametrize(
    "params",
    [
        {"attrs": "createdAt"},
        {"q": 'modifiedAt>"2020-01-01T00:00:00Z"'},
        {"type": "Thing", "q": 'owner{name}=="x"'},
        {"type": "Thing", "q": 'a{b{c}}=="x"', "join": "inline", "joinLevel": "1"},
        {"type": "Thing", "q": 'a{b==1}=="x"', "join": "inline"},
        {"type": "Thing", "csf": "))bad(("},
        {"type": "*", "local": "false"},
        {"type": "Thing", "pick": "a{b{c}}", "join": "inline", "joinLevel": "1"},
        {"type": "Thing", "omit": "a{b}"},
        {"type": "Thing", "orderBy": "name", "collation": "!!no"},
        {"type": "Thing", "georel": "near;maxDistance==0"}
        | {"geometry": "Point", "coordinates": "[8,40]"},
    ],
    ids=str,
)
async def test_too_wide_or_too_deep(api: httpx.AsyncClient, params: dict[str, str]) -> None:
    """Queries of everything, or of linked entities that are not joined, are refused."""
    answer = await api.get("/entities", params=params)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")


@pytest.mark.clause("5.7.2")
@pytest.mark.parametrize("name", ["id", "type", "id,type", "level,type", "@type", "na;me"])
async def test_attrs_name_attributes(api: httpx.AsyncClient, kind: str, name: str) -> None:
    """What is no attribute is refused in attrs, in a query as in its body and of one entity."""
    body = {"type": "Query", "entities": [{"type": kind}], "attrs": name.split(",")}
    for answer in (
        await api.get("/entities", params={"type": kind, "attrs": name}),
        await api.post("/entityOperations/query", json=body),
        await api.get(f"/entities/urn:ngsi-ld:{kind}:1", params={"attrs": name}),
        await api.get("/temporal/entities", params={"type": kind, "attrs": name}),
    ):
        assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")


@pytest.mark.clause("4.21")
@pytest.mark.parametrize("given", ["id;name", "name level", "a{b;c}", "name=1", "(name)"])
@pytest.mark.parametrize("way", ["pick", "omit"])
async def test_projections_name_members(
    api: httpx.AsyncClient, kind: str, way: str, given: str
) -> None:
    """What no name of a member holds is refused in pick and omit."""
    params = {"type": kind, way: given, "join": "inline"}
    answer = await api.get("/entities", params=params)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")


@pytest.mark.clause("4.9")
async def test_words_of_the_vocabulary(api: httpx.AsyncClient, urn: str) -> None:
    """A word in a query is one of the @context only where the query says so."""
    kind = f"Kind{urn[-8:]}"
    body = {"id": urn, "type": kind, "use": {"type": "VocabProperty", "vocab": "commercial"}}
    assert (await api.post("/entities", json=body)).status_code == 201
    assert await found(api, type=kind, q="use==commercial") == []
    assert len(await found(api, type=kind, q="use==commercial", expandValues="use")) == 1


@pytest.mark.clause("4.23.3")
async def test_collation(api: httpx.AsyncClient, urn: str) -> None:
    """The root collation has accents beside their letter; without one, code points rule."""
    kind = f"Kind{urn[-8:]}"
    for name in ("A", "b", "á"):
        body = {"id": f"{urn}:{name}", "type": kind, "name": {"type": "Property", "value": name}}
        assert (await api.post("/entities", json=body)).status_code == 201
    assert await found(api, type=kind, orderBy="name") == ["A", "b", "á"]
    assert await found(api, type=kind, orderBy="name", collation="und") == ["A", "á", "b"]


@pytest.mark.clause("4.23.3")
async def test_phone_books(api: httpx.AsyncClient, urn: str) -> None:
    """In a German phone book an umlaut stands with its letter and e; other kinds of order are refused."""
    kind = f"Kind{urn[-8:]}"
    for number, name in enumerate(("Bach", "Zebra", "Äpfel", "Adler", "Afrika")):
        told = {"type": "Property", "value": name}
        body = {"id": f"{urn}:{number}", "type": kind, "name": told}
        assert (await api.post("/entities", json=body)).status_code == 201
    query = {"type": "Query", "entities": [{"type": kind}], "pick": ["name"]}
    orders = {
        "de": ["Adler", "Afrika", "Äpfel", "Bach", "Zebra"],
        "de-u-co-phonebk": ["Adler", "Äpfel", "Afrika", "Bach", "Zebra"],
    }
    for tag, wanted in orders.items():
        ordering = {"orderBy": ["name"], "collation": tag}
        answer = await api.post("/entityOperations/query", json={**query, "ordering": ordering})
        assert [each["name"]["value"] for each in answer.json()] == wanted
    for tag in ("fr-u-co-phonebk", "de-u-co-eor", "de-u-co-phonebk-x"):
        asked = {"type": kind, "orderBy": "name", "collation": tag}
        assert (await api.get("/entities", params=asked)).status_code == 400


@pytest.mark.clause("4.10")
async def test_near_far_north(api: httpx.AsyncClient, urn: str) -> None:
    """A line is as near as its nearest point in metres, also where meridians draw together."""
    kind = f"Kind{urn[-8:]}"
    line = {"type": "LineString", "coordinates": [[0, 85.6], [1, 85]]}
    body = {"id": urn, "type": kind, "location": {"type": "GeoProperty", "value": line}}
    assert (await api.post("/entities", json=body)).status_code == 201
    asked = {"type": kind, "geometry": "Point", "coordinates": "[0,85]"}
    for metres, ids in (("20000", [urn]), ("5000", [])):
        params = asked | {"georel": f"near;maxDistance=={metres}"}
        answer = await api.get("/entities", params=params)
        assert [each["id"] for each in answer.json()] == ids


@pytest.mark.clause("5.2.33")
async def test_ids_come_before_patterns(api: httpx.AsyncClient, kind: str) -> None:
    """A selector has a type; its ids make its pattern void."""
    name = f"urn:ngsi-ld:{kind}:1"
    for selector, status in (
        ({"type": kind, "id": name, "idPattern": "3$"}, 200),
        ({"id": name}, 400),
        ({"type": kind, "id": [name, 5]}, 400),
    ):
        body = {"type": "Query", "entities": [selector]}
        answer = await api.post("/entityOperations/query", json=body)
        assert answer.status_code == status, answer.text
        if status == 200:
            assert [each["id"] for each in answer.json()] == [name]


@pytest.mark.clause("5.2.43")
async def test_ordering_in_a_body(api: httpx.AsyncClient, kind: str) -> None:
    """Ordering by distance in a Query body has its coordinates, an array."""
    asked = {"type": "Query", "entities": [{"type": kind}]}
    near = {"orderBy": ["location;dist-desc"], "coordinates": [3.0, 43.0], "geometry": "Point"}
    for ordering, status in ((near, 200), (near | {"coordinates": "3,43"}, 400)):
        answer = await api.post("/entityOperations/query", json=asked | {"ordering": ordering})
        assert answer.status_code == status
        if status == 200:
            assert [each["id"][-1] for each in answer.json()] == ["3", "2", "1"]

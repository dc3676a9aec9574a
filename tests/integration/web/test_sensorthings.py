"""SensorThings and the city's own paths over the same data, by the conformance classes of OGC 18-088."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.store.values import StateRow

if TYPE_CHECKING:
    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETS = {
    "Things": {"name", "description", "properties"},
    "Locations": {"name", "description", "encodingType", "location"},
    "HistoricalLocations": {"time"},
    "Datastreams": {"name", "description", "observationType", "unitOfMeasurement"},
    "Sensors": {"name", "description", "encodingType", "metadata"},
    "ObservedProperties": {"name", "definition", "description"},
    "Observations": {"phenomenonTime", "resultTime", "result"},
    "FeaturesOfInterest": {"name", "description", "encodingType", "feature"},
}


def at(minutes: int) -> int:
    """Milliseconds of an instant of the story."""
    return int((START + timedelta(minutes=minutes)).timestamp() * 1000)


@pytest.fixture
async def city(services: Services) -> Services:
    """Two bike stations with an hour of values, and a car park."""
    store = services.store
    await store.entities.upsert(
        [
            Entity(
                id=f"urn:ngsi-ld:BikeHireDockingStation:00{n}",
                type="BikeHireDockingStation",
                name=f"Station {n}",
                longitude=3.87 + n / 100,
                latitude=43.6,
            )
            for n in (1, 2)
        ]
        + [Entity(id="urn:ngsi-ld:OffStreetParking:001", type="OffStreetParking", name="Antigone")]
    )
    keys = [
        SeriesKey(
            f"urn:ngsi-ld:BikeHireDockingStation:00{n}", "availableBikeNumber", "bikes_available"
        )
        for n in (1, 2)
    ] + [SeriesKey("urn:ngsi-ld:OffStreetParking:001", "availableSpotNumber", "free_places")]
    series = await store.series.ensure(keys)
    observations = [
        Observation(
            series=series[key].id,
            measured=at(minute),
            value=float(10 * place + minute // 10),
            received=at(minute) + 2000,
            quality=0,
            log=1,
            sequence=100 * place + minute,
            codec=0,
            generation=0,
        )
        for place, key in enumerate(keys)
        for minute in range(0, 60, 10)
    ]
    await store.history.write([], observations, outcomes=[])
    await store.state.upsert(
        [
            StateRow(
                series[key].id,
                key.entity,
                key.attribute,
                float(10 * place + 5),
                at(50),
                at(50) + 2000,
            )
            for place, key in enumerate(keys)
        ]
    )
    return services


async def get(visitor: Visitor, path: str, status: int = 200) -> Any:
    """The JSON of an address of the service."""
    answer = await visitor.call("GET", f"/sta/v1.1{path}")
    assert answer.status_code == status, answer.text
    return answer.json() if "json" in answer.headers["content-type"] else answer.text


async def names(visitor: Visitor, path: str) -> list[str]:
    """The names of a collection."""
    return [each["name"] for each in (await get(visitor, path))["value"]]


def where(text: str) -> str:
    """A filter in an address."""
    return "$filter=" + quote(text)


@pytest.mark.usefixtures("city")
async def test_the_data_model(operator: Visitor) -> None:
    """Every set has its members and links, and every link leads somewhere (datamodel, resource-path)."""
    root = await get(operator, "")
    assert [each["name"] for each in root["value"]] == list(SETS)
    for set_, members in SETS.items():
        entities = (await get(operator, f"/{set_}"))["value"]
        assert entities, set_
        assert members <= set(entities[0])
        alone = await get(
            operator, urlsplit(entities[0]["@iot.selfLink"]).path.removeprefix("/sta/v1.1")
        )
        assert alone == entities[0]
        for name, link in entities[0].items():
            if name.endswith("@iot.navigationLink"):
                path = urlsplit(link).path.removeprefix("/sta/v1.1")
                found = await get(operator, path)
                assert found.get("value") or found["@iot.id"], path


@pytest.mark.usefixtures("city")
async def test_members_and_references(operator: Visitor) -> None:
    """A member, its bare value, references only; what is not there is not found (resource-path)."""
    thing = (await get(operator, "/Things?$orderby=name desc"))["value"][0]
    path = f"/Things({thing['@iot.id']})"
    assert await get(operator, f"{path}/name") == {"name": "Station 2"}
    assert await get(operator, f"{path}/name/$value") == "Station 2"
    assert await get(operator, f"{path}/properties/type") == {"type": "BikeHireDockingStation"}
    links = (await get(operator, f"{path}/Datastreams/$ref"))["value"]
    assert list(links[0]) == ["@iot.selfLink"]
    for wrong in ("/Things(999999)", "/Nothing", "/Things(1)/Nothing/x/y/z/a", "/Things('a')"):
        await get(operator, wrong, 404)


@pytest.mark.usefixtures("city")
async def test_filters_of_the_catalogue(operator: Visitor) -> None:
    """Comparison, logic, text, place and navigation in $filter (request-data)."""
    assert await names(operator, "/Things?" + where("name eq 'Station 1'")) == ["Station 1"]
    assert len(await names(operator, "/Things?" + where("startswith(name,'Station')"))) == 2
    assert await names(operator, "/Things?" + where("not startswith(name,'Sta') or 1 eq 2")) == [
        "Antigone"
    ]
    near = "geo.intersects(location,geography'POLYGON((3.875 43.5,3.885 43.5,3.885 43.7,3.875 43.7,3.875 43.5))')"
    assert await names(operator, "/Locations?" + where(near)) == ["Station 1"]
    close = "geo.distance(Locations/location,geography'POINT(3.89 43.6)') lt 0.001"
    assert await names(operator, "/Things?" + where(close)) == ["Station 2"]
    free = "Datastreams/ObservedProperty/name eq 'availableSpotNumber'"
    assert await names(operator, "/Things?" + where(free)) == ["Antigone"]
    streams = "Thing/name eq 'Station 2' and contains(tolower(ObservedProperty/name),'bike')"
    assert await names(operator, "/Datastreams?" + where(streams)) == [
        "Station 2 : availableBikeNumber"
    ]
    for wrong in ("name", "nothing eq 1", "name eq", "boom(name) eq 1"):
        await get(operator, "/Things?" + where(wrong), 400)


@pytest.mark.usefixtures("city")
async def test_what_a_map_asks_first(operator: Visitor) -> None:
    """QGIS asks for each kind of geometry, plain or in a feature, then for what is in sight."""
    for set_, member in (("Locations", "location"), ("Datastreams", "observedArea")):
        counts = []
        for kind in ("Point", "Polygon"):
            asked = f"{member}/type eq '{kind}' or {member}/geometry/type eq '{kind}'"
            body = await get(operator, f"/{set_}?$top=0&$count=true&" + where(asked))
            counts.append(body["@iot.count"])
        assert (counts[0] > 0, counts[1]) == (True, 0)
    sight = "Polygon ((3.875 43.5, 3.885 43.5, 3.885 43.7, 3.875 43.7, 3.875 43.5))"
    kind = "(location/type eq 'Point' or location/geometry/type eq 'Point')"
    inside = f"{kind} and (geo.intersects(location, geography'{sight}'))"
    assert await names(operator, "/Locations?" + where(inside)) == ["Station 1"]


@pytest.mark.usefixtures("city")
async def test_pages(operator: Visitor) -> None:
    """$top, $skip, $count, $orderby, and a next link that leads on to the end (request-data)."""
    first = await get(operator, "/Things?$top=2&$count=true&$orderby=name")
    assert first["@iot.count"] == 3
    assert [each["name"] for each in first["value"]] == ["Antigone", "Station 1"]
    parts = urlsplit(first["@iot.nextLink"])
    rest = await get(operator, f"{parts.path.removeprefix('/sta/v1.1')}?{parts.query}")
    assert [each["name"] for each in rest["value"]] == ["Station 2"]
    assert "@iot.nextLink" not in rest
    assert await get(operator, "/Things/$count") == "3"
    for wrong in ("$top=-1", "$skip=x", "$orderby=nothing", "$nonsense=1", "$expand=Nothing"):
        await get(operator, f"/Things?{wrong}", 400)


async def stream_of(visitor: Visitor, name: str) -> str:
    """The address of a station's stream."""
    found = await get(visitor, "/Datastreams?" + where(f"Thing/name eq '{name}'"))
    return f"/Datastreams({found['value'][0]['@iot.id']})"


@pytest.mark.usefixtures("city")
async def test_the_next_page_of_an_expansion_asks_the_same_question(operator: Visitor) -> None:
    """Inside an expansion too, a next link leads on to the end: filter, order and selection hold (9.3.3.4)."""
    inner = "$filter=result gt 1;$orderby=result;$select=result;$top=2;$count=true"
    path = f"{await stream_of(operator, 'Station 1')}?$select=name&$expand=Observations({quote(inner)})"
    stream = await get(operator, path)
    assert stream["Observations@iot.count"] == 4
    assert stream["Observations"] == [{"result": 2}, {"result": 3}]
    parts = urlsplit(stream["Observations@iot.nextLink"])
    rest = await get(operator, f"{parts.path.removeprefix('/sta/v1.1')}?{parts.query}")
    assert rest == {"@iot.count": 4, "value": [{"result": 4}, {"result": 5}]}
    wide = "/Sensors?$expand=Datastreams/Thing,Datastreams/ObservedProperty,Datastreams($top=1)"
    sensor = (await get(operator, wide))["value"][0]
    assert {"Thing", "ObservedProperty"} <= sensor["Datastreams"][0].keys()


@pytest.mark.usefixtures("city")
async def test_observations(operator: Visitor) -> None:
    """The newest first, by pages in time, filtered by time and result, counted (request-data)."""
    stream = await stream_of(operator, "Station 1")
    path = f"{stream}/Observations"
    seen: list[float] = []
    page = await get(operator, f"{path}?$top=4&$count=true")
    assert page["@iot.count"] == 6
    while True:
        seen += [each["result"] for each in page["value"]]
        if "@iot.nextLink" not in page:
            break
        parts = urlsplit(page["@iot.nextLink"])
        page = await get(operator, f"{parts.path.removeprefix('/sta/v1.1')}?{parts.query}")
    assert seen == [5, 4, 3, 2, 1, 0]
    some = "result gt 1 and phenomenonTime lt 2026-01-01T12:40:00Z"
    found = (await get(operator, f"{path}?$orderby=result&" + where(some)))["value"]
    assert [each["result"] for each in found] == [2, 3]
    assert found[0]["phenomenonTime"] == "2026-01-01T12:20:00.000Z"
    assert found[0]["resultTime"] == "2026-01-01T12:20:02.000Z"
    across = "Datastream/Thing/name eq 'Station 2' and result ge 14"
    found = (await get(operator, "/Observations?" + where(across)))["value"]
    assert [each["result"] for each in found] == [15, 14]
    hour = (await get(operator, f"{path}?" + where("minute(phenomenonTime) eq 30")))["value"]
    assert [each["result"] for each in hour] == [3]
    mixed = where("result gt 1 or Datastream/Thing/name eq 'x'")
    await get(operator, f"/Observations?{mixed}", 400)


@pytest.mark.usefixtures("city")
async def test_expand_and_select(operator: Visitor) -> None:
    """What an entity leads to comes inside, with options of its own (request-data)."""
    inner = "Datastreams($select=name;$expand=ObservedProperty($select=name),Observations($top=1))"
    query = f"/Things?$filter={quote(chr(110) + 'ame')}%20eq%20'Station%202'&$select=name&$expand={inner},Locations"
    thing = (await get(operator, query))["value"][0]
    assert set(thing) == {"name", "Datastreams", "Locations"}
    assert thing["Locations"][0]["location"]["coordinates"] == [3.89, 43.6]
    stream = thing["Datastreams"][0]
    assert stream["ObservedProperty"] == {"name": "availableBikeNumber"}
    assert [each["result"] for each in stream["Observations"]] == [15]
    short = (await get(operator, "/Datastreams?$expand=Thing/Locations&$top=1"))["value"][0]
    assert short["Thing"]["Locations"][0]["name"] == "Station 1"
    observed = await get(operator, "/Observations?$top=1&$expand=Datastream,FeatureOfInterest")
    assert observed["value"][0]["FeatureOfInterest"]["@iot.id"]


@pytest.mark.usefixtures("city")
async def test_other_forms(operator: Visitor) -> None:
    """Rows of numbers, and GeoJSON for maps (data-array)."""
    stream = await stream_of(operator, "Station 1")
    rows = (await get(operator, f"{stream}/Observations?$resultFormat=dataArray"))["value"][0]
    assert rows["components"] == ["id", "phenomenonTime", "resultTime", "result"]
    assert [each[3] for each in rows["dataArray"]] == [5, 4, 3, 2, 1, 0]
    drawn = await get(operator, "/Locations?$resultFormat=GeoJSON&$orderby=name")
    assert drawn["features"][0]["geometry"] == {"type": "Point", "coordinates": [3.88, 43.6]}
    assert drawn["features"][0]["properties"]["name"] == "Station 1"
    await get(operator, "/Things?$resultFormat=dataArray", 400)


@pytest.mark.usefixtures("city")
async def test_strangers(stranger: Visitor) -> None:
    """The charter is asked: what is not open is not given."""
    assert (await stranger.call("GET", "/sta/v1.1/Things")).status_code in {401, 403}
    assert (await stranger.call("GET", "/bikestation")).status_code in {401, 403}


@pytest.mark.usefixtures("city")
async def test_the_citys_own_paths(operator: Visitor) -> None:
    """The paths, ids and forms that today's scripts use."""
    found = (await operator.call("GET", "/bikestation?limit=1000")).json()
    assert [each["id"] for each in found] == ["urn:ngsi-ld:station:001", "urn:ngsi-ld:station:002"]
    assert found[0]["availableBikeNumber"] == {
        "type": "Number",
        "value": 5,
        "metadata": {"timestamp": {"type": "DateTime", "value": "2026-01-01T12:50:00.000Z"}},
    }
    assert found[0]["location"]["value"]["coordinates"] == [3.88, 43.6]
    plain = await operator.call(
        "GET", "/offstreetparking?options=keyValues,count&attrs=availableSpotNumber"
    )
    assert plain.headers["fiware-total-count"] == "1"
    assert plain.json() == [
        {"id": "urn:ngsi-ld:parking:001", "type": "OffStreetParking", "availableSpotNumber": 25}
    ]
    assert (await operator.call("GET", "/ecocounter")).json() == []
    archive = "/bikestation_timeseries/urn:ngsi-ld:station:002/attrs/availableBikeNumber"
    span = "?fromDate=2026-01-01T12:15:00Z&toDate=2026-01-01T12:45:00Z"
    values = (await operator.call("GET", archive + span)).json()
    assert values["values"] == [12, 13, 14]
    assert values["index"][0] == "2026-01-01T12:20:00.000Z"
    assert values["entityId"] == "urn:ngsi-ld:station:002"
    assert (await operator.call("GET", archive + "?fromDate=yesterday")).status_code == 400
    missing = archive.replace("002", "009")
    assert (await operator.call("GET", missing + span)).status_code == 404

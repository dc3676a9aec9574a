"""A sensor's observation is an attribute of its entity at once, and rights hold at this door too."""

import time
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE, Settings
from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.domain.window import Window
from clapas.store import Store
from clapas.store.values import StateRow


@pytest.mark.clause("4.5.2")
async def test_observations_are_attributes(api: httpx.AsyncClient, store: Store, urn: str) -> None:
    """A present value carries observedAt and unitCode, and is found by q and by place."""
    entity = Entity(id=urn, type="WeatherObserved", name="Roof", longitude=3.9, latitude=43.6)
    await store.entities.upsert([entity])
    key = SeriesKey(entity=urn, attribute="temperature", quantity="temperature")
    series = (await store.series.ensure([key]))[key]
    now = int(time.time() * 1000)
    row = StateRow(series.id, urn, "temperature", 21.5, 1_700_000_000_000, now)
    await store.state.upsert([row])
    shown = (await api.get(f"/entities/{urn}")).json()
    assert shown["temperature"] == {
        "type": "Property",
        "value": 21.5,
        "unitCode": "CEL",
        "observedAt": "2023-11-14T22:13:20.000Z",
    }
    assert shown["location"]["value"]["coordinates"] == [3.9, 43.6]
    params = {
        "type": "WeatherObserved",
        "q": "temperature>21;temperature<22",
        "georel": "near;maxDistance==100",
        "geometry": "Point",
        "coordinates": "[3.9,43.6]",
        "id": urn,
    }
    found = (await api.get("/entities", params=params)).json()
    assert [each["id"] for each in found] == [urn]
    extra = {"note": {"type": "Property", "value": "beside"}}
    assert (await api.post(f"/entities/{urn}/attrs", json=extra)).status_code == 204
    both = (await api.get(f"/entities/{urn}?options=keyValues")).json()
    assert (both["note"], both["temperature"]) == ("beside", 21.5)


@pytest.mark.clause("5.7.3")
async def test_series_are_evolutions(api: httpx.AsyncClient, store: Store, urn: str) -> None:
    """What a sensor measured is its entity's temporal evolution: values, last ones, aggregates, queries."""
    kind = "Roof" + urn[-8:]
    await store.entities.upsert([Entity(id=urn, type=kind)])
    key = SeriesKey(entity=urn, attribute="temperature", quantity="temperature")
    series = (await store.series.ensure([key]))[key]
    start = 1_700_006_400_000
    values = [
        Observation(series.id, start + 600_000 * each, 20.0 + each, start, 1, 10_000 + each)
        for each in range(12)
    ]
    await store.history.keep(values)
    shown = (await api.get(f"/temporal/entities/{urn}")).json()
    assert [each["value"] for each in shown["temperature"]] == [20.0 + n for n in range(12)]
    assert shown["temperature"][0]["unitCode"] == "CEL"
    assert shown["temperature"][0]["observedAt"] == "2023-11-15T00:00:00Z"
    last = (await api.get(f"/temporal/entities/{urn}?lastN=2&options=temporalValues")).json()
    assert [value for value, _ in last["temperature"]["values"]] == [30.0, 31.0]
    params = {
        "format": "aggregatedValues",
        "aggrMethods": "avg,max",
        "aggrPeriodDuration": "PT1H",
        "timerel": "after",
        "timeAt": "2023-11-15T00:00:00Z",
    }
    hours = (await api.get(f"/temporal/entities/{urn}", params=params)).json()["temperature"]
    assert [value for value, _, _ in hours["avg"]] == [22.5, 28.5]
    assert [value for value, _, _ in hours["max"]] == [25.0, 31.0]
    window = {"type": kind, "timerel": "after", "timeAt": "2023-11-15T01:00:00Z"}
    found = (await api.get("/temporal/entities", params=window)).json()
    assert [len(each["temperature"]) for each in found] == [6]


@pytest.mark.clause("5.6.16")
async def test_what_was_deleted_does_not_come_back(
    api: httpx.AsyncClient, store: Store, urn: str
) -> None:
    """A deleted evolution of measured values stays away, also when they are handed out again."""
    await store.entities.upsert([Entity(id=urn, type="Thing")])
    key = SeriesKey(entity=urn, attribute="temperature", quantity="temperature")
    series = (await store.series.ensure([key]))[key]
    now = int(datetime.now(UTC).timestamp() * 1000)
    old = [Observation(series.id, now - 60_000 * n, 20.0, now, 1, 20_000 + n) for n in (1, 2)]
    await store.history.keep(old)
    where = f"/temporal/entities/{urn}"
    assert len((await api.get(where)).json()["temperature"]) == 2
    assert (await api.delete(f"{where}/attrs/temperature")).status_code == 204
    assert "temperature" not in (await api.get(where)).json()
    assert (await api.delete(where)).status_code == 204
    assert (await api.get(where)).status_code == 404
    await store.history.keep([*old, Observation(series.id, now - 5, 21.0, now, 1, 20_009)])
    assert (await api.get(where)).status_code == 404
    await store.history.keep([Observation(series.id, now + 60_000, 22.0, now, 1, 20_010)])
    shown = (await api.get(where)).json()["temperature"]
    assert [each["value"] for each in shown] == [22.0]


@pytest.mark.clause("5.6.4")
async def test_measured_writes_reach_the_platform(
    api: httpx.AsyncClient, store: Store, urn: str
) -> None:
    """A value with observedAt is in the history at once, and the pipeline tells rules and ledger of it."""
    level = {"type": "Property", "value": 4.5, "observedAt": "2024-01-01T00:00:00Z"}
    assert (await api.post("/entities", json={"id": urn, "type": "T", "depth": level})).is_success
    fragment = {"value": 5.5, "observedAt": "2024-01-01T00:10:00Z"}
    assert (await api.patch(f"/entities/{urn}/attrs/depth", json=fragment)).status_code == 204
    (series,) = await store.series.of_entity(RowFilter(everything=True), urn)
    assert series.key.attribute == "depth"
    window = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC))

    async def kept() -> list[float]:
        everything = RowFilter(everything=True)
        return (await store.history.read(everything, [series.id], window=window, step="raw"))[
            0
        ].values

    assert await kept() == [4.5, 5.5]
    told: list[ObservationBatch] = []

    async def publish(batch: ObservationBatch) -> None:
        told.append(batch)

    while await store.writes.relay(publish):
        pass
    values = [
        each.value for batch in told for each in batch.observations if each.series == series.id
    ]
    assert values == [4.5, 5.5]
    assert await kept() == [4.5, 5.5]


async def test_nobody_enters_without_a_right(store: Store, urn: str) -> None:
    """Outside the conformance profile, an unknown caller is asked to sign in."""
    async with open_door(store, None, charter=Charter.standard(), settings=Settings()) as door:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://b/ngsi-ld/v1") as who:
            answer = await who.post("/entities", json={"id": urn, "type": "Thing"})
            assert answer.status_code == 401
            assert answer.json()["title"] == "Unauthorized"


@pytest.mark.clause("5.5.7")
async def test_remote_contexts_need_permission(store: Store, urn: str) -> None:
    """A @context of a host that the operator did not name is never fetched."""
    settings = msgspec.structs.replace(CONFORMANCE, context_hosts=("example.org",))
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://b/ngsi-ld/v1") as who:
            body = {"id": urn, "type": "Thing", "@context": "http://169.254.169.254/latest"}
            media = {"Content-Type": "application/ld+json"}
            answer = await who.post("/entities", json=body, headers=media)
    assert answer.status_code == 504
    assert "did not allow" in answer.json()["detail"]

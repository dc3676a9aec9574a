"""A sensor's observation is an attribute of its entity at once, and rights hold at this door too."""

import time

import httpx
import msgspec
import pytest

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE, Settings
from clapas.domain.device import Entity, SeriesKey
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


async def test_nobody_enters_without_a_right(store: Store, urn: str) -> None:
    """Outside the conformance profile, an unknown caller is asked to sign in."""
    async with open_door(store, None, Charter.standard(), Settings()) as door:
        transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://b/ngsi-ld/v1") as who:
            answer = await who.post("/entities", json={"id": urn, "type": "Thing"})
            assert answer.status_code == 401
            assert answer.json()["title"] == "Unauthorized"


@pytest.mark.clause("5.5.7")
async def test_remote_contexts_need_permission(store: Store, urn: str) -> None:
    """A @context of a host that the operator did not name is never fetched."""
    settings = msgspec.structs.replace(CONFORMANCE, context_hosts=("example.org",))
    async with open_door(store, None, Charter.standard(), settings) as door:
        transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://b/ngsi-ld/v1") as who:
            body = {"id": urn, "type": "Thing", "@context": "http://169.254.169.254/latest"}
            media = {"Content-Type": "application/ld+json"}
            answer = await who.post("/entities", json=body, headers=media)
    assert answer.status_code == 504
    assert "did not allow" in answer.json()["detail"]

"""A right given to a saved group: what enters the group is seen under its dataset's conditions, everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import msgspec
import pytest

from clapas.charter import CharterKeeper
from clapas.charter.following import follow
from clapas.context.routes import open_door
from clapas.context.settings import Settings
from clapas.domain.dataset import DatasetRecord
from clapas.domain.device import Binding, Device, Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.identity import principal_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

ROOMS = ("urn:ngsi-ld:Room:nave", "urn:ngsi-ld:Room:crypt")
TREASURE = DatasetRecord(
    id="tresor",
    title="Salles du trésor",
    owner="culture",
    steward="conservatrice",
    deputy="x",
    controller="ville",
    classification="restreint",
    exception="security",
    review=date(2099, 1, 1),
    group="tresor",
)
SECRET = {"label": "Le trésor", "query": {"tag": "tresor"}}


@pytest.fixture
async def rooms(services: Services) -> dict[str, int]:
    """Two rooms, each with its probe and a value; the series of each."""
    store = services.store
    object.__setattr__(services, "keeper", CharterKeeper(store.charter, services.charter))
    await store.entities.upsert([Entity(id=each, type="Room") for each in ROOMS])
    await store.registry.save_devices([Device(id=uuid4(), key=each[17:]) for each in ROOMS])
    made = await store.series.ensure([SeriesKey(each, "co2", "co2") for each in ROOMS])
    series = {key.entity: each.id for key, each in made.items()}
    now = int(datetime.now(UTC).timestamp() * 1000) - 60_000
    for each in ROOMS:
        binding = Binding(channel="co2", entity=each, attribute="co2", quantity="co2")
        await store.registry.bind(each[17:], [binding])
        value = Observation(series=series[each], measured=now, received=now, value=600.0, log=1, sequence=series[each])  # fmt: skip
        await store.history.write([], [value], outcomes=[])
    return series


@pytest.fixture
async def broker(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """The NGSI-LD door, with a key that reads what is internal."""
    owner = await services.identity.accounts.of_login("lecteur")
    assert owner is not None
    key = await services.identity.keys.create(name="tableau", owner=owner.id, scopes=["read"])
    headers = {"Authorization": f"Bearer {key.secret}"}
    base = "http://broker.test/ngsi-ld/v1"
    async with open_door(
        services.store, services.identity, charter=services.charter, settings=Settings()
    ) as door:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
            yield client


async def seen(reader: Visitor, broker: httpx.AsyncClient, series: dict[str, int]) -> set[str]:
    """The rooms that a reader sees; every exit must say the same."""
    listed = (await reader.call("GET", "/api/v1/entities?type=Room")).json()["items"]
    found = {each["id"] for each in listed}
    for name in ROOMS:
        right = 200 if name in found else 404
        past = f"/api/v1/series/{series[name]}/history?step=raw"
        for path in (f"/api/v1/entities/{name}", f"/api/v1/devices/{name[17:]}", past):
            assert (await reader.call("GET", path)).status_code == right, path
        assert (await broker.get(f"/entities/{name}")).status_code == right
    fleet = (await reader.call("GET", "/api/v1/fleet")).json()["items"]
    assert {each["device"]["key"] for each in fleet} == {name[17:] for name in found}
    ngsi = await broker.get("/entities", params={"type": "Room"})
    assert {each["id"] for each in ngsi.json()} == found
    return found


async def test_a_right_follows_a_group(
    services: Services,
    rooms: dict[str, int],
    operator: Visitor,
    reader: Visitor,
    broker: httpx.AsyncClient,
) -> None:
    nave, crypt = ROOMS
    store = services.store
    body = msgspec.to_builtins(TREASURE)
    refused = await operator.call("PUT", "/api/v1/datasets/tresor", json=body)
    assert refused.status_code == 400, refused.text
    assert refused.json()["values"]["findings"] == ["group: group_unknown"]

    assert (await operator.call("PUT", "/api/v1/groups/tresor", json=SECRET)).status_code == 200
    assert await seen(reader, broker, rooms) == {nave, crypt}
    kept = await operator.call("PUT", "/api/v1/datasets/tresor", json=body)
    assert kept.status_code == 200, kept.text
    assert kept.json()["members"] == {"devices": 0, "things": 0}

    act = {"query": {"keys": [crypt[17:]]}, "action": "tags", "values": {"tags": {"tresor": "oui"}}}
    assert (await operator.call("POST", "/api/v1/fleet/bulk", json=act)).status_code == 201
    await store.fleet.set_tags([crypt[17:]], {"tresor": "oui"})
    await follow(store)
    assert await seen(reader, broker, rooms) == {nave}
    told = (await operator.call("GET", "/api/v1/datasets/tresor")).json()
    assert told["members"] == {"devices": 1, "things": 1}
    log = (await operator.call("GET", f"/api/v1/devices/{crypt[17:]}/events")).json()["items"]
    assert [(each["kind"], each["before"], each["after"]) for each in log] == [("dataset", "", "tresor")]  # fmt: skip

    wider = {"label": "Tout", "query": {"source": ""}}
    assert (await operator.call("PUT", "/api/v1/groups/tresor", json=wider)).status_code == 200
    assert await seen(reader, broker, rooms) == set(), "a group that is changed is followed at once"

    passing = {"label": "Muets", "query": {"state": "silent"}}
    assert (await operator.call("PUT", "/api/v1/groups/tresor", json=passing)).status_code == 409
    assert (await operator.call("DELETE", "/api/v1/groups/tresor")).status_code == 409
    groups = (await operator.call("GET", "/api/v1/groups")).json()["items"]
    assert [(each["name"], each["datasets"]) for each in groups] == [("tresor", ["tresor"])]

    left = body | {"group": "", "version": 2}
    assert (await operator.call("PUT", "/api/v1/datasets/tresor", json=left)).status_code == 200
    assert await seen(reader, broker, rooms) == {nave, crypt}
    assert (await operator.call("DELETE", "/api/v1/groups/tresor")).status_code == 204


async def test_a_group_of_silent_devices_gives_no_right(
    rooms: dict[str, int], operator: Visitor
) -> None:
    silent = {"label": "Muets", "query": {"state": "silent"}}
    await operator.call("PUT", "/api/v1/groups/tresor", json=silent)
    body = msgspec.to_builtins(TREASURE)
    found = (await operator.call("POST", "/api/v1/datasets/check", json=body)).json()
    assert [(each["code"], each["field"]) for each in found] == [("group_passing", "group")]


async def test_a_device_put_in_a_dataset_takes_its_own_measures_along(
    services: Services, rooms: dict[str, int], reader: Visitor
) -> None:
    """What a device says of itself is not read by those who may not see the device."""
    types = (await reader.call("GET", "/api/v1/types")).json()
    assert [(each["label_fr"], each["label_en"]) for each in types] == [("Salle", "Room")]
    store = services.store
    key = SeriesKey("urn:ngsi-ld:Device:nave", "battery", "battery_level")
    number = (await store.series.ensure([key]))[key].id
    path = f"/api/v1/series/{number}/history?step=raw"
    assert (await reader.call("GET", path)).status_code == 200
    await store.fleet.set_dataset(["nave"], "tresor")
    await store.dataset_groups.mirror()
    assert (await reader.call("GET", "/api/v1/devices/nave")).status_code == 404
    assert (await reader.call("GET", path)).status_code == 404
    account = await services.identity.accounts.of_login("lecteur")
    assert account is not None
    rows = services.charter.row_filter(principal_of(account, mfa=False), "read", kind="series")
    assert number not in await store.series.visible_everywhere(rows)

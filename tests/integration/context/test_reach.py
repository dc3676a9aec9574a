"""Who may write a part of the entities writes that part through the broker's door, and nothing else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import Settings
from clapas.domain.device import Entity
from clapas.identity import Identity
from clapas.store import Store
from clapas.store.identity import IdentityStore

SENSOR = "urn:ngsi-ld:WaterMeter:reach-1"
OWN = {"id": "urn:ngsi-ld:Note:reach-1", "type": "Note", "text": {"type": "Property", "value": "a"}}
CHANGE = {"text": {"type": "Property", "value": "b"}}


@pytest.fixture
async def writer(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A service whose key may write what belongs to no dataset."""
    charter = Charter.standard()
    identity = Identity(
        IdentityStore(store.postgres),
        pepper=b"p" * 32,
        allowed=lambda *asked: charter.decide(*asked).allow,
    )
    await store.entities.upsert([Entity(id=SENSOR, type="WaterMeter", dataset="eau")])
    owner = await identity.accounts.add(
        login="reach", roles=("operator",), password="la-mer-est-calme-42"
    )
    key = await identity.keys.create(name="reach", owner=owner.id, scopes=["write"])
    async with open_door(store, identity, charter=charter, settings=Settings()) as door:
        transport = httpx.ASGITransport(app=door)
        headers = {"Authorization": f"Bearer {key.secret}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://broker.test/ngsi-ld/v1", headers=headers
        ) as client:
            yield client


async def test_a_sensor_of_another_dataset_is_not_theirs_to_change(
    writer: httpx.AsyncClient,
) -> None:
    assert (await writer.post("/entities", json=OWN)).status_code == 201
    assert (await writer.patch(f"/entities/{OWN['id']}/attrs", json=CHANGE)).status_code == 204
    foreign = {**OWN, "id": SENSOR, "type": "WaterMeter"}
    attempts = [
        ("PATCH", f"/entities/{SENSOR}/attrs", CHANGE),
        ("POST", f"/entities/{SENSOR}/attrs", CHANGE),
        ("PUT", f"/entities/{SENSOR}", foreign),
        ("DELETE", f"/entities/{SENSOR}", None),
        ("POST", "/entities", foreign),
        ("POST", "/entityOperations/upsert", [OWN, foreign]),
        ("POST", "/entityOperations/delete", [SENSOR]),
        ("POST", "/temporal/entities", foreign),
        ("DELETE", f"/temporal/entities/{SENSOR}", None),
    ]
    for method, path, body in attempts:
        answer = await writer.request(method, path, json=body)
        assert answer.status_code == 403, (method, path, answer.text)
    note = {"text": {"type": "Property", "value": "c"}}
    assert (await writer.patch(f"/entities/{OWN['id']}/attrs", json=note)).status_code == 204

"""A device is put where the charter lets its keeper put it, and is of a model that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from clapas.domain.device import Device, Entity, Model
from clapas.store import Commune, Place

if TYPE_CHECKING:
    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

WEST = {"longitude": 3.5, "latitude": 43.5}
EAST = {"longitude": 4.5, "latitude": 43.5}


def square(code: str, west: float) -> Commune:
    ring = [[west, 43], [west + 1, 43], [west + 1, 44], [west, 44], [west, 43]]
    return Commune(code=code, name=code, contour={"type": "Polygon", "coordinates": [ring]})


async def key_of_the_west(services: Services, operator: Visitor) -> dict[str, str]:
    """What a supplier of one commune signs in with."""
    await services.store.territory.save(
        Place(name="Deux communes", siren="", timezone="Europe/Paris"),
        [square("34001", 3.0), square("34002", 4.0)],
    )
    body = {"name": "fournisseur", "scopes": ["read", "write"], "communes": ["34001"]}
    made = await operator.call("POST", "/api/v1/keys", json=body)
    return {"Authorization": f"Bearer {made.json()['secret']}"}


async def test_a_device_is_not_put_into_another_commune(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    west = await key_of_the_west(services, operator)
    at_home = {"key": "compteur-1", **WEST}
    made = await stranger.client.post("/api/v1/devices", json=at_home, headers=west)
    assert (made.status_code, made.json()["commune"]) == (201, "34001"), made.text
    abroad = {"key": "compteur-2", **EAST}
    refused = await stranger.client.post("/api/v1/devices", json=abroad, headers=west)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), refused.text
    moved = await stranger.client.patch("/api/v1/devices/compteur-1", json=EAST, headers=west)
    assert moved.status_code == 403
    kept = await operator.call("GET", "/api/v1/devices/compteur-1")
    assert (kept.json()["commune"], kept.json()["longitude"]) == ("34001", 3.5)
    assert (await operator.call("GET", "/api/v1/devices/compteur-2")).status_code == 404


async def test_a_device_is_of_a_model_that_is_there(services: Services, operator: Visitor) -> None:
    await services.store.models.save([Model(id="ems", label="EMS")])
    await services.store.registry.save_devices([Device(id=uuid4(), key="sonde-1")])
    wrong = await operator.call("PATCH", "/api/v1/devices/sonde-1", json={"model": "emss"})
    assert (wrong.status_code, wrong.json()["values"]["field"]) == (400, "model")
    new = await operator.call("POST", "/api/v1/devices", json={"key": "sonde-2", "model": "emss"})
    assert new.status_code == 400
    right = await operator.call("PATCH", "/api/v1/devices/sonde-1", json={"model": "ems"})
    assert right.json()["model"] == "ems"


async def test_a_value_that_is_not_one_of_those_accepted_says_which(operator: Visitor) -> None:
    body = {"query": {}, "action": "dance"}
    told = await operator.call("POST", "/api/v1/fleet/bulk", json=body)
    assert told.status_code == 422
    ((field, why),) = told.json()["values"]["problems"].items()
    assert field == "action"
    assert "model|tags|lifecycle" in why


async def test_a_thing_that_a_binding_names_first_is_there_at_the_devices_place(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    """Without it the values would be kept for a thing that nobody sees."""
    west = await key_of_the_west(services, operator)
    await stranger.client.post("/api/v1/devices", json={"key": "ecole-1", **WEST}, headers=west)
    path, room = "/api/v1/devices/ecole-1/bindings", "urn:ngsi-ld:Room:cp"
    given = [
        {"channel": "t", "entity": room, "attribute": "temperature", "quantity": "temperature"}
    ]
    made = await stranger.client.put(path, json=given, headers=west)
    assert made.status_code == 200, made.text
    seen = (await operator.call("GET", f"/api/v1/entities/{room}")).json()
    assert (seen["type"], seen["commune"], seen["longitude"]) == ("Room", "34001", 3.5)
    theirs = Entity(id="urn:ngsi-ld:Room:est", type="Room", commune="34002")
    await services.store.entities.upsert([theirs])
    stolen = [{**given[0], "entity": theirs.id}]
    assert (await stranger.client.put(path, json=stolen, headers=west)).status_code == 404
    for wrong, field in (
        ({"quantity": "temperatur"}, "quantity"),
        ({"entity": "salle"}, "entity"),
        ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "end"),
    ):
        refused = await stranger.client.put(path, json=[given[0] | wrong], headers=west)
        assert (refused.status_code, refused.json()["values"]["field"]) == (400, field)

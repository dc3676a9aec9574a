"""A schedule, a claim and the queue speak as people do: labels and words, not identifiers."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
from tests.integration.web.conftest import Visitor

from clapas.domain.device import Device, Model
from clapas.fleet.settings import Settings
from clapas.store.fleet import DeviceQuery, Group
from clapas.web.services import Services

SIREN = {"f_port": 2, "payload": "01", "fr": "Sonner", "en": "Sound", "four_eyes": True}
VALVE = {"f_port": 3, "payload": "02", "fr": "Fermer", "en": "Close"}
EVERY_DAY = {"at": "06:00:00", "days": [0, 1, 2, 3, 4, 5, 6]}


async def devices(services: Services) -> None:
    """Two sirens, a siren with a valve, and one that no model describes."""
    store = services.store
    await store.models.save(
        [
            Model(id="ac-7", label="Sirène d’alerte", settings={"commands": {"ring": SIREN}}),
            Model(id="ac-8", label="Vanne", settings={"commands": {"ring": SIREN, "shut": VALVE}}),
        ]
    )
    models = {"s-1": "ac-7", "s-2": "ac-7", "v-1": "ac-8", "x-1": "nobody"}
    await store.registry.save_devices(
        [Device(id=uuid4(), key=key, model=model, name=f"Place {key}") for key, model in models.items()]
    )  # fmt: skip
    await store.fleet.save_group(Group(name="quais", label="Quais", query=DeviceQuery(q="place")))


async def test_the_commands_of_many_devices_are_told_in_words(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    await devices(services)
    told = await operator.call("POST", "/api/v1/fleet/commands", json={"group": "quais"})
    assert told.json() == [
        {"name": "ring", "fr": "Sonner", "en": "Sound", "four_eyes": True, "devices": 3},
        {"name": "shut", "fr": "Fermer", "en": "Close", "four_eyes": False, "devices": 1},
    ]
    none = await operator.call("POST", "/api/v1/fleet/commands", json={"keys": ["x-1"]})
    assert none.json() == []
    asked = await operator.call("POST", "/api/v1/devices/v-1/commands", json={"name": "shut"})
    assert asked.status_code == 201, asked.text
    [queued] = (await reader.call("GET", "/api/v1/commands")).json()["items"]
    assert (queued["fr"], queued["en"], queued["device_name"]) == ("Fermer", "Close", "Place v-1")


async def test_a_schedule_takes_the_label_of_a_model_and_keeps_its_group(
    services: Services, operator: Visitor
) -> None:
    await devices(services)
    wish = {"command": {"name": "shut"}, "timing": EVERY_DAY}
    made = await operator.call(
        "POST", "/api/v1/schedules", json={**wish, "target": {"model": "vanne"}}
    )
    assert made.json()["target"] == {"model": "ac-8"}
    nobody = {**wish, "target": {"model": "Vannes"}}
    assert (await operator.call("POST", "/api/v1/schedules", json=nobody)).status_code == 404
    grouped = {**wish, "target": {"group": "quais"}, "label": "Nuit"}
    assert (await operator.call("POST", "/api/v1/schedules", json=grouped)).status_code == 201
    listed = (await operator.call("GET", "/api/v1/schedules")).json()["items"]
    assert {each["fr"] for each in listed} == {"Fermer"}
    refused = await operator.call("DELETE", "/api/v1/groups/quais")
    assert (refused.status_code, refused.json()["values"]["schedules"]) == (409, "Nuit")
    await services.store.fleet.remove_group("quais")
    listed = (await operator.call("GET", "/api/v1/schedules")).json()["items"]
    assert {each["fr"] for each in listed} == {"Fermer", ""}, "a lost group hides no schedule"


async def test_a_claim_takes_the_label_of_a_model(services: Services, operator: Visitor) -> None:
    await devices(services)
    soon = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    body = {"expires": soon, "model": "SIRENE D'ALERTE"}
    assert (await operator.call("POST", "/api/v1/claims", json=body)).status_code == 201
    [listed] = (await operator.call("GET", "/api/v1/claims")).json()["items"]
    assert (listed["model"], listed["model_label"]) == ("ac-7", "Sirène d’alerte")
    twin = Model(id="ac-9", label="Vanne")
    await services.store.models.save([twin])
    two = await operator.call("POST", "/api/v1/claims", json={**body, "model": "Vanne"})
    assert (two.status_code, two.json()["values"]["models"]) == (409, ["ac-8", "ac-9"])


async def test_the_networks_that_are_set_are_told(services: Services, operator: Visitor) -> None:
    wanted = Settings(chirpstack="here:8080", things_stack="https://eu1.cloud.thethings.network")
    object.__setattr__(services, "networks", wanted.networks())
    told = (await operator.call("GET", "/api/v1/fleet/networks")).json()
    assert told == [{"id": "chirpstack", "set": True}, {"id": "things-stack", "set": False}]
    whole = msgspec.structs.replace(wanted, things_stack_applications=("water",))
    assert whole.networks()["things-stack"]

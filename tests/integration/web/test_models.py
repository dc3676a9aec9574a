"""A model is changed once for all its devices, after showing how many; lists leave whole, in two forms."""

import io
from uuid import uuid4

from openpyxl import load_workbook
from tests.integration.web.conftest import Visitor

from clapas.domain.device import Binding, Device, Entity, Model, SeriesKey
from clapas.fleet.models import ship
from clapas.store import StateRow
from clapas.store.fleet import DeviceQuery, Group
from clapas.web.services import Services

WANTED = {
    "label": "Compteur d’eau",
    "interval_s": 7200,
    "quantities": {"index": "water_volume"},
    "battery": {"curve": [[3.0, 0.0], [3.6, 1.0]], "empty": 0.1},
    "alarms": [
        {
            "title": "Fuite",
            "target": {"attribute": "flow"},
            "when": {"kind": "threshold", "operator": ">", "limit": 2},
        }
    ],
    "page": ["index"],
    "licence": "CC0-1.0",
}


async def two_meters(services: Services) -> None:
    await services.store.models.save([Model(id="meter", label="Compteur", interval_s=3600)])
    await services.store.registry.save_devices(
        [Device(id=uuid4(), key=f"m-{n}", model="meter", tags={"secteur": "n"}) for n in range(2)]
    )


async def test_a_model_changes_once_the_person_knows_how_many_it_touches(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    await two_meters(services)
    listed = (await reader.call("GET", "/api/v1/fleet?model=meter")).json()["items"]
    assert {each["device"]["model_label"] for each in listed} == {"Compteur"}
    reach = (await reader.call("GET", "/api/v1/models/meter/reach")).json()
    assert reach == {"devices": 2, "states": {"never": 2}}
    refused = await operator.call("PUT", "/api/v1/models/meter", json=WANTED)
    assert (refused.status_code, refused.json()["values"]) == (409, {"devices": 2})
    done = await operator.call("PUT", "/api/v1/models/meter", json={**WANTED, "devices": 2})
    assert done.status_code == 200, done.text
    model = await services.store.models.get("meter")
    assert (model.interval_s, model.settings["licence"]) == (7200, "CC0-1.0")
    assert model.settings["battery"]["empty"] == 0.1
    new = await operator.call("PUT", "/api/v1/models/other", json={"label": "Autre"})
    assert new.status_code == 200
    for wrong in ({"quantities": {"a": "nothing"}}, {"label": " "}, {"interval_s": 0},
                  {"battery": {"curve": [[3.6, 1], [3.0, 0]]}}, {"commands": {"x": {"no": 1}}}):  # fmt: skip
        body = {"label": "x", "devices": 0, **wrong}
        assert (await operator.call("PUT", "/api/v1/models/other", json=body)).status_code in {
            400,
            422,
        }
    assert (await reader.call("PUT", "/api/v1/models/other", json=WANTED)).status_code == 403


async def test_a_model_s_default_alarms_become_rules_of_all_its_devices(
    services: Services, operator: Visitor
) -> None:
    await two_meters(services)
    kinds = (await operator.call("GET", "/api/v1/rules")).json()["items"]
    saved = await operator.call("PUT", "/api/v1/models/meter", json={**WANTED, "devices": 2})
    assert saved.status_code == 200, saved.text
    made = await operator.call("POST", "/api/v1/models/meter/alarms")
    assert (made.status_code, made.json()) == (200, ["meter-1"]), made.text
    rule = (await operator.call("GET", "/api/v1/rules/meter-1")).json()
    assert (rule["target"]["model"], rule["title"]) == ("meter", "Fuite")
    again = await operator.call("POST", "/api/v1/models/meter/alarms")
    assert again.json() == ["meter-1"]
    assert len((await operator.call("GET", "/api/v1/rules")).json()["items"]) == len(kinds) + 1


async def test_the_pages_of_a_model_s_devices_show_first_what_it_says(
    services: Services, operator: Visitor
) -> None:
    site, store = "urn:ngsi-ld:WaterConsumption:site", services.store
    model = Model(id="meter", label="Compteur", settings={"page": ["vol", "temp"]})
    await store.models.save([model])
    await store.registry.save_devices([Device(id=uuid4(), key="m-1", model="meter")])
    binding = Binding(channel="vol", entity=site, attribute="zVolume")
    await store.registry.bind("m-1", [binding])
    await store.entities.upsert([Entity(id=site, type="WaterConsumption")])
    names = ("alpha", "temp", "zVolume")
    keys = [SeriesKey(site, name) for name in names]
    series = await store.series.ensure(keys)
    await store.state.upsert(
        [StateRow(series[key].id, site, key.attribute, 1.0, 1, 1) for key in keys]
    )
    sheet = (await operator.call("GET", f"/api/v1/entities/{site}")).json()
    assert [each["attribute"] for each in sheet["attributes"]] == ["zVolume", "temp", "alpha"]


async def test_devices_are_found_by_the_tags_that_they_have_now(
    services: Services, operator: Visitor
) -> None:
    await two_meters(services)

    async def found(words: str) -> list[str]:
        page = await operator.call("GET", "/api/v1/fleet", params={"q": words})
        return [each["device"]["key"] for each in page.json()["items"]]

    assert await found("secteur=n") == ["m-0", "m-1"]
    await services.store.fleet.set_tags(["m-1"], {"contrat": "Énergie"}, without=["secteur"])
    assert (await found("energie"), await found("secteur=n")) == (["m-1"], ["m-0"])


async def test_the_catalogue_that_ships_has_its_licence(
    services: Services, reader: Visitor
) -> None:
    assert await ship(services.store) > 10
    assert await ship(services.store) == 0
    rows = {
        each["id"]: each for each in (await reader.call("GET", "/api/v1/catalogue")).json()["items"]
    }
    assert (rows["elsys"]["licence"], rows["elsys"]["codec"]) == ("EUPL-1.2", "python")


async def test_any_list_leaves_whole_and_filtered(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await services.store.registry.save_devices(
        [Device(id=uuid4(), key=f"d-{n:04}", name="=1+1", source="x") for n in range(1100)]
        + [Device(id=uuid4(), key="other", source="y")]
    )
    book = await operator.call(
        "GET", "/api/v1/export", params={"list": "fleet?source=x", "format": "xlsx"}
    )
    assert book.status_code == 200, book.text
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    header = list(rows[0])
    assert len(rows) == 1101
    assert rows[1][header.index("device.key")] == "d-0000"
    assert rows[1][header.index("device.name")] == "'=1+1"
    await services.store.models.save([Model(id="m", label="M")])
    text = await operator.call(
        "GET", "/api/v1/export", params={"list": "catalogue", "format": "csv"}
    )
    assert text.text.startswith("\ufeffid,label,maker")
    assert (
        await operator.call("GET", "/api/v1/export", params={"list": "live"})
    ).status_code == 400
    nobody = await stranger.call("GET", "/api/v1/export", params={"list": "fleet"})
    assert nobody.status_code == 401


async def test_a_group_is_narrowed_by_the_other_filters(
    services: Services, operator: Visitor
) -> None:
    await two_meters(services)
    fleet = services.store.fleet
    await services.store.registry.save_devices([Device(id=uuid4(), key="elsewhere", model="meter")])
    await fleet.save_group(
        Group(name="nord", label="", query=DeviceQuery(tag="secteur", q="m-"), actor="a")
    )

    async def keys(path: str) -> list[str]:
        found = (await operator.call("GET", f"/api/v1/fleet?{path}")).json()["items"]
        return [each["device"]["key"] for each in found]

    assert await keys("group=nord") == ["m-0", "m-1"]
    assert await keys("group=nord&q=1") == ["m-1"]
    assert await keys("group=nord&tag=other") == []
    assert (await operator.call("GET", "/api/v1/fleet?group=none")).status_code == 404
    nested = await operator.call("PUT", "/api/v1/groups/deux", json={"query": {"group": "nord"}})
    assert nested.status_code == 400
    bulk = {"query": {"group": "nord"}, "action": "tags", "values": {"tags": {"lot": "1"}}}
    assert (await operator.call("POST", "/api/v1/fleet/bulk", json=bulk)).json()[
        "subject"
    ] == "tags × 2"

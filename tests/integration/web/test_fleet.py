"""The fleet over HTTP: what an operator does, and what a reader may not."""

import base64

import msgspec
from tests.integration.web.conftest import Visitor

from clapas.domain.device import Model
from clapas.fleet.sealing import Sealer
from clapas.jobs import Worker, discover
from clapas.web.services import Services

KEY = "70b3d57ed0000001"
SHEET = f"identifiant;nom;modele;service;cout annuel\n{KEY};Square;water;Eau;12,5\nx 1;Faux;;;\n"
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
VALVE = {"commands": {"open": {"f_port": 10, "payload": "01", "four_eyes": True}}}


async def test_from_a_spreadsheet_to_the_log_of_a_device(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    store = services.store
    await store.models.save([Model(id="water", label="Eau", settings=VALVE)])
    worker = Worker(store, discover(), tools={Sealer: Sealer(b"s" * 32)})
    template = await operator.call("GET", "/api/v1/imports/template")
    assert template.text.startswith("\ufeffidentifiant;nom;modele")

    sent = await operator.call("POST", "/api/v1/imports?name=parc.csv", content=SHEET.encode())
    assert sent.status_code == 201, sent.text
    number = sent.json()["number"]
    plan = {
        "shape": sent.json()["preview"]["shape"],
        "columns": sent.json()["preview"]["columns"],
        "skip_bad": True,
    }
    changed = await operator.call("PUT", f"/api/v1/imports/{number}/plan", json=plan)
    assert changed.status_code == 200, changed.text
    job = (await operator.call("POST", f"/api/v1/imports/{number}/apply")).json()
    await worker.step()
    done = (await operator.call("GET", f"/api/v1/jobs/{job['id']}")).json()
    assert (done["state"], done["result"]["good"], done["args"]) == ("done", 1, {})
    lines = (await operator.call("GET", f"/api/v1/imports/{number}/lines")).json()["items"]
    assert [(each["line"], each["code"]) for each in lines] == [(3, "bad_id")]

    visit = {"kind": "install", "note": "posé", "photo": PIXEL}
    accented = await operator.call(
        "POST", f"/api/v1/devices/{KEY}/events", json={**visit, "photo": "é"}
    )
    assert (accented.status_code, accented.json()["values"]["field"]) == (400, "photo")
    events = await operator.call("POST", f"/api/v1/devices/{KEY}/events", json=visit)
    assert events.status_code == 201, events.text
    photo = await operator.call(
        "GET", f"/api/v1/devices/{KEY}/events/{events.json()[0]['id']}/photo"
    )
    assert photo.headers["content-type"] == "image/png"
    moved = await operator.call("POST", f"/api/v1/devices/{KEY}/step", json={"lifecycle": "active"})
    assert moved.json()["device"]["lifecycle"] == "active"
    listed = (await reader.call("GET", "/api/v1/fleet?state=never&service=Eau")).json()
    assert [each["device"]["key"] for each in listed["items"]] == [KEY]

    wish = {"name": "open"}
    command = (await operator.call("POST", f"/api/v1/devices/{KEY}/commands", json=wish)).json()
    assert command["state"] == "to_approve"
    own = await operator.call("POST", f"/api/v1/commands/{command['id']}/approve")
    assert (own.status_code, own.json()["code"]) == (409, "four_eyes")

    query = {"query": {"service": "Eau"}, "action": "tags", "values": {"tags": {"lot": "1"}}}
    bulk = (await operator.call("POST", "/api/v1/fleet/bulk", json=query)).json()
    await worker.step()
    items = (await operator.call("GET", f"/api/v1/jobs/{bulk['id']}/items")).json()["items"]
    assert items == [{"key": KEY, "ok": True, "detail": ""}]
    one = (await operator.call("GET", f"/api/v1/devices/{KEY}/file")).json()
    assert (one["tags"], one["file"]["yearly_cost"]) == ({"lot": "1"}, 12.5)
    assert (await operator.call("GET", f"/api/v1/devices/{KEY}/code.svg")).status_code == 200
    assert (await operator.call("GET", "/api/v1/fleet.xlsx")).content[:2] == b"PK"


async def test_a_reader_neither_imports_nor_commands(services: Services, reader: Visitor) -> None:
    refused = [
        await reader.call("POST", "/api/v1/imports", content=SHEET.encode()),
        await reader.call("GET", "/api/v1/imports"),
        await reader.call("GET", "/api/v1/jobs"),
        await reader.call("POST", "/api/v1/fleet/bulk", json={"query": {}, "action": "tags"}),
        await reader.call("POST", f"/api/v1/devices/{KEY}/commands", json={"name": "open"}),
    ]
    assert {each.status_code for each in refused} == {403}
    assert msgspec.to_builtins(await services.store.fleet.groups()) == []

"""A spreadsheet is received, judged, imported in one piece, undone, corrected and imported again."""

import msgspec

from clapas.charter.following import follow
from clapas.domain.access import RowFilter
from clapas.domain.dataset import DatasetRecord
from clapas.domain.device import Device
from clapas.fleet.importing import Plan
from clapas.fleet.sealing import Sealer
from clapas.fleet.sheet import preview
from clapas.jobs import Worker
from clapas.store import Store
from clapas.store.fleet import DeviceQuery, Group
from clapas.store.jobs import Job

ALL = RowFilter(everything=True)
GOOD = """identifiant;nom;modèle;app_key;latitude;longitude;service;tag:secteur;coût annuel
70-B3-D5-7E-D0-00-00-01;Square;water;000102030405060708090a0b0c0d0e0f;43,6;3,9;Eau;nord;12,50
70B3D57ED0000002;Gare;Compteur d'eau;;43.61;3.91;Eau;sud;
70B3D57ED0000003;Port;air;;43.62;3.92;Air;;3
"""


async def receive(store: Store, text: str, **choices: object) -> int:
    content = text.encode("cp1252")
    found = preview(content)
    assert found.shape.separator == ";"
    plan = Plan(shape=found.shape, columns=found.columns, **choices)  # type: ignore[arg-type]
    record = await store.imports.add(
        "parc.csv", content, plan=msgspec.to_builtins(plan), actor="moi"
    )
    return record.id


async def do(store: Store, worker: Worker, what: str, number: int, **more: object) -> Job:
    job = await store.jobs.add(f"fleet.import.{what}", {"import": number, **more}, actor="moi")
    assert await worker.step()
    return await store.jobs.get(job.id)


async def test_imported_undone_and_imported_again(store: Store, worker: Worker) -> None:
    await store.registry.save_devices(
        [Device(id=msgspec.convert("12345678-1234-5678-1234-567812345678", type=__import__("uuid").UUID),
                key="70b3d57ed0000002", name="Ancien nom", model="air")]
    )  # fmt: skip
    number = await receive(store, GOOD.replace("Compteur d'eau", "Compteur d\u2019eau"))
    checked = await do(store, worker, "check", number)
    assert checked.state == "done", checked.error
    assert checked.result == {
        "lines": 3, "good": 3, "bad": 0, "created": 2, "updated": 1, "keys": 1, "codes": {}, "told": 0,
    }  # fmt: skip
    assert len((await store.fleet.select(ALL, DeviceQuery())).items) == 1

    applied = await do(store, worker, "apply", number)
    assert applied.state == "done", applied.error
    first = await store.fleet.one("70b3d57ed0000001", ALL)
    assert (first.row.device.commune, first.row.device.lifecycle) == ("34172", "stock")
    assert first.row.device.tags == {"secteur": "nord"}
    assert (first.file.service, first.file.yearly_cost) == ("Eau", 12.5)
    sealed = (await store.fleet.sealed_keys("70b3d57ed0000001"))["app_key"]
    opened = Sealer(b"s" * 32).open("70b3d57ed0000001", "app_key", sealed=sealed)
    assert opened == bytes(range(16))
    assert (await store.fleet.one("70b3d57ed0000002", ALL)).row.device.model == "water"
    assert [each.service for each in await store.fleet.costs(ALL)] == ["Eau", "Air"]
    assert (await do(store, worker, "apply", number)).result["code"] == "conflict"

    assert (await do(store, worker, "undo", number)).state == "done"
    left = (await store.fleet.select(ALL, DeviceQuery())).items
    assert [
        (each.row.device.key, each.row.device.name, each.row.device.model) for each in left
    ] == [("70b3d57ed0000002", "Ancien nom", "air")]
    assert left[0].file.service == ""
    assert (await do(store, worker, "apply", number)).state == "done"
    assert len((await store.fleet.select(ALL, DeviceQuery())).items) == 3


async def test_one_bad_line_and_nothing_is_imported(store: Store, worker: Worker) -> None:
    text = GOOD + (
        "70B3D57ED0000001;Doublon;water;;;;;;\n"
        "70B3D57ED00000;Court;water;;;;;;\n"
        "70B3D57ED0000005;Clé;water;0011;;;;;\n"
        "70B3D57ED0000006;=cmd();water;;;;;;\n"
        "70B3D57ED0000007;Inversé;watr;;3.9;43.6;;;\n"
        "70B3D57ED0000008;Lambert;water;;6279000;770000;;;\n"
    )
    number = await receive(store, text.replace("Compteur d'eau", "water"))
    refused = await do(store, worker, "apply", number)
    assert (refused.state, refused.result["code"]) == ("failed", "import_bad")
    assert (await store.fleet.select(ALL, DeviceQuery())).items == []
    lines = (await store.imports.lines(number)).items
    assert [(each.line, each.column, each.code, each.hint) for each in lines] == [
        (5, "key", "duplicate", "2"),
        (6, "key", "eui_length", "14 / 16"),
        (7, "app_key", "key_length", "4 / 32"),
        (8, "name", "formula", ""),
        (9, "longitude", "coordinates_swapped", "43.600000 ; 3.900000"),
        (9, "model", "unknown_model", "water"),
        (10, "longitude", "coordinates_lambert93", lines[-1].hint),
    ]
    assert all(not each.value for each in lines if each.column == "app_key")

    plan = msgspec.convert((await store.imports.get(number)).plan, Plan)
    wanted = msgspec.structs.replace(plan, skip_bad=True, corrections=["swapped", "lambert93"])
    await store.imports.set_plan(number, msgspec.to_builtins(wanted))
    done = await do(store, worker, "apply", number)
    assert (done.state, done.result["good"], done.result["bad"]) == ("done", 4, 5)
    corrected = await store.fleet.one("70b3d57ed0000008", ALL)
    assert round(corrected.row.device.latitude or 0, 1) == 43.6


async def test_an_undo_leaves_what_somebody_changed_since(store: Store, worker: Worker) -> None:
    number = await receive(store, GOOD)
    await do(store, worker, "apply", number)
    await store.fleet.move(["70b3d57ed0000003"], "active", actor="moi")
    refused = await do(store, worker, "undo", number)
    assert (refused.state, refused.result["values"]["count"]) == ("failed", 1)
    forced = await do(store, worker, "undo", number, force=True)
    assert forced.result["devices"] == ["70b3d57ed0000003"]
    left = (await store.fleet.select(ALL, DeviceQuery())).items
    assert [each.row.device.key for each in left] == ["70b3d57ed0000003"]


async def test_the_series_go_on_when_the_hardware_is_swapped(store: Store, worker: Worker) -> None:
    from datetime import UTC, datetime

    from clapas.domain.device import Binding

    number = await receive(store, GOOD.replace("Compteur d'eau", "water"))
    await do(store, worker, "apply", number)
    old, new = "70b3d57ed0000001", "70b3d57ed0000002"
    meter = Binding(channel="index", entity="urn:ngsi-ld:WaterConsumption:1", attribute="index")
    await store.registry.bind(old, [meter])
    at = datetime(2026, 5, 1, tzinfo=UTC)
    await store.fleet.swap(old, new, at=at, actor="moi")
    known = await store.registry.resolve([old, new])
    assert known[old].bindings[0].end == at
    assert (known[new].bindings[0].start, known[new].bindings[0].attribute) == (at, "index")
    assert known[old].device.lifecycle == "maintenance"
    kinds = [each.kind for each in (await store.fleet.events(new)).items]
    assert kinds == ["swap", "import"]


async def test_what_the_platform_does_by_itself_does_not_keep_an_import_from_being_undone(
    store: Store, worker: Worker
) -> None:
    """The devices entered a dataset by their tag: nobody changed them."""
    number = await receive(store, GOOD.replace("Compteur d'eau", "water"))
    assert (await do(store, worker, "apply", number)).state == "done"
    await store.fleet.save_group(Group(name="nord", label="", query=DeviceQuery(tag="secteur")))
    record = DatasetRecord(id="nord", title="Nord", classification="restreint", group="nord")
    await store.charter.add_record(record, author="dpo")
    assert (await follow(store)).devices == 2
    undone = await do(store, worker, "undo", number)
    assert (undone.state, undone.result["kept"]) == ("done", 0), undone.error
    assert await store.fleet.keys(ALL, DeviceQuery()) == []

"""What the crews found comes in from the maintenance tool: cases are decided, sectors know their works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.usecases.conftest import operator, page, reader, services, stranger
from tests.integration.usecases.water.test_cases_on_the_platform import LEAKY, NOW, furnish

from clapas.domain.access import RowFilter
from clapas.store import Commune, Place
from clapas.store.water_works import Asset, Work
from clapas.usecases.water.geopackage import Feature, Layer, packed
from clapas.usecases.water.watch.night import night

if TYPE_CHECKING:
    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

__all__ = ["operator", "page", "reader", "services", "stranger"]
FILE = {"Content-Type": "application/octet-stream"}


async def test_a_finished_repair_closes_the_case_of_its_meter(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    around = {
        "type": "Polygon",
        "coordinates": [[[3.8, 43.5], [3.9, 43.5], [3.9, 43.7], [3.8, 43.7], [3.8, 43.5]]],
    }
    commune = Commune(
        code="34172",
        name="Montpellier",
        population=1,
        contour=around,
        longitude=3.85,
        latitude=43.6,
    )
    await services.store.territory.save(
        Place(name="x", siren="", timezone="Europe/Paris"), [commune]
    )
    await furnish(services.store, leak_l_h=9.0)
    await night(services.store, now=NOW)
    pipes = Layer(
        name="conduites",
        columns=("id", "type", "secteur", "longueur_m"),
        features=[Feature(((3.88, 43.61), (3.881, 43.611)), ("C12", "conduite", "Nord", 140.0))],
    )
    told = await operator.call("POST", "/api/v1/water/assets", content=packed(pipes), headers=FILE)
    assert told.json() == {"kept": 1, "outside": 0, "settled": [], "refused": []}, told.text
    table = (
        "reference;kind;state;asset;meter;done;verdict\n"
        f"OT-1;repair;done;;m1;{NOW:%Y-%m-%d};leak\n"
        "OT-2;search;planned;C12;;;\n"
        "OT-3;search;lost;C12;;;\n"
    )
    path = "/api/v1/water/works"
    assert (await reader.call("POST", path, content=table, headers=FILE)).status_code == 403
    told = await operator.call("POST", path, content=table, headers=FILE)
    assert told.json()["settled"] == [LEAKY]
    assert (told.json()["kept"], len(told.json()["refused"])) == (2, 1)
    assert (await operator.call("GET", "/api/v1/water/cases")).json()["items"] == []
    measured = (await operator.call("GET", "/api/v1/water/precision")).json()["items"]
    assert [(each["confirmed"], each["false"]) for each in measured] == [(1, 0)]
    found = (await operator.call("GET", path)).json()
    assert [(each["reference"], each["sector"]) for each in found["items"]] == [
        ("OT-2", "Nord"),
        ("OT-1", ""),
    ]
    assert found["items"][0]["longitude"] == 3.88
    assert {each["commune"] for each in found["items"]} == {"34172"}
    assert found["stock"] == [{"sector": "Nord", "kind": "pipe", "count": 1, "length_m": 140.0}]
    assets = (await operator.call("GET", "/api/v1/water/assets?sector=Nord")).json()["items"]
    assert assets[0]["places"] == [[3.88, 43.61], [3.881, 43.611]]
    again = await operator.call("POST", path, content=table, headers=FILE)
    assert again.json()["settled"] == []
    empty = await operator.call("POST", path, content=b"", headers=FILE)
    assert empty.status_code == 400


async def test_an_asset_of_another_commune_is_not_overwritten(services: Services) -> None:
    """A reference that somebody else's GIS gave already stays theirs."""
    works = services.store.water_works
    everything, juvignac = (
        RowFilter(everything=True),
        RowFilter(datasets=frozenset({"water"}), communes=frozenset({"34123"})),
    )
    theirs = Asset(reference="V7", kind="valve", state="open", commune="34172")
    assert await works.put_assets(everything, [theirs], actor="ana", now=1) == 1
    ours = Asset(reference="V7", kind="valve", state="closed", commune="34123")
    assert await works.put_assets(juvignac, [ours], actor="bob", now=2) == 0
    assert await works.assets(everything) == [theirs]
    order = Work(reference="OT-9", kind="search", state="planned", commune="34172")
    assert (await works.put_works(everything, [order], actor="ana", now=1))[0] == 1
    stolen = Work(reference="OT-9", kind="search", state="cancelled", commune="34123")
    assert (await works.put_works(juvignac, [stolen], actor="bob", now=2))[0] == 0
    assert [each.state for each in await works.works(everything)] == ["planned"]

"""Assets and work orders as GIS and maintenance tools export them, in French or English, in degrees or metres."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.store.water_works import Asset, Work
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.geopackage import WGS84, Feature, Layer, packed
from clapas.usecases.water.works.layers import _points
from clapas.usecases.water.works.tables import read_assets, read_works

if TYPE_CHECKING:
    from pathlib import Path


def test_a_french_table_of_works_is_read_and_its_bad_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "ot.csv"
    path.write_text(
        "Référence;Type;État;Conduite;Secteur;Ouvert le;Fait le;Constat\n"
        "OT-1;recherche de fuite;terminé;C12;Nord;02/03/2026;03/03/2026;fuite\n"
        "OT-2;réparation;prévu;C12;Nord;04/03/2026;;\n"
        "OT-3;réparation;perdu;C12;Nord;;;\n"
        ";réparation;prévu;;;;;\n",
        encoding="utf-8",
    )
    brought = read_works(path)
    assert brought.works[0] == Work(
        reference="OT-1",
        kind="search",
        state="done",
        asset="C12",
        sector="Nord",
        opened=date(2026, 3, 2),
        done=date(2026, 3, 3),
        verdict="leak",
    )
    assert brought.works[1].state == "planned"
    assert [each.partition(":")[0] for each in brought.problems] == ["line 4", "line 5"]


def test_assets_come_in_degrees_in_lambert_or_as_text(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(
        "reference,kind,diameter_mm,laid,x,y,wkt\n"
        'C1,pipe,100,1974-05-01,,,"LINESTRING (3.87 43.61, 3.88 43.62)"\n'
        "V1,vanne,,,770000,6279000,\n",
        encoding="utf-8",
    )
    pipe, valve = read_assets(path).assets
    assert pipe == Asset(
        reference="C1", kind="pipe", diameter_mm=100.0, laid=1974, places=[(3.87, 43.61), (3.88, 43.62)]
    )  # fmt: skip
    assert valve.kind == "valve"
    assert valve.places[0] == pytest.approx((3.8657, 43.6046), abs=0.01)


def test_the_layers_that_we_write_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "pipes.gpkg"
    features = [
        Feature(((3.87, 43.61), (3.88, 43.62)), ("C1", "conduite", "Nord")),
        Feature(((3.89, 43.60),), ("V1", "vanne", "Nord")),
    ]
    layer = Layer(name="ouvrages", columns=("id", "type", "secteur"), features=features, srs=WGS84)
    path.write_bytes(packed(layer))
    found = read_assets(path).assets
    assert [(each.reference, each.kind, each.sector) for each in found] == [
        ("C1", "pipe", "Nord"),
        ("V1", "valve", "Nord"),
    ]
    assert found[0].places == [(3.87, 43.61), (3.88, 43.62)]


def test_a_table_without_what_it_needs_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("name;state\nx;done\n", encoding="utf-8")
    with pytest.raises(BadTable, match="no column reference, kind"):
        read_works(path)
    path.write_bytes(b"SQLite format 3\x00 and then nothing of it")
    with pytest.raises(BadTable):
        read_assets(path)


@given(st.binary(max_size=200))
def test_any_geometry_is_read_or_refused(body: bytes) -> None:
    try:
        places = _points(b"GP\x00\x01" + (4326).to_bytes(4, "little") + body, 4326)
    except BadTable:
        return
    assert len(places) <= 2000

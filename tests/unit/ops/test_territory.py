"""Any French territory, offline, from data that is installed."""

import json
from pathlib import Path

import pytest

from clapas.domain.errors import InvalidInput, NotFound
from clapas.ops.territory import Locator, Territory, from_epci, from_geojson, search_epci

MONTPELLIER = "243400017"


@pytest.fixture(scope="module")
def montpellier() -> Territory:
    return from_epci(MONTPELLIER)


def test_montpellier_has_its_31_communes(montpellier: Territory) -> None:
    assert montpellier.name == "Montpellier Méditerranée Métropole"
    assert len(montpellier.communes) == 31
    city = next(each for each in montpellier.communes if each.code == "34172")
    assert city.name == "Montpellier"
    assert "Le Crès" in {each.name for each in montpellier.communes}
    assert city.population > 280_000
    assert city.hall is not None
    assert montpellier.population > 450_000


def test_place_is_found_in_its_commune(montpellier: Territory) -> None:
    locator = Locator(montpellier)
    comedie = locator.commune_of(3.8796, 43.6086)
    assert comedie is not None
    assert comedie.code == "34172"
    assert locator.commune_of(2.35, 48.85) is None
    assert locator.commune_of(float("nan"), 43.6) is None


def test_every_town_hall_is_in_the_bounds(montpellier: Territory) -> None:
    west, south, east, north = montpellier.bbox
    for each in montpellier.communes:
        assert each.hall is not None
        assert west < each.hall[0] < east
        assert south < each.hall[1] < north


def test_unknown_siren_is_not_found() -> None:
    with pytest.raises(NotFound):
        from_epci("000000000")


def test_territory_is_found_by_name_of_its_main_town() -> None:
    assert (MONTPELLIER, "Montpellier Méditerranée Métropole") in search_epci("montpellier")


def test_geojson_of_ones_own_is_read_and_nonsense_refused() -> None:
    square = {"type": "Polygon", "coordinates": [[[3, 43], [4, 43], [4, 44], [3, 44], [3, 43]]]}
    feature = {"properties": {"INSEE_COM": "34999", "NOM": "Ici"}, "geometry": square}
    territory = from_geojson(json.dumps({"features": [feature]}), name="Chez nous")
    assert territory.bbox == (3.0, 43.0, 4.0, 44.0)
    found = Locator(territory).commune_of(3.5, 43.5)
    assert found is not None
    assert found.name == "Ici"
    for bad in ("{}", '{"features":[]}', '{"features":[{"properties":{},"geometry":null}]}', "[1]"):
        with pytest.raises(InvalidInput):
            from_geojson(bad, name="x")


@pytest.mark.shared
def test_published_contours_agree_with_the_package(shared: Path, montpellier: Territory) -> None:
    text = (shared / "data" / "communes-3m" / "communes-3m.geojson").read_bytes()
    other = from_geojson(text, name="3M")
    assert {each.code for each in other.communes} == {each.code for each in montpellier.communes}


def test_heavy_contours_are_lightened_and_shared_borders_stay_shared() -> None:
    border = [(3.5 + 0.00001 * (step % 2), 43 + step / 1000) for step in range(1001)]
    left = [(3.0, 44.0), (3.0, 43.0), *border, (3.0, 44.0)]
    right = [(4.0, 44.0), (4.0, 43.0), *border, (4.0, 44.0)]
    features = [
        {
            "properties": {"code": code, "nom": code},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for code, ring in (("1", left), ("2", right))
    ]
    west, east = from_geojson(json.dumps({"features": features}), name="x").communes
    assert len(west.geometry["coordinates"][0]) < 200
    assert west.contour.intersection(east.contour).area < 1e-9
    assert west.contour.union(east.contour).area == pytest.approx(1.0, abs=1e-3)

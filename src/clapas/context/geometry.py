"""GeoJSON geometries (RFC 7946) as attributes hold them, and what a geo-query asks of them."""

from typing import Any

from clapas.context.errors import BadRequestData
from clapas.context.model import GEOMETRIES

DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


def is_geometry(value: object) -> bool:
    """Whether it presents itself as a GeoJSON geometry."""
    return isinstance(value, dict) and value.get("type") in GEOMETRIES and "coordinates" in value


def check_geometry(value: object, name: str = "geometry") -> None:
    """Raise BadRequestData unless it is a GeoJSON geometry in WGS 84."""
    if not isinstance(value, dict) or value.get("type") not in GEOMETRIES:
        raise BadRequestData(f"{name} is not a GeoJSON geometry")
    kind: str = value["type"]
    coordinates: Any = value.get("coordinates")
    if not _nested(coordinates, DEPTHS[kind]):
        raise BadRequestData(f"{name}: the coordinates of the {kind} are wrong")
    lines: Any = {"LineString": [coordinates], "MultiLineString": coordinates}.get(kind, [])
    if any(len(line) < 2 for line in lines):
        raise BadRequestData(f"{name}: a line has two positions or more")
    polygons: Any = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(kind, [])
    for ring in (ring for polygon in polygons for ring in polygon):
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise BadRequestData(f"{name}: a ring has four positions or more and is closed")


def _nested(value: Any, depth: int) -> bool:
    if not isinstance(value, list) or (depth and not value):
        return False
    if depth:
        return all(_nested(each, depth - 1) for each in value)
    return (
        2 <= len(value) <= 3
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
        and -180 <= value[0] <= 180
        and -90 <= value[1] <= 90
    )


def bounds(geometry: dict[str, Any]) -> tuple[float, float, float, float]:
    """West, south, east, north of a geometry."""
    xs: list[float] = []
    ys: list[float] = []
    _collect(geometry["coordinates"], xs, ys=ys)
    return min(xs), min(ys), max(xs), max(ys)


def _collect(value: list[Any], xs: list[float], *, ys: list[float]) -> None:
    if isinstance(value[0], list):
        for each in value:
            _collect(each, xs, ys=ys)
    else:
        xs.append(value[0])
        ys.append(value[1])

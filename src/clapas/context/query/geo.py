"""Geo-queries (clause 4.10): a rough predicate for the database, the exact one on its candidates.

Distances are geodesic, in metres (WGS 84); the other relations are those of Simple Features in degrees.
"""

import json
import math
import re
from typing import Any

import msgspec
import shapely
from pyproj import Geod
from shapely.geometry import shape
from shapely.ops import nearest_points

from clapas.context.errors import BadRequestData
from clapas.context.geometry import bounds, check_geometry
from clapas.context.model import GEOMETRIES
from clapas.context.terms import Terms

RELATIONS = ("near", "within", "contains", "intersects", "equals", "disjoint", "overlaps")
NEAR = re.compile(r"^near;(maxDistance|minDistance)==(\d+(?:\.\d+)?)$")
EARTH = Geod(ellps="WGS84")
METRES_PER_DEGREE = 110_574.0
ROUNDS = 4
"""How often the nearest points of two shapes are sought; the latitude that they are at settles at once."""


class GeoQuery(msgspec.Struct, frozen=True):
    """A relation with a geometry, asked of one attribute (IRI)."""

    relation: str
    geometry: dict[str, Any]
    attribute: str
    nearest: float = 0.0
    farthest: float = math.inf

    def predicate(self) -> str:
        """A jsonpath predicate that holds for every entity that may satisfy the query."""
        name = json.dumps(self.attribute)
        rough = self._box()
        if rough is None:
            return f"exists($.{name})"
        west, south, east, north = rough
        x, y = "@.value.coordinates[0]", "@.value.coordinates[1]"
        inside = f"{x} >= {west} && {x} <= {east} && {y} >= {south} && {y} <= {north}"
        return f'exists($.{name}[*] ? (@.value."type" != "Point" || ({inside})))'

    def _box(self) -> tuple[float, float, float, float] | None:
        if self.relation == "disjoint" or (self.relation == "near" and math.isinf(self.farthest)):
            return None
        west, south, east, north = bounds(self.geometry)
        if self.relation != "near":
            return west, south, east, north
        lift = self.farthest / METRES_PER_DEGREE * 1.02
        widest = max(abs(south - lift), abs(north + lift))
        if widest >= 89:
            return None
        across = lift / math.cos(math.radians(widest))
        if west - across < -180 or east + across > 180:
            return None
        return west - across, south - lift, east + across, north + lift

    def holds(self, instances: list[dict[str, Any]]) -> bool:
        """Whether one of the attribute's instances satisfies the relation."""
        wanted = shape(self.geometry)
        for each in instances:
            value = each.get("value")
            if isinstance(value, dict) and value.get("type") in GEOMETRIES:
                found = shape(value)
                if (
                    self._near(found, wanted)
                    if self.relation == "near"
                    else self._related(found, wanted)
                ):
                    return True
        return False

    def _related(self, found: Any, wanted: Any) -> bool:
        return bool(getattr(shapely, self.relation)(found, wanted))

    def _near(self, found: Any, wanted: Any) -> bool:
        return self.nearest <= distance(found, wanted) <= self.farthest


def distance(first: Any, second: Any) -> float:
    """Metres between two shapes, over the ellipsoid.

    Their nearest points are sought in degrees, then again with longitudes as short as they are there:
    away from the equator a degree of longitude is not one of latitude.
    """
    if first.geom_type == second.geom_type == "Point":
        return _metres(first, second)
    least, across = math.inf, 1.0
    for _ in range(ROUNDS):
        one, other = nearest_points(_squeezed(first, across), _squeezed(second, across))
        least = min(least, _metres(_squeezed(one, 1 / across), _squeezed(other, 1 / across)))
        across = max(math.cos(math.radians((one.y + other.y) / 2)), 1e-6)
    return least


def _metres(one: Any, other: Any) -> float:
    return float(EARTH.inv(one.x, one.y, other.x, other.y)[2])


def _squeezed(found: Any, across: float) -> Any:
    return shapely.transform(found, lambda places: places * (across, 1.0))


def read_geo(
    *, georel: Any, geometry: Any, coordinates: Any, geoproperty: Any, terms: Terms
) -> GeoQuery | None:
    """A geo-query from its parameters, None when there is none. Raises BadRequestData."""
    if georel is None:
        if geometry is not None or coordinates is not None:
            raise BadRequestData("a geo-query needs georel")
        return None
    if geometry is None or coordinates is None:
        raise BadRequestData("a geo-query needs geometry and coordinates")
    if isinstance(coordinates, str):
        try:
            coordinates = json.loads(coordinates)
        except ValueError as error:
            raise BadRequestData("the coordinates are not JSON") from error
    wanted = {"type": geometry, "coordinates": coordinates}
    check_geometry(wanted, "the geo-query")
    attribute = terms.expand(geoproperty or "location")
    near = NEAR.match(str(georel).replace(" ", ""))
    if near:
        metres = float(near[2])
        if not 0 < metres < math.inf:
            raise BadRequestData("a distance is a positive number of metres")
        if near[1] == "maxDistance":
            return GeoQuery("near", wanted, attribute, farthest=metres)
        return GeoQuery("near", wanted, attribute, nearest=metres)
    if georel not in RELATIONS or georel == "near":
        raise BadRequestData(f"{georel!r} is not a relation of a geo-query")
    return GeoQuery(georel, wanted, attribute)

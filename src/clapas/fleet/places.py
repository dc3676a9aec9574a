"""Coordinates as people type them: WGS 84, swapped, or in Lambert-93 (EPSG:2154, RGF93 v1).

Source: NTG_71 (IGN) for Lambert-93; in France its eastings are 100,000 to 1,300,000 m and its northings
6,000,000 to 7,200,000 m, which no pair of degrees can be taken for.
"""

from functools import cache
from typing import Literal

import msgspec
from pyproj import Transformer

Found = Literal["", "swapped", "lambert93", "outside", "impossible"]
Box = tuple[float, float, float, float]
MARGIN = 0.3
"""Degrees around the territory: a device may stand a little outside."""


class Place(msgspec.Struct, frozen=True):
    """A place in degrees, and what was found about how it was written."""

    longitude: float
    latitude: float
    found: Found = ""


def place_of(first: float, second: float, *, box: Box | None) -> Place:
    """What a (longitude, latitude) pair means. ``first`` is the column of longitudes or X."""
    for x, y in ((first, second), (second, first)):
        if 100_000 <= x <= 1_300_000 and 6_000_000 <= y <= 7_200_000:
            longitude, latitude = _lambert().transform(x, y)
            return Place(round(longitude, 7), round(latitude, 7), "lambert93")
    straight = abs(first) <= 180 and abs(second) <= 90
    if straight and _inside(first, second, box=box):
        return Place(first, second)
    if abs(second) <= 180 and abs(first) <= 90 and box and _inside(second, first, box=box):
        return Place(second, first, "swapped")
    return Place(first, second, "outside" if straight else "impossible")


def _inside(longitude: float, latitude: float, *, box: Box | None) -> bool:
    if box is None:
        return True
    west, south, east, north = box
    return (
        west - MARGIN <= longitude <= east + MARGIN and south - MARGIN <= latitude <= north + MARGIN
    )


@cache
def _lambert() -> Transformer:
    return Transformer.from_crs(2154, 4326, always_xy=True)

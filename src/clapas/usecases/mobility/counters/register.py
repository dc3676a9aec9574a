"""The city's register of counters: a name, a place, and the serials that stood there one after another."""

import re
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from shapely.geometry import Point, shape

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.counters.channels import Channel
from clapas.usecases.mobility.counters.national import CommuneOf, Described
from clapas.usecases.tables import column, columns, number, read_table

NAME = ("nom du com", "nom", "name", "site_name", "nom du compteur")
SERIALS = ("n° série", "serial", "n° sér_1", "serie", "counter_id", "n° serie")
CODES = ("code", "insee", "codgeo", "code_insee", "insee_com", "com_insee", "codcomm")
INSEE = re.compile(r"([013-9]\d|2[AB1-9])\d{3}")
"""As the national schema writes it."""


def read_register(path: Path) -> dict[str, Described]:
    """Each serial with what the register says of it; raises :class:`~clapas.usecases.errors.BadTable`."""
    text = read_table(path)
    found = columns(
        text,
        path,
        wanted={"name": NAME, "serial": SERIALS, "latitude": ("latitude", "lat", "ylat"), "longitude": ("longitude", "lon", "xlong")},
    )  # fmt: skip
    lane = column(text, ("osm_line_i", "lane", "laneid"))
    serials = [name for name in text.columns if name.lower() in SERIALS]
    rows = text.with_columns(y=number(found["latitude"]), x=number(found["longitude"])).filter(
        pl.col("x").is_not_null() & pl.col("y").is_not_null()
    )
    known: dict[str, Described] = {}
    for row in rows.to_dicts():
        for name in serials:
            serial = (row[name] or "").strip()
            if serial:
                known[serial] = Described(
                    name=(row[found["name"]] or "").strip(),
                    longitude=row["x"],
                    latitude=row["y"],
                    lane=(row[lane] or "").strip() if lane else "",
                )
    return known


def named_by_place(made: list[Channel], known: dict[str, Described]) -> dict[str, Described]:
    """The register, with serials that it has forgotten found again by their place (within about 30 m)."""
    more = dict(known)
    for channel in made:
        for serial in channel.serials:
            if serial in more or channel.longitude is None or channel.latitude is None:
                continue
            x, y = channel.longitude, channel.latitude
            near = [
                each
                for each in known.values()
                if abs(each.longitude - x) < 0.0003 and abs(each.latitude - y) < 0.0003
            ]
            if near:
                more[serial] = near[0]
    return more


def read_communes(path: Path) -> CommuneOf:
    """Contours as a function: (longitude, latitude) → INSEE code, '' outside. Raises BadTable.

    A feature's code is its property ``code``, ``insee`` or ``codgeo`` (five characters).
    """
    try:
        features = msgspec.json.decode(path.read_bytes())["features"]
        shapes = [(_code(each["properties"]), shape(each["geometry"])) for each in features]
    except (OSError, KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise BadTable(f"{path}: no contours of communes: {error}", path=str(path)) from error

    def commune_of(longitude: float, latitude: float) -> str:
        place = Point(longitude, latitude)
        return next((code for code, contour in shapes if contour.covers(place)), "")

    return commune_of


def _code(properties: dict[str, Any]) -> str:
    lowered = {name.lower(): value for name, value in properties.items()}
    found = next((str(lowered[name]) for name in CODES if lowered.get(name)), "")
    if not INSEE.fullmatch(found):
        raise ValueError(f"no INSEE code among {sorted(lowered)}")
    return found

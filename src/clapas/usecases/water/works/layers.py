"""Layers as a GIS exports them: the features of a GeoPackage, or the lines of a CSV, as cells and places.

Source: OGC 12-128r18 (GeoPackage 1.3), 2.1.3 (geometry blobs), OGC 06-103r4 (well-known binary and text).
Coordinates come out in degrees (WGS 84); a layer says its own system, a CSV is in degrees or in Lambert-93.
"""

import re
import sqlite3
import struct
from contextlib import closing
from functools import cache
from pathlib import Path

import msgspec
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from clapas.fleet.places import place_of
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.meters.cells import read_text_table

Places = list[tuple[float, float]]
MOST_ROWS = 200_000
MOST_POINTS = 2_000
ENVELOPES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
POINT, LINE, POLYGON, MULTI = 1, 2, 3, range(4, 8)
DEGREES = 4326
MAGIC = b"SQLite format 3\x00"
X, Y = ("longitude", "lon", "x", "x l93"), ("latitude", "lat", "y", "y l93")
WKT = ("wkt", "geometry", "geom", "geometrie", "géométrie")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a table, or a feature of a layer: ``line`` its number, cells by plain name, its points."""

    line: int
    cells: dict[str, str]
    places: Places


def read_layer(path: Path) -> list[Row]:
    """The features of a GeoPackage or the lines of a CSV. Raises BadTable."""
    with path.open("rb") as file:
        is_package = file.read(len(MAGIC)) == MAGIC
    rows = _package(path) if is_package else _table(path)
    if len(rows) > MOST_ROWS:
        raise BadTable(f"more than {MOST_ROWS} lines", limit=MOST_ROWS)
    return rows


def plain(name: str) -> str:
    """A column's name as it is compared: ``Diametre_mm`` → ``diametre mm``."""
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def _table(path: Path) -> list[Row]:
    frame = read_text_table(path)
    found = []
    for line, cells in enumerate(frame.iter_rows(named=True), start=2):
        named = {plain(name): (value or "").strip() for name, value in cells.items()}
        found.append(Row(line=line, cells=named, places=_written(named, line)))
    return found


def _written(cells: dict[str, str], line: int) -> Places:
    """The points of a line: well-known text, or two columns."""
    text = next((cells[name] for name in WKT if cells.get(name)), "")
    if text:
        numbers = [float(each) for each in NUMBER.findall(text.partition("(")[2])]
        step = 3 if re.match(r"\w+\s+Z", text, re.IGNORECASE) else 2
        pairs = list(zip(numbers[::step], numbers[1::step], strict=False))
    else:
        x, y = (next((cells[n] for n in names if cells.get(n)), "") for names in (X, Y))
        if not (x and y):
            return []
        try:
            pairs = [(float(x.replace(",", ".")), float(y.replace(",", ".")))]
        except ValueError as error:
            raise BadTable(f"line {line}: not coordinates: {x} {y}", line=line) from error
    places = [place_of(*pair, box=None) for pair in pairs[:MOST_POINTS]]
    if any(each.found in {"outside", "impossible"} for each in places):
        raise BadTable(f"line {line}: neither degrees nor Lambert-93", line=line)
    return [(each.longitude, each.latitude) for each in places]


def _package(path: Path) -> list[Row]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            layers = connection.execute(
                "SELECT g.table_name, g.column_name, s.organization_coordsys_id FROM gpkg_geometry_columns g "
                "JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY g.table_name"
            ).fetchall()
            return [
                row
                for table, column, system in layers
                for row in _features(connection, table, column=column, system=system)
            ]
    except sqlite3.DatabaseError as error:
        raise BadTable(f"not a GeoPackage: {error}") from error


def _features(connection: sqlite3.Connection, table: str, *, column: str, system: int) -> list[Row]:
    quoted = table.replace('"', '""')
    rows = connection.execute(f'SELECT * FROM "{quoted}" LIMIT {MOST_ROWS + 1}')  # noqa: S608 a name of the file itself, quoted
    found = []
    for number, feature in enumerate(rows, start=1):
        cells = {
            plain(name): "" if feature[name] is None else str(feature[name])
            for name in feature.keys()  # noqa: SIM118 a row of sqlite3 iterates over its values
            if name != column
        }
        cells.setdefault("layer", table)
        found.append(Row(line=number, cells=cells, places=_points(feature[column], system)))
    return found


def _points(blob: bytes | None, system: int) -> Places:
    """The points of a geometry blob, in degrees."""
    if not blob:
        return []
    if blob[:2] != b"GP" or (blob[3] >> 1 & 7) not in ENVELOPES:
        raise BadTable("a geometry of the layer cannot be read")
    try:
        pairs, _ = _shape(blob, 8 + ENVELOPES[blob[3] >> 1 & 7])
        if system == DEGREES or not pairs:
            return pairs[:MOST_POINTS]
        turn = _turned(system)
        return [turn.transform(x, y) for x, y in pairs[:MOST_POINTS]]
    except (struct.error, IndexError, ProjError) as error:
        raise BadTable(f"a geometry of the layer cannot be read: {error}") from error


def _shape(blob: bytes, at: int) -> tuple[Places, int]:
    """Points of one well-known binary geometry, and where it ends."""
    order = "<" if blob[at] else ">"
    code, at = struct.unpack_from(f"{order}I", blob, at + 1)[0], at + 5
    sizes = {0: 2, 1: 3, 2: 3, 3: 4}
    kind, size = code % 1000, sizes[code // 1000 % 4]
    if kind == POINT:
        return _run(blob, at, order=order, size=size, count=1)
    count, at = struct.unpack_from(f"{order}I", blob, at)[0], at + 4
    if kind == LINE:
        return _run(blob, at, order=order, size=size, count=count)
    places: Places = []
    for _ in range(min(count, MOST_POINTS)):
        if kind == POLYGON:
            points, at = struct.unpack_from(f"{order}I", blob, at)[0], at + 4
            more, at = _run(blob, at, order=order, size=size, count=points)
        elif kind in MULTI:
            more, at = _shape(blob, at)
        else:
            raise BadTable(f"geometries of kind {kind} are not read")
        places += more
    return places, at


def _run(blob: bytes, at: int, *, order: str, size: int, count: int) -> tuple[Places, int]:
    end = at + 8 * size * count
    numbers = struct.unpack_from(f"{order}{size * count}d", blob, at)
    return [(numbers[n], numbers[n + 1]) for n in range(0, len(numbers), size)], end


@cache
def _turned(system: int) -> Transformer:
    try:
        return Transformer.from_crs(CRS.from_epsg(system), DEGREES, always_xy=True)
    except CRSError as error:
        raise BadTable(f"coordinate system {system} is not known", system=system) from error

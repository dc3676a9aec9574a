"""Points and lines as a GeoPackage, which every GIS opens: one SQLite file, one layer.

Source: OGC 12-128r18 (GeoPackage 1.3), clauses 1.1 (core), 2.1 (features); geometry blobs of 2.1.3 around
well-known binary.
"""

import sqlite3
import struct
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

APPLICATION, VERSION = 0x47504B47, 10300
WGS84, UNDEFINED = 4326, -1
SYSTEMS = (
    ("Undefined Cartesian", -1, "NONE", -1, "undefined"),
    ("Undefined geographic", 0, "NONE", 0, "undefined"),
    (
        "WGS 84", 4326, "EPSG", 4326,
        ('GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
        'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'),
    ),
)  # fmt: skip
TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
  srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL, PRIMARY KEY (table_name, column_name));
"""
Place = tuple[float, float]
Cell = str | float | int | None


class Feature(msgspec.Struct, frozen=True):
    """A point (one place) or a line (several), with the values of its columns."""

    places: tuple[Place, ...]
    values: tuple[Cell, ...]


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """A named table of features; ``columns`` are our own names, never a user's. Places in the system ``srs``."""

    name: str
    columns: tuple[str, ...]
    features: Sequence[Feature]
    srs: int = WGS84


def packed(layer: Layer) -> bytes:
    """The layer as the bytes of a GeoPackage."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.gpkg"
        connection = sqlite3.connect(path)
        try:
            _write(connection, layer)
        finally:
            connection.close()
        return path.read_bytes()


def _write(connection: sqlite3.Connection, layer: Layer) -> None:
    lines = any(len(each.places) > 1 for each in layer.features)
    columns = ", ".join(f'"{name}"' for name in layer.columns)
    marks = ", ".join("?" * len(layer.columns))
    with connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.executescript(TABLES)
        connection.executemany(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)", SYSTEMS
        )
        connection.execute(
            f'CREATE TABLE "{layer.name}" (fid INTEGER PRIMARY KEY AUTOINCREMENT, geom BLOB, {columns})'
        )
        connection.executemany(
            f'INSERT INTO "{layer.name}" (geom, {columns}) VALUES (?, {marks})',  # noqa: S608 our own names
            [(blob(each.places, layer.srs), *each.values) for each in layer.features],
        )
        connection.execute(
            "INSERT INTO gpkg_contents VALUES (?, 'features', ?, '', ?, ?, ?, ?, ?, ?)",
            (layer.name, layer.name, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}", *_box(layer), layer.srs),
        )  # fmt: skip
        connection.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)",
            (layer.name, "LINESTRING" if lines else "POINT", layer.srs),
        )


def _box(layer: Layer) -> tuple[float | None, ...]:
    places = [place for each in layer.features for place in each.places]
    if not places:
        return (None, None, None, None)
    xs, ys = [x for x, _ in places], [y for _, y in places]
    return (min(xs), min(ys), max(xs), max(ys))


def blob(places: Sequence[Place], srs: int) -> bytes:
    """GeoPackage binary: header without envelope, then little-endian well-known binary."""
    header = b"GP" + struct.pack("<BBi", 0, 1, srs)
    if len(places) == 1:
        return header + struct.pack("<BIdd", 1, 1, *places[0])
    body = b"".join(struct.pack("<dd", *place) for place in places)
    return header + struct.pack("<BII", 1, 2, len(places)) + body

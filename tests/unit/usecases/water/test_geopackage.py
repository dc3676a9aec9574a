"""A layer is a real GeoPackage: its tables, its identity, its geometries."""

import sqlite3
import struct
from pathlib import Path

from clapas.usecases.water.geopackage import UNDEFINED, Feature, Layer, blob, packed


def opened(tmp_path: Path, layer: Layer) -> sqlite3.Connection:
    path = tmp_path / "layer.gpkg"
    path.write_bytes(packed(layer))
    return sqlite3.connect(path)


def test_points_are_points_of_wgs84(tmp_path: Path) -> None:
    layer = Layer(
        name="cases", columns=("id", "kind"), features=[Feature(((3.87, 43.61),), (7, "leak"))]
    )
    connection = opened(tmp_path, layer)
    assert connection.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
    assert connection.execute("SELECT id, kind FROM cases").fetchall() == [(7, "leak")]
    assert connection.execute(
        "SELECT srs_id, min_x, max_y FROM gpkg_contents WHERE table_name = 'cases'"
    ).fetchone() == (4326, 3.87, 43.61)
    geometry = connection.execute("SELECT geom FROM cases").fetchone()[0]
    assert geometry[:2] == b"GP"
    assert struct.unpack("<BIdd", geometry[8:]) == (1, 1, 3.87, 43.61)
    connection.close()


def test_pipes_are_lines_of_the_model(tmp_path: Path) -> None:
    layer = Layer(
        name="pipes",
        columns=("pipe",),
        features=[Feature(((0.0, 0.0), (10.0, 5.0)), ("p1",))],
        srs=UNDEFINED,
    )
    connection = opened(tmp_path, layer)
    assert connection.execute(
        "SELECT geometry_type_name, srs_id FROM gpkg_geometry_columns"
    ).fetchone() == ("LINESTRING", -1)
    connection.close()
    assert struct.unpack("<BII", blob(((0.0, 0.0), (1.0, 1.0)), UNDEFINED)[8:17]) == (1, 2, 2)

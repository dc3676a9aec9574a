"""The city's register of counters: a name, a place, and the serials that stood there one after another."""

from pathlib import Path

import polars as pl

from clapas.usecases.mobility.counters.channels import Channel
from clapas.usecases.mobility.counters.national import Described
from clapas.usecases.tables import column, columns, number, read_table

NAME = ("nom du com", "nom", "name", "site_name", "nom du compteur")
SERIALS = ("n° série", "serial", "n° sér_1", "serie", "counter_id", "n° serie")


def read_register(path: Path) -> dict[str, Described]:
    """Each serial with what the register says of it; raises :class:`~clapas.usecases.errors.BadTable`."""
    text = read_table(path)
    found = columns(
        text,
        path,
        {"name": NAME, "serial": SERIALS, "latitude": ("latitude", "lat", "ylat"), "longitude": ("longitude", "lon", "xlong")},
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

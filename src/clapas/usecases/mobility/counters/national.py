"""The three files of the national schema *comptage-mobilites* (etalab, 0.2.3 to 0.2.5): sites, channels, measures.

Every field that one of these versions requires is filled; those that 0.2.4 and 0.2.5 made optional (``counter_id``,
``temporality``) stay. Instants are in UTC, as Table Schema writes a ``datetime``.

A start is included, an end excluded; 0 is a count, an empty cell the lack of one; a decimal means estimated.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from clapas.usecases.mobility.counters.channels import Channel

SITES = ("site_id", "parent_site_id", "site_name", "fr_insee_code", "xlong", "ylat", "external_ids", "infrastructure_type")  # fmt: skip
CHANNELS = (
    "channel_id", "channel_provider_id", "site_provider_id", "site_id", "mobility_type", "comment",
    "counter_transmission_type", "publication_transmission_type", "counter_type", "direction",
    "provider_direction_code", "provider_direction_name", "data_provider_name", "temporality", "started_at",
    "ended_at", "last_updated_at", "time_step", "provider_portal_url",
)  # fmt: skip
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
MEASURES = ("channel_id", "counter_id", "start_datetime", "end_datetime", "count")
MOBILITY = {
    "bicycle": "BIKE", "bike": "BIKE", "car": "CAR", "pedestrian": "PEDESTRIAN", "truck": "TRUCK", "lorry": "TRUCK",
    "bus": "BUS", "motorcycle": "TWO WHEELS MOTORIZED", "scooter": "E-SCOOTER",
}  # fmt: skip


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What a register of counters says of a serial."""

    name: str
    longitude: float
    latitude: float
    lane: str = ""


CommuneOf = Callable[[float, float], str]


def national_files(
    judged: pl.DataFrame,
    made: list[Channel],
    *,
    register: dict[str, Described],
    publisher: str = "",
    commune_of: CommuneOf | None = None,
) -> dict[str, pl.DataFrame]:
    """The tables ``sites``, ``channels`` and ``measures``; channels whose place is unknown are left out."""
    placed = [each for each in made if _place(each, register) is not None]
    sites: dict[str, dict[str, Any]] = {}
    for each in placed:
        sites.setdefault(each.site, _site(each, register, commune_of=commune_of))
    measures = judged.filter(pl.col("channel").is_in([each.id for each in placed])).select(
        channel_id="channel",
        counter_id="counter",
        start_datetime=pl.col("start").dt.strftime(MOMENT),
        end_datetime=pl.col("end").dt.strftime(MOMENT),
        count=_written_count(),
    )
    lines = [_channel(each, judged, publisher=publisher) for each in placed]
    return {
        "sites": pl.DataFrame(list(sites.values()), schema=dict.fromkeys(SITES, pl.String)),
        "channels": pl.DataFrame(lines, schema=dict.fromkeys(CHANNELS, pl.String)),
        "measures": measures.select(MEASURES),
    }


def _written_count() -> pl.Expr:
    """A whole number as counted, one with a decimal where it was reconstructed, nothing where it lacks."""
    whole = pl.col("count").cast(pl.Int64, strict=False).cast(pl.String)
    guess = (pl.col("reconstructed").floor() + 0.5).cast(pl.String)
    return (
        pl.when(pl.col("quality") == "valid")
        .then(whole)
        .when(pl.col("estimated"))
        .then(guess)
        .otherwise(None)
    )


def _place(channel: Channel, register: dict[str, Described]) -> tuple[float, float] | None:
    if channel.longitude is not None and channel.latitude is not None:
        return channel.longitude, channel.latitude
    known = next((register[serial] for serial in channel.serials if serial in register), None)
    return (known.longitude, known.latitude) if known else None


def _site(
    channel: Channel, register: dict[str, Described], *, commune_of: CommuneOf | None
) -> dict[str, Any]:
    longitude, latitude = _place(channel, register) or (0.0, 0.0)
    known = next((register[serial] for serial in channel.serials if serial in register), None)
    return dict.fromkeys(SITES) | {
        "site_id": channel.site,
        "site_name": known.name if known else f"Compteur {channel.site}",
        "fr_insee_code": commune_of(longitude, latitude) or None if commune_of else None,
        "xlong": f"{longitude:.6f}",
        "ylat": f"{latitude:.6f}",
        "external_ids": known.lane or None if known else None,
    }


def _channel(channel: Channel, judged: pl.DataFrame, *, publisher: str) -> dict[str, Any]:
    own = judged.filter(pl.col("channel") == channel.id)
    first, last = own["start"].min(), own["end"].max()
    step = own.select((pl.col("end") - pl.col("start")).dt.total_seconds().median()).item()
    moments = pl.Series([first, last]).dt.strftime(MOMENT)
    return dict.fromkeys(CHANNELS) | {
        "channel_id": channel.id,
        "channel_provider_id": channel.serials[-1],
        "site_id": channel.site,
        "mobility_type": MOBILITY.get(channel.vehicle.lower(), "UNDEFINED"),
        "provider_direction_code": "OUT" if channel.reversed else "IN",
        "data_provider_name": publisher or None,
        "temporality": "PERMANENT",
        "started_at": moments[0],
        "last_updated_at": moments[1],
        "time_step": str(int(step)),
    }


def write_national(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    """Write ``sites.csv``, ``channels.csv`` and ``measures.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")

"""The national files of a running platform's counters, from its own history."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np
import polars as pl

from clapas.domain.device import Entity
from clapas.domain.window import Window
from clapas.store import Store
from clapas.store.values import Latest
from clapas.usecases.members import Seen, members_of
from clapas.usecases.mobility.counters.channels import with_channels
from clapas.usecases.mobility.counters.judge import judged
from clapas.usecases.mobility.counters.national import Described, national_files
from clapas.usecases.pack import Pack
from clapas.usecases.points import Points, points_of

VEHICLES = {"bicycle_count": "bicycle", "vehicle_count": "car", "pedestrian_count": "pedestrian"}
"""Counted quantity → what passes."""
MOST_COUNTS = 100_000
MOST_OF_A_DAY = 20 * 3600


async def national_tables(
    store: Store, seen: Seen, *, pack: Pack, window: Window, publisher: str
) -> dict[str, pl.DataFrame] | None:
    """Sites, channels and measures of the counters that may be seen; None when none counted in the period."""
    members = await members_of(store, seen, pack=pack)
    wanted = [each for each in members.latest if each.quantity in VEHICLES]
    histories = await store.history.read(
        seen.series,
        [each.series for each in wanted],
        window=window,
        step="raw",
        max_points=MOST_COUNTS,
    )
    points = {each.series: points_of(each) for each in histories}
    places = {row.entity.id: row.entity for row in members.rows}
    zone = (await store.territory.zone()).key
    return await asyncio.to_thread(
        _tables, wanted, points, places=places, zone=zone, publisher=publisher
    )


def _tables(
    wanted: Sequence[Latest], points: Mapping[int, Points], *, places: Mapping[str, Entity], zone: str,
    publisher: str,
) -> dict[str, pl.DataFrame] | None:  # fmt: skip
    parts = [
        counted(places[each.entity], VEHICLES[each.quantity], points=points[each.series], zone=zone)
        for each in wanted
        if each.series in points and len(points[each.series].at) > 1
    ]
    if not parts:
        return None
    rows, made = with_channels(pl.concat(parts))
    names = {_serial(each): _described(each) for each in places.values() if each.name}
    codes = {
        (each.longitude, each.latitude): each.commune for each in places.values() if each.commune
    }
    return national_files(
        judged(rows, zone),
        made,
        register={serial: each for serial, each in names.items() if each is not None},
        publisher=publisher,
        commune_of=lambda longitude, latitude: codes.get((longitude, latitude), ""),
    )


def counted(entity: Entity, vehicle: str, *, points: Points, zone: str) -> pl.DataFrame:
    """A counter's readings as intervals: each from its instant to the usual step later, or to the next civil midnight."""
    step = float(np.median(np.diff(points.at)))
    start = pl.Series(points.at * 1e6).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    end = (
        start.dt.convert_time_zone(zone).dt.offset_by("1d").dt.convert_time_zone("UTC")
        if step >= MOST_OF_A_DAY
        else start + timedelta(seconds=step)
    )
    return pl.DataFrame(
        {"start": start, "end": end, "count": points.values},
    ).select(
        serial=pl.lit(_serial(entity)),
        lane=pl.lit(""),
        vehicle=pl.lit(vehicle),
        reversed=pl.lit(value=False),
        longitude=pl.lit(entity.longitude, dtype=pl.Float64),
        latitude=pl.lit(entity.latitude, dtype=pl.Float64),
        start="start",
        end="end",
        count="count",
    )


def _serial(entity: Entity) -> str:
    return entity.id.rpartition(":")[2]


def _described(entity: Entity) -> Described | None:
    if entity.longitude is None or entity.latitude is None:
        return None
    return Described(name=entity.name, longitude=entity.longitude, latitude=entity.latitude)

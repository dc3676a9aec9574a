"""The climate of a running platform's rooms and showcases: the batch summary over their last thirteen months."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np
import polars as pl

from clapas.domain.window import Window
from clapas.store import Store
from clapas.store.values import Latest
from clapas.usecases.historic_band import settled_band
from clapas.usecases.limits import Text
from clapas.usecases.measures import MEMORY
from clapas.usecases.members import Seen, members_of
from clapas.usecases.museum import physics
from clapas.usecases.museum.climate import arrays
from clapas.usecases.museum.limits import Limits, limits
from clapas.usecases.museum.summary import summary_table
from clapas.usecases.pack import Pack
from clapas.usecases.points import Points, points_of

WANTED = ("relative_humidity", "temperature", "illuminance", "co2")
POINTS = 800
"""Points of a drawn curve."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Humidity with its seasonal mean and band, % RH, thinned for a drawing; ``times`` in ms."""

    times: list[int]
    humidity: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """One sensor's climate as known at the end; shares 0-1, humidities % RH, temperatures °C."""

    entity: str
    name: str
    role: str
    first: datetime
    last: datetime
    capture: float
    record_long_enough: bool
    temperature_mean: float
    humidity_mean: float
    fluctuation_p7: float
    fluctuation_p93: float
    outside_en15757: float
    largest_swing_24h: float
    mould_hours: float
    ashrae: str
    storage: str
    twpi_years: float
    attenuation: float | None
    protection: str
    temperature: float
    humidity: float
    dew_point: float
    absolute_humidity: float
    illuminance: float | None
    co2: float | None
    curve: Curve


class Climate(msgspec.Struct, frozen=True, kw_only=True):
    """The rooms of a museum, and the limits that still want somebody's confirmation."""

    start: datetime
    end: datetime
    rooms: list[Room]
    to_confirm: list[Text]


async def climate_of(
    store: Store, seen: Seen, *, pack: Pack, end: datetime, shown: Window
) -> Climate:
    """The climate of every room known at ``end``; curves are drawn over ``shown``."""
    members = await members_of(store, seen, pack=pack)
    states = [each for each in members.latest if each.quantity in WANTED]
    window = Window(end - MEMORY, end)
    found = await store.history.read(
        seen.series, [each.series for each in states], window=window, step="raw", max_points=100_000
    )
    series = {each.series: points_of(each) for each in found}
    rules = limits(end.date())
    rooms = await asyncio.to_thread(
        _rooms, states, series, names=members.names, shown=shown, rules=rules
    )
    return Climate(start=shown.start, end=shown.end, rooms=rooms, to_confirm=_doubts(rules))


def _doubts(rules: Limits) -> list[Text]:
    doubts = (
        (rules.swing.to_confirm, Text(fr=rules.swing.source_fr, en=rules.swing.source)),
        (rules.surface.to_confirm, Text(fr=rules.surface.source_fr, en=rules.surface.source)),
        (
            rules.ashrae_rule.to_confirm,
            Text(fr=rules.ashrae_rule.source_fr, en=rules.ashrae_rule.source),
        ),
        (
            rules.storage_rule.to_confirm,
            Text(fr=rules.storage_rule.source_fr, en=rules.storage_rule.source),
        ),
    )
    return [source for doubt, source in doubts if doubt]


def _rooms(
    states: Sequence[Latest], series: Mapping[int, Points], *, names: Mapping[str, str],
    shown: Window, rules: Limits,
) -> list[Room]:  # fmt: skip
    by_entity: dict[str, dict[str, Points]] = {}
    for each in states:
        points = series.get(each.series)
        if points is not None and len(points.at):
            by_entity.setdefault(each.entity, {})[each.quantity] = points
    tables = {
        entity: _readings(names.get(entity, entity), own)
        for entity, own in by_entity.items()
        if {"relative_humidity", "temperature"} <= set(own)
    }
    known = {entity: table for entity, table in tables.items() if table.height >= 2}
    if not known:
        return []
    facts = summary_table(pl.concat(known.values()), rules).to_dicts()
    rows = {row["sensor"]: row for row in facts}
    return [
        _room(entity, rows[name], table=table, own=by_entity[entity], shown=shown)
        for entity, table in known.items()
        if (name := table["sensor"][0]) in rows
    ]


def _readings(name: str, own: dict[str, Points]) -> pl.DataFrame:
    """Temperatures and humidities of one sensor at the same instants, as the batch tools take them."""
    damp, warm = own["relative_humidity"], own["temperature"]
    shared, here, there = np.intersect1d(damp.at, warm.at, return_indices=True)
    return pl.DataFrame(
        {
            "site": "",
            "sensor": name,
            "at": pl.Series((shared * 1000).astype(np.int64)).cast(pl.Datetime("ms", "UTC")).cast(pl.Datetime("us", "UTC")),
            "temp": warm.values[there],
            "rh": damp.values[here] * 100,
        }
    ).select(
        pl.lit(0).alias("line"), "site", "sensor", pl.lit("").alias("written"), "at", "temp", "rh"
    )  # fmt: skip


def _room(
    entity: str,
    row: dict[str, object],
    *,
    table: pl.DataFrame,
    own: dict[str, Points],
    shown: Window,
) -> Room:
    at, temperature, humidity = arrays(table)
    now_t, now_h = temperature[-1:], humidity[-1:]
    values = {name: row[name] for name in Room.__struct_fields__ if name in row}
    return msgspec.convert(
        values
        | {
            "entity": entity,
            "name": row["sensor"],
            "temperature": round(float(now_t[0]), 1),
            "humidity": round(float(now_h[0]), 1),
            "dew_point": round(float(physics.dew_point(now_t, now_h)[0]), 1),
            "absolute_humidity": round(float(physics.absolute_humidity(now_t, now_h)[0]), 1),
            "illuminance": _last(own, "illuminance"),
            "co2": _last(own, "co2"),
            "curve": _curve(at, humidity, shown=shown),
        },
        Room,
    )


def _last(own: dict[str, Points], quantity: str) -> float | None:
    return round(float(own[quantity].values[-1]), 1) if quantity in own else None


def _curve(at: np.ndarray, humidity: np.ndarray, *, shown: Window) -> Curve:
    """The humidity over the period beside the band of the whole record (EN 15757)."""
    settled = settled_band(at, humidity)
    first, last = np.searchsorted(at, [shown.start.timestamp(), shown.end.timestamp()])
    step = max(1, -(-int(last - first) // POINTS))
    part = slice(int(first), int(last), step)
    mean = settled.mean[part]
    wide = settled.high - settled.low >= 20
    low, high = (settled.low, settled.high) if wide else (-10.0, 10.0)
    return Curve(
        times=(at[part] * 1000).astype(np.int64).tolist(),
        humidity=np.round(humidity[part], 1).tolist(),
        mean=np.round(mean, 2).tolist(),
        low=np.round(mean + low, 2).tolist(),
        high=np.round(mean + high, 2).tolist(),
    )

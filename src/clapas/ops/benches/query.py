"""How long the questions of a metropolis take: 80,000 hourly sensors over 30 days.

The fleet is written as the main path writes it (series, state, history with provenance, roll-ups),
straight into the store; then each question is asked several times and the middle time is kept.
"""

import math
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.window import Window, milliseconds
from clapas.store import StateRow, Store, migrate

ALL = RowFilter(everything=True)
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
REPEATS = 7
CHUNK = 20_000


NEEDS = "engines"


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Fill empty databases and measure; times in milliseconds, sizes in bytes.

    ``devices`` (80,000), ``days`` (30), ``every_hours`` between two values of a sensor (1).
    """
    addresses = options["addresses"]
    devices, days = int(options.get("devices") or 80_000), int(options.get("days") or 30)
    every = int(options.get("every_hours") or 1)
    await migrate(addresses)
    async with Store.open(addresses) as store:
        began = time.perf_counter()
        series = await _fleet(store, devices)
        await _history(store, series, days=days, every=every)
        filled = time.perf_counter() - began
        began = time.perf_counter()
        while await store.rollups.refresh(force=True):
            pass
        rolled = time.perf_counter() - began
        return {
            "sensors": devices,
            "every_hours": every,
            "observations": devices * days * 24 // every,
            "fill_s": round(filled, 1),
            "rollups_s": round(rolled, 1),
            "bytes_per_observation": await _size(store),
            **await _questions(store, series, days=days),
        }


async def _fleet(store: Store, devices: int) -> list[int]:
    """One entity and one temperature series for each sensor, a third open, on 31 communes."""
    ids = [f"urn:ngsi-ld:WeatherObserved:{number:06}" for number in range(devices)]
    numbers: list[int] = []
    for low in range(0, devices, CHUNK):
        part = ids[low : low + CHUNK]
        await store.entities.upsert(
            [
                Entity(
                    id=each,
                    type="WeatherObserved",
                    name=f"Sonde {low + place}",
                    longitude=3.6 + (place % 500) / 1000,
                    latitude=43.5 + (place % 300) / 1000,
                    commune=f"34{place % 31:03}",
                    dataset="open" if place % 3 == 0 else "",
                )
                for place, each in enumerate(part)
            ]
        )
        keys = [SeriesKey(each, "temperature", "temperature") for each in part]
        made = await store.series.ensure(keys)
        numbers += [made[key].id for key in keys]
        now = milliseconds(START)
        await store.state.upsert(
            [
                StateRow(made[key].id, key.entity, "temperature", 20.0 + place % 10, now, now)
                for place, key in enumerate(keys)
            ]
        )
    return numbers


async def _history(store: Store, series: list[int], *, days: int, every: int = 1) -> None:
    """Day after day: jitter, network lag, a daily wave, one decimal, sequences as messages come."""
    chance = np.random.default_rng(1)
    count = len(series)
    offsets = np.sort(chance.integers(0, HOUR_MS - 1000, count))
    order = chance.permutation(count)
    numbers = np.array(series, dtype="u4")[order]
    levels = chance.normal(15, 4, count)
    start = milliseconds(START)
    drift = np.zeros(count)
    for day in range(days):
        hours: list[pa.Table] = []
        for hour in range(day * 24, day * 24 + 24, every):
            drift = 0.95 * drift + chance.normal(0, 0.3, count)
            values = np.round(levels + drift + 5 * math.sin(hour / 24 * 2 * math.pi), 1)
            measured = start + hour * HOUR_MS + offsets + chance.integers(0, 1000, count)
            lag = chance.lognormal(4.6, 0.5, count).astype("i8")
            sequence = np.arange(hour * count, (hour + 1) * count, dtype="u8") + 1
            hours.append(_table(numbers, measured, values=values, lag=lag, sequence=sequence))
        await store.history.keep_table(pa.concat_tables(hours))


def _table(
    series: np.ndarray,
    measured: np.ndarray,
    *,
    values: np.ndarray,
    lag: np.ndarray,
    sequence: np.ndarray,
) -> pa.Table:
    count = len(series)
    return pa.table(
        {
            "series": series,
            "measured": pa.array(measured).cast(pa.timestamp("ms", "UTC")),
            "value": values,
            "lag": lag,
            "log": np.ones(count, dtype="u2"),
            "sequence": sequence,
            "quality": np.zeros(count, dtype="u1"),
            "codec": np.full(count, 3, dtype="u2"),
            "generation": np.zeros(count, dtype="u4"),
            "deleted": np.zeros(count, dtype="u1"),
        }
    )


async def _size(store: Store) -> float:
    await store.history.compact()
    rows, size = (await store.history.sizes())["observation"]
    return round(size / rows, 2)


async def _questions(store: Store, series: list[int], *, days: int) -> dict[str, Any]:
    window = Window(START, START + timedelta(days=days))
    middle = series[len(series) // 2]
    some = RowFilter(datasets=frozenset({"open"}), communes=frozenset({"34001", "34002", "34003"}))
    wide = RowFilter(datasets=frozenset({"open", ""}))
    return {
        "latest_of_all_ms": await _time(lambda: store.state.latest(ALL)),
        "latest_of_all_filtered_ms": await _time(lambda: store.state.latest(wide)),
        "latest_three_communes_ms": await _time(lambda: store.state.latest(some)),
        "map_of_all_ms": await _time(lambda: store.entities.map(ALL)),
        "page_of_50_ms": await _time(lambda: store.entities.page(ALL)),
        "search_ms": await _time(lambda: store.entities.page(ALL, q="sonde 4321")),
        "month_of_one_raw_ms": await _time(
            lambda: store.history.read(ALL, [middle], window=window)
        ),
        "month_of_one_hourly_ms": await _time(
            lambda: store.history.read(ALL, [middle], window=window, step="hour")
        ),
        "daily_of_all_ms": await _time(
            lambda: store.history.daily(ALL, "temperature", window=window)
        ),
        "daily_of_all_filtered_ms": await _time(
            lambda: store.history.daily(wide, "temperature", window=window)
        ),
        "daily_three_communes_ms": await _time(
            lambda: store.history.daily(some, "temperature", window=window)
        ),
    }


async def _time(question: Callable[[], Awaitable[object]]) -> float:
    """The middle time of several askings, in milliseconds, after one that does not count."""
    await question()
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        await question()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 1)

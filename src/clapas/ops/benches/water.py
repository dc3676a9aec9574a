"""``clapas bench water``: the nightly run on meters' indexes, and the update of one meter.

Two nights of 24 hourly indexes for ``options['meters']`` meters (60,000 when absent), read from the book's
file and written back; then five hundred single readings.
"""

import asyncio
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clapas.usecases.water.leaks.book import Book
from clapas.usecases.water.leaks.detector import step
from clapas.usecases.water.leaks.levels import Levels
from clapas.usecases.water.leaks.nightly import Ledger, run_night

START = 1.7e9
SINGLE = 500


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of a night, memory of the process (MB) and milliseconds of one meter's update."""
    meters = int(options.get("meters") or 60_000)
    return await asyncio.to_thread(_measure, meters)


def _measure(meters: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    index = random.integers(0, 1_000_000, meters).astype(np.float64)
    levels = Levels()
    seconds = []
    with tempfile.TemporaryDirectory(prefix="clapas-bench-") as folder:
        path = Path(folder) / "meters.npz"
        Ledger.empty(levels).save(path)
        for night in range(2):
            rows, index = _day(night, index, random=random)
            began = time.perf_counter()
            ledger, _ = run_night(Ledger.load(path), rows, levels=levels)
            ledger.save(path)
            seconds.append(round(time.perf_counter() - began, 1))
    return {
        "meters": meters,
        "night_s": max(seconds),
        "process_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "one_update_ms": round(1000 * _single(levels), 3),
    }


def _day(
    night: int, index: np.ndarray[Any, np.dtype[np.float64]], *, random: np.random.Generator
) -> tuple[pl.DataFrame, np.ndarray[Any, np.dtype[np.float64]]]:
    """A day of hourly indexes of homes that sleep at night."""
    meters = len(index)
    awake = (np.arange(24) >= 6) & (random.random((meters, 24)) < 0.6)
    used = np.where(awake, np.round(random.gamma(1.2, 18.0, (meters, 24))), 0.0)
    indexes = index[:, None] + np.cumsum(used, axis=1)
    at = START + night * 86_400.0 + np.arange(24) * 3600.0 + random.uniform(0, 3000, (meters, 1))
    names = np.array([f"{number:016x}" for number in range(meters)])
    rows = pl.DataFrame(
        {
            "meter": np.repeat(names, 24),
            "at": pl.Series((at.ravel() * 1e6).astype(np.int64)).cast(pl.Datetime("us", "UTC")),
            "index_l": indexes.ravel(),
        }
    )
    return rows, indexes[:, -1]


def _single(levels: Levels) -> float:
    """Seconds of one meter's update, over many."""
    book, row = Book(1, len(levels.flow)), np.zeros(1, dtype=np.int64)
    began = time.perf_counter()
    for number in range(SINGLE):
        step(
            book,
            levels,
            rows=row,
            at=np.array([START + 3600.0 * number]),
            index=np.array([100.0 + number]),
        )
    return (time.perf_counter() - began) / SINGLE

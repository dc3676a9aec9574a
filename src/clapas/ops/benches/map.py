"""The map of a metropolis: 80,000 things gathered on the server, and what a person waits for in a browser."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.ops import browser
from clapas.ops.demonstration import SIREN, save_territory
from clapas.ops.territory import from_epci
from clapas.store import StateRow, Store, migrate

NEEDS = "platform"
ALL = RowFilter(everything=True)
REPEATS = 7
CHUNK = 10_000
DAY_MS = 86_400_000


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Times in milliseconds: the middle of seven on the server, of four visits in the browser.

    ``devices`` (80,000) things; ``browser=no`` leaves the browser out.
    """
    addresses = options["addresses"]
    await migrate(addresses)
    async with Store.open(addresses) as store:
        figures = await gathered(store, int(options.get("devices") or 80_000))
    if options.get("browser") == "no":
        return figures
    async with browser.signed_in(str(options["address"]), str(options["first_link"])) as context:
        return figures | await browser.map_figures(context)


async def gathered(store: Store, devices: int) -> dict[str, Any]:
    """As many things as devices among the communes of a metropolis; the whole map gathered, and a street of it."""
    await save_territory(store, await asyncio.to_thread(from_epci, SIREN))
    chance = random.Random(2)
    now = int(datetime.now(UTC).timestamp() * 1000)
    for low in range(0, devices, CHUNK):
        entities = [
            Entity(
                id=f"urn:ngsi-ld:WaterConsumption:{number:06}",
                type="WaterConsumption",
                name=f"Compteur {number:06}",
                longitude=3.7 + chance.random() / 3,
                latitude=43.5 + chance.random() / 5,
                commune="34172",
            )
            for number in range(low, min(low + CHUNK, devices))
        ]
        keys = [SeriesKey(each.id, "index", "water_volume") for each in entities]
        series = await store.series.ensure(keys)
        await store.entities.upsert(entities)
        rows = [
            StateRow(series[key].id, key.entity, "index", 1.0, now - (n % 50 == 0) * DAY_MS, now)
            for n, key in enumerate(keys)
        ]
        await store.state.upsert(rows)
    clusters = partial(store.map.clusters, ALL, late=timedelta(hours=3), silent=timedelta(hours=12))
    street = (3.87, 43.60, 3.88, 43.605)
    whole = await clusters(zoom=10)
    return {
        "map_points": sum(whole.counts),
        "map_marks": len(whole.counts),
        "map_whole_ms": await middle(lambda: clusters(zoom=10)),
        "map_street_ms": await middle(lambda: clusters(zoom=15, bbox=street)),
    }


async def middle(question: Callable[[], Awaitable[object]]) -> float:
    """The middle time of several askings, in milliseconds, after one that does not count."""
    await question()
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        await question()
        times.append((time.perf_counter() - began) * 1000)
    return round(median(times), 1)

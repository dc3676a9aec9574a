"""A spreadsheet of a metropolis: 80,000 devices with keys, judged, imported, undone, and then asked for.

Then as many things on the map, and what a person waits for in a real browser.
"""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, Model, SeriesKey
from clapas.fleet import importing
from clapas.fleet.columns import FIELDS
from clapas.fleet.health import sweep
from clapas.fleet.importing import Plan
from clapas.fleet.sealing import Sealer
from clapas.fleet.sheet import preview
from clapas.ops import browser
from clapas.store import Seen, StateRow, Store, migrate
from clapas.store.fleet import DeviceQuery

NEEDS = "platform"
ALL = RowFilter(everything=True)
REPEATS = 7
CHUNK = 10_000
DAY_MS = 86_400_000


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Times in seconds for the import, in milliseconds (middle of seven) for the questions."""
    addresses = options["addresses"]
    devices = int(options.get("devices") or 80_000)
    await migrate(addresses)
    async with Store.open(addresses) as store:
        await store.models.save([Model(id="water", label="Compteur d’eau", interval_s=3600)])
        content = sheet(devices)
        figures: dict[str, Any] = {"devices": devices, "file_bytes": len(content)}
        figures |= await _import(store, content)
        figures |= await _questions(store, devices)
        figures |= await _map(store, devices)
    if options.get("browser") == "no":
        return figures
    async with browser.signed_in(str(options["address"]), str(options["first_link"])) as context:
        figures |= await browser.map_figures(context)
        figures |= await browser.list_figures(context, "compteur 04321")
    return figures


def sheet(devices: int) -> bytes:
    """A file as a contractor sends it: identifiers, keys, places, costs."""
    chance = random.Random(1)
    lines = [";".join(each.header for each in FIELDS)]
    for number in range(devices):
        values = {
            "key": f"70b3d57ed{number:07x}",
            "name": f"Compteur {number:06}",
            "model": "water",
            "source": "chirpstack_v4",
            "join_eui": "0000000000000001",
            "app_key": f"{chance.getrandbits(128):032x}",
            "latitude": f"{43.5 + chance.random() / 5:.6f}".replace(".", ","),
            "longitude": f"{3.7 + chance.random() / 3:.6f}".replace(".", ","),
            "address": f"{number % 200} rue de l’Aqueduc",
            "service": "Eau",
            "yearly_cost": "9,50",
            "tags": f"secteur=S{number % 40}",
        }
        cells = (values.get(each.name, "") for each in FIELDS)
        lines.append(";".join(f'"{cell}"' if ";" in cell else cell for cell in cells))
    return "\r\n".join(lines).encode("cp1252", errors="replace")


async def _import(store: Store, content: bytes) -> dict[str, Any]:
    async def nobody(done: int, total: int) -> None:
        """Progress is told to nobody here."""

    found = preview(content)
    plan = msgspec.to_builtins(Plan(shape=found.shape, columns=found.columns))
    number = (await store.imports.add("parc.csv", content, plan, actor="bench")).id
    sealer = Sealer(b"b" * 32)
    steps: dict[str, Any] = {}

    async def timed(name: str, work: Awaitable[dict[str, Any]]) -> None:
        began = time.perf_counter()
        steps[name] = (await work, round(time.perf_counter() - began, 1))

    await timed("dry_run_s", importing.dry_run(store, number, progress=nobody))
    for name in ("import_s", "import_again_s"):
        await timed(
            name, importing.apply(store, number, sealer=sealer, actor="bench", progress=nobody)
        )
        if name == "import_s":
            await timed("undo_s", importing.undo(store, number, force=False))
    imported = steps["import_again_s"][0]
    return {
        **{name: seconds for name, (_, seconds) in steps.items()},
        "good": imported["good"],
        "keys": imported["keys"],
    }


async def _questions(store: Store, devices: int) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp() * 1000)
    keys = [f"70b3d57ed{number:07x}" for number in range(devices)]
    for low in range(0, devices, 10_000):
        await store.registry.touch(
            {
                key: Seen(received=now, gateway=f"g{n % 40}")
                for n, key in enumerate(keys[low : low + 10_000])
            }
        )
    middle = (await store.fleet.select(ALL, DeviceQuery(), limit=devices // 2)).next
    return {
        "page_ms": await _time(lambda: store.fleet.select(ALL, DeviceQuery())),
        "page_in_the_middle_ms": await _time(
            lambda: store.fleet.select(ALL, DeviceQuery(), after=middle)
        ),
        "search_by_name_ms": await _time(
            lambda: store.fleet.select(ALL, DeviceQuery(q="compteur 04321"))
        ),
        "search_by_id_ms": await _time(lambda: store.fleet.select(ALL, DeviceQuery(q="ed00010e"))),
        "search_by_address_ms": await _time(
            lambda: store.fleet.select(ALL, DeviceQuery(q="77 rue de l’aqueduc"))
        ),
        "state_filter_ms": await _time(
            lambda: store.fleet.select(ALL, DeviceQuery(state="silent"))
        ),
        "search_by_tag_ms": await _time(
            lambda: store.fleet.select(ALL, DeviceQuery(tag="secteur"))
        ),
        "search_of_nothing_ms": await _time(
            lambda: store.fleet.select(ALL, DeviceQuery(q="introuvable"))
        ),
        "count_ms": await _time(lambda: store.fleet.count(ALL, DeviceQuery())),
        "sweep_ms": await _time(lambda: sweep(store)),
    }


async def _map(store: Store, devices: int) -> dict[str, Any]:
    """As many things as devices, one in fifty silent; the whole map gathered, and a street of it."""
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
    gathered = partial(store.map.clusters, ALL, late=timedelta(hours=3), silent=timedelta(hours=12))
    street = (3.87, 43.60, 3.88, 43.605)
    whole = await gathered(zoom=10)
    return {
        "map_points": sum(whole.counts),
        "map_marks": len(whole.counts),
        "map_whole_ms": await _time(lambda: gathered(zoom=10)),
        "map_street_ms": await _time(lambda: gathered(zoom=15, bbox=street)),
    }


async def _time(question: Callable[[], Awaitable[object]]) -> float:
    await question()
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        await question()
        times.append((time.perf_counter() - began) * 1000)
    return round(median(times), 1)

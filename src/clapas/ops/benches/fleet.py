"""A spreadsheet of a metropolis: 80,000 devices with keys, judged, imported, undone, and then asked for.

Then as many things on the map (see the bench of that name), and what a person waits for in a real browser.
"""

import random
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.device import Model
from clapas.fleet import importing
from clapas.fleet.columns import FIELDS
from clapas.fleet.health import sweep
from clapas.fleet.importing import Plan
from clapas.fleet.sealing import Sealer
from clapas.fleet.sheet import preview
from clapas.ops import browser
from clapas.ops.benches.map import gathered, middle
from clapas.store import Seen, Store, migrate
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
        figures |= await gathered(store, devices)
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
    number = (await store.imports.add("parc.csv", content, plan=plan, actor="bench")).id
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
    halfway = (await store.fleet.select(ALL, DeviceQuery(), limit=devices // 2)).next
    return {
        "page_ms": await middle(lambda: store.fleet.select(ALL, DeviceQuery())),
        "page_in_the_middle_ms": await middle(
            lambda: store.fleet.select(ALL, DeviceQuery(), after=halfway)
        ),
        "search_by_name_ms": await middle(
            lambda: store.fleet.select(ALL, DeviceQuery(q="compteur 04321"))
        ),
        "search_by_id_ms": await middle(lambda: store.fleet.select(ALL, DeviceQuery(q="ed00010e"))),
        "search_by_address_ms": await middle(
            lambda: store.fleet.select(ALL, DeviceQuery(q="77 rue de l’aqueduc"))
        ),
        "state_filter_ms": await middle(
            lambda: store.fleet.select(ALL, DeviceQuery(state="silent"))
        ),
        "search_by_tag_ms": await middle(
            lambda: store.fleet.select(ALL, DeviceQuery(tag="secteur"))
        ),
        "search_of_nothing_ms": await middle(
            lambda: store.fleet.select(ALL, DeviceQuery(q="introuvable"))
        ),
        "count_ms": await middle(lambda: store.fleet.count(ALL, DeviceQuery())),
        "sweep_ms": await middle(lambda: sweep(store)),
    }

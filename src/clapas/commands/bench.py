"""``clapas bench``: measure, and print what ``docs/benchmarks.md`` publishes with machine and date."""

import asyncio
import importlib
import json
import os
import platform as machine
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from clapas.domain.errors import InvalidInput


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def names() -> list[str]:
    """The benches, found by their place."""
    folder = Path(importlib.import_module("clapas.ops.benches").__path__[0])
    return sorted(each.stem for each in folder.glob("*.py") if each.stem != "__init__")


def bench(
    name: Annotated[str, typer.Argument(help="What to measure; without it, the list.")] = "",
    devices: Annotated[int, typer.Option(help="Simulated devices.")] = 0,
    *,
    rate: Annotated[float, typer.Option(help="Observations or events a second.")] = 0,
    minutes: Annotated[float, typer.Option(help="How long a steady load lasts.")] = 0,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="Another option of the bench, name=value."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure this machine: ingest, query, codec, lorawan, faults and others."""
    if name not in names():
        raise InvalidInput(f"choose one of: {', '.join(names())}", field="name")
    module = importlib.import_module(f"clapas.ops.benches.{name}")
    given = {"devices": devices, "rate": rate, "minutes": minutes} | _more(option or [])
    chosen = {key: value for key, value in given.items() if value}
    figures = asyncio.run(_measure(module, chosen))
    told = {"bench": name, "options": chosen, "machine": _machine(), "figures": figures}
    if as_json:
        print(json.dumps(told, default=str))
    else:
        Console().print_json(json.dumps(told, default=str))


def _more(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        key, mark, text = pair.partition("=")
        if not mark:
            raise InvalidInput(f"{pair!r} is not name=value", field="option")
        found[key] = float(text) if text.replace(".", "", 1).isdigit() else text
    return found


async def _measure(module: Any, options: Mapping[str, Any]) -> Any:
    """Give the bench what it needs: a platform of its own, engines of its own, a folder, or nothing."""
    needs = getattr(module, "NEEDS", "nothing")
    with tempfile.TemporaryDirectory(prefix="clapas-bench-") as folder:
        async with _place(needs, Path(folder) / "data") as place:
            return await module.run({**place, **options})


@asynccontextmanager
async def _place(needs: str, data: Path) -> AsyncIterator[dict[str, Any]]:
    from clapas.app import attached, platform

    if needs == "platform":
        async with platform(data) as running:
            yield {
                "addresses": running.addresses,
                "directory": data,
                "address": running.address,
                "first_link": running.first_link,
            }
    elif needs == "engines":
        async with attached(data, new=True) as addresses:
            yield {"addresses": addresses, "directory": data}
    elif needs == "doors":
        from clapas.commands.doors import open_doors

        async with attached(data, new=True) as addresses, open_doors(addresses) as doors:
            yield {"addresses": addresses, "directory": data, "doors": doors}
    else:
        yield {"directory": data}


def _machine() -> dict[str, Any]:
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "cpu": model,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{machine.system()} {machine.release()}",
        "python": machine.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }

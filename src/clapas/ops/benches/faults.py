"""What a platform must survive: kill -9 of any process under load, and ten times the load for minutes.

Two parts, each on a platform of its own: ``-o only=kills`` or ``-o only=overload`` does one of them.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from clapas.ops.benches import ingest
from clapas.ops.faults import Plan, Tree, torture

VALUES = 3
"""Values in a message of the overload."""
USUAL = 1000
"""Messages a second of the usual load; ten times that is offered."""
CALM_MINUTES = 1.0
PATIENCE = 60.0
"""Minutes that the platform may take to store what waits, once the overload is over."""


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """``kills`` (1,000), ``rate`` in messages a second (400), ``seed``; ``minutes`` of overload (13).

    ``sound`` must be true: nothing acknowledged is lost or counts twice, and the ledger adds up.
    """
    parts = str(options.get("only") or "kills,overload").split(",")
    place = Path(str(options["directory"]))
    found: dict[str, Any] = {}
    if "kills" in parts:
        found["kills"] = await _kills(place / "kills", options)
    if "overload" in parts:
        minutes = float(options.get("minutes") or 13)
        found["overload"] = await _overload(place / "overload", minutes)
    return {"sound": all(part["sound"] for part in found.values()), **found}


async def _kills(place: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    plan = Plan(
        kills=int(options.get("kills") or 1000),
        rate=int(options.get("rate") or 400),
        seed=int(options.get("seed") or 1),
    )
    report = await torture(place, plan, tell=_progress)
    return {"sound": report.sound, **msgspec.to_builtins(report)}


def _progress(said: str) -> None:
    """On the error stream, over itself: a thousand kills take more than an hour."""
    sys.stderr.write(f"\r{said}\033[K")
    sys.stderr.flush()


async def _overload(place: Path, minutes: float) -> dict[str, Any]:
    """The usual load for a minute, then ten times as much; both figures as ``clapas bench ingest``."""
    tree = Tree(place)
    try:
        await tree.start()
        calm = await _load(tree, place, messages=USUAL, minutes=CALM_MINUTES)
        storm = await _load(tree, place, messages=10 * USUAL, minutes=minutes)
    finally:
        await tree.stop()
    sound = not storm["lost"] and not storm["rejected"] and storm["ledger_balanced"]
    return {"sound": sound, "usual": calm, "ten_times": storm}


async def _load(tree: Tree, place: Path, *, messages: int, minutes: float) -> dict[str, Any]:
    return await ingest.run(
        {
            "addresses": tree.addresses(),
            "directory": place,
            "rate": messages * VALUES,
            "values": VALUES,
            "minutes": minutes,
            "patience": PATIENCE,
        }
    )

"""kill -9 of any process under load, many times: what was acknowledged against what is kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from clapas.ops.faults import Plan, torture


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """``kills`` (1,000), ``rate`` in messages a second (400), ``seed``; ``sound`` must be true."""
    plan = Plan(
        kills=int(options.get("kills") or 1000),
        rate=int(options.get("rate") or 400),
        seed=int(options.get("seed") or 1),
    )
    report = await torture(Path(str(options["directory"])), plan)
    return {"sound": report.sound, **msgspec.to_builtins(report)}

"""A disk that is really full, under load: what is refused, told, lost (0) and taken up again.

Needs a small disk of its own, about a gigabyte and empty: ``-o disk=/mnt/small``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from clapas.domain.errors import InvalidInput
from clapas.ops.full_disk import fill_and_free


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """``disk``, ``rate`` in messages a second (200); ``sound`` must be true."""
    if "disk" not in options:
        raise InvalidInput(
            "name an empty disk of about a gigabyte: -o disk=/mnt/small", field="disk"
        )
    seen = await fill_and_free(Path(str(options["disk"])), rate=int(options.get("rate") or 200))
    return {"sound": seen.report.sound, **msgspec.to_builtins(seen)}

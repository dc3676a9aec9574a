"""Where the engines of a platform that runs on this machine answer, for commands beside it."""

from pathlib import Path

import msgspec

from clapas.domain.errors import EngineUnavailable
from clapas.engines.addresses import EngineAddresses
from clapas.engines.directory import DataDirectory

ADDRESSES = "addresses.json"
"""In ``run/``: where this start's engines answer."""
PAGE = "page"
"""In ``run/``: where this start's page answers."""


def running_addresses(data: Path) -> EngineAddresses | None:
    """The addresses of the platform that holds this directory now, None when nobody does.

    Raises EngineUnavailable while it starts or stops.
    """
    if not DataDirectory.held(data):
        return None
    try:
        return msgspec.json.decode((data / "run" / ADDRESSES).read_bytes(), type=EngineAddresses)
    except (OSError, msgspec.DecodeError) as error:
        raise EngineUnavailable("the platform is starting or stopping; try again") from error

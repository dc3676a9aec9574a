"""Sessions that move between network servers: files that only this machine's operator reads, adopted in one piece.

Keys never travel over the bus: the command line and the running server pass them in a file of mode 600 in the data
directory. The running server alone owns its state, so it writes and reads these files itself when asked.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from clapas.domain.errors import InvalidInput
from clapas.engines.directory import write_private
from clapas.lorawan.exchange import merge
from clapas.lorawan.session import GROUP, DeviceState
from clapas.lorawan.state import State

FOLDER: Final = "handover"
TOGETHER: Final = 500
"""States adopted before other work gets its turn."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[DeviceState]).decode


def place(directory: Path, name: str) -> Path:
    """The file of that name in the server's own folder. Raises InvalidInput for anything but a bare name."""
    if not name or Path(name).name != name or name.startswith("."):
        raise InvalidInput("a file of the handover folder is named without a path", file=name[:100])
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / name


def write_states(path: Path, states: Iterable[DeviceState]) -> int:
    """Write states with their keys, readable by their owner only; gives how many."""
    kept = list(states)
    write_private(path, _encode(kept))
    return len(kept)


def read_states(path: Path) -> list[DeviceState]:
    """Read them back. Raises InvalidInput."""
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as wrong:
        raise InvalidInput("this file holds no states", file=path.name) from wrong


async def hand_over(state: State, path: Path) -> int:
    """Write every device's state (groups stay here); gives how many."""
    states = [each for each in state.devices() if not each.dev_eui.startswith(GROUP)]
    return await asyncio.to_thread(write_states, path, states)


async def take_over(state: State, path: Path) -> int:
    """Adopt the states of a file: durable when this returns. A counter never goes back; gives how many."""
    states = await asyncio.to_thread(read_states, path)
    for at, fresh in enumerate(states):
        state.put(merge(state.find(fresh.dev_eui), fresh))
        if at % TOGETHER == TOGETHER - 1:
            await asyncio.sleep(0)
    await state.sync()
    return len(states)

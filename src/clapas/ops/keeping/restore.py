"""Load a backup into empty engines, finish what waited, and prove that it is what was copied."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec

from clapas.bus import Delivery
from clapas.ops.keeping.archive import Contents, Part
from clapas.ops.keeping.copy import FILES, STORE, WAITING, Record, differences, read_waiting
from clapas.ops.keeping.errors import BackupDiffers, TargetNotEmpty
from clapas.pipeline import Ports, Worker
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.pipeline.settings import Settings as PipelineSettings
from clapas.store import Store

BATCH = 500


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore did."""

    contents: Contents
    finished: int
    """Messages that waited in the logs when the copy was made, and have their outcome now."""
    identical: bool | None
    """The restored store gives the same files again; None when that was not asked."""
    missing: int
    """Messages up to the copy's end without outcome: lost before the copy was made. 0 when all is well."""
    ledger: Ledger


def require_empty(data: Path) -> None:
    """Raises TargetNotEmpty when there is anything in the directory."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise TargetNotEmpty(f"{data} is not empty: restore into a new directory", path=str(data))


def place_files(unpacked: Path, data: Path) -> None:
    """Put settings, secrets and the other files of the data directory where they were."""
    root = unpacked / FILES.rstrip("/")
    for file in sorted(root.rglob("*")) if root.exists() else []:
        if file.is_file():
            target = data / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.move(file, target)


async def load(store: Store, unpacked: Path, *, contents: Contents, prove: bool) -> bool | None:
    """Fill the empty engines; with ``prove``, copy them again and compare every part.

    Raises NotEmpty, BackupDiffers.
    """
    manifest = await store.backup.restore(unpacked / STORE.rstrip("/"))
    identical = None
    if prove:
        found = await _parts_of(store, unpacked / "again")
        wrong = differences(contents.parts, found)
        if wrong:
            raise BackupDiffers(
                f"restored parts differ from the copied ones: {', '.join(wrong[:5])}", parts=wrong
            )
        identical = True
    await store.backup.settle(manifest)
    return identical


async def _parts_of(store: Store, folder: Path) -> tuple[Part, ...]:
    parts: list[Part] = []

    async def take(file: Path) -> None:
        name = STORE + file.relative_to(folder).as_posix()
        parts.append(await asyncio.to_thread(_part, file, name))
        await asyncio.to_thread(file.unlink)

    await store.backup.dump(folder, taken=take)
    return tuple(parts)


def _part(file: Path, name: str) -> Part:
    digest = sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return Part(name, file.stat().st_size, digest.hexdigest())


async def finish_waiting(
    ports: Ports,
    settings: PipelineSettings,
    *,
    unpacked: Path,
    contents: Contents,
    tell: Callable[[int], None] = lambda _: None,
) -> int:
    """Give every message that waited its outcome, under its own log and sequence."""
    names = {each.log: each.name for each in contents.positions}
    numbers = {each.name: each.log for each in contents.positions}
    worker = Worker(msgspec.structs.replace(ports, log_numbers=numbers), settings)
    done = 0
    for batch in _batches(read_waiting(unpacked / WAITING)):
        await worker.settle(
            [Delivery(names[log], sequence, message, "") for log, sequence, message in batch]
        )
        done += len(batch)
        tell(done)
    return done


def _batches(records: Iterator[Record]) -> Iterator[Sequence[Record]]:
    while batch := list(islice(records, BATCH)):
        yield batch


async def account(ports: Ports, contents: Contents) -> tuple[Ledger, int]:
    """The ledger, and how many messages up to the copy's end have no outcome: none, when all is well."""
    missing = 0
    for each in contents.positions:
        missing += each.last - await ports.store.ledger.outcomes_upto(each.log, each.last)
    return await read_ledger(ports.store, ports.bus), missing

"""Make a backup: positions of the logs, what waits in them, PostgreSQL, ClickHouse, the data directory's files.

The order is what makes it consistent. A message up to a position either waits in its log when that is
read, or has its outcome and all its rows by then; both are in the copy. What came later is left out.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import clapas
from clapas.bus import NatsBus, waiting
from clapas.domain.message import RawMessage
from clapas.engines.processes import identify
from clapas.ops.keeping.archive import ArchiveWriter, Contents, Part, Position, unpack
from clapas.ops.keeping.errors import BackupDiffers
from clapas.ops.keeping.keys import Key
from clapas.store import Store

WAITING = "waiting.msgpack"
FILES = "data/"
STORE = "store/"
LEFT_OUT = {"lock", "children.json", "backup.json", "run", "logs", "postgres", "clickhouse", "nats"}
"""Of the data directory: the engines' own files and what belongs to one start."""
KEY_FILE = "backup.key"
KEPT_ALSO = ("nats/ports.json",)

Tell = Callable[[str], None]
Record = tuple[int, int, RawMessage]
"""A message that waits: number of its log, sequence, the message."""


async def make_backup(
    store: Store, bus: NatsBus, *, data: Path, target: Path, key: Key, tell: Tell = lambda _: None
) -> Contents:
    """Write a backup and read it back; gives what it holds. Raises OperatorError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    async with _workplace(data) as place:
        with await asyncio.to_thread(ArchiveWriter, target, key) as archive:
            contents = await _fill(store, bus, data=data, place=place, archive=archive, tell=tell)
            await asyncio.to_thread(archive.finish, contents)
    tell("verifying")
    await asyncio.to_thread(check, target, key, contents=contents)
    return contents


def check(target: Path, key: Key, *, contents: Contents) -> None:
    """Read a backup just made to its end. Raises BackupUnreadable, BackupDiffers."""
    if unpack(target, None, key=key) != contents:
        raise BackupDiffers("the backup that was written says something else")


async def _fill(
    store: Store, bus: NatsBus, *, data: Path, place: Path, archive: ArchiveWriter, tell: Tell
) -> Contents:
    async def take(file: Path, name: str) -> None:
        await asyncio.to_thread(archive.add, file, name)
        await asyncio.to_thread(file.unlink)

    tell("logs")
    positions = await _positions(store, bus)
    number = await _write_waiting(bus, positions, file=place / WAITING)
    await take(place / WAITING, WAITING)
    tell("engines")
    folder = place / "store"
    copied = await store.backup.dump(
        folder,
        cut={each.log: each.last for each in positions},
        taken=lambda file: take(file, STORE + file.relative_to(folder).as_posix()),
    )
    tell("files")
    for name in own_files(data, without=archive.target.parent):
        await asyncio.to_thread(archive.add, data / name, FILES + name)
    return Contents(
        clapas=clapas.__version__,
        made=datetime.now(UTC),
        positions=positions,
        waiting=number,
        postgres=copied.postgres,
        clickhouse=copied.clickhouse,
        parts=tuple(archive.parts),
    )


@asynccontextmanager
async def _workplace(data: Path) -> AsyncIterator[Path]:
    """A private folder for one part at a time; what a killed backup left goes."""
    place = data / "run" / f"backup-{os.getpid()}"
    await asyncio.to_thread(_clear, place)
    try:
        yield place
    finally:
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


def _clear(place: Path) -> None:
    for left in place.parent.glob("backup-*"):
        number = left.name.rpartition("-")[2]
        if left == place or not number.isdigit() or identify(int(number)) is None:
            shutil.rmtree(left, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)


async def _positions(store: Store, bus: NatsBus) -> tuple[Position, ...]:
    return tuple(
        [
            Position(
                await store.messages.log_id(each.name, each.incarnation),
                each.name,
                each.incarnation,
                each.last,
            )
            for each in await bus.log_states()
        ]
    )


async def _write_waiting(bus: NatsBus, positions: tuple[Position, ...], *, file: Path) -> int:
    """Messages that wait, each as its length (4 bytes, big-endian) and a msgpack record."""
    number = 0
    encode = msgspec.msgpack.Encoder().encode
    with file.open("wb") as written:
        for each in positions:
            async for delivery in waiting(bus, each.name, last=each.last):
                body = encode((each.log, delivery.sequence, delivery.message))
                written.write(len(body).to_bytes(4) + body)
                number += 1
    return number


def read_waiting(file: Path) -> Iterator[Record]:
    """The messages of a copy that waited."""
    decode = msgspec.msgpack.Decoder(Record).decode
    with file.open("rb") as written:
        while length := written.read(4):
            yield decode(written.read(int.from_bytes(length)))


def own_files(data: Path, *, without: Path) -> list[str]:
    """The files of a data directory that a copy takes, by their path in it; never backups or their key."""
    found = [name for name in KEPT_ALSO if (data / name).is_file()]
    for top in sorted(data.iterdir()):
        if top.name in LEFT_OUT or top.resolve() == without.resolve() or top.is_symlink():
            continue
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        found += [each.relative_to(data).as_posix() for each in files if _is_kept(each)]
    return found


def _is_kept(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.name != KEY_FILE


def differences(first: tuple[Part, ...], second: tuple[Part, ...]) -> list[str]:
    """Names of the store's parts that are not the same in two copies; the manifest is no content."""
    mine = {each.name: each.sha256 for each in first if _is_content(each.name)}
    theirs = {each.name: each.sha256 for each in second if _is_content(each.name)}
    return sorted(
        name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
    )


def _is_content(name: str) -> bool:
    return name.startswith(STORE) and not name.endswith("manifest.json")

"""The durable memory of the network server: an append-only journal and snapshots, no database.

Why not a database: a counter moves with every frame, and no query may be spent per frame. A record is
``length, CRC-32, MessagePack``; it is handed to the kernel at once (a killed process loses nothing) and flushed to
the disk within a second, or before going on where a counter or a nonce must never come twice (:meth:`sync`).
Records are absolute and merge monotonously, so a snapshot may be taken while they flow.
"""

import asyncio
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from clapas.domain.errors import DiskFull

_HEAD: Final = 8
_LIMIT: Final = 1 << 24

_encode = msgspec.msgpack.Encoder().encode


def _frame(record: Any) -> bytes:
    body = _encode(record)
    return len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body


def read_records(path: Path) -> Iterator[Any]:
    """The whole records of a file; stops at the first cut or damaged one (the end of a killed write)."""
    data = path.read_bytes()
    at = 0
    while at + _HEAD <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        body = data[at + _HEAD : at + _HEAD + size]
        if (
            size > _LIMIT
            or len(body) < size
            or zlib.crc32(body) != int.from_bytes(data[at + 4 : at + 8], "little")
        ):
            return
        yield msgspec.msgpack.decode(body)
        at += _HEAD + size


class Journal:
    """Appends records to the newest journal file of a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._number = (
            max((self._number_of(path) for path in folder.glob("journal-*")), default=0) + 1
        )
        self._file = self._open()
        self._written = 0
        self._appended = 0
        self._flushed = 0
        self._flushing: asyncio.Task[None] | None = None

    @staticmethod
    def _number_of(path: Path) -> int:
        return int(path.name.partition("-")[2])

    def _path(self, number: int) -> Path:
        return self.folder / f"journal-{number:08d}"

    def _open(self) -> int:
        return os.open(self._path(self._number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def size(self) -> int:
        """Bytes written since the last snapshot."""
        return self._written

    def replay(self) -> Iterator[Any]:
        """The snapshot's records, then those of every journal since, in order."""
        snapshot = self.folder / "snapshot"
        if snapshot.exists():
            yield from read_records(snapshot)
        for path in sorted(self.folder.glob("journal-*")):
            if self._number_of(path) < self._number:
                yield from read_records(path)

    def append(self, record: Any) -> None:
        """Hand a record to the kernel, whole or not at all. Raises DiskFull."""
        data = _frame(record)
        try:
            written = os.write(self._file, data)
        except OSError as wrong:
            raise DiskFull(
                f"the journal of the network server cannot be written: {wrong}"
            ) from wrong
        if written != len(data):
            # A reader stops at a cut record: what is written later must not stand behind one.
            os.ftruncate(self._file, self._written)
            raise DiskFull("the journal of the network server was cut short")
        self._written += len(data)
        self._appended += 1

    async def sync(self) -> None:
        """Return when everything appended so far is on the disk; callers at one time share the flush.

        Raises DiskFull when the disk does not take it.
        """
        wanted = self._appended
        while self._flushed < wanted:
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush())
            await asyncio.shield(self._flushing)

    async def _flush(self) -> None:
        reached = self._appended
        try:
            await asyncio.to_thread(os.fdatasync, self._file)
            self._flushed = reached
        except OSError as wrong:
            raise DiskFull(
                f"the journal of the network server is not on the disk: {wrong}"
            ) from wrong
        finally:
            self._flushing = None

    async def snapshot(self, records: Iterator[Any]) -> None:
        """Fold the state into one file and drop the journals before it; records keep flowing meanwhile."""
        await self.sync()
        before, self._number = self._number, self._number + 1
        old, self._file = self._file, self._open()
        self._written = 0
        await asyncio.to_thread(os.close, old)
        temporary = self.folder / "snapshot.new"
        temporary.unlink(missing_ok=True)
        batch: list[bytes] = []
        for record in records:
            batch.append(_frame(record))
            if len(batch) >= 500:
                await asyncio.to_thread(_append_file, temporary, b"".join(batch))
                batch.clear()
        await asyncio.to_thread(_append_file, temporary, b"".join(batch))
        await asyncio.to_thread(_replace, temporary, self.folder / "snapshot")
        for path in self.folder.glob("journal-*"):
            if self._number_of(path) <= before:
                path.unlink(missing_ok=True)

    async def close(self) -> None:
        await self.sync()
        os.close(self._file)


def _append_file(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
    path.chmod(0o600)


def _replace(temporary: Path, final: Path) -> None:
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

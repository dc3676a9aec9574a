"""The backup file: a tar (POSIX.1-2001 pax), compressed with zstd, sealed; its last member says what it holds.

Every part has its size and SHA-256 in ``contents.json``; reading checks each of them and that nothing is
missing and nothing more is there.
"""

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import msgspec
import pyarrow as pa

from clapas.ops.keeping.errors import BackupUnreadable
from clapas.ops.keeping.keys import Key, Lock, open_lock
from clapas.ops.keeping.sealed import SealedReader, SealedWriter, read_header

CONTENTS = "contents.json"
NAME = re.compile(r"^(?!.*\.\.)[\w.@-]+(/[\w.@-]+)*$")
BLOCK = 1 << 20


class Part(msgspec.Struct, frozen=True):
    """One file of the archive."""

    name: str
    size: int
    sha256: str


class Position(msgspec.Struct, frozen=True):
    """Where the copy ends in one incarnation of a log."""

    log: int
    name: str
    incarnation: str
    last: int


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds."""

    clapas: str
    made: datetime
    positions: tuple[Position, ...]
    waiting: int
    postgres: dict[str, int]
    clickhouse: dict[str, int]
    parts: tuple[Part, ...]


class ArchiveWriter:
    """Writes parts one after the other; complete only when ``finish`` was called."""

    def __init__(self, target: Path, key: Key) -> None:
        self.target = target
        self._partial = target.with_name(target.name + ".partial")
        self._partial.unlink(missing_ok=True)
        handle = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb")
        self._sealed = SealedWriter(self._file, key)
        self._packed = pa.CompressedOutputStream(pa.PythonFile(self._sealed, mode="w"), "zstd")
        self._tar = tarfile.open(fileobj=cast("IO[bytes]", self._packed), mode="w|")  # noqa: SIM115
        self.parts: list[Part] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: PLR0917 - Python calls it so
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._packed.closed:
            with suppress(OSError):
                self._packed.close()
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def add(self, path: Path, name: str) -> None:
        """Add a file."""
        member = tarfile.TarInfo(name)
        member.size = path.stat().st_size
        with path.open("rb") as file:
            watched = _Watched(file)
            self._tar.addfile(member, cast("IO[bytes]", watched))
        self.parts.append(Part(name, member.size, watched.digest.hexdigest()))

    def finish(self, contents: Contents) -> None:
        """Say what was written, and give the file its name: it is on disk then."""
        body = msgspec.json.encode(contents)
        member = tarfile.TarInfo(CONTENTS)
        member.size = len(body)
        self._tar.addfile(member, BytesIO(body))
        self._tar.close()
        self._packed.close()
        self._sealed.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._partial.replace(self.target)


class _Watched:
    """A file whose content is digested while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def unpack(
    file: Path,
    directory: Path | None,
    *,
    key: Key | None = None,
    key_file: Path | None = None,
    passphrase: str = "",
) -> Contents:
    """Read a backup to its end and check every part; write them below ``directory`` unless it is None.

    The key is ``key``, else what the header asks for. Raises KeyMissing, WrongKey, BackupUnreadable.
    """

    def unlock(lock: Lock) -> Key:
        return key or open_lock(lock, key_file=key_file, passphrase=passphrase)

    found: dict[str, Part] = {}
    contents: Contents | None = None
    with _opened(file, unlock) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if not NAME.match(member.name) or content is None:
                raise BackupUnreadable("this backup holds a part with a strange name")
            if member.name == CONTENTS:
                contents = msgspec.json.decode(content.read(), type=Contents)
            else:
                found[member.name] = _take(content, member.name, directory=directory)
    if contents is None:
        raise BackupUnreadable("this backup does not say what it holds")
    wrong = {part.name for part in contents.parts} ^ found.keys()
    wrong |= {part.name for part in contents.parts if found.get(part.name) != part}
    if wrong:
        raise BackupUnreadable(f"parts of this backup differ: {', '.join(sorted(wrong)[:5])}")
    return contents


def _take(content: IO[bytes], name: str, *, directory: Path | None) -> Part:
    target = None
    if directory is not None:
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = sha256(), 0
    with _file_or_nothing(target) as written:
        while block := content.read(BLOCK):
            digest.update(block)
            size += len(block)
            written.write(block)
    return Part(name, size, digest.hexdigest())


@contextmanager
def _file_or_nothing(target: Path | None) -> Iterator[IO[bytes]]:
    path = target or Path(os.devnull)
    flags = os.O_WRONLY if target is None else os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        yield file


def _follows(packed: pa.CompressedInputStream) -> bool:
    """Whether more than the zeros that fill a tar's last record is there (POSIX.1-2024, pax, ustar)."""
    return any(part.strip(b"\0") for part in iter(lambda: packed.read(tarfile.RECORDSIZE), b""))


@contextmanager
def _opened(file: Path, unlock: Callable[[Lock], Key]) -> Iterator[tarfile.TarFile]:
    try:
        with file.open("rb") as raw:
            header, line = read_header(raw)
            sealed: Any = SealedReader(raw, unlock(header.lock), header=header, line=line)
            packed = pa.CompressedInputStream(pa.PythonFile(sealed, mode="r"), "zstd")
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                yield tar
            if _follows(packed) or sealed.read(1):
                raise BackupUnreadable("something follows the end of this backup")
    except (tarfile.TarError, pa.ArrowException, msgspec.DecodeError) as error:
        raise BackupUnreadable("this backup is damaged") from error
    except OSError as error:
        raise BackupUnreadable(f"{file} cannot be read: {error}", path=str(file)) from error


def lock_of(file: Path) -> Lock:
    """How a backup is sealed, from its header. Raises BackupUnreadable."""
    try:
        with file.open("rb") as raw:
            return read_header(raw)[0].lock
    except OSError as error:
        raise BackupUnreadable(f"{file} cannot be read: {error}", path=str(file)) from error

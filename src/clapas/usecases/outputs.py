"""Files that a batch command writes: refused before the work when they cannot be, then whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from clapas.usecases.errors import CannotWrite


def check_outputs(*asked: Path | None, inputs: Iterable[Path | None] = ()) -> None:
    """Each of these files may be written, is asked for once, and is none that is read. Raises CannotWrite."""
    read = {path.resolve() for path in inputs if path is not None}
    seen: set[Path] = set()
    for path in asked:
        if path is None:
            continue
        _check(path)
        if path.resolve() in read:
            raise CannotWrite(f"{path}: this is the file that is read", path=str(path))
        if path.resolve() in seen and not _is_stream(path):
            raise CannotWrite(f"{path}: asked for twice", path=str(path))
        seen.add(path.resolve())


def write_whole(path: Path, body: str | bytes) -> None:
    """Write a file at once: what was there stays until the new one is whole. Raises CannotWrite."""
    data = body.encode() if isinstance(body, str) else body
    try:
        if _is_stream(path):
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        raise CannotWrite(f"{path}: {error.strerror or error}", path=str(path)) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises CannotWrite."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{path}: {error.strerror or error}", path=str(path)) from error


def _check(path: Path) -> None:
    try:
        if path.is_dir():
            raise CannotWrite(f"{path}: this is a folder, not a file", path=str(path))
        if not path.parent.is_dir():
            raise CannotWrite(f"{path}: there is no folder {path.parent}", path=str(path))
        place = path if path.exists() else path.parent
    except OSError as error:
        raise CannotWrite(f"{path}: {error.strerror or error}", path=str(path)) from error
    if not os.access(place, os.W_OK) or not (_is_stream(path) or os.access(path.parent, os.W_OK)):
        raise CannotWrite(f"{path}: no right to write there", path=str(path))


def _is_stream(path: Path) -> bool:
    """A pipe or a device, such as ``/dev/stdout``."""
    return path.exists() and not path.is_file()


def _replace(target: Path, data: bytes) -> None:
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        fresh.write_bytes(data)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)

"""A sealed file says nothing without its key, and everything that was changed is noticed."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.ops.keeping.archive import ArchiveWriter, Contents, lock_of, unpack
from clapas.ops.keeping.errors import BackupUnreadable, KeyMissing, WrongKey
from clapas.ops.keeping.keys import Key, Lock, key_of_passphrase, make_key_file
from clapas.ops.keeping.sealed import CHUNK

CHEAP = Lock(kind="passphrase", salt=b"0" * 16, n=1 << 10)


def write(target: Path, key: Key, body: bytes) -> Contents:
    source = target.with_name("source")
    source.write_bytes(body)
    with ArchiveWriter(target, key) as archive:
        archive.add(source, "data/source")
        contents = Contents(
            clapas="1",
            made=datetime(2026, 1, 1, tzinfo=UTC),
            positions=(),
            waiting=0,
            postgres={},
            clickhouse={},
            parts=tuple(archive.parts),
        )
        archive.finish(contents)
    return contents


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK + 7, 386_970, 212_553])
def test_what_is_written_is_read(tmp_path: Path, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    key = make_key_file(tmp_path / "key")
    contents = write(tmp_path / "file", key, body)
    assert unpack(tmp_path / "file", tmp_path / "out", key_file=tmp_path / "key") == contents
    assert (tmp_path / "out" / "data" / "source").read_bytes() == body
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_every_changed_bit_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("sealed")
    key = make_key_file(folder / "key")
    write(folder / "file", key, b"secret" * 100)
    changed = bytearray((folder / "file").read_bytes())
    changed[place % len(changed)] ^= 1 << bit
    (folder / "file").write_bytes(changed)
    with pytest.raises((BackupUnreadable, WrongKey, KeyMissing)):
        unpack(folder / "file", None, key_file=folder / "key")


@pytest.mark.parametrize("cut", [-1, -17, -5000, 300])
def test_a_file_cut_short_is_noticed(tmp_path: Path, cut: int) -> None:
    import os

    key = make_key_file(tmp_path / "key")
    write(tmp_path / "file", key, os.urandom(3 * CHUNK))
    (tmp_path / "file").write_bytes((tmp_path / "file").read_bytes()[:cut])
    with pytest.raises((BackupUnreadable, WrongKey)):
        unpack(tmp_path / "file", None, key=key)


def test_a_passphrase_opens_what_it_sealed_and_nothing_else_does(tmp_path: Path) -> None:
    contents = write(tmp_path / "file", key_of_passphrase("correct horse", CHEAP), b"x")
    assert lock_of(tmp_path / "file").kind == "passphrase"
    assert unpack(tmp_path / "file", None, passphrase="correct horse") == contents
    with pytest.raises(WrongKey):
        unpack(tmp_path / "file", None, passphrase="wrong horse")
    with pytest.raises(KeyMissing):
        unpack(tmp_path / "file", None)


def test_the_clear_header_holds_no_secret(tmp_path: Path) -> None:
    key = make_key_file(tmp_path / "key")
    write(tmp_path / "file", key, b"very secret words")
    raw = (tmp_path / "file").read_bytes()
    header = msgspec.json.decode(raw.partition(b"\n")[0])
    assert set(header) == {"format", "version", "lock", "salt"}
    assert b"secret words" not in raw
    assert key.secret not in raw

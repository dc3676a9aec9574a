"""Packed bodies arrive in parts of any size, as chains of frames, and sometimes damaged."""

import gzip
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from clapas.engines.clickhouse_server.packing import PIECE, Unpacking
from clapas.engines.clickhouse_server.request import BadRequest

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
}
PACKED = sorted(set(PACK) - {""})


def parts_of(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def unpacked(encoding: str, parts: list[bytes]) -> bytes:
    unpacking = Unpacking(encoding)
    content = b"".join(piece for part in parts for piece in unpacking.pieces(part))
    unpacking.end()
    return content


@given(
    encoding=st.sampled_from(sorted(PACK)),
    blocks=st.lists(st.binary(max_size=300), max_size=5),
    size=st.integers(1, 200),
)
def test_blocks_packed_one_by_one_are_all_read_however_they_are_cut(
    encoding: str, blocks: list[bytes], size: int
) -> None:
    body = b"".join(PACK[encoding](block) for block in blocks)
    # A server that reads a chunked body is given an empty part at its end.
    assert unpacked(encoding, [*parts_of(body, size), b""]) == b"".join(blocks)


@pytest.mark.parametrize("encoding", PACKED)
def test_what_unpacks_to_much_comes_in_small_pieces(encoding: str) -> None:
    body = PACK[encoding](bytes(20 * PIECE))
    pieces = list(Unpacking(encoding).pieces(body))
    assert b"".join(pieces) == bytes(20 * PIECE)
    assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_that_ends_too_early_is_refused(encoding: str) -> None:
    body = PACK[encoding](b"water" * 100)
    with pytest.raises(BadRequest, match="ends too early"):
        unpacked(encoding, [body[:-3]])


@pytest.mark.parametrize("encoding", PACKED)
def test_a_damaged_body_is_refused(encoding: str) -> None:
    with pytest.raises(BadRequest, match="cannot be unpacked"):
        unpacked(encoding, [b"this was never packed"])


def test_an_unknown_packing_is_refused_by_its_name() -> None:
    with pytest.raises(BadRequest, match="'br'"):
        Unpacking("br")

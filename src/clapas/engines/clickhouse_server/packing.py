"""Packed bodies: gzip and deflate (RFC 1952, RFC 1950), LZ4 frames, Zstandard frames (RFC 8878).

A body is a chain of frames: clickhouse-connect packs each block as a frame of its own, and RFC 1952 (2.2) and
RFC 8878 (3.1) let any sender do so.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from clapas.engines.clickhouse_server.request import BadRequest

PIECE = 1 << 20
"""What is unpacked at once, in bytes: a small part that unpacks to much is never held whole."""


class Frame(Protocol):
    """One frame being unpacked, as the standard library's bz2 and lzma have it."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether what was given is used up."""

    @property
    def unused_data(self) -> bytes | None:
        """What stands behind the frame's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most so many bytes more."""


class Unpacking:
    """The bytes of a body, part by part."""

    def __init__(self, encoding: str) -> None:
        """Raises BadRequest for an encoding that is not known."""
        self._new = _maker(encoding)
        self._frame: Frame | None = None

    def pieces(self, part: bytes) -> Iterator[bytes]:
        """What a part of the body holds. Raises BadRequest when it is damaged."""
        if self._new is None:
            if part:
                yield part
            return
        held = part
        while held or self._frame is not None:
            frame = self._frame = self._frame or self._new()
            if piece := _unpacked(frame, held):
                yield piece
            held = b""
            if frame.eof:
                held, self._frame = frame.unused_data or b"", None
            elif frame.needs_input:
                return

    def end(self) -> None:
        """Tell that the body has ended. Raises BadRequest when it ended inside a frame."""
        if self._frame is not None:
            raise _damaged("it ends too early")


class _Zlib:
    """zlib's own object, which keeps what it did not use apart."""

    def __init__(self) -> None:
        self._unzip = zlib.decompressobj(47)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._unzip.eof

    @property
    def unused_data(self) -> bytes:
        return self._unzip.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._unzip.decompress(self._unzip.unconsumed_tail + data, max_length)
        self.needs_input = not self._unzip.unconsumed_tail and len(piece) < max_length
        return piece


def _maker(encoding: str) -> Callable[[], Frame] | None:
    if encoding in {"", "identity"}:
        return None
    if encoding in {"gzip", "deflate"}:
        return _Zlib
    if encoding == "lz4":
        import lz4.frame

        lz4_frame: Callable[[], Frame] = lz4.frame.LZ4FrameDecompressor
        return lz4_frame
    if encoding == "zstd":
        from backports import zstd

        return zstd.ZstdDecompressor
    raise BadRequest(432, f"Unknown content encoding {encoding!r}. (UNKNOWN_COMPRESSION_METHOD)")


def _unpacked(frame: Frame, held: bytes) -> bytes:
    try:
        return frame.decompress(held, PIECE)
    except Exception as error:
        # zlib.error, RuntimeError (lz4) and ZstdError have nothing in common but this.
        raise _damaged(str(error)) from error


def _damaged(why: str) -> BadRequest:
    return BadRequest(271, f"The body cannot be unpacked: {why}. (CANNOT_DECOMPRESS)")

"""A sealed stream: AES-256-GCM in chunks, so that a file of any size is written and read in little memory.

One line of JSON (the header), then chunks of one mebibyte, each with its tag. The nonce is the chunk's
number and a last-chunk mark (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015),
so that chunks cannot be exchanged, repeated or cut off; the header's digest is authenticated with each.
The file's own key is derived from the secret and a random salt (HKDF-SHA256, RFC 5869).
"""

import secrets
from hashlib import sha256
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clapas.ops.keeping.errors import BackupUnreadable, WrongKey
from clapas.ops.keeping.keys import Key, Lock

FORMAT = "clapas-backup"
CHUNK = 1 << 20
TAG = 16
LONGEST_HEADER = 4096


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a backup, in the clear."""

    format: str = FORMAT
    version: int = 1
    lock: Lock
    salt: bytes


class _Cipher:
    def __init__(self, key: Key, header: Header, *, line: bytes) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=header.salt, info=b"clapas backup 1")
        self._cipher = AESGCM(derive.derive(key.secret))
        self._about = sha256(line).digest()
        self._number = 0

    def seal(self, chunk: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), chunk, self._about)

    def open(self, chunk: bytes, *, last: bool) -> bytes:
        return self._cipher.decrypt(self._nonce(last=last), chunk, self._about)

    def _nonce(self, *, last: bool) -> bytes:
        self._number += 1
        return self._number.to_bytes(11) + bytes([last])


class SealedWriter:
    """A file to write to; what it wrote is readable only once it is closed."""

    closed = False

    def __init__(self, file: BinaryIO, key: Key) -> None:
        header = Header(lock=key.lock, salt=secrets.token_bytes(32))
        line = msgspec.json.encode(header) + b"\n"
        file.write(line)
        self._file = file
        self._cipher = _Cipher(key, header, line=line)
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Seal what is complete; the last chunk waits for ``close``."""
        self._held += data
        while len(self._held) > CHUNK:
            self._file.write(self._cipher.seal(bytes(self._held[:CHUNK]), last=False))
            del self._held[:CHUNK]
        return len(data)

    def flush(self) -> None:
        """Nothing to do before a chunk is complete."""

    def close(self) -> None:
        """Seal the last chunk."""
        if not self.closed:
            self._file.write(self._cipher.seal(bytes(self._held), last=True))
            self.closed = True


def read_header(file: BinaryIO) -> tuple[Header, bytes]:
    """The header and its line. Raises BackupUnreadable."""
    line = file.readline(LONGEST_HEADER)
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupUnreadable("this is not a backup of Clapas") from error
    if header.format != FORMAT or header.version != 1:
        raise BackupUnreadable(
            "this backup was made by another version of Clapas", version=header.version
        )
    return header, line


class SealedReader:
    """A file to read from, after its header. Raises WrongKey, BackupUnreadable."""

    closed = False

    def __init__(self, file: BinaryIO, key: Key, *, header: Header, line: bytes) -> None:
        self._file = file
        self._cipher = _Cipher(key, header, line=line)
        self._held = b""
        self._next = file.read(CHUNK + TAG)
        self._first = True
        self._done = False

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes that are proven whole; b'' at the proven end."""
        while not self._held and not self._done:
            self._open_next()
        if size < 0:
            rest = [self._held]
            while not self._done:
                self._open_next()
                rest.append(self._held)
            self._held = b""
            return b"".join(rest)
        given, self._held = self._held[:size], self._held[size:]
        return given

    def close(self) -> None:
        """The file belongs to whoever opened it."""

    def _open_next(self) -> None:
        chunk, self._next = self._next, self._file.read(CHUNK + TAG)
        self._done = not self._next
        try:
            self._held = self._cipher.open(chunk, last=self._done)
        except InvalidTag as error:
            if self._first:
                raise WrongKey(
                    "wrong key or passphrase, or the file's beginning is damaged"
                ) from error
            raise BackupUnreadable("this backup is damaged or cut short") from error
        self._first = False

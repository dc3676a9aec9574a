"""The key of a backup: a file made at its first use, or a passphrase (scrypt, RFC 7914)."""

import base64
import secrets
from hashlib import scrypt, sha256
from pathlib import Path

import msgspec

from clapas.engines.directory import write_private
from clapas.ops.keeping.errors import KeyMissing, WrongKey

MARK = "clapas-backup-key:"
SCRYPT_N = 1 << 16
"""64 MB of memory and about a fifth of a second for each passphrase tried."""


class Lock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a backup is sealed, as its header says: never the secret itself."""

    kind: str
    id: str = ""
    """Of a key file: the first 16 hexadecimal digits of the key's SHA-256."""
    salt: bytes = b""
    n: int = 0


class Key(msgspec.Struct, frozen=True):
    """Thirty-two secret bytes and what may be said of them."""

    secret: bytes
    lock: Lock

    def __repr__(self) -> str:
        return "Key(…)"


def key_of_file(path: Path) -> Key:
    """The key of a file. Raises KeyMissing, WrongKey."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMissing(f"the key file {path} cannot be read", path=str(path)) from error
    try:
        secret = base64.b64decode(text.removeprefix(MARK), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(MARK) or len(secret) != 32:
        raise WrongKey(f"{path} is not a key file of Clapas", path=str(path))
    return Key(secret, Lock(kind="file", id=sha256(secret).hexdigest()[:16]))


def make_key_file(path: Path) -> Key:
    """A new key in a new file, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = MARK + base64.b64encode(secrets.token_bytes(32)).decode() + "\n"
    write_private(path, text.encode())
    return key_of_file(path)


def key_of_passphrase(passphrase: str, lock: Lock | None = None) -> Key:
    """The key of a passphrase: of a header's lock, or with a new salt."""
    chosen = lock or Lock(kind="passphrase", salt=secrets.token_bytes(16), n=SCRYPT_N)
    if not 2 <= chosen.n <= 1 << 20:
        raise WrongKey("the header asks for an absurd amount of work", n=chosen.n)
    secret = scrypt(
        passphrase.encode(), salt=chosen.salt, n=chosen.n, r=8, p=1, dklen=32, maxmem=2**31 - 1
    )
    return Key(secret, chosen)


def open_lock(lock: Lock, *, key_file: Path | None, passphrase: str) -> Key:
    """The key that a header asks for. Raises KeyMissing, WrongKey."""
    if lock.kind == "passphrase":
        if not passphrase:
            raise KeyMissing("this backup was sealed with a passphrase: give it")
        return key_of_passphrase(passphrase, lock)
    if key_file is None:
        raise KeyMissing(f"this backup was sealed with the key file {lock.id}: give it", id=lock.id)
    key = key_of_file(key_file)
    if key.lock.id != lock.id:
        raise WrongKey(
            f"{key_file} is the key {key.lock.id}; this backup was sealed with {lock.id}",
            id=lock.id,
        )
    return key

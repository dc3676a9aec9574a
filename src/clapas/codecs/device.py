"""Codecs written in Python: one file a family of devices, found in ``codecs/devices``.

A file exports ``CODEC``, a :class:`DeviceCodec` with examples taken from public documentation or real
captures; third parties offer theirs by the entry point group ``clapas.codecs``. ``decode`` is pure and
total: for any bytes it returns readings or raises :class:`~clapas.codecs.errors.CodecError`.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any

import msgspec

from clapas.codecs.errors import CodecError, CodecUnknown
from clapas.codecs.job import MAX_INPUT, Decoded, DecodeJob
from clapas.domain.message import Reading


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a Python codec receives."""

    payload: bytes
    f_port: int | None = None
    received: datetime
    variables: dict[str, Any] = {}


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A payload, as hex, and the values that it must give: channel → value.

    ``times`` gives, for readings of the past, ``{channel: [(ISO time, value), …]}``. ``source`` says
    where the example was read: a capture, a manual, a maker's repository.
    """

    description: str
    payload: str
    f_port: int | None = None
    values: dict[str, Any] = {}
    times: dict[str, tuple[tuple[str, float], ...]] = {}
    received: str = "2024-01-01T00:00:00Z"
    variables: dict[str, Any] = {}
    error: str = ""
    source: str


class DeviceCodec(msgspec.Struct, frozen=True, kw_only=True):
    """A codec of one family: its name is its file's, ``<maker>_<family>``."""

    name: str
    label: str
    maker: str
    models: tuple[str, ...]
    version: int = 1
    decode: Callable[[Frame], Sequence[Reading]]
    examples: tuple[Example, ...]
    profiles: tuple[str, ...] = ()
    """Words by which network servers name these devices, lower case, to guess the codec."""


@functools.cache
def codecs() -> dict[str, DeviceCodec]:
    """Every Python codec by name: ours, then those of installed packages (ours win)."""
    found: dict[str, DeviceCodec] = {}
    package = importlib.import_module("clapas.codecs.devices")
    for each in pkgutil.iter_modules(package.__path__):
        if not each.name.startswith("_"):
            codec = importlib.import_module(f"clapas.codecs.devices.{each.name}").CODEC
            found[codec.name] = codec
    for entry in entry_points(group="clapas.codecs"):
        codec = entry.load()
        found.setdefault(codec.name, codec)
    return found


def codec(name: str) -> DeviceCodec:
    """The codec of that name.

    Raises:
        CodecUnknown: there is none.
    """
    try:
        return codecs()[name]
    except KeyError:
        raise CodecUnknown(f"no codec is named {name!r}", name=name) from None


def guess_codec(profile: str) -> DeviceCodec | None:
    """The codec whose device words occur in a network server's profile name, the longest word first."""
    text = profile.lower()
    matches = [
        (len(word), each) for each in codecs().values() for word in each.profiles if word in text
    ]
    return max(matches, key=lambda match: match[0])[1] if matches else None


def decode_device(job: DecodeJob, received: datetime) -> Decoded:
    """Decode with a Python codec; what goes wrong is in the answer's errors."""
    if len(job.payload) > MAX_INPUT:
        return Decoded(errors=(f"the payload is longer than {MAX_INPUT} bytes",))
    frame = Frame(
        payload=job.payload, f_port=job.f_port, received=received, variables=job.variables
    )
    try:
        return Decoded(readings=tuple(codec(job.codec.name).decode(frame)))
    except CodecError as problem:
        return Decoded(errors=(str(problem),))
    except (IndexError, ValueError, KeyError, TypeError, ArithmeticError) as problem:
        return Decoded(errors=(f"the payload does not fit this codec: {problem}",))

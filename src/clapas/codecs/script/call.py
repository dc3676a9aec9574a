"""What goes through the pipe to a worker and back: frames of a length (4 bytes) and MessagePack."""

from typing import Any, Literal

import msgspec

Operation = Literal["decode", "uplink", "encode", "decode_downlink", "normalize"]
"""'decode' is an uplink as production runs it, normalised too; 'uplink' the function's bare answer."""
Mode = Literal["ttn", "chirpstack"]

MAX_FRAME = 16 * 1024 * 1024


class Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One run of a script. ``input`` is JSON: what the script's function receives."""

    operation: Operation
    mode: Mode
    script: str
    input: bytes


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a run gave: JSON in ``output``, or ``error``, a sentence for the codec's owner.

    ``exhausted`` says that a limit of time or memory ended it.
    """

    output: bytes = b""
    error: str = ""
    exhausted: bool = False


class WireCall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A :class:`Call` whose script is a place in its frame's list, so that a script travels once."""

    operation: Operation
    mode: Mode
    script: int
    input: bytes


class WireBatch(msgspec.Struct, frozen=True, array_like=True):
    """One frame to a worker."""

    scripts: list[str]
    calls: list[WireCall]
    compiled: bool = False


def frame(value: Any) -> bytes:
    """One frame: length, big endian, then MessagePack."""
    body = msgspec.msgpack.encode(value)
    return len(body).to_bytes(4, "big") + body


def batch(calls: list[Call], *, compiled: bool) -> WireBatch:
    """Calls as one frame's value, each distinct script once."""
    places: dict[str, int] = {}
    wired = [
        WireCall(each.operation, each.mode, places.setdefault(each.script, len(places)), each.input)
        for each in calls
    ]
    return WireBatch(list(places), wired, compiled)

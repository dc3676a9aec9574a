"""What is asked of a codec, and what it answers."""

from typing import Any

import msgspec

from clapas.domain.device import CodecRef
from clapas.domain.message import Reading

MAX_INPUT = 512
"""Bytes of one payload: LoRaWAN carries at most 242, satellites and NB-IoT a little more."""
MAX_OUTPUT = 65_536
"""Bytes of one decoded answer as JSON."""


class DecodeJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One payload to decode. ``script`` is the text of a JavaScript codec, else ''.

    ``received_ms`` (since 1970 UTC) is what scripts see as ``input.recvTime``; ``variables`` are the
    device's own constants, ``input.variables`` in ChirpStack's scripts.
    """

    codec: CodecRef
    payload: bytes
    script: str = ""
    f_port: int | None = None
    received_ms: int = 0
    variables: dict[str, Any] = {}


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """What a codec understood. Errors non-empty: nothing was kept of the payload.

    ``data`` is the answer in the codec's own words (JSON), ``normalized`` what ``normalizeUplink``
    gave, if the script has one.
    """

    readings: tuple[Reading, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    data: Any = None
    normalized: Any = None

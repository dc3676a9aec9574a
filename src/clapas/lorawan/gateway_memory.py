"""Gateways across a restart: who they are, what they counted, and the airtime that the law still counts.

The duty cycle is a share of the last hour (EN 300 220-2 clause 4.3.3): a restart must not give it back. The file is
written every :data:`EVERY_S` seconds and at the end; a killed process forgets at most that much airtime.
"""

from collections import deque
from pathlib import Path
from typing import Any, Final

import msgspec

from clapas.lorawan.gateways import HOUR, Airtime, Gateway, GatewayFacts, Gateways

EVERY_S: Final = 30
_KEPT_MS: Final = 30 * 86_400_000
"""A gateway that was silent for a month is forgotten."""


class Remembered(GatewayFacts, kw_only=True, omit_defaults=True):
    """A gateway in the file."""

    sent: dict[int, list[tuple[int, float]]] = msgspec.field(default_factory=dict)
    """By band, (milliseconds since 1970 UTC, seconds on air)."""


_NAMES: Final = GatewayFacts.__struct_fields__
_decode = msgspec.json.Decoder(list[Remembered]).decode


def dump(gateways: Gateways, *, now: float, wall: int) -> bytes:
    """The file's content; ``now`` is the monotonic clock at the wall clock ``wall``."""
    return msgspec.json.encode([_remembered(each, now, wall=wall) for each in gateways])


def _remembered(gateway: Gateway, now: float, *, wall: int) -> Remembered:
    facts: dict[str, Any] = {name: getattr(gateway, name) for name in _NAMES}
    sent = {
        band: [(wall + round((start - now) * 1000), seconds) for start, seconds in spent]
        for band, spent in gateway.air.sent().items()
    }
    return Remembered(**facts, sent=sent)


def load(gateways: Gateways, content: bytes, *, now: float, wall: int) -> None:
    """Put back what :func:`dump` wrote; they count as silent until they are heard. Raises DecodeError."""
    for each in _decode(content):
        if wall - each.last_seen > _KEPT_MS:
            continue
        facts: dict[str, Any] = {name: getattr(each, name) for name in _NAMES}
        gateway = Gateway(**facts, heard_at=float("-inf"), air=Airtime())
        for band, spent in each.sent.items():
            fresh = [(now + (at - wall) / 1000, seconds) for at, seconds in spent]
            gateway.air.put_back(
                band, deque(entry for entry in fresh if now - HOUR < entry[0] <= now + HOUR)
            )
        gateways.remember(gateway)


def read(path: Path) -> bytes:
    """The file, or an empty list when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b"[]"

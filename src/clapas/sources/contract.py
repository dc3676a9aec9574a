"""What a connector is: the value that each connector file exports as ``CONNECTOR``."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from clapas.domain.message import RawMessage, Uplink

Fetch = Callable[..., Awaitable[bytes | None]]
"""``await fetch(url)`` → the body, or None when it has not changed since last time (ETag)."""


class NoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connector that only listens at the platform's own doors has nothing to set."""


class Example(msgspec.Struct, frozen=True):
    """A message as it comes, and what the connector must make of it."""

    message: RawMessage
    uplinks: tuple[Uplink, ...]


def whole(message: RawMessage) -> Sequence[RawMessage]:
    """Most doors log a body as the one message it is."""
    return (message,)


class Connector(msgspec.Struct, frozen=True, kw_only=True):
    """One way in. ``parse`` is pure and total: it answers, or raises ``InvalidInput``.

    ``topics`` are the MQTT filters it understands; ``http`` its path below ``/in/`` ('' = none).
    ``split`` cuts a body into the messages that are logged one by one (a feed: one per thing), never
    losing a byte that it could not read. ``pull`` asks a remote side once; the runner repeats it.
    """

    name: str
    parse: Callable[[RawMessage], Sequence[Uplink]]
    examples: tuple[Example, ...]
    topics: tuple[str, ...] = ()
    http: str = ""
    split: Callable[[RawMessage], Sequence[RawMessage]] = whole
    settings: type[msgspec.Struct] = NoSettings
    pull: Callable[[Any, Fetch], Awaitable[Sequence[RawMessage]]] | None = None


Publish = Callable[[Sequence[RawMessage]], Awaitable[Sequence[int]]]
"""Writes messages to the durable log and answers their sequences; the promise of a 2xx."""

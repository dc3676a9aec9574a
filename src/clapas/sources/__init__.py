"""The doors: one file per connector, found by its ``CONNECTOR``; nothing to register.

``discover()`` gives them all, ``for_topic()`` the one that understands an MQTT topic, ``understand()``
reads a logged message with the connector that its source names.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points

from clapas.domain.message import RawMessage, Uplink
from clapas.sources.contract import Connector
from clapas.sources.errors import Foreign

__all__ = ["Connector", "discover", "for_topic", "matches", "understand"]


@cache
def discover() -> dict[str, Connector]:
    """Every connector by name: the files of this room, then the entry points ``clapas.sources``."""
    found: dict[str, Connector] = {}
    for each in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{each.name}")
        connector = getattr(module, "CONNECTOR", None)
        if isinstance(connector, Connector):
            found[connector.name] = connector
    for entry in entry_points(group="clapas.sources"):
        connector = entry.load()
        found.setdefault(connector.name, connector)
    return found


@cache
def _filters() -> tuple[tuple[tuple[str, ...], Connector], ...]:
    """Every topic filter, the most exact first."""
    rows = [
        (tuple(topic.split("/")), connector)
        for connector in discover().values()
        for topic in connector.topics
    ]
    return tuple(sorted(rows, key=lambda row: (row[0].count("#"), row[0].count("+"), -len(row[0]))))


def for_topic(topic: str) -> Connector | None:
    """The connector that understands this MQTT topic, None when nobody does."""
    if topic.startswith("up/"):
        return discover()["mqtt_device"]
    levels = topic.split("/")
    return next((each for pattern, each in _filters() if matches(pattern, levels)), None)


def matches(pattern: Sequence[str], levels: Sequence[str]) -> bool:
    """True when an MQTT 3.1.1 filter covers the topic (clause 4.7); both are given by level."""
    for position, part in enumerate(pattern):
        if part == "#":
            return True
        if position >= len(levels) or part not in ("+", levels[position]):
            return False
    return len(pattern) == len(levels)


def understand(message: RawMessage) -> Sequence[Uplink]:
    """What the message's own connector makes of it; raises ``InvalidInput``."""
    connector = discover().get(message.source) or for_topic(message.topic)
    if connector is None:
        raise Foreign("no connector reads this", topic=message.topic[:200], source=message.source)
    return connector.parse(message)

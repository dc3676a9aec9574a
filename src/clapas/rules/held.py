"""A series in the engine's memory, and how a reading of the past enters it."""

import msgspec

from clapas.rules.track import Compiled, Track, Value, take
from clapas.store.rules_values import SeriesFacts


class Held(msgspec.Struct):
    """A series in memory: what it is, its rules ready to step, its track."""

    facts: SeriesFacts
    rules: list[Compiled]
    track: Track
    deadline: int = 0
    queued: int = 0
    """When the queue of deadlines will bring this series up (0: it will not)."""
    left: list[str] = []
    """Rules that had an alarm here and do not watch the series any more."""


def learn(held: Held, measured: int, *, value: Value) -> bool:
    """A reading of the past: conditions learn from it, and what it would have raised is not told."""
    before = [state.now.count for state in held.track.states]
    changed = take(held.rules, held.track, at=measured, value=value)
    for count, state in zip(before, held.track.states, strict=True):
        state.told_count += state.now.count - count
    return changed

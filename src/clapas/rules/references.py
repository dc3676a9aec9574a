"""Other series that rules compare with: their last readings, and what they were at a time."""

from collections.abc import Iterable
from typing import Protocol

Series = tuple[str, str]
RING = 6


class References(Protocol):
    """Other series' values, as they were at a time."""

    def at(self, entity: str, attribute: str, *, moment: int, within_ms: int) -> float | None:
        """The last value measured at or before ``moment``, None when there is none recent enough."""
        ...


class ReferenceBook:
    """(entity, attribute) → its last readings, sorted by measured time."""

    def __init__(self) -> None:
        self._rings: dict[Series, list[tuple[int, float]]] = {}

    def load(self, rows: Iterable[tuple[str, str, int, float]]) -> None:
        """Begin with present values."""
        self._rings = {(row[0], row[1]): [(row[2], row[3])] for row in rows}

    def take(self, name: Series, measured: int, *, value: float) -> bool:
        """One more reading; False when it was known."""
        ring = self._rings.setdefault(name, [])
        if (measured, value) in ring:
            return False
        kept = sorted([*(each for each in ring if each[0] != measured), (measured, value)])
        self._rings[name] = kept[-RING:]
        return True

    def at(self, entity: str, attribute: str, *, moment: int, within_ms: int) -> float | None:
        """The last value at or before ``moment``, at most ``within_ms`` old (0: however old).

        A setting (an attribute that is rarely written) counts also before it was first written.
        """
        ring = self._rings.get((entity, attribute), ())
        for measured, value in reversed(ring):
            if measured <= moment:
                return value if not within_ms or moment - measured <= within_ms else None
        return ring[0][1] if ring and not within_ms else None

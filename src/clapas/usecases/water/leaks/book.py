"""What the detector remembers of each meter: plain arrays, one row a meter, kept from night to night."""

from typing import Any, BinaryIO

import numpy as np

from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.arrays import AnyArray, Bools, Floats, Ints

RING = 30
"""Intervals kept per meter, to size a flow when it is announced."""
SPANS = 4
"""Durations of which the largest sustained flow is remembered, at most."""
NEVER = -1.0
GONE = 0.3
"""A leak has stopped when what still runs is below this share of it: five days of nights without flow."""


class Book:
    """The state of ``meters`` meters watched at ``levels`` levels.

    ``at`` last reading (s since 1970 UTC, negative before the first), ``index`` its value (L, the high
    water mark of small backward steps); ``other_at``, ``other_index`` the same of a second meter under
    the same key; ``pulse`` (L) the smallest step seen; ``behind`` (L) how far the index fell behind each
    level's flow, ``stretch`` (h) since when it has not; ``habit`` (h) the longest ordinary stretch;
    ``sustained`` (L/h) the largest flows held for 2, 3, 4… whole hours; ``burst`` (h) since when a burst-sized flow runs,
    ``bursting`` (L/h) the announced burst that still runs; ``known`` (L/h) the leak last announced, ``base`` (L/h) the
    part of it that still runs, ``near`` (s) when that part was last about as large as what is known; ``ring_l``,
    ``ring_h`` the last intervals. A burst and a leak are two things: the end of one says nothing of the other.
    """

    __slots__ = (
        "at",
        "base",
        "behind",
        "burst",
        "bursting",
        "habit",
        "index",
        "known",
        "near",
        "other_at",
        "other_index",
        "place",
        "pulse",
        "ring_h",
        "ring_l",
        "steps",
        "stretch",
        "sustained",
    )

    def __init__(self, meters: int, levels: int) -> None:
        self.at: Floats = np.full(meters, NEVER)
        self.index: Floats = np.zeros(meters)
        self.other_at: Floats = np.full(meters, NEVER)
        self.other_index: Floats = np.zeros(meters)
        self.pulse: Floats = np.full(meters, np.inf)
        self.steps: Ints = np.zeros(meters, dtype=np.int64)
        self.behind: Floats = np.zeros((meters, levels))
        self.stretch: Floats = np.zeros((meters, levels))
        self.habit: Floats = np.zeros((meters, levels))
        self.sustained: Floats = np.zeros((meters, SPANS))
        self.burst: Floats = np.zeros(meters)
        self.bursting: Floats = np.zeros(meters)
        self.base: Floats = np.zeros(meters)
        self.known: Floats = np.zeros(meters)
        self.near: Floats = np.full(meters, NEVER)
        self.ring_l: Floats = np.zeros((meters, RING))
        self.ring_h: Floats = np.zeros((meters, RING))
        self.place: Ints = np.zeros(meters, dtype=np.int64)

    @property
    def meters(self) -> int:
        return len(self.at)

    def save(self, file: BinaryIO, **more: AnyArray) -> None:
        """Write the book, and what else is named, as one ``.npz`` file."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        np.savez(file, **(arrays | more))

    @classmethod
    def load(cls, file: BinaryIO) -> "Book":
        """Read a book written by :meth:`save`."""
        with np.load(file, allow_pickle=False) as stored:
            book = cls(0, 0)
            for name in cls.__slots__:
                if name in stored:
                    setattr(book, name, stored[name])
                elif name == "bursting" and "at" in stored:
                    book.bursting = np.zeros(len(stored["at"]))
                else:
                    raise BadTable(
                        "this memory of meters was written by another version", part=name
                    )
        return book

    def taken(self, rows: Ints) -> "Book":
        """A book of its own with a copy of these rows."""
        book = Book(0, 0)
        for name in self.__slots__:
            setattr(book, name, getattr(self, name)[rows].copy())
        return book

    @classmethod
    def stacked(cls, books: "list[Book]") -> "Book":
        """One book with the rows of all, in order."""
        book = cls(0, 0)
        for name in cls.__slots__:
            setattr(book, name, np.concatenate([getattr(each, name) for each in books]))
        return book

    def gone(self, rows: Ints | None = None) -> Bools:
        """Meters (these rows, or all) where nothing, or next to nothing, still runs of what was announced."""
        chosen = slice(None) if rows is None else rows
        quiet: Bools = self.base[chosen] <= GONE * self.known[chosen]
        return quiet & (self.bursting[chosen] <= 0)

    def last_intervals(self, rows: Ints) -> tuple[Floats, Floats]:
        """Volumes (L) and durations (h) of the last intervals of these meters, oldest first."""
        order = (self.place[rows, None] + np.arange(RING)) % RING
        return self.ring_l[rows[:, None], order], self.ring_h[rows[:, None], order]


def ordinary(hours: Floats) -> Bools:
    """Intervals of about an hour: those from which an hourly flow can be read."""
    return (hours > 0.6) & (hours < 1.7)
